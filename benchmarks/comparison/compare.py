"""`compare`: what a derivative of this function costs, by every way to take it."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real

import jax
import jax.numpy as jnp

from ..derivatives.candidate import Candidate, as_methods
from ..derivatives.method import Method
from ..derivatives.table import select
from ..instrument import units
from ..instrument.compile import Compiled, compile_for
from ..instrument.environment import environment
from ..instrument.samples import Samples
from ..instrument.timing import interleave
from ..program.arguments import Argnums
from ..program.messages import guarded
from ..program.residuals import by_line, residuals
from .attempt import Attempt, attempt, timed_rows
from .crossover import Batch, compile_batches, fit_crossover
from .experiment import Experiment, make_experiment
from .fastest import machine_of
from .notes import machine_notes
from .record import Comparison
from .verdict import NO_VERDICT, give_verdict

#: Told what is being done, and the share of it that is.
OnProgress = Callable[[str, float], None]

#: Source lines of residuals that a comparison names.
_MOST_LINES = 5
_FLOOR = "dispatch floor"


def compare(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    methods: Sequence[str] | None = None,
    order: int = 1,
    budget: float = 10.0,
    seed: int = 0,
    candidates: Sequence[Candidate] = (),
    crossover: bool = False,
    name: str | None = None,
    purpose: str = "",
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Measure every way to take the derivative of `fn` at `inputs`, and say which is best.

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
        purpose: Why it is being looked at; printed above the table.
        on_progress: Told what is being done, and the share of it that is.

    Returns:
        The rows, the verdict, and the environment they were found in.

    Raises:
        TypeError: If `fn` returns no arrays, or cannot be traced; `candidates` is no sequence, or
            `name` no text.
        ValueError: If `argnums`, `methods`, `order`, `budget` or `seed` is out of range, a
            candidate has the name of another row or an unknown mode, there is nothing to
            differentiate, `order=2` meets a function of several outputs or `crossover`, or
            `jax.disable_jit` is on.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> comparison = compare(
        ...     lambda x: jnp.sum(jnp.sin(x)), jnp.ones(5), methods=["reverse"], budget=0.1
        ... )
        >>> [row.status for row in comparison.rows]
        ['ok', 'ok']
    """
    _check_options(budget=budget, seed=seed, order=order, crossover=crossover, name=name)
    extra = as_methods(candidates, order)
    tell = on_progress or (lambda stage, share: None)
    tell("checking", 0.0)
    with jax.debug_key_reuse(False):  # a key among the inputs is drawn from in every call
        experiment = make_experiment(
            fn, inputs, argnums=argnums, order=order, budget=budget, seed=seed
        )
        problem = experiment.problem
        selected = select(methods, order=order, scalar=problem.scalar)
        attempts = _attempts((*selected, *extra), experiment, tell)
        batches = compile_batches(experiment, seed) if crossover else {}
        samples, failed = _measure(attempts, batches, budget=budget, seed=seed, tell=tell)
        residual_lines, fault = _residual_lines(experiment)
    floor = samples[_FLOOR].seconds
    rows = timed_rows(attempts, samples, failed, floor)
    timed = {key: samples[_batch_name(key)] for key in batches if _batch_name(key) in samples}
    here, unknown = guarded("describe this machine", environment, {})
    busy, untold = guarded("tell how quiet the machine was", lambda: machine_notes(samples), ())
    verdict, undecided = guarded(
        "give a verdict",
        lambda: give_verdict(rows, problem.n, problem.m, machine_of(floor, here)),
        NO_VERDICT,
    )
    crossing, unfitted = guarded(
        "find the crossing", lambda: fit_crossover(timed, problem.m) if timed else None, None
    )
    faults = [note for note in (fault, unknown, untold, undecided, unfitted) if note]
    return Comparison(
        name=name or getattr(fn, "__name__", type(fn).__name__),
        rows=rows,
        verdict=verdict,
        n=problem.n,
        m=problem.m,
        order=order,
        dtype=str(jnp.result_type(*problem.x)),
        floor=floor,
        notes=(*experiment.notes, *busy, *faults),
        residuals=residual_lines,
        crossover=crossing,
        purpose=purpose,
        seed=seed,
        environment=here,
    )


def _check_options(
    *, budget: float, seed: int, order: int, crossover: bool, name: str | None
) -> None:
    """Raise on what no function can be measured with."""
    if not (isinstance(budget, Real) and not isinstance(budget, bool) and budget > 0):
        raise ValueError(f"budget must be a positive number of seconds, got {budget!r}")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    if not isinstance(order, Integral) or isinstance(order, bool):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    if not isinstance(name, str | None):
        raise TypeError(f"name must be a text, got {name!r}")
    if crossover and order == 2:
        raise ValueError(
            "crossover is about first derivatives, got order=2: leave one of the two out"
        )
    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(
            "compare measures compiled programs, but jax.disable_jit is on: call it outside of that"
        )


def _attempts(methods: Sequence[Method], experiment: Experiment, tell: OnProgress) -> list[Attempt]:
    """Attempt one method after the other; the first one is the function itself."""
    attempts: list[Attempt] = []
    for index, method in enumerate(methods):
        tell(method.name, index / len(methods))
        value_seconds = (attempts[0].seconds if attempts else None) or 0.0
        attempts.append(attempt(method, experiment, value_seconds))
    return attempts


def _measure(
    attempts: Sequence[Attempt],
    batches: Mapping[Batch, Compiled],
    *,
    budget: float,
    seed: int,
    tell: OnProgress,
) -> tuple[dict[str, Samples], dict[str, Exception]]:
    """Time what compiled and is right, the batches, and a call that does nothing, all in turns."""
    calls = {one.row.method: one.compiled.call for one in attempts if one.compiled}
    calls |= {_batch_name(key): compiled.call for key, compiled in batches.items()}
    calls[_FLOOR] = compile_for(lambda x: x + 1, (jnp.zeros(()),)).call
    return interleave(
        calls, budget=budget, seed=seed, on_round=lambda share: tell("measuring", share)
    )


def _batch_name(batch: Batch) -> str:
    mode, size = batch
    return f"{mode} batch of {size}"


def _residual_lines(experiment: Experiment) -> tuple[tuple[str, ...], str]:
    """Say what reverse mode keeps beside the function's own arrays: in all, and by source line.

    The second result is a note if gradwise could not find out, and else empty.
    """
    if "reverse" in experiment.obstacles:
        return (), ""
    problem = experiment.problem

    def work() -> tuple[str, ...]:
        lines = by_line(residuals(problem.fn, problem.x, problem.fixed, argnums=0))
        largest = sorted(lines, key=lambda line: -lines[line])[:_MOST_LINES]
        return (
            f"{units.size(sum(lines.values()))} in all",
            *(f"{units.size(lines[line])} at {line or 'no line of yours'}" for line in largest),
        )

    return guarded("find out what reverse mode keeps", work, ())
