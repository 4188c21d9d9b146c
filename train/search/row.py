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
from .spread import standard_error


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of a search: the mean of its scores, and how sure it is.

    Attributes:
        setting: A value for each hyper-parameter.
        mean: The mean score; NaN if a run has none.
        standard_error: Of the mean; NaN for a single run. All repeats share the data: they take
            away the noise of seeds and of folds, and not the noise of the data.
        scores: Of each run, `[repeats, folds]`.
        failure: Why a run has no finite score; empty if all have one.

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
    failure: str

    @classmethod
    def of(cls, setting: Setting, scores: np.ndarray, *, failure: str = "") -> Row:
        """Return the row of a setting whose runs ended with `scores` `[repeats, folds]`.

        Args:
            setting: A value for each hyper-parameter.
            scores: The score of each run; one that is not finite makes the row a failed one.
            failure: Why a run has none, if it is known.

        Example:
            >>> import numpy as np
            >>> from gradwise import train
            >>> train.Row.of({"width": 8}, np.array([[1.0], [np.nan]])).failure
            '1 of 2 scores is not finite'
        """
        bad = int((~np.isfinite(scores)).sum())
        if bad and not failure:
            failure = f"{bad} of {scores.size} scores {'is' if bad == 1 else 'are'} not finite"
        return cls(
            setting=setting,
            mean=float("nan") if failure else float(scores.mean()),
            standard_error=float("nan") if failure else standard_error(scores),
            scores=scores,
            failure=failure,
        )

    @property
    def failed(self) -> bool:
        """Whether a run has no finite score; such a row is never the best one.

        Example:
            >>> import numpy as np
            >>> from gradwise import train
            >>> train.Row.of({"width": 8}, np.array([[np.nan]])).failed
            True
        """
        return bool(self.failure)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (arrays have no hash)

    def __repr__(self) -> str:
        """Return the setting and its score in one line."""
        result = f"mean {self.mean:.4g}, standard error {self.standard_error:.4g}"
        if self.failed:
            result = f"failed: {excerpt(self.failure, most=80)}"
        return f"Row({excerpt(self.setting, most=40)}, {result})"


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
        "failure": row.failure,
    }


def row_from(fields: Mapping[str, Any]) -> Row:
    """Return the row that `row_fields` took apart; numbers may be the strings "nan" and "inf".

    Example:
        >>> row = Row.of({"width": 8}, np.array([[1.0]]))
        >>> row_from(row_fields(row)) == row
        True
    """
    if not isinstance(fields["failure"], str):
        raise ValueError(f"failure must be a text, got {fields['failure']!r}")
    return Row(
        setting={name: from_storable(value) for name, value in fields["setting"].items()},
        mean=number(fields["mean"]),
        standard_error=number(fields["standard_error"]),
        scores=numbers(fields["scores"]),
        failure=fields["failure"],
    )
