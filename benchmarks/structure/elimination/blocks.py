"""What is left when all between inputs and outputs is eliminated: blocks of partial derivatives."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...derivatives.problem import Leaves, Problem
from ...program.jaxpr import trace
from .cells import Cells, Laid, Raw, RefusedError, beside, laid
from .formulas import Formulas
from .slopes import eliminated
from .space import Space
from .walk import walk


class Column(NamedTuple):
    """A partial derivative, of one component of an output by one of an input.

    Attributes:
        component: Which of the components of the block's outputs it is of.
        leaf: The input.
        own: Which of its components.
        at: The index by which that is read, a formula; `None` for the same example's.
        weight: The formula of the derivative.
    """

    component: int
    leaf: int
    own: int
    at: int | None
    weight: int


class Block(NamedTuple):
    """The partial derivatives of some components of an output, for all examples.

    Attributes:
        length: How many examples there are; `None` for a number each.
        numbers: `[examples, components]`, which numbers of all parts they are the derivatives of.
        columns: The partial derivatives, in the order in which they are stored for each example.
    """

    length: int | None
    numbers: np.ndarray
    columns: tuple[Column, ...]


class Local(NamedTuple):
    """A Jacobian as blocks.

    Attributes:
        space: The formulas that they are computed by.
        blocks: The blocks, in the order in which their numbers are stored.
        places: `[m]`, for each number of the outputs which number of the parts it is, from 1 on; 0
            for one that depends on nothing.
        axes: The axis of each input that runs along examples.
        cut: Where the program was cut.
    """

    space: Space
    blocks: tuple[Block, ...]
    places: np.ndarray
    axes: tuple[int | None, ...]
    cut: int

    @property
    def form(self) -> str:
        """What the blocks are like, in the order of their numbers."""
        told = [
            (block.length, [(c.component, c.leaf, c.own) for c in block.columns])
            for block in self.blocks
        ]
        return repr(told)

    @property
    def weights(self) -> list[int]:
        """The formulas of all partial derivatives."""
        return [column.weight for block in self.blocks for column in block.columns]


def local_of(
    problem: Problem,
    x: Leaves,
    fixed: Leaves,
    axes: Sequence[int | None],
    *,
    looks: bool,
    cut: int | None = None,
    left: Callable[[], float] = lambda: math.inf,
) -> Local:
    """Return a Jacobian as blocks of partial derivatives.

    Args:
        problem: What is differentiated.
        x: Its inputs.
        fixed: What it is held fixed at.
        axes: The axis of each input that runs along examples.
        looks: Whether `fixed` has values, which are looked at to see that indices are inside.
        cut: Where to cut its program, if that is known.
        left: Tells how many seconds are left for looking.

    Raises:
        RefusedError: If components do not tell what its program does.
    """

    def push(x: Leaves, tangent: Leaves, fixed: Leaves) -> Any:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

    space = Space(jnp.result_type(*x), looks=looks)
    results = walk(space, trace(push, x, x, fixed), x, fixed, axes)
    parts, places = beside([_as_laid(result) for result in results])
    inputs = [(leaf, own) for leaf, own, _ in _components(x, axes)]
    ends = [int(node) for part in parts for node in part.ids.ravel()]
    cut, edges = eliminated(space.slopes, len(inputs), ends, cut=cut, left=left)
    blocks, start, each = [], 0, iter(edges)
    for part in parts:
        own = [next(each) for _ in range(part.ids.size)]
        blocks += _blocks(space.formulas, part, own, inputs, start)
        start += int(np.prod(part.shape, dtype=int))
    every = [place.ravel() for place in places]
    return Local(space, tuple(blocks), np.concatenate(every), tuple(axes), cut)


def _as_laid(value: Any) -> Laid:
    if isinstance(value, Raw):  # nothing that is differentiated by reaches it
        return Laid((), np.zeros(value.shape, np.int64))
    if isinstance(value, Cells) and not value.linear:
        raise RefusedError("a tangent that is none")
    return laid(value)


def _components(x: Leaves, axes: Sequence[int | None]) -> list[tuple[int, int, int | None]]:
    """Return the components of inputs as nodes of tangents are numbered, with their lengths."""
    found = []
    for place, (leaf, axis) in enumerate(zip(x, axes, strict=True)):
        length = None if axis is None else leaf.shape[axis]
        count = int(np.prod(leaf.shape, dtype=int)) // (length or 1)
        found += [(place, own, length) for own in range(count)]
    return found


def _blocks(
    formulas: Formulas,
    part: Cells,
    edges: Sequence[dict],
    inputs: Sequence[tuple[int, int]],
    start: int,
) -> list[Block]:
    """Return a part's blocks, one for each of the components on axes before that of examples."""
    numbers = np.arange(start, start + int(np.prod(part.shape, dtype=int))).reshape(part.shape)
    axis = part.axis if part.axis is not None else 0
    if part.axis is None:
        numbers = numbers.reshape(1, 1, -1)
    else:
        count = int(np.prod(part.shape[:axis], dtype=int))
        numbers = numbers.reshape(count, part.shape[axis], -1)
    width, found = numbers.shape[2], []
    for place, own in enumerate(numbers):
        columns = []
        for component, into in enumerate(edges[place * width : (place + 1) * width]):
            ordered = sorted(into.items(), key=lambda edge: _middle(formulas, inputs, edge[0]))
            for (node, index), weight in ordered:
                leaf, own_one = inputs[node]
                columns.append(Column(component, leaf, own_one, index, weight))
        if columns:
            found.append(Block(part.length, own, tuple(columns)))
    return found


def _middle(formulas: Formulas, inputs: Sequence[tuple[int, int]], source: Any) -> tuple:
    """Return what orders columns as they are in most rows."""
    node, index = source
    leaf, own = inputs[node]
    at = formulas.every[index].what if index is not None else ("line", 0, 1)
    return leaf, (at[1], at[2]) if at[0] == "line" else (0, 0), own, -1 if index is None else index
