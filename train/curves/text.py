"""What a history shows of itself as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_SHOWN = 10  # epochs in a printed history


def shown_lines(rows: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    """Return the head and at most ten epochs, evenly spaced, the last one among them.

    The curve of skipped steps is left out where none was skipped. Of a metric of several values
    the lowest and the highest are shown.

    Example:
        >>> shown_lines([{"epoch": 1, "train_loss": 0.5, "skipped": 0.0}])
        [['epoch', 'train_loss'], [1, 0.5]]
    """
    shown = np.unique(np.linspace(0, len(rows) - 1, _SHOWN).round().astype(int))
    skipped = any(row.get("skipped") for row in rows)
    columns = [name for name in rows[0] if name != "skipped" or skipped]
    return [list(columns), *([_cell(rows[i][name]) for name in columns] for i in shown)]


def _cell(value: object) -> object:
    if not isinstance(value, list):
        return value
    values = np.ravel(value)
    known = values[~np.isnan(values)]
    return f"{known.min():.3g} to {known.max():.3g}" if known.size else "nan"


def summary(epochs: int, last: Mapping[str, float], failure: str) -> str:
    """Return in one line how many epochs were made, the last losses, and a failure.

    Example:
        >>> summary(12, {"train_loss": 0.3125, "train_accuracy": 0.5}, "")
        '12 epochs, train_loss 0.312'
    """
    parts = [f"{epochs} epoch{'' if epochs == 1 else 's'}"]
    parts += [
        f"{name} {last[name]:.3g}" for name in ("train_loss", "validation_loss") if name in last
    ]
    return ", ".join([*parts, failure] if failure else parts)
