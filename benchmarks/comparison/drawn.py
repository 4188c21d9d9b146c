"""From a comparison to the computational graph of its function."""

import functools
from typing import TYPE_CHECKING, Any

from .source import Source

if TYPE_CHECKING:
    from ..graph.record import Graph


def graph_of(source: Source | None, **options: Any) -> "Graph":
    """Return the graph of what was compared, at the inputs of the comparison.

    Args:
        source: What was compared.
        **options: What `gradwise.graph` is asked for.

    Raises:
        ValueError: If the function is not known.
    """
    from ..graph.build import graph

    if source is None:
        raise ValueError(
            "this comparison was read from a file, which holds no function: call "
            "gradwise.graph(fn, *inputs)"
        )
    fn = source.fn
    if source.has_aux:

        @functools.wraps(fn)  # which has the names of its arguments
        def without_aux(*inputs: object) -> object:
            return source.fn(*inputs)[0]  # pyright: ignore[reportIndexIssue]

        fn = without_aux
    return graph(fn, *source.inputs, argnums=source.argnums, **options)
