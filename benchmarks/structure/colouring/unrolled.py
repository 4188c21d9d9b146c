"""Products along seeds one by one, each through that part of the program alone that it reaches.

`vmap` pushes all seeds through all of a program. But where a seed is one column of a table, most of
what is computed from it is zero: the tangent of a weight passes one multiplication, those of a
rotation do not meet the focal length. Here what is known to be zero, or to be the same number all
over, is followed while the program is traced, and only the rest is computed.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn
from jax.lax import GatherScatterMode

from ...derivatives.problem import Leaves, Problem
from ...program.jaxpr import dtype, kind, names, shape, trace
from ...program.walk import bind, interpret, itself
from .colours import Colouring
from .seed_values import Joined, Same, Zero, array, is_known, known, moved, split

#: What is done for each seed by itself; anything else is better done for all at once.
_ONE_BY_ONE = names(
    "add add_any broadcast_in_dim concatenate convert_element_type copy div gather mul neg "
    "optimization_barrier pad reduce_sum reshape rev select_n slice squeeze stack sub transpose "
    "unstack"
)
#: What moves numbers, and leaves one that is the same all over the same.
_MOVES = names("broadcast_in_dim copy reshape rev slice squeeze transpose unstack")
#: What joins arrays, and how many parts of a result are read one by one.
_JOINS, _FEW_PARTS = names("concatenate stack"), 8
#: The least share of the numbers that must be zero, and operations and seeds at most.
_ZERO, _MOST_OPERATIONS, _MOST_NUMBERS = 0.5, 20_000, 30_000_000


class Seeds:
    """Directions whose products are taken one by one, and where their numbers are."""

    def __init__(
        self,
        colours: Colouring,
        made: Sequence[Sequence[bool]],
        share: float,
        pieces: Sequence[np.ndarray],
    ) -> None:
        """Hold the colours, and which pieces each reaches.

        Args:
            colours: The colours.
            made: For each colour whether each piece of the outputs is computed.
            share: The share of all operations that is.
            pieces: The numbers of the outputs that each piece is of.
        """
        self.colours, self.made, self.share, self.pieces = colours, made, share, pieces

    def places(self, colours: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """Return where the numbers of some rows along some seeds are, and how many there are."""
        sizes = np.array([piece.size for piece in self.pieces])
        counts = np.where(np.asarray(self.made), sizes, 0)
        starts = np.cumsum(counts).reshape(counts.shape) - counts
        piece_of, within = np.zeros((2, int(sizes.sum())), np.int64)
        for place, piece in enumerate(self.pieces):
            piece_of[piece], within[piece] = place, np.arange(piece.size)
        return starts[colours, piece_of[rows]] + within[rows], int(counts.sum())


class _Each(NamedTuple):
    """A value of each seed: `Zero`, `Same`, a NumPy array, or one that is computed."""

    values: list[Any]


#: What is computed, where nothing is.
_UNKNOWN = object()


class _RefusedError(Exception):
    """There is an operation that is better done for all seeds at once."""


def seeds_of(problem: Problem, colours: Colouring) -> Seeds | None:
    """Return the seeds of a colouring of the inputs, if products one by one are worth it.

    Nothing is computed for it.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> fn = lambda x: x[:, 0] * x[:, 1] + x[:, 2] * jnp.sin(x[:, 3])
        >>> problem = make_problem(fn, (jnp.ones((9, 4)),))
        >>> seeds_of(problem, Colouring(np.tile(np.arange(4), 9), 4)).share < 0.4
        True
    """
    if colours.count < 2 or colours.count * problem.n > _MOST_NUMBERS:
        return None
    walk = _Walk(colours.count, computes=False)
    try:
        results = walk.run(_pushed(problem, problem.x, problem.fixed), problem.x, colours, ())
    except _RefusedError:
        return None
    if walk.made > (1 - _ZERO) * walk.whole or walk.operations > _MOST_OPERATIONS:
        return None
    outputs = jax.tree.leaves(jax.eval_shape(problem.fn, problem.x, problem.fixed))
    pieces, lines = walk.pieces(results, outputs)
    made = [[not isinstance(part, Zero) for part, _ in line] for line in lines]
    return Seeds(colours, made, walk.made / max(walk.whole, 1), pieces)


def products_of(problem: Problem, seeds: Seeds, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the products along each seed that are not zero, one after the other in one vector."""
    walk = _Walk(seeds.colours.count, computes=True)
    results = walk.run(_pushed(problem, x, fixed), x, seeds.colours, fixed)
    parts: list[jax.Array] = []
    outputs = jax.tree.leaves(jax.eval_shape(problem.fn, x, fixed))
    for line, made in zip(walk.pieces(results, outputs)[1], seeds.made, strict=True):
        for (result, like), is_made in zip(line, made, strict=True):
            if is_made:
                parts.append(array(result, like.shape, like.dtype).ravel())
            elif not isinstance(result, Zero):
                raise ValueError("a product is not zero that was zero in another precision")
    return jnp.concatenate(parts)


def _pushed(problem: Problem, x: Leaves, fixed: Leaves) -> ClosedJaxpr:
    """Return the program of the derivative along a direction."""

    def push(x: Leaves, tangent: Leaves, fixed: Leaves) -> Any:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

    return trace(push, x, x, fixed)


class _Walk:
    """A walk through the program of a derivative along a direction, for several at once."""

    def __init__(self, count: int, *, computes: bool) -> None:
        """Push so many seeds; without computing, what would be is `None`."""
        self._count, self._computes = count, computes
        self.made = self.whole = self.operations = 0

    def run(
        self, program: ClosedJaxpr, x: Leaves, colours: Colouring, fixed: Sequence[Any]
    ) -> list[list[Any]]:
        """Return for each seed its products, one an output."""
        held = len(program.jaxpr.invars) - 2 * len(x)
        others = list(fixed) if self._computes else [None] * held
        inside = [*(x if self._computes else [None] * len(x)), *self._seeds(x, colours), *others]
        results = interpret(program, inside, self._visit, lift=itself)
        zeros = _Each([Zero()] * self._count)  # of what depends on no direction
        each = [result if isinstance(result, _Each) else zeros for result in results]
        return [[result.values[k] for result in each] for k in range(self._count)]

    def _seeds(self, x: Leaves, colours: Colouring) -> list[_Each]:
        seeds, start = [], 0
        for leaf in x:
            own = colours.colours[start : start + leaf.size].reshape(leaf.shape)
            start += leaf.size
            alike = [(own == k).astype(leaf.dtype) for k in range(self._count)]
            seeds.append(_Each([known(values) for values in alike]))
        return seeds

    def pieces(
        self, results: Sequence[Sequence[Any]], outputs: Sequence[Any]
    ) -> tuple[list[np.ndarray], list[list[tuple[Any, Any]]]]:
        """Take results apart that are joined alike along all seeds.

        Returns:
            The numbers of the outputs that each piece is of, and for each seed its pieces, each
            with something of its shape and type.
        """
        rows, lines, start = [], [list[tuple[Any, Any]]() for _ in results], 0
        for output, column in zip(outputs, zip(*results, strict=True), strict=True):
            numbers = np.arange(start, start + output.size).reshape(output.shape)
            start += output.size
            joined = [result for result in column if isinstance(result, Joined)]
            alike = len({one.form for one in joined}) == 1
            if alike and all(isinstance(result, (Joined, Zero)) for result in column):
                own = split(joined[0], numbers)
                for line, result in zip(lines, column, strict=True):
                    parts = result.parts if isinstance(result, Joined) else [Zero()] * len(own)
                    line += list(zip(parts, map(_like(output), own), strict=True))
            else:
                own = [numbers]
                for line, result in zip(lines, column, strict=True):
                    line.append((self._whole(result), output))
            rows += [piece.ravel() for piece in own]
        return rows, lines

    def _whole(self, value: Any) -> Any:
        """Join what is not yet."""
        if not isinstance(value, Joined):
            return value
        if not self._computes:
            return _UNKNOWN
        pairs = zip(value.parts, value.eqn.invars, strict=True)
        return bind(value.eqn, [array(part, shape(v), dtype(v)) for part, v in pairs])[0]

    def _visit(self, eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
        del line
        marked = [isinstance(operand, _Each) for operand in operands]
        if not any(marked):
            return bind(eqn, operands) if self._computes else [None] * len(eqn.outvars)
        if kind(eqn) not in _ONE_BY_ONE:
            raise _RefusedError
        if kind(eqn) == "optimization_barrier":  # of each operand by itself
            return [
                _Each(list(map(self._held_back, operand.values))) if mark else operand
                for operand, mark in zip(operands, marked, strict=True)
            ]
        lines = []
        for k in range(self._count):
            own = [o.values[k] if mark else o for o, mark in zip(operands, marked, strict=True)]
            lines.append(self._one(eqn, own, marked))
        return [_Each(list(values)) for values in zip(*lines, strict=True)]

    def _held_back(self, value: Any) -> Any:
        value = self._whole(value)
        return lax.optimization_barrier(value) if self._computes and not is_known(value) else value

    def _one(self, eqn: JaxprEqn, operands: list[Any], marked: list[bool]) -> list[Any]:
        """Return what an operation makes of the operands of one seed."""
        operands = list(map(self._whole, operands))
        size = sum(math.prod(shape(v)) for v in eqn.outvars) if kind(eqn) not in _MOVES else 0
        self.whole += size
        moving = [operand for operand, mark in zip(operands, marked, strict=True) if mark]
        if all(isinstance(operand, Zero) for operand in moving):
            return [Zero()] * len(eqn.outvars)
        if kind(eqn) == "unstack" and isinstance(operands[0], np.ndarray):
            parts = np.moveaxis(operands[0], eqn.params["axis"], 0)
            return [known(part) for part in parts]
        result = _without_work(eqn, operands, marked)
        if result is not None:
            return [result] * len(eqn.outvars)
        self.made += size
        self.operations += 1
        if kind(eqn) in _JOINS and len(operands) <= _FEW_PARTS:
            return [Joined(eqn, operands)]
        if not self._computes:
            return [_UNKNOWN] * len(eqn.outvars)
        pairs = zip(operands, eqn.invars, strict=True)
        return bind(eqn, [array(o, shape(v), dtype(v)) if is_known(o) else o for o, v in pairs])


def _without_work(eqn: JaxprEqn, operands: list[Any], marked: list[bool]) -> Any:
    """Return the result of an operation for which nothing is computed, or `None`."""
    name, first = kind(eqn), operands[0]
    fits = [shape(v) == shape(eqn.outvars[0]) for v in eqn.invars]
    if name in ("add", "add_any", "sub") and all(marked) and all(fits):
        left, right = operands
        if isinstance(right, Zero):
            return left
        return right if isinstance(left, Zero) and name != "sub" else None
    if name == "mul":
        for mine, other in ((0, 1), (1, 0)):
            alone = marked[mine] and not marked[other] and fits[other]
            if alone and isinstance(operands[mine], Same) and operands[mine].value == 1:
                return operands[other]
        return None
    if name == "neg" and is_known(first):
        return Same(-first.value) if isinstance(first, Same) else -first
    if name == "gather" and isinstance(first, Same):
        inside = GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS
        return first if eqn.params["mode"] in inside and not any(marked[1:]) else None
    if name in _MOVES and marked[0] and is_known(first):
        return first if isinstance(first, Same) else known(moved(eqn, first))
    return None


def _like(output: Any) -> Callable[[np.ndarray], jax.ShapeDtypeStruct]:
    return lambda piece: jax.ShapeDtypeStruct(piece.shape, output.dtype)
