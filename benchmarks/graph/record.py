"""The computational graph as one record, and its forms: text, picture, page, file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from .._equality import equal_by_fields
from .parts import Group, Node, Output
from .subject import Subject


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
        subject: The function and its inputs, as `gradwise.graph` was given them; `None` in what was
            read from a file. It is neither compared nor saved nor shown.

    `print(graph)` shows a line a node; in a notebook it is the page.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import graph
        >>> def log_of_sum(x):
        ...     return jnp.log(jnp.sum(x))
        >>> drawn = graph(log_of_sum, jnp.array([1.0, 2.0]))
        >>> drawn
        Graph(log_of_sum: 3 nodes, 0 groups)
        >>> [node.operation for node in drawn.nodes]
        ['input', 'reduce_sum', 'log']
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
    subject: Subject | None = field(default=None, compare=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """The user's own names of values, which a formula calls nothing else by.

        Example:
            >>> from gradwise import graph
            >>> def squared_error(w, x, y):
            ...     error = w * x - y
            ...     return error**2
            >>> sorted(graph(squared_error, 3.0, 2.0, 5.0).names)
            ['error', 'w', 'x', 'y']
        """
        return frozenset(node.name for node in self.nodes if node.name)

    def overlay(self, name: str) -> dict[int, tuple[float, str]]:
        """Return a number and a short text for each node that an overlay says something of.

        Args:
            name: `"kept"`, the bytes that reverse mode keeps; `"flops"`; `"saturation"`, the share
                of entries at which an activation's derivative is below 0.01; `"zeros"`, the share
                of zeros in value and adjoint; `"not finite"`, where a NaN or an infinity is made;
                `"digits"`, how many are lost against the same program in float64, which is run
                for it.

        Returns:
            By the node's id.

        Raises:
            ValueError: If there is no such overlay, or it cannot be told of this graph.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import graph
            >>> graph(jnp.tanh, jnp.array([0.0, 1.0, 9.0, -9.0])).overlay("saturation")
            {1: (0.5, "50 % saturated: |f'| < 0.01")}
        """
        from .overlays import overlay

        return overlay(self, name)

    def closed(
        self,
        depth: int | None = None,
        open: str | Sequence[str] = (),  # noqa: A002
        shut: str | Sequence[str] = (),
    ) -> "Graph":
        """Return the graph with other groups closed.

        Args:
            depth: How deep groups are closed: 1 for the outermost ones and all in them, 2 for
                those that are in another, and so on; `None` leaves them as they are.
            open: The names of groups to open, `"1 batch_norm"` or for all of them `"batch_norm"`;
                those that they are in are opened too.
            shut: The names of groups to close.

        Raises:
            ValueError: If no group has such a name, or `depth` is less than 1.

        Example:
            >>> import jax
            >>> from gradwise import graph
            >>> def power(w):
            ...     return jax.lax.fori_loop(0, 12, lambda _, x: x * w, 1.0)
            >>> drawn = graph(power, 1.0).closed(depth=1)
            >>> [drawn.groups[group].name for group in drawn.shut]
            ['x 12']
            >>> drawn.closed(open="x 12").shut
            frozenset()
        """
        from .layout.closing import shut_by

        return replace(self, shut=shut_by(self, depth, open, shut))

    def save(self, path: str | Path) -> None:
        """Write the graph as `.html`, `.svg`, `.png`, `.txt`, `.json` or `.dot`, by the ending.

        `gradwise.load` reads the `.json`.

        Raises:
            ValueError: If the ending is none of these.
            OSError: If the file cannot be written; an older one stays as it is.

        Example:
            >>> import os, tempfile
            >>> import jax.numpy as jnp
            >>> from gradwise import graph, load
            >>> drawn = graph(jnp.sin, 1.0)
            >>> path = os.path.join(tempfile.mkdtemp(), "sine.json")
            >>> drawn.save(path)
            >>> load(path) == drawn
            True
        """
        from .file import save

        save(self, path)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (arrays have no hash)

    def __str__(self) -> str:
        from .text import text

        return text(self)

    def __repr__(self) -> str:
        from .text import parts

        return f"Graph({self.title}: {parts(self)})"

    def _repr_html_(self) -> str:
        from .drawing.page import in_notebook

        return in_notebook(self)
