"""From a comparison to the derivative itself: which method is meant, and whether it was right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..derivatives.by_method import as_function
from ..derivatives.choice import unknown
from .findings import Finding
from .row import Row
from .source import Source


def derivative_of(
    source: Source | None,
    rows: Sequence[Row],
    answers: Mapping[str, Finding],
    method: str | None,
) -> Callable[..., Any]:
    """Return the derivative by a method that was right.

    Args:
        source: What was compared.
        rows: What became of the methods.
        answers: What is best in each respect, such as `"memory"`, the time first.
        method: The name of a row or of a respect; `None` for the first respect.

    Raises:
        ValueError: If there is no such row, its derivative is not known to be right, or the
            function is not known.
    """
    row = _row(rows, answers, method)
    if not row.is_right:
        why = f" ({row.note})" if row.note else ""
        raise ValueError(
            f"the derivative by {row.method} is not known to be right: {row.status}{why}"
        )
    if source is None:
        same = f"; this is the same: {row.use}" if row.use else ""
        raise ValueError(
            f"this comparison was read from a file, which holds no function{same}, or compare again"
        )
    way = source.ways[row.method]
    return as_function(source.fn, way, argnums=source.argnums, has_aux=source.has_aux)


def _row(rows: Sequence[Row], answers: Mapping[str, Finding], method: str | None) -> Row:
    """Return the row that is meant."""
    by_name = {row.method: row for row in rows if row.kind != "value"}
    respect = next(iter(answers)) if method is None else method
    if respect in answers and answers[respect].take in by_name:
        return by_name[str(answers[respect].take)]
    if method is None or method in answers:
        said = answers[respect].text or "no derivative was found right"
        raise ValueError(f"there is no answer in {respect}: {said}")
    if method not in by_name:
        raise ValueError(unknown("method", method, [*answers, *by_name]))
    return by_name[method]
