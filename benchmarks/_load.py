"""Read what a comparison, a graph or a structure saved."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from ._record_file import read_object

if TYPE_CHECKING:
    from .comparison.record import Comparison
    from .graph.record import Graph
    from .structure.choosing.regret import Regrets
    from .structure.record import Jacobian
    from .structure.structured import Structure

#: The kinds of records that are no comparisons, and where their reader is.
_READERS = {
    "graph": "graph.file",
    "structure": "structure.file",
    "jacobian": "structure.file",
    "regrets": "structure.file",
}


def load(
    path: str | Path,
) -> "Comparison | list[Comparison] | Graph | Structure | Jacobian | Regrets":
    """Read what `save` wrote: comparisons, a graph, a structure, a Jacobian or regrets.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, damaged, or holds another record.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> from gradwise import graph
        >>> path = Path(tempfile.mkdtemp()) / "graph.json"
        >>> graph(jnp.sin, 1.0).save(path)
        >>> load(path)
        Graph(sin: 2 nodes, 0 groups)
    """
    kind = read_object(path).get("kind")
    reader = _READERS.get(kind, "comparison.file") if isinstance(kind, str) else "comparison.file"
    return importlib.import_module(f"{__package__}.{reader}").load(path)
