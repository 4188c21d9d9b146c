"""Graphs in files: as JSON, to be read again, and as pictures, pages and texts, by the ending.

`docs/schema.md` describes the schema.
"""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from .._codec import from_plain, plain_array
from .._files import write_whole
from .._record_file import damage_told, encode, ending, read_object, record_of, save_record
from .parts import Quantity
from .record import Graph

KIND: Final = "graph"
#: Arrays with more entries are saved as the means of at most so many rows and columns of blocks.
LIMIT: Final = 1024
ROWS, COLUMNS = 12, 16
#: What no file holds.
_NOT_FILED = ("subject",)
#: For each ending the module and the function that makes the content of such a file.
WRITERS: Final = {
    ".html": ("drawing.page", "page"),
    ".svg": ("drawing.svg", "svg"),
    ".png": ("drawing.png", "png"),
    ".txt": ("text", "text"),
    ".dot": ("dot", "dot"),
}


def save(graph: Graph, path: str | Path) -> None:
    """Write a graph as `.html`, `.svg`, `.png`, `.txt`, `.json` or `.dot`, by the ending of `path`.

    At every moment `path` is the old file or the whole new one.

    Raises:
        ValueError: If the ending is none of these.
        OSError: If the file cannot be written; an older one stays as it is.

    Example:
        >>> import tempfile
        >>> from benchmarks.graph.example import EXAMPLE
        >>> path = Path(tempfile.mkdtemp()) / "graph.json"
        >>> save(EXAMPLE, path)
        >>> load(path) == EXAMPLE
        True
    """
    of_path = check_ending(path)
    if of_path == ".json":
        names = [f.name for f in dataclasses.fields(graph) if f.name not in _NOT_FILED]
        save_record(path, KIND, {name: _plain(getattr(graph, name)) for name in names})
        return
    module, name = WRITERS[of_path]
    write: Callable[[Graph], str | bytes]
    write = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    content = write(graph)
    write_whole(path, content + "\n" if of_path == ".txt" and isinstance(content, str) else content)


def check_ending(path: str | Path) -> str:
    """Return the ending of a path, in lower case, if a graph can be written to such a file.

    Raises:
        ValueError: If there is no form of this ending.

    Example:
        >>> check_ending("graph.SVG")
        '.svg'
    """
    return ending(path, ".json", *WRITERS)


def load(path: str | Path) -> Graph:
    """Read what `save` wrote as `.json`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, damaged, of another schema, or holds no graph.

    Example:
        >>> import tempfile
        >>> from benchmarks.graph.example import EXAMPLE
        >>> path = Path(tempfile.mkdtemp()) / "graph.json"
        >>> save(EXAMPLE, path)
        >>> load(path)
        Graph(logistic regression: 8 nodes, 1 group)
    """
    _, record = record_of(path, read_object(path), KIND)
    with damage_told(path):
        return _checked(from_plain(Graph, record))


def _plain(value: object) -> object:
    """Return a graph, or anything inside of one, in the types of JSON."""
    if isinstance(value, Quantity):
        value = _small(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return plain_array(value)
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return encode(value) if value is None or isinstance(value, bool | int | float) else str(value)


def _small(quantity: Quantity) -> Quantity:
    """Return what a file holds of the numbers of a quantity."""
    array = np.asarray(quantity.array)
    if array.size <= LIMIT:
        return dataclasses.replace(quantity, array=array)
    return Quantity(array=block_means(array), pooled=True)


def block_means(array: np.ndarray) -> np.ndarray:
    """Return the means of at most 12 by 16 blocks; the last axis runs along the columns.

    Example:
        >>> block_means(np.ones((40, 5, 30))).shape
        (12, 16)
    """
    table = array.reshape(-1, array.shape[-1])
    table = table if table.dtype.kind in "fc" else table.astype(np.float32)
    for axis, most in ((0, ROWS), (1, COLUMNS)):
        length = table.shape[axis]
        count = min(length, most)
        starts = np.arange(count) * length // count
        lengths = np.diff(np.append(starts, length))
        with np.errstate(invalid="ignore", over="ignore"):
            sums = np.add.reduceat(table, starts, axis=axis)
        table = (sums / (lengths[:, None] if axis == 0 else lengths)).astype(table.dtype)
    return table


def _checked(graph: Graph) -> Graph:
    """Return a graph that was read, if it is one: whatever a node names is there, and before it."""
    for place, node in enumerate(graph.nodes):
        if node.id != place:
            raise ValueError(f"node {place} has the id {node.id}")
        for operand in node.operands:
            before = 0 <= operand.node < place
            results = graph.nodes[operand.node].results if before else ()
            if not (before and 0 <= operand.result < max(len(results), 1)):
                raise ValueError(f"node {place} takes what is not before it: node {operand.node}")
        if not set(node.groups) <= set(range(len(graph.groups))):
            raise ValueError(f"node {place} is in a group that there is not")
    for place, group in enumerate(graph.groups):
        if group.id != place or (group.parent is not None and not 0 <= group.parent < place):
            raise ValueError(f"group {place} must stand behind the one that it is in")
        if group.loop is not None and not 0 <= group.loop < len(graph.nodes):
            raise ValueError(f"group {place} is the body of a node that there is not")
    if not graph.shut <= set(range(len(graph.groups))):
        raise ValueError("a group is closed that there is not")
    if graph.direction not in ("right", "down"):
        raise ValueError(f"the direction cannot be {graph.direction!r}")
    if any(not 0 <= output.edge.node < len(graph.nodes) for output in graph.outputs):
        raise ValueError("an output comes from a node that there is not")
    return graph
