"""Runs suites of scenarios: which ones, one after the other, each result kept at once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ..comparison import file as results
from ..comparison.compare import compare
from ..comparison.record import Comparison
from . import SUITES, Cases, Scenario

SIZES = ("small", "medium", "large")
DTYPES = ("float32", "float64")
#: What runs when no suite is named: the lecture's networks.
DEFAULT = (
    "lecture/dense_sigmoid",
    "lecture/prelu_penalty",
    "lecture/mlp_digits",
    "lecture/mlp_diabetes",
    "lecture/mlp_breast_cancer",
)
#: The same in a hurry.
QUICK = ("lecture/prelu_penalty",)


def choose(
    suites: Sequence[str],
    *,
    only: str | None = None,
    size: str = "medium",
    adbench_data: Path | None = None,
) -> Cases:
    """The cases of the suites, or of all of them, whose names match the pattern `only`.

    Raises:
        ValueError: If a suite or the size is unknown, the data folder is not there, or nothing
            matches.
    """
    for suite in suites:
        if suite not in SUITES:
            raise ValueError(f"unknown suite {suite!r}; there are: {', '.join(SUITES)}")
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}; there are: {', '.join(SIZES)}")
    cases: Cases = {}
    for suite in suites or SUITES:
        extra = {"data": adbench_data} if suite == "adbench" and adbench_data else {}
        cases |= SUITES[suite](size, **extra)
    chosen = {name: build for name, build in cases.items() if only is None or fnmatch(name, only)}
    if not chosen:
        raise ValueError(f"no scenario matches {only!r}; `gradwise list` shows their names")
    return chosen


def measure(
    build: Callable[[], Scenario],
    *,
    dtype: str | None = None,
    budget: float,
    seed: int = 0,
    on_progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Builds one scenario and compares every way to differentiate it.

    Args:
        build: Gives the scenario.
        dtype: Overrides the scenario's own floating type.
        budget: Seconds of measuring.
        seed: Draws directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is.
    """
    with in_dtype("float64"):  # inputs are built as precisely as any dtype wants them
        scenario = build()
    wanted = dtype or scenario.dtype
    with in_dtype(wanted):
        return compare(
            scenario.fn,
            *_cast(scenario.inputs, wanted),
            argnums=scenario.argnums,
            methods=scenario.methods,
            order=scenario.order,
            candidates=scenario.candidates,
            crossover=scenario.crossover,
            budget=budget,
            seed=seed,
            name=scenario.name,
            why=scenario.why,
            on_progress=on_progress,
        )


def run(
    cases: Cases,
    path: Path,
    *,
    resume: bool = False,
    on_start: Callable[[str, int], None] = lambda name, index: None,
    on_result: Callable[[Comparison], None] = lambda found: None,
    **options: Any,
) -> list[Comparison]:
    """Measures the cases in turn; after each, the file at `path` holds all there are.

    Args:
        cases: What to run.
        path: The JSON file of the results.
        resume: Whether results that the file holds already are kept and not measured again.
        on_start: Told the name and the number of each case before it is measured.
        on_result: Given each comparison once it is there.
        **options: For `measure`.
    """
    kept = {found.name: found for found in results.load(path)} if resume and path.exists() else {}
    for index, (name, build) in enumerate(cases.items()):
        if name in kept:
            continue
        on_start(name, index)
        kept[name] = measure(build, **options)
        results.save(list(kept.values()), path)
        on_result(kept[name])
    return list(kept.values())


def in_dtype(dtype: str) -> AbstractContextManager:
    """64-bit mode where the dtype asks for it."""
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()


def _cast(inputs: tuple, dtype: str) -> tuple:
    """Floating arrays brought to `dtype`; everything else as it is."""

    def cast(leaf: Any) -> Any:
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(leaf, dtype)
        return leaf

    return jax.tree.map(cast, inputs)
