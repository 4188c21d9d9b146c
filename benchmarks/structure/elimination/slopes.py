"""The linear part of a program as a graph, and the elimination of what is between its ends.

Each node is a component of a tangent, for all examples. An edge says by what a node depends on one
before it: `v += weight * u[index]`. To eliminate a node is to lead the edges into it on to those
that it has an edge to (Griewank and Reese, 1991); what is left are the partial derivatives of
outputs by inputs.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy

import numpy as np

from .cells import RefusedError
from .formulas import Formulas

#: The tangent that is zero.
ZERO = -1
#: Places that a program is cut at, at most.
_MOST_CUTS = 40
#: What belongs to fewer examples than one of so many costs nothing.
_FEW_OF = 4

#: The node that an edge comes from, and the index by which it is read, if it is.
Source = tuple[int, int | None]


class Slopes:
    """A graph of tangents.

    Attributes:
        edges: For each node its edges from others, with their weights.
        lengths: How many examples each node has.
    """

    def __init__(self, formulas: Formulas) -> None:
        """Start without nodes; weights are formulas."""
        self.formulas = formulas
        self.edges: list[dict[Source, int]] = []
        self.lengths: list[int | None] = []

    def input(self, length: int | None) -> int:
        """Add a node that depends on no other."""
        return self._node({}, length)

    def _node(self, edges: dict[Source, int], length: int | None) -> int:
        self.edges.append(edges)
        self.lengths.append(length)
        return len(self.edges) - 1

    def total(self, terms: Sequence[tuple[int, int | None, int]], length: int | None) -> int:
        """Add a node that is the sum of others, each read by an index and times a weight."""
        edges: dict[Source, int] = {}
        for node, index, weight in terms:
            if node != ZERO and self.formulas.value(weight) != 0:
                _add(self.formulas, edges, (node, index), weight)
        if not edges:
            return ZERO
        if len(edges) == 1:
            ((node, index), weight), *_ = edges.items()
            if index is None and self.formulas.value(weight) == 1 and self.lengths[node] == length:
                return node
        return self._node(edges, length)


def eliminated(
    slopes: Slopes,
    inputs: int,
    outputs: Sequence[int],
    *,
    cut: int | None = None,
    left: Callable[[], float] = lambda: math.inf,
) -> tuple[int, list[dict[Source, int]]]:
    """Return the partial derivatives by inputs that each output is made of.

    The first nodes are the inputs. What costs nothing is eliminated first, and what belongs to few
    examples. Then the program is cut at a place: nodes before it are eliminated inputs first, those
    after it outputs first, and last those that edges lead across it from, which is reverse mode to
    a cut and forward mode from it. The place with the least work is taken.

    Args:
        slopes: The graph.
        inputs: How many of its first nodes are the inputs.
        outputs: The nodes of the outputs.
        cut: Where to cut, if that is known.
        left: Tells how many seconds are left for looking.

    Returns:
        Where the program is cut, and the edges of each output.

    Raises:
        RefusedError: If no place is tried before the time is over.

    Example:
        >>> formulas = Formulas()
        >>> slopes, x = Slopes(formulas), formulas.leaf(0, 0, 9)
        >>> slope = slopes.input(9)
        >>> node = slopes.total([(slope, None, x)], 9)
        >>> node = slopes.total([(node, None, x), (slope, None, formulas.number(1))], 9)
        >>> _, [edges] = eliminated(slopes, 1, [node])
        >>> edges == {(slope, None): formulas.add(formulas.mul(x, x), formulas.number(1))}
        True
    """
    start = Elimination(slopes, inputs, outputs, left)
    start.eliminate_cheap()
    nodes = sorted(start.between)
    if cut is not None:
        start.eliminate_around(nodes, cut)
        return cut, start.results()
    every = np.unique(np.linspace(0, len(nodes), min(len(nodes) + 1, _MOST_CUTS)).astype(int))
    found: list[tuple[int, int, list[dict[Source, int]]]] = []
    for place in map(int, every):
        one = start.copy()
        try:
            one.eliminate_around(nodes, place)
        except RefusedError:
            if found:
                break
            raise
        found.append((slopes.formulas.work(*one.weights()), place, one.results()))
    _, best, edges = min(found, key=lambda result: result[:2])
    return best, edges


class Elimination:
    """The elimination of the nodes between inputs and outputs, one by one."""

    def __init__(
        self, slopes: Slopes, inputs: int, outputs: Sequence[int], left: Callable[[], float]
    ) -> None:
        """Start with the edges of what outputs depend on."""
        self._formulas, self._left = slopes.formulas, left
        self._ends: list[int | None] = []
        self.edges: dict[int, dict[Source, int]] = {}
        self.onward: dict[int, set[int]] = defaultdict(set)
        self._lengths = dict(enumerate(slopes.lengths))
        todo, one = [], self._formulas.number(1.0)
        for place, output in enumerate(outputs):
            end = None if output == ZERO else len(slopes.edges) + place
            self._ends.append(end)
            if end is not None:
                self._lengths[end] = slopes.lengths[output]
                self._put(end, {(output, None): one})
                todo.append(output)
        while todo:
            node = todo.pop()
            if node >= inputs and node not in self.edges:
                self._put(node, dict(slopes.edges[node]))
                todo += [source for source, _ in slopes.edges[node]]
        #: The nodes that are to be eliminated.
        self.between = set(self.edges) - set(self._ends)

    def copy(self) -> "Elimination":
        """Return one that goes on by itself."""
        other = copy(self)
        other.edges = {node: dict(edges) for node, edges in self.edges.items()}
        other.onward = defaultdict(set, {node: set(onto) for node, onto in self.onward.items()})
        other.between = set(self.between)
        return other

    def eliminate_cheap(self) -> None:
        """Eliminate what costs nothing, again and again, and what belongs to few examples."""
        longest = max((self._lengths[node] or 1 for node in self.edges), default=1)

        def is_cheap(node: int) -> bool:
            near = (node, *self.onward[node])
            return not self.work(node) or all(
                _FEW_OF * (self._lengths[other] or 1) < longest for other in near
            )

        again = True
        while again:
            again = False
            for node in sorted(self.between):
                if is_cheap(node):
                    self.eliminate(node)
                    again = True

    def eliminate_around(self, nodes: Sequence[int], cut: int) -> None:
        """Eliminate nodes up to a cut from both sides."""
        before, after = nodes[:cut], set(nodes[cut:]) | {end for end in self._ends if end}
        across = {node for node in before if self.onward[node] & after}
        inner = [node for node in before if node not in across]
        for node in (*inner, *sorted(nodes[cut:], reverse=True), *sorted(across)):
            self.eliminate(node)

    def _put(self, node: int, edges: dict[Source, int]) -> None:
        self.edges[node] = edges
        for source, _ in edges:
            self.onward[source].add(node)

    def work(self, node: int) -> int:
        """Return what it takes to eliminate a node, in additions."""
        value, work = self._formulas.value, 0
        for target in self.onward[node]:
            for (source, index), weight in self.edges[target].items():
                if source != node:
                    continue
                each = 0
                for other in self.edges[node].values():
                    varies = self._formulas.every[other].length is not None
                    each += 3 * (varies and index is not None)
                    each += value(other) not in (1, -1) and value(weight) not in (1, -1)
                work += each * (self._lengths[target] or 1)
        return work

    def eliminate(self, node: int) -> None:
        """Lead the edges into a node on.

        Raises:
            RefusedError: If the time is over.
        """
        if self._left() < 0:
            raise RefusedError("the time is over")
        formulas, before = self._formulas, self.edges.pop(node)
        self.between.discard(node)
        targets = self.onward.pop(node, set())
        for source, _ in before:
            self.onward[source].discard(node)
        for target in targets:
            edges = self.edges[target]
            for through in [key for key in edges if key[0] == node]:
                weight, index = edges.pop(through), through[1]
                for (source, inner), other in before.items():
                    if index is not None:
                        other = formulas.take(other, index)
                        inner = index if inner is None else formulas.take(inner, index)
                        inner = None if self._lengths[source] is None else inner
                    _add(formulas, edges, (source, inner), formulas.mul(weight, other))
                    self.onward[source].add(target)

    def weights(self) -> list[int]:
        """Return the weights of all edges."""
        return [weight for edges in self.edges.values() for weight in edges.values()]

    def results(self) -> list[dict[Source, int]]:
        """Return what each output is made of."""
        return [{} if end is None else self.edges[end] for end in self._ends]


def _add(formulas: Formulas, edges: dict[Source, int], source: Source, weight: int) -> None:
    before = edges.get(source)
    edges[source] = weight if before is None else formulas.add(before, weight)
