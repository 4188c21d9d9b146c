"""Print a line for each epoch on a terminal."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from .._extras import import_extra
from .._processes import is_first

Report = Callable[[Sequence[Mapping[str, float]]], None]


def reporter(
    progress: bool | None, epochs: int, *, clock: Callable[[], float] = time.monotonic
) -> Report:
    """Return a function that prints new rows of a history: epoch, losses and time left.

    Args:
        progress: False: print nothing. None: print if rich is installed. True: print, and raise if
            it is not. Nothing is printed where the output is no terminal, nor by any but the first
            of several processes.
        epochs: How many epochs are to be made in all.
        clock: The time in seconds.

    Raises:
        ImportError: If `progress` is True and rich is missing.

    Example:
        >>> reporter(False, 10)([{"epoch": 1, "train_loss": 0.5}])
    """
    if progress is None:
        progress = importlib.util.find_spec("rich") is not None
    if not (progress and sys.stdout.isatty() and is_first()):
        return lambda rows: None
    console = import_extra("rich.console", "train").Console(highlight=False)
    first_report: list[tuple[float, float]] = []  # its time and its epoch

    def report(rows: Sequence[Mapping[str, float]]) -> None:
        now, done = clock(), rows[-1]["epoch"]
        if not first_report:
            first_report.append((now, done))
        # One time for all rows of a block, which came together.
        left = time_left(first_report[0], now, done, epochs)
        for row in rows:
            line = [f"epoch {row['epoch']}/{epochs}"]
            for name in ("train_loss", "validation_loss"):
                if name in row:
                    line.append(f"{name.replace('_', ' ')} {row[name]:.4g}")
            console.print("  ".join(line) + left)

    return report


def time_left(since: tuple[float, float], now: float, epoch: float, epochs: int) -> str:
    """Return the time that the remaining epochs take at the pace so far, as text.

    Args:
        since: A time in seconds, and the epoch that ended then; the end of the first block, so that
            its compilation does not count.
        now: The time in seconds.
        epoch: The epoch that ends now.
        epochs: How many epochs there are in all.

    Example:
        >>> time_left((10.0, 1), 14.0, 3, 5)
        '  4 s left'
    """
    moment, first = since
    if epoch <= first or epoch >= epochs:
        return ""
    return f"  {(now - moment) / (epoch - first) * (epochs - epoch):.0f} s left"
