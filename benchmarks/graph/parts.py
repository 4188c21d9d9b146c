"""What a computational graph is made of, as records; they need no JAX, and draw nothing.

A graph is a list of nodes in topological order: whatever a node takes stands before it. Groups
(layers, losses, loops) are runs of that list, so that a closed group can make no cycle.
"""

from dataclasses import dataclass, field

import numpy as np

from .._equality import equal_by_fields
from ..program.count import Flops
from ..program.residuals import Residual


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Quantity:
    """The numbers of a value, a tangent or an adjoint.

    Attributes:
        array: All of them, or, if `pooled`, the means of at most 12 by 16 blocks of them.
        pooled: Whether the array itself was too large to keep.
    """

    array: np.ndarray
    pooled: bool = False


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Result:
    """One array that a node makes.

    Attributes:
        shape: Its shape.
        dtype: Its dtype.
        value: Its numbers; `None` where the graph was made of shapes, or it is a key.
        tangents: Its tangent in each of the graph's `passes`; empty where there is no forward mode.
        adjoint: Its adjoint, the derivative of the graph's weighted output by it; `None` where
            there is no reverse mode, or it holds no floats. Zero where no output depends on it.
    """

    shape: tuple[int, ...]
    dtype: str
    value: Quantity | None = None
    tangents: tuple[Quantity, ...] = ()
    adjoint: Quantity | None = None


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Operand:
    """An edge: what a node takes from an earlier one.

    Attributes:
        node: The id of the earlier node.
        result: Which of its results.
        notes: What is done on the way that only changes the shape or the type, or stops the
            derivative, in order, such as `("broadcast",)`, `("cast to float32",)`.
        adjoint: What the edge hands back in reverse mode, in the shape of the earlier result; the
            adjoint of a result is the sum of what all its edges hand back.
    """

    node: int
    result: int = 0
    notes: tuple[str, ...] = ()
    adjoint: Quantity | None = None


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Node:
    """An input, a constant or an operation.

    Attributes:
        id: Its place in `Graph.nodes`.
        kind: `"input"` (differentiated), `"fixed"` (an input that is not), `"constant"` (whatever
            depends on no differentiated input, folded into one node), `"operation"`, `"loop"` or
            `"branch"` (an operation with a body, drawn as its group), `"carried"`, `"slice"` or
            `"held"` (inputs of a body; their one operand is what the loop is given).
        operation: The primitive's name, or what a constant is (`"mask"`, `"one-hot"`), or a custom
            rule's name, such as `"relu"`.
        literals: For each operand of the primitive its number where it stands in the program
            itself, and `None` where it is the next of `operands`: `x * 0.1` has `(None, 0.1)`.
        params: What a reader needs to know of the primitive's parameters, in short, such as
            `{"axes": (0,)}` or `{"y": 2}`.
        name: The user's own name of the value, `""` if it has none.
        operands: Its edges, in the order in which it takes them.
        results: The arrays that it makes; `results[0]` is the one that is drawn.
        groups: The ids of the groups that it is in, outermost first. Inputs and constants are
            drawn beside what uses them and have those groups that hold all their uses.
        body_of: The loop or branch whose body it is in; `None` outside of all bodies.
        source: The user's line, `file.py:12 (function)`; `""` if unknown.
        flops: Its operations; a loop's are those of all its turns, those in a body of one turn.
            Over the nodes outside of bodies they add up to `gradwise.flops`.
        kept: What reverse mode keeps that this node made; over all nodes these are
            `gradwise.residuals`, each once. What a loop's body makes is with the nodes in the body.
        parameter: Whether an input or constant is one leaf of many of an argument, such as a
            weight, and is drawn inside of the group that uses it.
        note: Why a derivative ends here, or another thing that a reader should know; else `""`.
    """

    id: int
    kind: str
    operation: str
    literals: tuple[float | int | bool | None, ...] = ()
    params: tuple[tuple[str, object], ...] = ()
    name: str = ""
    operands: tuple[Operand, ...] = ()
    results: tuple[Result, ...] = ()
    groups: tuple[int, ...] = ()
    body_of: int | None = None
    source: str = ""
    flops: Flops = field(default_factory=Flops)
    kept: tuple[Residual, ...] = ()
    parameter: bool = False
    note: str = ""


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Group:
    """A run of nodes that can be drawn as one: a layer, a loss, a loop.

    Attributes:
        id: Its place in `Graph.groups`; a group stands behind the one that it is in.
        name: Such as `"1 batch_norm"`, `"softmax_cross_entropy"`, `"x 12"`, `"branch 1 (taken)"`.
        kind: `"layer"`, `"loss"`, `"penalty"`, `"scope"` (of another library or the user's own),
            `"loop"`, `"branch"`, `"side"` (one side of a branch), `"chain"` (a long run of
            operations, each the only use of the one before).
        parent: The id of the group that it is in; `None` for the outermost.
        loop: The id of the loop or branch node that it is the body of: closed it is drawn as that
            node, opened as the body; `None` for other groups.
        turns: How often a loop's body runs; `None` for other groups, and where it is not known.
        turn: Which turn the numbers in the body are of, from 0; `None` where they are of none.
        outputs: What the body hands out, one for each result of the loop; `None` where a result
            is not made in the body. Several sides of a branch each have theirs.
    """

    id: int
    name: str
    kind: str
    parent: int | None = None
    loop: int | None = None
    turns: int | None = None
    turn: int | None = None
    outputs: tuple[Operand | None, ...] = ()


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Output:
    """An output of the function.

    Attributes:
        name: Such as `"output"`, or `"output['loss']"` where there are several.
        edge: Where it comes from; its adjoint is the weight of the output, which is 1 for each of
            its numbers unless another cotangent is given.
    """

    name: str
    edge: Operand
