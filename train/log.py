"""Loggers for `fit(callback=...)`: where the figures of each epoch are written.

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

import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from ._extras import import_extra
from ._records import to_json

#: What `fit` calls after each epoch: with the epoch's number, counted from 1, and its figures.
Callback = Callable[[int, Mapping[str, float]], None]


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

    def callback(epoch: int, row: Mapping[str, float]) -> None:
        del epoch  # it is in the row
        with Path(path).open("a") as file:
            file.write(to_json(row) + "\n")

    return callback


def tensorboard(folder: str | Path) -> Callback:
    """Return a callback that writes each figure of an epoch as a TensorBoard scalar.

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
    Path(folder).mkdir(parents=True, exist_ok=True)
    writer = writers.EventsWriter(str(Path(folder) / "events"))

    def callback(epoch: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            if name != "epoch":
                summary = scalar(name, value)
                writer.write_event(event(step=epoch, wall_time=time.time(), summary=summary))
        writer.flush()

    weakref.finalize(callback, writer.close)
    return callback
