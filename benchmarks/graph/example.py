"""A graph to show what can be done with one: the loss of a logistic regression, by hand."""

import numpy as np

from ..program.count import Flops
from ..program.residuals import Residual
from .parts import Group, Node, Operand, Output, Quantity, Result
from .record import Graph

_X, _W, _B = np.array([2.0, 1.0]), np.array([0.5, -1.0]), np.array(0.1)
_Z = _W @ _X + _B
_P = 1 / (1 + np.exp(-_Z))
#: The tangents of z by each of the three inputs, and its adjoint: the derivative of -log p.
_MOVES = np.array([2.0, 1.0, 1.0])
_SLOPE = _P * (1 - _P)
_BACK = -(1 - _P)


def _made(value: object, tangents: object = (), adjoint: object = None) -> tuple[Result, ...]:
    numbers = np.asarray(value)
    return (
        Result(
            shape=numbers.shape,
            dtype="float64",
            value=Quantity(array=numbers),
            tangents=tuple(Quantity(array=np.asarray(t)) for t in np.asarray(tangents)),
            adjoint=None if adjoint is None else Quantity(array=np.asarray(adjoint)),
        ),
    )


def _edge(node: int, adjoint: object = None) -> Operand:
    back = None if adjoint is None else Quantity(array=np.asarray(adjoint))
    return Operand(node=node, adjoint=back)


def _operation(id_: int, operation: str, operands: tuple[Operand, ...], **rest: object) -> Node:
    line = f"regression.py:{id_} (loss)"
    return Node(
        id=id_,
        kind="operation",
        operation=operation,
        operands=operands,
        source=line,
        **rest,  # pyright: ignore[reportArgumentType]
    )


def _flops(count: int) -> Flops:
    return Flops(low=count, mean=count, high=count, as_xla=count)


_KEPT = Residual(
    bytes=8, shape=(), dtype="float64", what="logistic", source="regression.py:5 (loss)",
    storage="new",
)  # fmt: skip
_UNITS = np.eye(3)

EXAMPLE = Graph(
    title="logistic regression",
    nodes=(
        Node(id=0, kind="fixed", operation="x", name="x", results=_made(_X)),
        Node(
            id=1, kind="input", operation="w", name="w", parameter=True, groups=(0,),
            results=_made(_W, _UNITS[:, :2], _BACK * _X),
        ),
        Node(
            id=2, kind="input", operation="b", name="b", parameter=True, groups=(0,),
            results=_made(_B, _UNITS[:, 2], _BACK),
        ),
        _operation(
            3, "dot_general", (_edge(1, _BACK * _X), _edge(0)), groups=(0,), flops=_flops(4),
            results=_made(_W @ _X, [2.0, 1.0, 0.0], _BACK),
        ),
        _operation(
            4, "add", (_edge(3, _BACK), _edge(2, _BACK)), name="z", groups=(0,), flops=_flops(1),
            results=_made(_Z, _MOVES, _BACK),
        ),
        _operation(
            5, "logistic", (_edge(4, _BACK),), name="p", flops=_flops(1), kept=(_KEPT,),
            results=_made(_P, _SLOPE * _MOVES, -1 / _P),
        ),
        _operation(
            6, "log", (_edge(5, -1 / _P),), flops=_flops(1),
            results=_made(np.log(_P), (1 - _P) * _MOVES, -1.0),
        ),
        _operation(
            7, "neg", (_edge(6, -1.0),), name="L", flops=_flops(1),
            results=_made(-np.log(_P), _BACK * _MOVES, 1.0),
        ),
    ),
    groups=(Group(id=0, name="layer", kind="layer"),),
    outputs=(Output(name="output", edge=_edge(7, 1.0)),),
    passes=("w[0]", "w[1]", "b"),
    n=3,
    m=1,
)  # fmt: skip
