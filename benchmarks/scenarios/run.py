"""The run of suites: the choice of scenarios, and the measuring of one after the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp

from ..derivatives.choice import meant, unknown
from .scenario import Scenario, Suite
from .table import JUDGED, SUITES

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
#: What runs with `--quick`.
QUICK = ("lecture/prelu_penalty",)

Result = TypeVar("Result")
#: `on_progress(text, share)` is told what is being done, and the share of it that is done.
OnProgress = Callable[[str, float], None]


def choose(
    suites: Sequence[str],
    *,
    only: str | None = None,
    size: str = "medium",
    adbench_data: Path | None = None,
) -> Suite:
    """Return scenarios of some suites.

    Args:
        suites: Names of suites; all that are compared if there are none.
        only: A pattern such as `"*/relu"` that the scenarios' names must match.
        size: `"small"`, `"medium"` or `"large"`.
        adbench_data: A folder of ADBench's own input files.

    Raises:
        ValueError: If a suite or the size is unknown, or no scenario matches.
        FileNotFoundError: If `adbench_data` is not a folder.

    Example:
        >>> list(choose(["lecture"], only="*elu*", size="small"))
        ['lecture/prelu_penalty', 'lecture/relu']
    """
    every = SUITES | JUDGED
    for suite in suites:
        if suite not in every:
            raise ValueError(unknown("suite", suite, every))
    if size not in SIZES:
        raise ValueError(unknown("size", size, SIZES))
    scenarios: Suite = {}
    for suite in suites or SUITES:
        options = {"data": adbench_data} if suite == "adbench" and adbench_data else {}
        scenarios |= every[suite](size, **options)
    chosen = {
        name: build for name, build in scenarios.items() if only is None or fnmatch(name, only)
    }
    if not chosen:
        near = meant(only or "", scenarios)
        raise ValueError(
            f"no scenario matches {only!r}{near or ';'} `gradwise list` shows their names"
        )
    return chosen


def measure(
    build: Callable[[], Scenario],
    compare: Callable[..., Result],
    *,
    dtype: str | None = None,
    budget: float,
    time_limit: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Result:
    """Build one scenario, and compare every way to differentiate it.

    Args:
        build: `build()` returns the scenario.
        compare: A function with the arguments of `gradwise.compare`.
        dtype: Overrides the scenario's own floating type.
        budget: Seconds of measuring, out of `time_limit`.
        time_limit: Seconds after which the comparison is returned as it is.
        seed: Draws the random directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        What `compare` returns.

    Example:
        >>> build = choose(["lecture"], size="small")["lecture/relu"]
        >>> measure(build, lambda fn, *inputs, name, **options: name, budget=1.0)
        'lecture/relu'
    """
    with _built(build, dtype) as (scenario, inputs):
        return compare(
            scenario.fn,
            *inputs,
            argnums=scenario.argnums,
            methods=scenario.methods,
            order=scenario.order,
            candidates=scenario.candidates,
            crossover=scenario.crossover,
            budget=budget,
            time_limit=time_limit,
            seed=seed,
            name=scenario.name,
            purpose=scenario.purpose,
            on_progress=on_progress,
        )


def run(
    suite: Suite,
    compare: Callable[..., Result],
    *,
    on_start: Callable[[str], None] = lambda name: None,
    dtype: str | None = None,
    budget: float,
    time_limit: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Iterator[tuple[str, Result]]:
    """Measure scenarios one after the other.

    Args:
        suite: The scenarios.
        compare: A function with the arguments of `gradwise.compare`.
        on_start: Told the name of each scenario before it is measured.
        dtype: Overrides the scenarios' own floating types.
        budget: Seconds of measuring for each scenario, out of `time_limit`.
        time_limit: Seconds after which a comparison is returned as it is.
        seed: Draws the random directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is done.

    Yields:
        The name of a scenario and what `compare` returned, as soon as it has been measured.

    Example:
        >>> suite = choose(["lecture"], only="*/l[12]", size="small")
        >>> sizes = lambda fn, *inputs, **options: inputs[0].shape
        >>> list(run(suite, sizes, budget=1.0))
        [('lecture/l1', (2, 3)), ('lecture/l2', (2, 3))]
    """
    for name, build in suite.items():
        on_start(name)
        result = measure(
            build,
            compare,
            dtype=dtype,
            budget=budget,
            time_limit=time_limit,
            seed=seed,
            on_progress=on_progress,
        )
        yield name, result


def judge(
    suite: Suite,
    regret_of: Callable[..., Result],
    *,
    on_start: Callable[[str], None] = lambda name: None,
    dtype: str | None = None,
    budget: float,
) -> Iterator[Result]:
    """Judge the choice of a way for scenarios, one after the other.

    Args:
        suite: The scenarios.
        regret_of: A function with the arguments of `regret_of` in `benchmarks.structure.choosing`.
        on_start: Told the name of each scenario before it is judged.
        dtype: Overrides the scenarios' own floating types.
        budget: Seconds of measuring for each scenario.

    Yields:
        What `regret_of` returned, as soon as it is there.

    Example:
        >>> suite = choose(["structure"], only="*/stencil", size="small")
        >>> list(judge(suite, lambda fn, *inputs, **options: options["name"], budget=1.0))
        ['structure/known/stencil']
    """
    for name, build in suite.items():
        on_start(name)
        with _built(build, dtype) as (scenario, inputs):
            result = regret_of(
                scenario.fn,
                *inputs,
                argnums=scenario.argnums,
                order=scenario.order,
                name=name,
                budget=budget,
            )
        yield result  # outside of the scenario's types, which are not those of whoever asks


def is_judged(name: str) -> bool:
    """Whether a scenario is of a suite that is judged, not compared.

    Example:
        >>> is_judged("structure/known/stencil"), is_judged("lecture/relu")
        (True, False)
    """
    return name.split("/")[0] in JUDGED


def in_dtype(dtype: str) -> AbstractContextManager:
    """Return a context in which JAX has 64-bit types if `dtype` is `"float64"`.

    Example:
        >>> with in_dtype("float64"):
        ...     print(jnp.asarray(1.0).dtype)
        float64
    """
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()


@contextmanager
def _built(build: Callable[[], Scenario], dtype: str | None) -> Iterator[tuple[Scenario, tuple]]:
    """Build a scenario and its inputs in a floating type, by default its own, and hold that."""
    with in_dtype("float64"):  # inputs of 64 bits can be cast to either type
        scenario = build()
    wanted = dtype or scenario.dtype
    with in_dtype(wanted):
        yield scenario, _cast(scenario.inputs, wanted)


def _cast(inputs: tuple, dtype: str) -> tuple:
    """Cast floating arrays to `dtype`, and leave everything else as it is."""

    def cast(leaf: object) -> object:
        before = getattr(leaf, "dtype", None)
        floating = before is not None and jnp.issubdtype(before, jnp.floating)
        return jnp.asarray(leaf, dtype) if floating else leaf

    return jax.tree.map(cast, inputs)
