"""The computational graph as one record, and its forms: text, picture, page, file."""

from dataclasses import dataclass

from .._equality import equal_by_fields
from .parts import Group, Node, Output


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Graph:
    """The computational graph of a function at a point.

    Attributes:
        title: The function's name.
        nodes: Inputs, constants and operations, in topological order.
        groups: Layers, losses, loops.
        outputs: What the function returns.
        passes: What the tangents are by, one for each forward pass that is kept, such as
            `("w[0]", "w[1]", "b")`; one name, `"tangent"`, where a tangent was given.
        n: How many numbers are differentiated: what forward mode takes as many passes for.
        m: How many numbers the float outputs hold.
        forward: Why there is no forward mode; `""` where there is.
        reverse: Why there is no reverse mode; `""` where there is.
        shut: The ids of the groups that are drawn closed.
        direction: `"right"` or `"down"`.
        notes: What else a reader should know.
    """

    title: str
    nodes: tuple[Node, ...]
    groups: tuple[Group, ...] = ()
    outputs: tuple[Output, ...] = ()
    passes: tuple[str, ...] = ()
    n: int = 0
    m: int = 0
    forward: str = ""
    reverse: str = ""
    shut: frozenset[int] = frozenset()
    direction: str = "right"
    notes: tuple[str, ...] = ()
