"""`compare_functions`: functions that are to give the same, and their derivatives, side by side."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from ..instrument.clock import time_left
from ..instrument.timing import interleave
from ..instrument.unwatched import unwatched
from ..program.arguments import Argnums
from .asked import Settings, check_options
from .attempt import Attempt
from .callee import named_by, usage_of
from .fastest import Machine
from .function_record import Function, recorded
from .functions import FunctionComparison
from .notebook_line import shown_in_notebook
from .verdict import give_verdict
from .work import OnProgress, Work
from .worked import worked

#: The share of the budget and of the time that finding the mode of each function takes.
_CHOOSING, _PREPARING = 0.4, 0.8
_MODES = ("forward", "reverse")


def compare_functions(
    functions: Mapping[str, Callable[..., object]],
    *inputs: object,
    argnums: Argnums = None,
    mode: str | None = None,
    budget: float = 10.0,
    time_limit: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> FunctionComparison:
    """Measure functions that are to give the same against one another, with their derivatives.

    First their values and their derivatives are compared, in float64 where that is possible: which
    of them differ from the first function, by how much, and where. Then all of them are timed in
    turns. A function's derivative is by the faster of the modes that are right.

    Args:
        functions: The functions by name, the one that the others are held against first.
        *inputs: Their arguments, the same for all.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        mode: `"forward"` or `"reverse"`, for all functions; `None` for the faster one of each.
        budget: Seconds of measuring, for all functions together.
        time_limit: Seconds after which the comparison is returned, whatever is finished by then.
        seed: Draws the random directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is.

    Raises:
        TypeError: If `functions` is no mapping of at least two, or one of them cannot be compared.
        ValueError: If an option is out of range, or there is nothing to differentiate.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare_functions
        >>> def loop(x):
        ...     return sum(x[i] ** 2 for i in range(5))
        >>> found = compare_functions(
        ...     {"loop": loop, "dot": lambda x: x @ x}, jnp.arange(5.0), budget=0.2
        ... )
        >>> found.equal
        True
        >>> found = compare_functions(
        ...     {"dot": lambda x: x @ x, "sum": jnp.sum}, jnp.ones(5), budget=0.2
        ... )
        >>> found.row("sum").differs
        'differs from dot in its derivative, by 1: 1 at argument 0[0] where dot has 2'
    """
    _check(functions, mode)
    check_options(budget=budget, time_limit=time_limit, seed=seed)
    left = time_left(time_limit)
    with shown_in_notebook(", ".join(functions), on_progress) as tell:
        made: list[Function] = []
        for name, fn in functions.items():
            share = _PREPARING * left() / (len(functions) - len(made))
            measuring = _CHOOSING * budget / len(functions)
            methods = [mode] if mode else list(_MODES)
            settings = Settings(methods, (), 1, measuring, share, seed, False)
            made.append(_looked_at(name, fn, inputs, argnums, settings, tell))
        calls = {
            f"{each.name}/{part}": one.compiled.call
            for each in made
            for part, one in (("value", each.value), ("derivative", each.derivative))
            if one is not None and one.compiled is not None
        }
        measuring = min((1 - _CHOOSING) * budget, max(left(), 0.0))
        with unwatched():
            samples, _ = interleave(
                calls, budget=measuring, seed=seed, on_round=partial(tell, "measuring"), left=left
            )
    return recorded(made, samples, seed)


def _looked_at(
    name: str,
    fn: Callable[..., object],
    inputs: tuple[object, ...],
    argnums: Argnums,
    settings: Settings,
    tell: OnProgress,
) -> Function:
    """Check one function by itself, and choose its mode."""
    with _named_in_errors(name):
        work, error = worked(
            fn,
            inputs,
            settings,
            argnums=argnums,
            on_progress=lambda stage, share: tell(f"{name}: {stage}", share),
        )
    if isinstance(error, KeyboardInterrupt):
        raise error
    usage = named_by(name, usage_of(fn, work.problem, argnums, has_aux=False))
    return Function(name, work, usage, *_chosen(work))


@contextmanager
def _named_in_errors(name: str) -> Iterator[None]:
    """Say which function it is that cannot be compared."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


def _check(functions: object, mode: str | None) -> None:
    """Raise on what cannot be compared."""
    given = functions.values() if isinstance(functions, Mapping) else ()
    if len(given) < 2 or not all(map(callable, given)):
        raise TypeError(
            "compare_functions needs at least two functions by name, such as "
            f'{{"before": f, "after": g}}, got {functions!r}'[:200]
        )
    if mode not in (None, *_MODES):
        raise ValueError(f"mode must be forward, reverse or None, got {mode!r}")


def _chosen(work: Work) -> tuple[Attempt | None, Attempt | None]:
    """Return the programs of the function and of its fastest derivative that is right."""
    by_name = {one.row.method: one for one in work.attempts}
    rows, problem = work.rows(""), work.problem
    time = give_verdict(rows, problem.n, problem.m, Machine(floor=work.floor())).time
    return by_name.get("value"), by_name.get(str(time.take))
