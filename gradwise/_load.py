"""Read a record from a file, whichever package it belongs to."""

import importlib
from pathlib import Path
from typing import Any

#: Which package reads a record, and by what, for each kind that a file may say it is.
_READERS = {
    "comparison": ("benchmarks", "load"),
    "comparisons": ("benchmarks", "load"),
    "functions": ("benchmarks", "FunctionComparison.load"),
    "graph": ("benchmarks", "load"),
    "jacobian": ("benchmarks", "load"),
    "history": ("train", "History.load"),
    "regrets": ("benchmarks", "load"),
    "search": ("train", "Search.load"),
    "saturation": ("nn", "Saturation.load"),
    "structure": ("benchmarks", "load"),
    "summary": ("nn", "Summary.load"),
}


def load(path: str | Path) -> Any:
    """Read what the `save` of a record wrote: a comparison, a graph, a history...

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or holds no record.

    Example:
        >>> import tempfile
        >>> from gradwise import load, train
        >>> path = Path(tempfile.mkdtemp()) / "history.json"
        >>> train.History.empty().append({"train_loss": [0.5, 0.25]}).save(path)
        >>> load(path)["train_loss"].tolist()
        [0.5, 0.25]
    """
    package, name = _READERS[_kind(Path(path))]
    loaded: Any = importlib.import_module(f"{__package__}.{package}")
    for part in name.split("."):
        loaded = getattr(loaded, part)
    return loaded(path)


def _kind(path: Path) -> str:
    """Return what a file says that it holds; files of older versions do not say it."""
    files = importlib.import_module(f"{__package__}.benchmarks._record_file")
    fields = files.read_object(path)
    older = "comparisons" if "comparisons" in fields else "history" if "curves" in fields else None
    kind = fields.get("kind", older)
    if isinstance(kind, str) and kind in _READERS:
        return kind
    got = "no kind" if kind is None else f"the kind {files.short(repr(kind))}"
    return files.refuse(path, "a record of gradwise", got, "load what a record's save wrote")
