"""Where an epoch's figures go: loggers for `fit(callback=...)`."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from ._need import need
from .curves.history import to_json

Callback = Callable[[int, Mapping[str, float]], None]


def json_lines(path: str | Path) -> Callback:
    r"""Appends one JSON object per epoch to a file; what is not finite is written as a string.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
        >>> json_lines(path)(1, {"epoch": 1, "train_loss": 0.5})
        >>> path.read_text()
        '{"epoch": 1, "train_loss": 0.5}\n'
    """

    def callback(epoch: int, row: Mapping[str, float]) -> None:
        del epoch  # the row has it
        with Path(path).open("a") as file:
            file.write(to_json(row) + "\n")

    return callback


def tensorboard(folder: str | Path) -> Callback:
    """Writes every figure of an epoch as a TensorBoard scalar, with `tensorboardX`.

    Raises:
        ImportError: when `tensorboardX` is missing; `pip install "gradwise[tensorboard]"` has it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> tensorboard(folder)(1, {"epoch": 1, "train_loss": 0.5})
        >>> len(list(folder.iterdir()))
        1
    """
    # Below `SummaryWriter`, whose rows wait in another thread, and are lost with a killed process.
    writers = need("tensorboardX.event_file_writer", "tensorboard")
    scalar = need("tensorboardX.summary", "tensorboard").scalar
    event = need("tensorboardX.proto.event_pb2", "tensorboard").Event
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
