"""The derivative that every method is checked against, computed by other means than theirs.

Products come from the modes that pass the Taylor test. A dense Jacobian is built here, without the
code that the methods are made of; it must agree with the products and with the function along a
line, or it is not used.
"""

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Probe, Truth, ravel
from ..derivatives.problem import Problem
from ..program.jaxpr import dtype, kind
from ..program.messages import guarded
from ..program.walk import equations
from .dense import dense_jacobian
from .directions import along, pulled_back, pushed_forward
from .error import relative_error
from .float64 import in_float64
from .taylor import LINE, Taylor, difference_quotient, taylor_test

#: A larger Jacobian, or one of more passes, is checked along directions, not entry by entry.
DENSE_ENTRIES, DENSE_PASSES = 4_000_000, 4096
#: Largest relative difference allowed between the dense Jacobian's products and jvp/vjp.
_AGREEMENT = 1e-6


class Reference(NamedTuple):
    """The derivative in float64 (if it can be), and what was found out about each mode.

    Attributes:
        truth: What methods are checked against.
        taylor: The remainder's fall, by mode.
        wrong: What is wrong, by mode that did not pass.
        eps: The machine epsilon of the coarsest type inside the function, there.
        notes: What gradwise could not find out of the function.
    """

    truth: Truth
    taylor: dict[str, Taylor]
    wrong: dict[str, str]
    eps: float
    notes: tuple[str, ...] = ()

    @property
    def kink(self) -> bool:
        """Whether the function has a kink at this point."""
        return any(taylor.kink for taylor in self.taylor.values())


def find_reference(problem: Problem, probe: Probe, modes: tuple[str, ...]) -> Reference:
    """Take the derivative by the modes that can be taken, and judge each by its remainder.

    It is taken in float64, or in the problem's own type if something is in the way of that. If no
    mode passes, central differences are what is left, and `truth.source` says so.

    Args:
        problem: What is differentiated.
        probe: The directions that products are taken along.
        modes: `"forward"`, `"reverse"`, both or none: what the function allows.
    """
    with in_float64(problem, probe) as (problem, probe):
        line = along(problem, probe.tangent, LINE)
        coarsest, note = guarded(
            "find the narrowest type inside", lambda: _coarsest_eps(problem), _eps(problem)
        )
        rounding = coarsest * float(np.max(np.abs(line), initial=0.0))
        products, taylor = {}, {}
        if "forward" in modes:
            products["forward"] = ravel(pushed_forward(problem, probe.tangent))
            taylor["forward"] = taylor_test(
                line, products["forward"], rounding=rounding, eps=_eps(problem)
            )
        if "reverse" in modes:
            products["reverse"] = ravel(pulled_back(problem, probe.cotangent))
            slope = products["reverse"] @ ravel(probe.tangent)
            weighted = line @ ravel(probe.cotangent)[:, None]
            taylor["reverse"] = taylor_test(
                weighted, slope[None], rounding=rounding, eps=_eps(problem)
            )
        passed = {mode: products[mode] for mode in taylor if taylor[mode].right}
        truth = _truth(problem, probe, line, passed, coarsest)
        wrong = {
            mode: _describe(problem, probe, mode, test)
            for mode, test in taylor.items()
            if not test.right
        }
    return Reference(truth, taylor, wrong, coarsest, (note,) if note else ())


def _eps(problem: Problem) -> float:
    """Return the machine epsilon of what is differentiated."""
    return float(jnp.finfo(jnp.result_type(*problem.x)).eps)


def _coarsest_eps(problem: Problem) -> float:
    """Return the machine epsilon of the narrowest floating type that the program passes through.

    A function that casts to float32 inside stays as coarse as that, whatever its inputs are.
    """
    program = jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)
    dtypes = {dtype(var) for eqn, _ in equations(program) for var in eqn.outvars}
    floats = [float(jnp.finfo(d).eps) for d in dtypes if jnp.issubdtype(d, jnp.floating)]
    return max([*floats, float(jnp.finfo(jnp.float64).eps)])


def _truth(
    problem: Problem,
    probe: Probe,
    line: np.ndarray,
    passed: dict[str, np.ndarray],
    coarsest: float,
) -> Truth:
    """Use the product of each mode that passed.

    Compute a missing one from the dense Jacobian, or else from a difference quotient.
    """
    jacobian, source = _dense_truth(problem, tuple(passed))
    if jacobian is not None and not _agrees(jacobian, problem, probe, line, passed, coarsest):
        jacobian, source = None, f"{source} along one direction; its Jacobian did not agree"
    jvp, vjp = passed.get("forward"), passed.get("reverse")
    if jvp is None and jacobian is not None:
        jvp = jacobian @ ravel(probe.tangent)
    if vjp is None and jacobian is not None:
        vjp = ravel(probe.cotangent) @ jacobian
    jvp = difference_quotient(line, _eps(problem)) if jvp is None else jvp
    vjp = np.full(problem.n, np.nan) if vjp is None else vjp
    return Truth(line[-1], jvp, vjp, jacobian, source)


def _agrees(
    jacobian: np.ndarray,
    problem: Problem,
    probe: Probe,
    line: np.ndarray,
    passed: dict[str, np.ndarray],
    coarsest: float,
) -> bool:
    """Whether a Jacobian gives the products that passed, and the difference along the line."""
    jvp, vjp = jacobian @ ravel(probe.tangent), ravel(probe.cotangent) @ jacobian
    limit = max(_AGREEMENT, coarsest**0.5)
    given = {"forward": jvp, "reverse": vjp}
    if any(not relative_error(given[mode], true) <= limit for mode, true in passed.items()):
        return False
    rounding = coarsest * float(np.max(np.abs(line), initial=0.0))
    return taylor_test(line, jvp, rounding=rounding, eps=_eps(problem)).right


def _dense_truth(problem: Problem, passed: tuple[str, ...]) -> tuple[np.ndarray | None, str]:
    """Take the whole Jacobian by the cheaper of the modes that passed the Taylor test."""
    passes = {"forward": problem.n, "reverse": problem.m}
    mode = min(passed, key=lambda mode: passes[mode], default="differences")
    source = f"{jnp.result_type(*problem.x)} {mode}" + (" mode" if passed else "")
    small = problem.n * problem.m <= DENSE_ENTRIES
    if not small or passes.get(mode, problem.n) > DENSE_PASSES:
        return None, source
    return dense_jacobian(problem, mode), source


def _describe(problem: Problem, probe: Probe, mode: str, test: Taylor) -> str:
    """Say what is wrong with a mode, and at which input it shows most."""
    if np.isnan(test.slope or 0.0):
        text = "the derivative is not finite, though the function is"
    elif problem.float64_obstacle:
        text = "wrong: it is not what differences give"
    else:
        text = f"wrong: the Taylor remainder falls with slope {test.slope:.2f}, not 2"
    text += guarded("look for a stop_gradient", lambda: _stop_gradient(problem), "")[0]
    if problem.n > DENSE_PASSES:
        return text

    def weighted(x: tuple, fixed: tuple) -> jax.Array:
        outputs, weights = jax.tree.leaves(problem.fn(x, fixed)), jax.tree.leaves(probe.cotangent)
        return reduce(jnp.add, map(jnp.vdot, weights, outputs))

    scalar = problem._replace(fn=weighted, m=1, scalar=True)
    given, true = dense_jacobian(scalar, mode)[0], dense_jacobian(scalar, "differences")[0]
    worst = int(np.argmax(np.nan_to_num(np.abs(given - true), nan=np.inf)))
    where = _place(problem, worst)
    return f"{text}; at {where} it gives {given[worst]:.6g}, differences give {true[worst]:.6g}"


def _stop_gradient(problem: Problem) -> str:
    """Say where a `stop_gradient` makes a constant of what the value depends on, if anywhere."""
    for eqn, line in equations(jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)):
        if kind(eqn) == "stop_gradient":
            return f"; a stop_gradient{line and f' at {line}'} may be why"
    return ""


def _place(problem: Problem, index: int) -> str:
    """Return which number of which differentiated leaf the flat `index` is."""
    for number, leaf in enumerate(problem.x):
        if index < leaf.size:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, leaf.shape))
            return f"input {number}[{place}]" if place else f"input {number}"
        index -= leaf.size
    raise IndexError(index)
