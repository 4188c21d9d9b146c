"""Is a derivative right? A reference in float64, from the modes that pass the Taylor test."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from ..derivatives.differences import central
from ..derivatives.jacobians import columns, rows
from ..derivatives.method import Method, Probe, Truth, dense, ravel
from ..derivatives.problem import Problem
from ..program.jaxpr import dtype, equations, kind
from .float64 import precisely
from .taylor import Taylor, along, difference, judge

#: A larger Jacobian, or one of more passes, is checked along directions, not entry by entry.
DENSE_ENTRIES, DENSE_PASSES = 4_000_000, 4096


class Reference(NamedTuple):
    """The derivative in float64 (if it can be), and what was found out about each mode.

    Attributes:
        truth: What methods are checked against.
        taylor: The remainder's fall, by mode.
        wrong: What is wrong, by mode that did not pass.
        precision: The machine epsilon of the coarsest type inside the function, there.
    """

    truth: Truth
    taylor: dict[str, Taylor]
    wrong: dict[str, str]
    precision: float

    @property
    def kink(self) -> bool:
        """Whether the function has a kink at this point."""
        return any(found.kink for found in self.taylor.values())


def random_probe(problem: Problem, seed: int) -> Probe:
    """Normal directions in the inputs, and normal weights of the outputs (1 for a scalar)."""
    random = np.random.default_rng(seed)
    outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)

    def normal(leaf: Any) -> jax.Array:
        return jnp.asarray(random.standard_normal(leaf.shape), leaf.dtype)

    weights = jnp.ones((), outputs.dtype) if problem.scalar else jax.tree.map(normal, outputs)
    return Probe(tuple(normal(leaf) for leaf in problem.x), weights)


def gradient_problem(problem: Problem, mode: str = "reverse") -> Problem:
    """The problem whose Jacobian is the Hessian of a scalar `problem`: its gradient in a mode."""
    gradient = {"forward": jax.jacfwd, "reverse": jax.grad}[mode]
    return problem._replace(fn=gradient(problem.fn), m=problem.n, scalar=False)


def reference(problem: Problem, probe: Probe, modes: tuple[str, ...]) -> Reference:
    """The derivative by the modes that can be taken, each judged by its remainder.

    It is taken in float64, or in the problem's own type if that is `narrow`. If no mode passes,
    central differences are what is left, and `truth.source` says so.

    Args:
        problem: What is differentiated.
        probe: The directions that products are taken along.
        modes: `"forward"`, `"reverse"`, both or none: what the function allows.
    """
    with precisely(problem, probe) as (problem, probe):
        line = np.asarray(along(problem, probe.tangent))
        weights, tangent = ravel(probe.cotangent), ravel(probe.tangent)
        precision = _coarsest(problem)
        rounding = precision * float(np.max(np.abs(line), initial=0.0))
        own = _precision(problem)
        products, taylor = {}, {}
        if "forward" in modes:
            products["forward"] = ravel(_jvp(problem, probe.tangent))
            taylor["forward"] = judge(line, products["forward"], rounding, own)
        if "reverse" in modes:
            products["reverse"] = ravel(_vjp(problem, probe.cotangent))
            slope = products["reverse"] @ tangent
            taylor["reverse"] = judge(line @ weights[:, None], slope[None], rounding, own)
        passed = tuple(mode for mode in taylor if taylor[mode].right)
        truth = _truth(problem, probe, line, products, passed)
        wrong = {
            mode: _describe(problem, probe, mode, found)
            for mode, found in taylor.items()
            if not found.right
        }
    return Reference(truth, taylor, wrong, precision)


def error(found: np.ndarray, true: np.ndarray) -> float:
    """The largest difference, over the largest true entry."""
    scale = float(np.max(np.abs(true), initial=0.0))
    return float(np.max(np.abs(found - true), initial=0.0)) / (scale or 1.0)


def errors(
    method: Method, result: Any, problem: Problem, probe: Probe, truth: Truth
) -> tuple[float, float]:
    """How far the result of a method is from the truth: `(error, deviation)`.

    The error is the distance from the derivative; the deviation, from what the method should give.
    They differ for an estimate alone, whose error is its variance.
    """
    kind = method.kind
    if kind == "estimate":
        expected = truth.tangent * ravel(probe.tangent)
        return error(ravel(result), truth.cotangent), error(ravel(result), expected)
    if method.product is not None:
        found, true = ravel(method.product(result, problem, probe.tangent)), truth.tangent
    elif kind == "value":
        found, true = ravel(result), truth.value
    elif kind in ("vjp", "value_and_grad", "gradient"):
        found, true = ravel(result if kind == "gradient" else result[1]), truth.cotangent
    elif kind in ("jvp", "tangent", "hvp"):
        found, true = ravel(result[1] if kind == "jvp" else result), truth.tangent
    elif truth.jacobian is not None:
        found, true = dense(result, problem), truth.jacobian
    else:
        found, true = ravel(contract(result, probe.tangent)), truth.tangent
    distance = error(found, true)
    return distance, distance


def contract(jacobian: Any, tangent: tuple) -> Any:
    """A Jacobian with the structure of `jax.jacrev`, applied to a tangent."""

    def row(blocks: tuple) -> jax.Array:
        products = [
            jnp.tensordot(block, leaf, axes=leaf.ndim)
            for block, leaf in zip(blocks, tangent, strict=True)
        ]
        return reduce(jnp.add, products)

    nested = jacobian and isinstance(jacobian[0], tuple)
    return tuple(row(blocks) for blocks in jacobian) if nested else row(jacobian)


def _precision(problem: Problem) -> float:
    """The machine epsilon of what is differentiated."""
    return float(jnp.finfo(jnp.result_type(*problem.x)).eps)


def _coarsest(problem: Problem) -> float:
    """The machine epsilon of the narrowest floating type that the program passes through.

    A function that casts to float32 inside stays as coarse as that, whatever its inputs are.
    """
    widest = float(jnp.finfo(jnp.float64).eps)

    def coarsest(jaxpr: core.Jaxpr) -> float:
        dtypes = [dtype(var) for eqn in jaxpr.eqns for var in eqn.outvars]
        floats = [float(jnp.finfo(d).eps) for d in dtypes if jnp.issubdtype(d, jnp.floating)]
        inner = [coarsest(sub) for eqn in jaxpr.eqns for sub in core.jaxprs_in_params(eqn.params)]
        return max([*floats, *inner], default=widest)

    return coarsest(jax.make_jaxpr(problem.fn)(problem.x, problem.fixed).jaxpr)


def _jvp(problem: Problem, tangent: tuple) -> Any:
    run = jax.jit(lambda x, fixed, v: jax.jvp(lambda x: problem.fn(x, fixed), (x,), (v,))[1])
    return run(problem.x, problem.fixed, tangent)


def _vjp(problem: Problem, cotangent: Any) -> Any:
    run = jax.jit(lambda x, fixed, u: jax.vjp(lambda x: problem.fn(x, fixed), x)[1](u)[0])
    return run(problem.x, problem.fixed, cotangent)


def _truth(
    problem: Problem, probe: Probe, line: np.ndarray, products: dict, passed: tuple[str, ...]
) -> Truth:
    """Products by the modes that passed; what they leave open, by the Jacobian or differences."""
    jacobian, source = _dense_truth(problem, passed)
    if "forward" in passed:
        tangent = products["forward"]
    elif jacobian is not None:
        tangent = jacobian @ ravel(probe.tangent)
    else:
        tangent = difference(line, _precision(problem))
    if "reverse" in passed:
        cotangent = products["reverse"]
    elif jacobian is not None:
        cotangent = ravel(probe.cotangent) @ jacobian
    else:
        cotangent = np.full(problem.n, np.nan)
    return Truth(line[-1], tangent, cotangent, jacobian, source)


def _dense_truth(problem: Problem, passed: tuple[str, ...]) -> tuple[np.ndarray | None, str]:
    """The whole Jacobian by the mode of fewest passes that passed, else by differences."""
    passes = {"forward": problem.n, "reverse": problem.m}
    mode = min(passed, key=lambda mode: passes[mode], default="differences")
    source = f"{jnp.result_type(*problem.x)} {mode}" + (" mode" if passed else "")
    small = problem.n * problem.m <= DENSE_ENTRIES
    if not small or passes.get(mode, problem.n) > DENSE_PASSES:
        return None, source
    if mode == "differences":
        return _differences(problem), source
    build = columns if mode == "forward" else rows
    run = jax.jit(partial(build, problem, min(passes[mode], 64)))
    return dense(run(problem.x, problem.fixed), problem), source


def _differences(problem: Problem) -> np.ndarray:
    """`[m, n]` by central differences, at the step that balances their two errors."""
    step = jnp.asarray(_precision(problem) ** (1 / 3))
    run = jax.jit(partial(central, problem))
    found = run(problem.x, problem.fixed, step, jnp.arange(problem.n))
    parts = [np.asarray(leaf).reshape(problem.n, -1) for leaf in jax.tree.leaves(found)]
    return np.concatenate(parts, axis=1).T


def _describe(problem: Problem, probe: Probe, mode: str, found: Taylor) -> str:
    """What is wrong, and at which input it shows most."""
    if np.isnan(found.slope or 0.0):
        text = "the derivative is not finite, though the function is"
    elif problem.narrow:
        text = "wrong: it is not what differences give"
    else:
        text = f"wrong: the Taylor remainder falls with slope {found.slope:.2f}, not 2"
    text += _stopped(problem)
    if problem.n > DENSE_PASSES:
        return text

    def weighted(x: tuple, fixed: tuple) -> jax.Array:
        outputs, weights = jax.tree.leaves(problem.fn(x, fixed)), jax.tree.leaves(probe.cotangent)
        return reduce(jnp.add, map(jnp.vdot, weights, outputs))

    scalar = problem._replace(fn=weighted, m=1, scalar=True)
    build: Callable = columns if mode == "forward" else rows
    own = dense(jax.jit(partial(build, scalar, 1))(problem.x, problem.fixed), scalar)[0]
    true = _differences(scalar)[0]
    worst = int(np.argmax(np.nan_to_num(np.abs(own - true), nan=np.inf)))
    where = _place(problem, worst)
    return f"{text}; at {where} it gives {own[worst]:.6g}, differences give {true[worst]:.6g}"


def _stopped(problem: Problem) -> str:
    """Where a `stop_gradient` makes a constant of what the value depends on, if anywhere."""
    for eqn, line in equations(jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)):
        if kind(eqn) == "stop_gradient":
            return f"; a stop_gradient{line and f' at {line}'} may be why"
    return ""


def _place(problem: Problem, index: int) -> str:
    """Which number of which differentiated leaf the flat `index` is."""
    for number, leaf in enumerate(problem.x):
        if index < leaf.size:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, leaf.shape))
            return f"input {number}[{place}]" if place else f"input {number}"
        index -= leaf.size
    raise IndexError(index)
