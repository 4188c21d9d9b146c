"""The result of a search: ranked rows, printed, written and drawn."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._text import table
from ..curves.drawing import plot_search
from ..curves.history import History
from ..steps.state import TrainState


class Row(NamedTuple):
    """One setting: the score's mean over repeats and folds, and how sure it is.

    Example:
        >>> Row.of({"width": 8}, np.array([1.0, 3.0])).standard_error
        1.0
    """

    setting: dict[str, Any]
    mean: float
    standard_error: float  # NaN for a single run
    scores: np.ndarray  # [repeats, folds]
    diverged: bool

    @classmethod
    def of(cls, setting: dict[str, Any], scores: np.ndarray) -> Row:
        """The row of a setting whose runs ended with `scores`."""
        error = scores.std(ddof=1) / np.sqrt(scores.size) if scores.size > 1 else np.nan
        diverged = not np.isfinite(scores).all()
        return cls(setting, float(scores.mean()), float(error), scores, diverged)


class Search(NamedTuple):
    """Settings from the best to the worst, those that diverged last.

    Example:
        >>> rows = (Row.of({"width": 8}, np.array([1.0])), Row.of({"width": 4}, np.array([2.5])))
        >>> print(Search(rows, "validation_loss", lambda setting, repeat: None))
        width  validation_loss  standard error
            8                1             nan
            4              2.5             nan
    """

    rows: tuple[Row, ...]
    score: str
    alone: Callable[[dict[str, Any], int], tuple[TrainState, History]]

    @property
    def best(self) -> Row:
        """The first row."""
        return self.rows[0]

    def replay(self, row: Row | None = None, *, repeat: int = 0) -> tuple[TrainState, History]:
        """Makes the run of a row (the best one) alone, on all training data, with the same key."""
        return self.alone((row or self.best).setting, repeat)

    def __str__(self) -> str:
        """The table, best first."""
        lines: list[list[Any]] = [[*self.best.setting, self.score, "standard error"]]
        for row in self.rows:
            result = ["diverged", ""] if row.diverged else [row.mean, row.standard_error]
            lines.append([*row.setting.values(), *result])
        return table(lines)

    def save(self, path: str | Path) -> None:
        """Writes the table as CSV, the score of every repeat and fold in columns of its own."""
        with Path(path).open("w", newline="") as file:
            writer = csv.writer(file)
            shape = np.atleast_2d(self.best.scores).shape
            runs = [f"repeat {r} fold {f}" for r in range(shape[0]) for f in range(shape[1])]
            writer.writerow([*self.best.setting, self.score, "standard error", *runs])
            for row in self.rows:
                cells = [*row.setting.values(), row.mean, row.standard_error]
                writer.writerow([*cells, *row.scores.ravel().tolist()])

    def plot(self, path: str | Path, *, names: Sequence[str] | None = None) -> None:
        """Draws the score over one hyper-parameter, a line, or over two, a heat map.

        Of settings that agree in those, the best one counts.

        Args:
            path: the file, its ending the format: png, svg, pdf.
            names: one or two hyper-parameters; else the first two with several values.

        Raises:
            ValueError: for unknown names, or more than two.
        """
        varied = [n for n in self.best.setting if len({str(r.setting[n]) for r in self.rows}) > 1]
        names = (varied or list(self.best.setting))[:2] if names is None else names
        unknown = [name for name in names if name not in self.best.setting]
        if unknown or not 1 <= len(names) <= 2:
            raise ValueError(f"plot needs one or two of {list(self.best.setting)}, got {names}")
        plot_search(self, path, list(names))
