"""What reverse mode keeps, at the node that it is kept for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from jax.extend.core import JaxprEqn, Literal

from ...program.jaxpr import bodies, opened
from ...program.labels import label_of
from ...program.residual_labels import Place, kept_by_label
from ...program.residuals import Residual
from ..parts import Node
from .assemble import Assembly
from .steps import Block, Value
from .trace import Traced


def with_kept(
    fn: Callable[..., object], found: Traced, block: Block, assembly: Assembly
) -> list[Node]:
    """Return the nodes with the residuals of a function, each at one of them.

    What is kept for an operation is at its node: a constant is a node for all operations that make
    it, a custom rule for those in it. What is kept for a change of shape is at the node that it is
    a change of.
    """
    nodes = _Nodes(found, block, assembly)
    kept: dict[int, list[Residual]] = {}
    for residual, place in kept_by_label(fn, found.inputs, found.program):
        kept.setdefault(nodes.of(place), []).append(residual)
    return [replace(node, kept=tuple(kept.get(node.id, ()))) for node in assembly.nodes]


class _Nodes:
    """The node that each place in a labelled program is a part of."""

    def __init__(self, found: Traced, block: Block, assembly: Assembly):
        drawn = {value: node for value, (node, _) in assembly.places.items()}
        nodes = assembly.takers | drawn
        constants = list(block.constants)[: len(found.program.consts)]
        self._inputs = [nodes.get(v) for v in block.inputs]
        self._constants = [nodes.get(v) for v in constants]
        self._labels = {label_of(step.eqn): node for step, node in assembly.owners.items()}
        for step, node in assembly.owners.items():
            for label in _labels_in(step.eqn):
                self._labels.setdefault(label, node)
        makers = {v: node for step, node in assembly.owners.items() for v in step.results}
        for eqn, value in _same(block):
            if isinstance(value, Value) and value in makers:
                self._labels.setdefault(label_of(eqn), makers[value])
        operations = [node.id for node in assembly.nodes if node.kind == "operation"]
        self._last = max(operations, default=len(assembly.nodes) - 1)

    def of(self, place: Place) -> int:
        """Return the id of a node, that of the last operation where none is known."""
        if place.input is not None:
            node = self._inputs[place.input]
        elif place.constant is not None:
            node = self._constants[place.constant]
        else:
            node = self._labels.get(self._nearest(place.label))
        return self._last if node is None else node

    def _nearest(self, label: int | None) -> int | None:
        """Return the label, or the first one behind it: a call's are those of what it calls."""
        known = (other for other in self._labels if other is not None)
        return None if label is None else min((k for k in known if k >= label), default=None)


def _same(block: Block) -> Iterator[tuple[JaxprEqn, Value | Literal]]:
    yield from block.same
    for step in block.steps:
        for body in step.bodies:
            yield from _same(body)


def _labels_in(eqn: JaxprEqn) -> Iterator[int | None]:
    """Yield the labels of the equations in the programs of one."""
    for body in bodies(eqn):
        for inner in opened(body).eqns:
            yield label_of(inner)
            yield from _labels_in(inner)
