"""`compare`: what a derivative of this function costs, by every way to take it."""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp

from ..derivatives.candidate import Candidate, as_methods
from ..instrument.environment import environment
from ..program.arguments import Argnums
from ..program.messages import guarded
from ..program.names import name_of
from .advised import with_gains
from .asked import RULES, Settings, check_options
from .divided import mesh_notes
from .fastest import machine_of
from .notebook_line import shown_in_notebook
from .notes import machine_notes
from .origin import origin_of
from .record import Comparison
from .source import Source
from .usage import with_use
from .verdict import NO_VERDICT, give_verdict
from .work import OnProgress, Work, ended
from .worked import worked


def compare(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    has_aux: bool = False,
    methods: Sequence[str] | str | None = None,
    order: int = 1,
    budget: float = 10.0,
    time_limit: float = 60.0,
    seed: int = 0,
    candidates: Sequence[Candidate] = (),
    crossover: bool = False,
    rule: str = "check",
    name: str | None = None,
    purpose: str = "",
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Measure every way to take the derivative of `fn` at `inputs`, and say which is best.

    Each derivative is checked before its time counts, in float64 where the function allows it; a
    method that cannot be used is a row that says why. The inputs are left as they are.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree; it is jitted. A complex
            output is differentiated as its real and its imaginary part.
        *inputs: Its arguments. Integer and complex arrays are held fixed; so is a Python number
            that the function needs the value of while it is traced, and all that is no number.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        has_aux: Whether `fn` returns a pair, of which the first alone is differentiated, as in
            `jax.grad`.
        methods: Names from `METHODS`; `"all"` for all that apply. `None` is a first look: the
            function itself, numerical, forward and reverse mode, their chunks where there are more
            than four directions to cut, and checkpointing where reverse mode keeps at least 16 MB;
            of second order the gradient, a product, and the Hessian in three ways.
        order: 1 for gradients and Jacobians, 2 for Hessians of scalar functions.
        budget: Seconds of measuring, for all methods together, out of `time_limit`; compiling and
            checking take the rest.
        time_limit: Seconds after which the comparison is returned, whatever is finished by then: it
            bounds tracing, checking, compiling, searching and measuring together.
        seed: Draws the random directions and the order of the measurements.
        candidates: Derivatives of one's own, to stand in the same table under new names.
        crossover: Whether to time batches of tangents and of cotangents too, and tell up to how
            many inputs forward mode is the faster one; for `order=1`.
        rule: `"check"` holds every derivative against the function; `"trust"` holds it against the
            function's own `custom_jvp`, `custom_vjp` or `stop_gradient` where that is meant to give
            another derivative (straight-through, clipped, reversed).
        name: What to call the function; its own name by default.
        purpose: Why it is being looked at; printed above the table.
        on_progress: Told what is being done, and the share of it that is. Before anything long
            starts it is told the plan: "plan: 6 methods, about 20 s (compiling 10, measuring 10)".
            Without it, a notebook shows one line that is updated.

    Returns:
        The rows, the verdict, and the environment they were found in. At the time limit, or on
        Ctrl-C, those that are finished: `incomplete` says why, and the rows say what is missing.

    Raises:
        TimeoutError: If not even tracing the function ends within `time_limit`.
        TypeError: If `fn` returns no arrays, or cannot be traced; an input that is to be
            differentiated is complex; `candidates` is no sequence, or `name` no text.
        ValueError: If `argnums`, `methods`, `order`, `budget`, `time_limit`, `seed` or `rule` is
            out of range, a candidate has the name of another row or an unknown mode, there is
            nothing to differentiate, `order=2` meets a function of several outputs or `crossover`,
            `jax.disable_jit` is on, `compare` is called inside of `jax.jit`, `jax.grad` or
            `jax.vmap`, or an input lies on the devices of several processes.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> comparison = compare(
        ...     lambda x: jnp.sum(jnp.sin(x)), jnp.ones(5), methods=["reverse"], budget=0.1
        ... )
        >>> comparison.n, comparison.m, [row.method for row in comparison.rows]
        (5, 1, ['value', 'reverse'])
    """
    check_options(
        budget=budget,
        time_limit=time_limit,
        seed=seed,
        order=order,
        crossover=crossover,
        rule=rule,
        name=name,
    )
    extra = as_methods(candidates, order)
    settings = Settings(methods, extra, order, budget, time_limit, seed, crossover, rule)
    called = name or name_of(fn)
    with shown_in_notebook(called, on_progress) as tell:
        work, error = worked(
            fn, inputs, settings, argnums=argnums, has_aux=has_aux, on_progress=tell
        )
    asked = {"time_limit": time_limit, "methods": methods, "order": order}
    asked |= {"budget": budget, "seed": seed, "crossover": crossover}
    asked |= {"has_aux": True} if has_aux else {}
    asked |= {"rule": rule} if rule != RULES[0] else {}
    found = _recorded(work, ended(work, error), asked, name=called, purpose=purpose)
    ways = {one.row.method: one.way for one in work.attempts if one.way}
    source = Source(fn=fn, inputs=inputs, argnums=argnums, has_aux=has_aux, ways=ways)
    return with_use(found, source, work.problem)


def _recorded(
    work: Work, incomplete: str, asked: Mapping[str, object], *, name: str, purpose: str
) -> Comparison:
    """Return what the work came to; what gradwise cannot say of it is a note.

    Args:
        work: What was done.
        incomplete: Why it ended early, if it did.
        asked: What the comparison was asked for, by the names of `compare`.
        name: What to call the function.
        purpose: Why it is being looked at.
    """
    problem, settings = work.problem, work.settings
    made_by, unmade = guarded(
        "tell what made this", lambda: origin_of(problem, settings.extra, asked), None
    )
    rows, floor = work.rows(incomplete), work.floor()
    here, unknown = guarded(
        "describe this machine", lambda: environment((problem.x, problem.fixed)), {}
    )
    verdict, undecided = guarded(
        "give a verdict",
        lambda: give_verdict(rows, problem.n, problem.m, machine_of(floor, here)),
        NO_VERDICT,
    )
    crossing, unfitted = guarded("find the crossing", work.crossover, None)
    found = work.reading.advice if work.reading else ()
    advice, unranked = guarded("rank its advice", lambda: with_gains(found, rows), ())
    faults = tuple(note for note in (unmade, unknown, undecided, unfitted, unranked) if note)
    return Comparison(
        name=name,
        rows=rows,
        verdict=verdict,
        n=problem.n,
        m=problem.m,
        order=settings.order,
        dtype=str(jnp.result_type(*problem.x)),
        floor=floor,
        notes=(*_notes(work), *faults),
        residuals=work.reading.lines if work.reading else (),
        crossover=crossing,
        advice=advice,
        purpose=purpose,
        incomplete=incomplete,
        seed=settings.seed,
        environment=here,
        made_by=made_by,
        pattern=work.pattern,
    )


def _notes(work: Work) -> tuple[str, ...]:
    notes = work.experiment.notes if work.experiment else work.problem.notes
    notes = (*notes, *work.faults)
    told, fault = guarded("read what is sent", lambda: mesh_notes(work.attempts), ())
    notes = (*notes, *told, *((fault,) if fault else ()))
    if not work.samples:
        return notes
    quiet, fault = guarded(
        "tell how quiet the machine was",
        lambda: machine_notes(work.samples, on_cpu=work.on_cpu),
        (),
    )
    return (*notes, *quiet, *((fault,) if fault else ()))
