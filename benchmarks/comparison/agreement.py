"""Whether two functions give the same at one point, and where they do not."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..check.error import relative_error
from ..check.judge import FLOAT64_EPS
from ..derivatives.method import Truth, ravel
from ..derivatives.problem import Problem
from ..instrument import units
from .work import Work

#: What constants of its own type may take from a result in float64, in epsilons of that type.
_CONSTANTS = 100
#: What differences in float64 may leave of a derivative that is zero.
_LEFT = 1e-12
#: From which error on values are said to be apart as they are computed.
_NOTICED = 1e-3
#: What it is in words, a vector of either function, and what an entry of these is called.
_Pair: TypeAlias = tuple[str, np.ndarray, np.ndarray, Callable[[int], str]]


def difference(first_name: str, first: Work, other: Work) -> str:
    """Say how a function differs from the first, and where; `""` where they are equal.

    Values are compared, and the products of the derivatives with the same random directions, all
    of them in float64 where the functions can be evaluated there. Rounding is no difference: a
    constant in either function has the digits of its own type alone.

    Args:
        first_name: What the first function is called.
        first: What was found of it.
        other: What was found of the other function.
    """
    shapes = [_shapes(work.problem) for work in (first, other)]
    if shapes[0] != shapes[1]:
        return f"returns {shapes[1]} where {first_name} returns {shapes[0]}"
    own, others = _truth(first), _truth(other)
    if own is None or others is None:
        return ""
    limit = _limit([first, other])
    for what, a, b, named in _pairs(own, others, other.problem):
        by_differences = what and any("differences" in t.source for t in (own, others))
        place = _furthest(a, b, limit, _LEFT if by_differences else 0.0)
        if place is not None:
            far = f", by {units.times(abs(b[place] - a[place]))}"
            far = far if np.isfinite(b[place] - a[place]) else ""
            there = f"{b[place]:.6g} at {named(place)} where {first_name} has {a[place]:.6g}"
            return f"differs from {first_name}{what}{far}: {there}"
    return ""


def _pairs(one: Truth, two: Truth, problem: Problem) -> Iterator[_Pair]:
    """Yield what two functions are compared by, the plainest first.

    Each is a vector of either function, what it is in words, and the name of an entry.
    """
    outputs, inputs = partial(_output, problem), partial(_input, problem)
    yield "", one.value, two.value, outputs
    if one.jacobian is not None and two.jacobian is not None:

        def entry(place: int) -> str:
            output, moved = divmod(place, problem.n)
            by = inputs(moved)
            return by if problem.scalar else f"{outputs(output)} by {by}"

        yield " in its derivative", one.jacobian.ravel(), two.jacobian.ravel(), entry
    weighted = "" if problem.scalar else ", with random weights of the outputs"
    yield f" in its derivative{weighted}", one.vjp, two.vjp, inputs
    yield " in its derivative along a random direction", one.jvp, two.jvp, outputs


def how_compared(works: Sequence[Work]) -> str:
    """Say that all results are equal, and how that is known; or that it is not."""
    truths = [_truth(work) for work in works]
    if any(truth is None for truth in truths):
        return "not compared, for want of time"
    coarsest, limit = max(map(_eps, works)), _limit(works)
    where = "compared in float64" if coarsest <= FLOAT64_EPS else "compared in their own type"
    return f"all results are equal to {limit:.0e}, {where}"


def as_computed(calls: Mapping[str, Callable[[], object]]) -> str:
    """Say how far the values are apart as they are computed; `""` where nobody would notice.

    What computes in a narrow type is the same function in float64.

    Args:
        calls: The functions by name, compiled for the point, the first one first.
    """
    values = {name: ravel(call()) for name, call in calls.items()}
    (first, true), *others = values.items() if values else [("", np.zeros(0))]
    far = {name: relative_error(value, true) for name, value in others}
    name = max(far, key=lambda name: far[name], default="")
    if not name or not _NOTICED < far[name] < math.inf:
        return ""
    return f"as computed, {name} is {far[name]:.1e} from {first}, by rounding in a narrow type"


def _limit(works: Sequence[Work]) -> float:
    """Return how far apart results may be, over the largest entry."""
    own = max(float(jnp.finfo(leaf.dtype).eps) for work in works for leaf in work.problem.x)
    return max(math.sqrt(max(map(_eps, works))), _CONSTANTS * own)


def _truth(work: Work) -> Truth | None:
    """Return what is known of a function in the most precise type; `None` without any."""
    if work.experiment is None or work.experiment.unchecked:
        return None
    return work.experiment.first.truth


def _eps(work: Work) -> float:
    return work.experiment.first.eps if work.experiment else FLOAT64_EPS


def _furthest(a: np.ndarray, b: np.ndarray, limit: float, left: float) -> int | None:
    """Return where two vectors are the furthest apart; `None` if that is within the limit.

    What is up to `left` is taken for zero.

    A vector of NaN alone is not known.
    """
    if np.all(np.isnan(a)) or np.all(np.isnan(b)):
        return None
    both_strange = ~np.isfinite(a) & ~np.isfinite(b)
    with np.errstate(invalid="ignore"):
        apart = np.where(both_strange, 0.0, np.abs(a - b))
    apart = np.where(np.isnan(apart), np.inf, apart)
    sizes = np.abs(np.concatenate([a, b]))
    scale = np.max(sizes[np.isfinite(sizes)], initial=0.0)
    place = int(np.argmax(apart))
    return place if apart[place] > max(limit * scale, left) else None


def _shapes(problem: Problem) -> str:
    """Write the shapes of what a function returns."""
    outputs = problem.outputs
    names = outputs.pack([list(map(int, shape)) for shape in outputs.shapes], lambda re, im: re)
    return str(names)


def _output(problem: Problem, place: int) -> str:
    """Name one of the numbers that a function returns."""
    outputs = problem.outputs
    numbered = jax.tree.unflatten(outputs.structure, range(outputs.structure.num_leaves))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(numbered)]
    names: list[str] = []
    for leaf, in_parts in zip(outputs.kept, outputs.complex, strict=True):
        names += [
            f"output{paths[leaf]}{end}" for end in ((".real", ".imag") if in_parts else ("",))
        ]
    return _entry(names, outputs.shapes, place)


def _input(problem: Problem, place: int) -> str:
    """Name one of the numbers that are differentiated."""
    names = [problem.given.names[leaf] for leaf in problem.given.wanted]
    return _entry(names, [leaf.shape for leaf in problem.x], place)


def _entry(names: Sequence[str], shapes: Sequence[tuple[int, ...]], place: int) -> str:
    """Name an entry of some raveled arrays."""
    for name, shape in zip(names, shapes, strict=True):
        size = math.prod(shape)
        if place < size:
            index = ", ".join(str(int(part)) for part in np.unravel_index(place, shape))
            return f"{name}[{index}]" if shape else name
        place -= size
    raise IndexError(place)
