"""What a search writes to its files: a table as CSV, and hyper-parameters as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from .._records import is_key


def csv_text(lines: Sequence[Sequence[object]]) -> str:
    r"""Return lines of cells as CSV.

    Example:
        >>> csv_text([["width", "loss"], [8, 0.5]])
        'width,loss\r\n8,0.5\r\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue()


def to_storable(value: object) -> object:
    """Return a hyper-parameter's value as JSON can hold it: a function by its name.

    Example:
        >>> to_storable((np.float32(0.5), "adam", jax.nn.relu))
        [0.5, 'adam', 'relu']
    """
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, list | tuple):
        return [to_storable(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(name): to_storable(entry) for name, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic | jax.Array) and not is_key(value):
        return np.asarray(value).tolist()
    return getattr(value, "__name__", str(value))


def from_storable(value: object) -> object:
    """Return what `to_storable` was given, lists as tuples, and "nan", "inf", "-inf" as numbers.

    Example:
        >>> from_storable([0.5, "adam", "inf"])
        (0.5, 'adam', inf)
    """
    if isinstance(value, list):
        return tuple(from_storable(entry) for entry in value)
    if isinstance(value, dict):
        return {name: from_storable(entry) for name, entry in value.items()}
    return float(value) if value in ("nan", "inf", "-inf") else value
