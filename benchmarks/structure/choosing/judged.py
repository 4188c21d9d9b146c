"""All ways to take a function's derivative, timed in turns, to judge who chooses well."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...derivatives.forms import Form
from ...derivatives.problem import gradient_problem, make_problem
from ...instrument.samples import Samples
from ...instrument.statistics import contention, ratio
from ...instrument.timing import interleave
from ...program.arguments import Argnums
from ...program.messages import guarded
from ...program.platforms import platform_of
from ..forms.asked import Asked
from ..forms.made import Made
from .choose import BUSY, MOST_MEASURED, fastest, made
from .regret import MEASURED, MODEL, Regret
from .rules_of_thumb import RULES
from .weigh import weighed

#: The field of the samples that holds the median of a clock.
_SECONDS = {"wall": "seconds", "cpu": "cpu_seconds"}
_BUSY = "the machine was busy: CPU times are compared"


def regret_of(
    fn: Callable[..., Any],
    *inputs: Any,
    argnums: Argnums = None,
    order: int = 1,
    name: str = "",
    budget: float = 1.0,
) -> Regret:
    """Time every way to take a derivative, and tell what each chooser loses by its choice.

    The choice after measuring is made as `gradwise.jacobian` makes it, by times of its own; it is
    judged by others.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree.
        *inputs: Its arguments.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        order: 1 for the Jacobian, 2 for the Hessian of a scalar function.
        name: What tables call it.
        budget: Seconds of timing, all ways together.

    Example:
        >>> import jax.numpy as jnp
        >>> found = regret_of(lambda x: x[1:] * x[:-1], jnp.ones(8), name="products", budget=0.01)
        >>> sorted(found.seconds)
        ['coloured (forward, 2)', 'coloured (reverse, 2)', 'forward', 'reverse']
        >>> found.picks["CasADi"], found.picks["by size"], found.wrong
        ('coloured (forward, 2)', 'reverse', ())
    """
    asked = _asked(fn, inputs, argnums, order, name)
    pattern, ways, _ = weighed(asked)
    every = {way.name: made(asked, pattern, way) for way in ways}
    right = {way: one for way, one in every.items() if _passes(one, asked)}
    first = [way.name for way in ways if way.name in right]
    shortlist = [way for way in list(every)[:MOST_MEASURED] if way in right] or first[:1]
    taken, _, doubts = fastest({way: right[way] for way in shortlist}, asked.problem)
    picks = {MEASURED: taken, MODEL: first[0]}
    passes = {way.name: way.passes for way in ways}
    for who, rule in RULES.items():
        picks[who] = _possible(rule(asked.problem.n, asked.m, passes), right)
    calls = {
        way: partial(one.timed, asked.problem.x, asked.problem.fixed) for way, one in right.items()
    }
    samples, _ = interleave(calls, budget=budget)
    by = _clock(samples, platform_of((asked.problem.x, asked.problem.fixed)))
    return Regret(
        name=name,
        n=asked.problem.n,
        m=asked.m,
        seconds={way: getattr(samples[way], _SECONDS[by]) for way in first},
        costs={way.name: way.cost for way in ways},
        picks=picks,
        regrets=_regrets(picks, samples, by),
        wrong=tuple(way for way in every if way not in right),
        notes=(*doubts, *([_BUSY] if by == "cpu" else [])),
        doubtful=bool(doubts),
    )


def _asked(fn: Callable[..., Any], inputs: tuple, argnums: Argnums, order: int, name: str) -> Asked:
    problem = make_problem(fn, inputs, argnums=argnums)
    form = Form(problem, argnums)
    once = order == 1
    return Asked(
        name=name,
        problem=problem if once else gradient_problem(problem),
        shapes=problem.outputs.shapes if once else [leaf.shape for leaf in problem.x],
        of_form=form.of_jacobian if once else form.of_hessian,
        argnums=argnums,
        order=order,
        output="dense",
    )


def _passes(one: Made, asked: Asked) -> bool:
    passed, _ = guarded("check it", partial(one.is_right, asked.problem, points=3), False)
    return passed


def _possible(way: str, right: Mapping[str, Made]) -> str:
    """Return what a rule takes, or where JAX or the check refuses it the first that is right."""
    other = {"forward": "reverse", "reverse": "forward"}.get(way, way)
    return next((name for name in (way, other) if name in right), next(iter(right)))


def _clock(samples: Mapping[str, Samples], platform: str) -> str:
    """Return which times are compared: where calls waited for a busy machine, CPU times."""
    waited = min((contention(taken) for taken in samples.values()), default=1.0)
    return "cpu" if platform == "cpu" and waited > BUSY else "wall"


def _regrets(picks: Mapping[str, str], samples: Mapping[str, Samples], by: str) -> dict[str, float]:
    """Return each chooser's time over the best one's; what is as fast as the best has no regret."""
    best = min(samples, key=lambda way: getattr(samples[way], _SECONDS[by]))
    over = {w: max(1.0, ratio(taken, samples[best], by=by).median) for w, taken in samples.items()}
    return {who: over[way] for who, way in picks.items()}
