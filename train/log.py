"""Loggers for `fit(callback=...)`: where the figures of each epoch are written.

Of several processes that train together, process 0 alone writes.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from gradwise import train
    >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> log = train.log.json_lines(path)
    >>> for epoch, loss in enumerate([0.5, 0.25], start=1):  # as fit calls it
    ...     log(epoch, {"epoch": epoch, "train_loss": loss})
    >>> len(path.read_text().splitlines())
    2
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from csv import DictReader, DictWriter
from io import StringIO
from pathlib import Path
from typing import Any

from ._extras import import_extra
from ._files import user_path, write_whole
from ._processes import is_first
from ._records import to_json

#: What `fit` calls after each epoch: with the epoch's number, counted from 1, and its figures; with
#: `train_state=` too where it has such a parameter. Where it returns True, the run ends.
Callback = Callable[..., object]


def _by_the_first(callback: Callback) -> Callback:
    """Return a callback that writes in the first of several processes alone."""
    return lambda epoch, row: callback(epoch, row) if is_first() else None


def json_lines(path: str | Path) -> Callback:
    r"""Return a callback that appends one JSON object for each epoch to a file.

    NaN and the infinities become the strings "nan", "inf" and "-inf".

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
        >>> train.log.json_lines(path)(1, {"epoch": 1, "train_loss": 0.5})
        >>> path.read_text()
        '{"epoch": 1, "train_loss": 0.5}\n'
    """
    at = user_path(path)

    @_by_the_first
    def callback(epoch: int, row: Mapping[str, float]) -> None:
        del epoch  # it is in the row
        at.parent.mkdir(parents=True, exist_ok=True)
        with at.open("a") as file:
            file.write(to_json(row) + "\n")

    return callback


def csv(path: str | Path) -> Callback:
    r"""Return a callback that appends one line for each epoch to a table, a column for each figure.

    The first line is the names of the columns. A figure that comes later, as after a resume with
    another metric, gets a column whose earlier cells are empty; what a killed write left of a line
    is removed. A metric of several values has a column for each, such as `train_recall[2]`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "log.csv"
        >>> log = train.log.csv(path)
        >>> log(1, {"epoch": 1, "train_loss": 0.5})
        >>> log(2, {"epoch": 2, "train_loss": 0.25})
        >>> path.read_text()
        'epoch,train_loss\n1,0.5\n2,0.25\n'
    """
    path = user_path(path)

    @_by_the_first
    def callback(epoch: int, row: Mapping[str, float]) -> None:
        del epoch  # it is in the row
        row = _flat(row)
        columns, whole = _head(path)
        if columns and whole and row.keys() <= set(columns):
            with path.open("a", newline="", encoding="utf-8") as file:
                file.write(_lines([row], columns))
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if columns else []
        before = list(DictReader(line for line in lines if line.endswith("\n")))
        columns = list(dict.fromkeys([*columns, *row]))
        write_whole(path, ",".join(columns) + "\n" + _lines([*before, row], columns))

    return callback


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in which each value of a metric of several has a name, such as `recall[2]`."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, list):
            flat |= _flat({f"{name}[{i}]": entry for i, entry in enumerate(value)})
        else:
            flat[name] = value
    return flat


def _head(path: Path) -> tuple[list[str], bool]:
    """Return the columns of a table, none if there is no file, and whether its last line is whole.

    Names of curves hold neither commas nor quotes.
    """
    if not path.exists():
        return [], True
    with path.open("rb") as file:
        first = file.readline()
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        whole = file.read() == b"\n"
    return (first.decode().strip().split(",") if first.endswith(b"\n") else []), whole


def _lines(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    text = StringIO()
    DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue()


def tensorboard(folder: str | Path) -> Callback:
    """Return a callback that writes each figure of an epoch as a TensorBoard scalar.

    A metric of several values has a scalar for each, such as `train_recall[2]`.
    Each epoch is on the disk when its call returns.

    Raises:
        ImportError: If `tensorboardX` is missing; `pip install "gradwise[tensorboard]"` has it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gradwise import train
        >>> folder = Path(tempfile.mkdtemp())
        >>> train.log.tensorboard(folder)(1, {"epoch": 1, "train_loss": 0.5})
        >>> len(list(folder.iterdir()))
        1
    """
    # Not `SummaryWriter`: its rows wait in another thread, and are lost with a killed process.
    writers = import_extra("tensorboardX.event_file_writer", "tensorboard")
    scalar = import_extra("tensorboardX.summary", "tensorboard").scalar
    event = import_extra("tensorboardX.proto.event_pb2", "tensorboard").Event
    folder = user_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    opened: list[Any] = []  # in the process that writes, which nobody knows before training begins

    @_by_the_first
    def callback(epoch: int, row: Mapping[str, float]) -> None:
        if not opened:
            opened.append(writers.EventsWriter(str(folder / "events")))
            weakref.finalize(callback, opened[0].close)
        (writer,) = opened
        for name, value in _flat(row).items():
            if name != "epoch":
                summary = scalar(name, value)
                writer.write_event(event(step=epoch, wall_time=time.time(), summary=summary))
        writer.flush()

    return callback
