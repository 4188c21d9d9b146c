"""Where an epoch's figures go: loggers for `fit(callback=...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ._need import need
from .history import to_json

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
    writer = need("tensorboardX", "tensorboard").SummaryWriter(str(folder))

    def callback(epoch: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(name, value, epoch)
        writer.flush()

    return callback
