"""What is wrong with a derivative, where it shows, and who says that it should be so."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..derivatives.method import GaveUpError, Probe
from ..derivatives.problem import Leaves, Output, Problem
from ..program.custom_rules import rule_of, rules
from ..program.jaxpr import kind
from ..program.messages import guarded
from ..program.walk import equations
from .beyond import beyond_the_end
from .dense import dense_jacobian
from .directions import UNHURRIED, Pace, random_probe
from .explain import explain
from .float64 import own_program, without
from .judge import Line, judge, take
from .taylor import Taylor

#: With more inputs, nobody looks for the one at which it shows most.
_MOST_INPUTS = 4096
_MOST_RULES = 3
#: The share of the time left that may be spent on finding what is not finite, and its directions.
_SHARE, _SEED = 0.25, 0
#: What a rule may be meant to do, and how to say so.
_MEANT = "; if it is meant, rule='trust' checks against it"
#: What to do where there was no time to name the operation.
_NO_TIME = "gradwise.explain_nonfinite(fn, *inputs) names the operation, for which was no time here"

#: Names, and the function in float64 without what they name.
_Suspect = tuple[tuple[str, ...], Callable[[Leaves, Leaves], Output]]


def describe(
    problem: Problem,
    wide: Problem,
    probe: Probe,
    mode: str,
    test: Taylor,
    line: Line,
    pace: Pace = UNHURRIED,
    *,
    x64: bool,
) -> str:
    """Say what is wrong with a mode, who says so, and at which input it shows most.

    Args:
        problem: What is differentiated, in its own types.
        wide: The same in float64, or as it is where something is in the way of that.
        probe: The directions, of the types of `wide`.
        mode: The mode that did not pass.
        test: How it did not.
        line: The function along the tangent.
        pace: How programs are run. What there is no time to find is said to be so.
        x64: Whether JAX is in 64-bit mode outside of the check.
    """
    if np.isnan(test.slope or 0.0):
        text = "the derivative is not finite, though the function is"
        with jax.enable_x64(x64):
            why, _ = guarded("find what is not finite", lambda: _first(problem, mode, pace), "")
        return text + _worst(wide, probe, mode, line, pace) + (why and f"; {why}")
    if line.coarse:
        text = "wrong: it is not what differences give"
    else:
        text = f"wrong: the Taylor remainder falls with slope {test.slope:.2f}, not 2"
    with jax.enable_x64(x64):
        suspects, _ = guarded("find what may be why", lambda: list(_suspects(problem)), [])
    culprit, _ = guarded("find why", lambda: _culprit(suspects, wide, probe, mode, line, pace), "")
    if not culprit and mode == "reverse":
        with jax.enable_x64(x64):
            look = partial(beyond_the_end, problem, _hurried(pace))
            index, _ = guarded("look at the indices", look, "")
        culprit = index and f"; {index}"
    return text + culprit + _worst(wide, probe, mode, line, pace)


def _first(problem: Problem, mode: str, pace: Pace) -> str:
    """Name the first operation of a mode that is not finite, its line and its cure.

    It takes a part of the time that is left: the checks that follow need the rest.
    """
    hurried = _hurried(pace)
    probe = random_probe(problem, _SEED)
    try:
        found = explain(problem, probe, (mode,), hurried, known_wrong=True)
    except GaveUpError:
        return _NO_TIME
    if found.what:
        return found.advice
    return _NO_TIME if hurried.left() <= 0 else ""


def _hurried(pace: Pace) -> Pace:
    """Return the same pace for a part of the time that is left."""
    kept = (1 - _SHARE) * pace.left()
    return pace._replace(left=lambda: pace.left() - kept) if np.isfinite(kept) else pace


def deliberate(problem: Problem) -> tuple[str, ...]:
    """Name what a user makes another derivative by than the function's: rules, `stop_gradient`s."""
    return (*rules(own_program(problem)), *_stops(problem))


def draws(problem: Problem) -> tuple[str, ...]:
    """Name the draws whose derivative is by definition that of their distribution.

    A sample of a gamma distribution is moved as its quantile is (M. Figurnov, S. Mohamed, A. Mnih,
    Implicit Reparameterization Gradients, 2018), and not as the rejections that it is drawn by.
    """
    return _named(problem, "random_gamma", "JAX's implicit derivative of random_gamma")


def _stops(problem: Problem) -> tuple[str, ...]:
    return _named(problem, "stop_gradient", "the stop_gradient")


def _named(problem: Problem, operation: str, words: str) -> tuple[str, ...]:
    """Name the lines of an operation, each once."""
    pairs = equations(own_program(problem))
    lines = [line for eqn, line in pairs if kind(eqn) == operation]
    return tuple(dict.fromkeys(f"{words}{line and f' at {line}'}" for line in lines))


def _culprit(
    suspects: Sequence[_Suspect], wide: Problem, probe: Probe, mode: str, line: Line, pace: Pace
) -> str:
    """Name the rules and `stop_gradient`s without which the derivative is right, if there are any.

    Nothing is named on suspicion.
    """
    for names, fn in suspects if wide.wide else ():
        many = " and ".join(names[:_MOST_RULES])
        try:
            product = take(wide._replace(fn=fn), probe, mode, pace)
        except GaveUpError:
            return ""
        except Exception:  # without the rule there is no derivative at all
            return f"; it is by {many}{_MEANT}"
        if judge(line, probe, mode, product).right:
            return f"; {many} {'makes' if len(names) == 1 else 'make'} it so{_MEANT}"
    return ""


def _suspects(problem: Problem) -> Iterator[_Suspect]:
    """Yield the function without one rule, all rules, all `stop_gradient`s, and all of these."""
    written, stops = rules(own_program(problem)), _stops(problem)

    def stop(eqn: JaxprEqn, line: str) -> bool:
        return kind(eqn) == "stop_gradient"

    def written_rule(eqn: JaxprEqn, line: str) -> bool:
        return bool(rule_of(eqn, line))

    if len(written) > 1:
        for name in written[:_MOST_RULES]:
            yield (
                (name,),
                without(problem, lambda eqn, line, name=name: rule_of(eqn, line) == name),
            )
    if written:
        yield written, without(problem, written_rule)
    if stops:
        yield stops, without(problem, stop)
    if written and stops:
        yield (
            (*written, *stops),
            without(problem, lambda eqn, line: stop(eqn, line) or written_rule(eqn, line)),
        )


def _worst(problem: Problem, probe: Probe, mode: str, line: Line, pace: Pace) -> str:
    """Say at which input the derivative is farthest from differences, and what both are there."""
    if problem.n > _MOST_INPUTS:
        return ""

    def weighted(x: tuple, fixed: tuple) -> jax.Array:
        outputs, weights = jax.tree.leaves(problem.fn(x, fixed)), jax.tree.leaves(probe.cotangent)
        return reduce(jnp.add, map(jnp.vdot, weights, outputs))

    scalar = problem._replace(fn=weighted, m=1, scalar=True)
    by_mode = dense_jacobian(scalar, mode, pace)
    by_steps = dense_jacobian(scalar, "differences", pace, eps=line.eps)
    if by_mode is None or by_steps is None:
        return ""
    given, true = by_mode[0], by_steps[0]
    worst = int(np.argmax(np.nan_to_num(np.abs(given - true), nan=np.inf)))
    where = _place(problem, worst)
    return f"; at {where} it gives {given[worst]:.6g}, differences give {true[worst]:.6g}"


def _place(problem: Problem, index: int) -> str:
    """Return which number of which differentiated leaf the flat `index` is."""
    for number, leaf in enumerate(problem.x):
        if index < leaf.size:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, leaf.shape))
            return f"input {number}[{place}]" if place else f"input {number}"
        index -= leaf.size
    raise IndexError(index)
