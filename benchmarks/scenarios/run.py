"""The run of suites: which scenarios, in which type, one after the other."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp

from .scenario import Scenario, Suite
from .table import SUITES

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

Result = TypeVar("Result")
#: Told what is being done, and the share of it that is.
OnProgress = Callable[[str, float], None]


def choose(
    suites: Sequence[str],
    *,
    only: str | None = None,
    size: str = "medium",
    adbench_data: Path | None = None,
) -> Suite:
    """Return the scenarios of the suites, or of all, whose names match the pattern `only`.

    Raises:
        ValueError: If a suite or the size is unknown, the data folder is not there, or nothing
            matches.

    Example:
        >>> list(choose(["lecture"], only="*elu*", size="small"))
        ['lecture/prelu_penalty', 'lecture/relu']
    """
    for suite in suites:
        if suite not in SUITES:
            raise ValueError(f"unknown suite {suite!r}; there are: {', '.join(SUITES)}")
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}; there are: {', '.join(SIZES)}")
    found: Suite = {}
    for suite in suites or SUITES:
        extra = {"data": adbench_data} if suite == "adbench" and adbench_data else {}
        found |= SUITES[suite](size, **extra)
    chosen = {name: build for name, build in found.items() if only is None or fnmatch(name, only)}
    if not chosen:
        raise ValueError(f"no scenario matches {only!r}; `gradwise list` shows their names")
    return chosen


def measure(
    build: Callable[[], Scenario],
    compare: Callable[..., Result],
    *,
    dtype: str | None = None,
    budget: float,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Result:
    """Build one scenario, and compare every way to differentiate it.

    Args:
        build: Returns the scenario.
        compare: Compares them, as `gradwise.compare` does.
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
            purpose=scenario.purpose,
            on_progress=on_progress,
        )


def run(
    suite: Suite,
    compare: Callable[..., Result],
    *,
    finished: Collection[str] = (),
    on_start: Callable[[str], None] = lambda name: None,
    dtype: str | None = None,
    budget: float,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Iterator[tuple[str, Result]]:
    """Measure scenarios in turn, and yield the name and the comparison of each once it is there.

    Args:
        suite: What to run.
        compare: Compares every way to differentiate one of them.
        finished: Names that are left out.
        on_start: Told the name of each scenario before it is measured.
        dtype: See `measure`, as `budget`, `seed` and `on_progress`.
        budget: Seconds of measuring for each scenario.
        seed: Draws directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is.
    """
    for name, build in suite.items():
        if name in finished:
            continue
        on_start(name)
        yield (
            name,
            measure(build, compare, dtype=dtype, budget=budget, seed=seed, on_progress=on_progress),
        )


def in_dtype(dtype: str) -> AbstractContextManager:
    """Switch to 64-bit mode where the dtype asks for it."""
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()


def _cast(inputs: tuple, dtype: str) -> tuple:
    """Bring floating arrays to `dtype`, and leave everything else as it is."""

    def cast(leaf: object) -> object:
        own = getattr(leaf, "dtype", None)
        floating = own is not None and jnp.issubdtype(own, jnp.floating)
        return jnp.asarray(leaf, dtype) if floating else leaf

    return jax.tree.map(cast, inputs)
