"""`compare`: what a derivative of this function costs, by every way to take it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..derivatives import Candidate, as_methods, select
from ..instrument import units
from ..instrument.environment import environment
from ..instrument.statistics import contention, outliers
from ..instrument.timing import Samples, compile_for, interleave
from ..program import by_line, residuals
from .attempt import Trial, finish, trial
from .batches import compile_batches
from .batches import fit as fit_batches
from .experiment import Case, make_case
from .record import Comparison, medians
from .verdict import judge

#: Seconds a single compilation may take.
COMPILE_LIMIT = 60.0
#: Source lines of residuals that a comparison names.
_KEPT_LINES = 5
#: Wall over CPU time from which a machine is said to be busy.
_BUSY = 1.3
_FLOOR = "dispatch floor"


def compare(
    fn: Callable[..., Any],
    *inputs: Any,
    argnums: int | Sequence[int] | None = None,
    methods: Sequence[str] | None = None,
    order: int = 1,
    budget: float = 10.0,
    seed: int = 0,
    candidates: Sequence[Candidate] = (),
    crossover: bool = False,
    name: str | None = None,
    why: str = "",
    on_progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Measures every way to take the derivative of `fn` at `inputs`, and says which is best.

    Each derivative is checked before its time counts, in float64 where the function allows it; a
    method that cannot be used is a row that says why. The inputs are left as they are.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree; it is jitted.
        *inputs: Its arguments. Integer arrays are held fixed.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        methods: Names from `METHODS`; `None` for all that apply.
        order: 1 for gradients and Jacobians, 2 for Hessians of scalar functions.
        budget: Seconds of measuring, for all methods together; compiling comes on top.
        seed: Draws the random directions and the order of the measurements.
        candidates: Derivatives of one's own, to stand in the same table under new names.
        crossover: Whether to time batches of tangents and of cotangents too, and tell up to how
            many inputs forward mode is the faster one; for `order=1`.
        name: What to call the function; its own name by default.
        why: Why it is being looked at; printed above the table.
        on_progress: Told what is being done, and the share of it that is.

    Returns:
        The rows, the verdict, and the environment they were found in.

    Raises:
        TypeError: If `fn` returns no arrays, or cannot be traced; or `candidates` is no sequence.
        ValueError: If `argnums`, `methods`, `order`, `budget` or `seed` is out of range, a
            candidate has the name of another row or an unknown mode, there is nothing to
            differentiate, or `order=2` meets a function of several outputs or `crossover`; and
            under `jax.disable_jit`.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> found = compare(
        ...     lambda x: jnp.sum(jnp.sin(x)), jnp.ones(5), methods=["reverse"], budget=0.1
        ... )
        >>> [row.status for row in found.rows]
        ['ok', 'ok']
    """
    _check_options(budget=budget, seed=seed, order=order, crossover=crossover)
    own = as_methods(candidates, order)
    tell = on_progress or (lambda stage, share: None)
    tell("checking", 0.0)
    with jax.debug_key_reuse(False):  # a key among the inputs is drawn from in every call
        case = make_case(fn, inputs, argnums=argnums, order=order, budget=budget, seed=seed)
        chosen = (*select(methods, order=order, scalar=case.problem.scalar), *own)
        trials: list[Trial] = []
        for index, method in enumerate(chosen):
            tell(method.name, index / len(chosen))
            value_seconds = (trials[0].seconds if trials else None) or 0.0
            trials.append(trial(method, case, value_seconds, COMPILE_LIMIT))
        calls = {t.row.method: t.compiled.call for t in trials if t.compiled is not None}
        batches = compile_batches(case, seed) if crossover else {}
        names = {key: "{} batch of {}".format(*key) for key in batches}
        calls |= {names[key]: compiled.call for key, compiled in batches.items()}
        samples, failed = interleave(
            calls | {_FLOOR: compile_for(lambda x: x + 1, (jnp.zeros(()),)).call},
            budget=budget,
            seed=seed,
            on_round=lambda share: tell("measuring", share),
        )
        floor, _ = medians(samples[_FLOOR])
        timed = {key: samples[names[key]] for key in batches if names[key] in samples}
        rows = finish(trials, samples, failed, floor)
        return Comparison(
            name=name or getattr(fn, "__name__", type(fn).__name__),
            rows=rows,
            verdict=judge(rows, case.problem.n, case.problem.m),
            n=case.problem.n,
            m=case.problem.m,
            order=order,
            dtype=str(jnp.result_type(*case.problem.x)),
            floor=floor,
            notes=(*case.notes, *_machine_notes(samples)),
            residuals=_kept_lines(case),
            crossover=fit_batches(timed, case.problem.m) if timed else None,
            why=why,
            seed=seed,
            environment=environment(),
        )


def _check_options(*, budget: float, seed: int, order: int, crossover: bool) -> None:
    """Raises on what no function can be measured with."""
    if not (isinstance(budget, (int, float)) and budget > 0):
        raise ValueError(f"budget must be a positive number of seconds, got {budget!r}")
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    if crossover and order == 2:
        raise ValueError(
            "crossover is about first derivatives, got order=2: leave one of the two out"
        )
    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(
            "compare measures compiled programs, but jax.disable_jit is on: call it outside of that"
        )


def _machine_notes(samples: Mapping[str, Samples]) -> tuple[str, ...]:
    """How quiet the machine was while it measured."""
    strange = sum(outliers(taken.wall) for taken in samples.values())
    every = sum(taken.wall.size for taken in samples.values())
    notes = [f"{strange} of {every} samples are outliers"]
    waited = max(contention(taken) for taken in samples.values())
    if waited > _BUSY and jax.default_backend() == "cpu":
        notes.append(f"the machine was busy: wall time up to {waited:.2g} times CPU time")
    return tuple(notes)


def _kept_lines(case: Case) -> tuple[str, ...]:
    """What reverse mode keeps beside the function's own arrays: in all, and by source line."""
    if "reverse" in case.obstacles:
        return ()
    kept = residuals(case.problem.fn, case.problem.x, case.problem.fixed, argnums=0)
    lines = by_line(kept)
    largest = sorted(lines, key=lambda line: -lines[line])[:_KEPT_LINES]
    return (
        f"{units.size(sum(lines.values()))} in all",
        *(f"{units.size(lines[line])} at {line}" for line in largest),
    )
