"""One line per epoch on a terminal."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from .._need import need

Report = Callable[[Sequence[Mapping[str, float]]], None]


def reporter(progress: bool | None, epochs: int) -> Report:
    """A function that prints rows as they come: the epoch, the losses and the time left.

    It is silent when `progress` is false or the output is no terminal; None asks for lines where
    rich is installed, True insists on it.

    Example:
        >>> reporter(False, 10)([{"epoch": 1, "train_loss": 0.5}])
    """
    if progress is None:
        progress = importlib.util.find_spec("rich") is not None
    if not (progress and sys.stdout.isatty()):
        return lambda rows: None
    console = need("rich.console", "train").Console(highlight=False)
    began: list[tuple[float, float]] = []

    def report(rows: Sequence[Mapping[str, float]]) -> None:
        now, done = time.monotonic(), rows[-1]["epoch"]
        began.append((now, done))
        left = time_left(began[0], now, done, epochs)  # one for all rows: they came together
        for row in rows:
            line = [f"epoch {row['epoch']}/{epochs}"]
            for name in ("train_loss", "validation_loss"):
                if name in row:
                    line.append(f"{name.replace('_', ' ')} {row[name]:.4g}")
            console.print("  ".join(line) + left)

    return report


def time_left(began: tuple[float, float], now: float, epoch: float, epochs: int) -> str:
    """The remaining epochs at the pace since `began`, a moment and the epoch that ended then.

    The first block of epochs, with its compilation, is what ends at `began`.

    Example:
        >>> time_left((10.0, 1), 14.0, 3, 5)
        '  4 s left'
    """
    moment, first = began
    if epoch <= first or epoch >= epochs:
        return ""
    return f"  {(now - moment) / (epoch - first) * (epochs - epoch):.0f} s left"
