"""A row of a search: a setting and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._equality import equal_by_fields
from .._record_file import number
from .._records import numbers
from .._text import excerpt
from .files import from_storable, to_storable
from .grid import Setting


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of a search: the mean of its scores, and how sure it is.

    Attributes:
        setting: A value for each hyper-parameter.
        mean: The mean score; NaN if a run diverged.
        standard_error: Of the mean; NaN for a single run.
        scores: Of each run, `[repeats, folds]`.
        diverged: Whether a run diverged.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train.Row.of({"width": 8}, np.array([[1.0, 3.0]]))
        Row({'width': 8}, mean 2, standard error 1)
    """

    setting: Setting
    mean: float
    standard_error: float
    scores: np.ndarray
    diverged: bool

    @classmethod
    def of(cls, setting: Setting, scores: np.ndarray) -> Row:
        """Return the row of a setting whose runs ended with `scores` `[repeats, folds]`.

        Example:
            >>> import numpy as np
            >>> from gradwise import train
            >>> train.Row.of({"width": 8}, np.array([[1.0], [np.nan]])).diverged
            True
        """
        error = scores.std(ddof=1) / np.sqrt(scores.size) if scores.size > 1 else np.nan
        return cls(
            setting=setting,
            mean=float(scores.mean()),
            standard_error=float(error),
            scores=scores,
            diverged=not np.isfinite(scores).all(),
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (arrays have no hash)

    def __repr__(self) -> str:
        """Return the setting and its score in one line."""
        score = f"mean {self.mean:.4g}, standard error {self.standard_error:.4g}"
        return f"Row({excerpt(self.setting, most=40)}, {'diverged' if self.diverged else score})"


def row_fields(row: Row) -> dict[str, object]:
    """Return a row as JSON can hold it; `row_from` is the way back.

    Example:
        >>> row_fields(Row.of({"width": 8}, np.array([[1.0]])))["setting"]
        {'width': 8}
    """
    return {
        "setting": to_storable(row.setting),
        "mean": row.mean,
        "standard_error": row.standard_error,
        "scores": row.scores.tolist(),
        "diverged": row.diverged,
    }


def row_from(fields: Mapping[str, Any]) -> Row:
    """Return the row that `row_fields` took apart; numbers may be the strings "nan" and "inf".

    Example:
        >>> row = Row.of({"width": 8}, np.array([[1.0]]))
        >>> row_from(row_fields(row)) == row
        True
    """
    if not isinstance(fields["diverged"], bool):
        raise ValueError(f"diverged must be true or false, got {fields['diverged']!r}")
    return Row(
        setting={name: from_storable(value) for name, value in fields["setting"].items()},
        mean=number(fields["mean"]),
        standard_error=number(fields["standard_error"]),
        scores=numbers(fields["scores"]),
        diverged=fields["diverged"],
    )
