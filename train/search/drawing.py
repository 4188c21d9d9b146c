"""Draw the scores of a search over one or two hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path

import numpy as np

from .._figures import figure, write_figure

#: The mean and the standard error of a setting.
Score = tuple[float, float]


def draw_scores(
    path: str | Path,
    *,
    names: Sequence[str],
    score: str,
    rows: Sequence[tuple[Mapping[str, object], Score]],
) -> None:
    """Draw scores as a line over one hyper-parameter, or as a heat map over two, to a file.

    Args:
        path: The file, its ending the format.
        names: One or two hyper-parameters.
        score: What the scores are.
        rows: Settings and their scores, the best first; of settings that agree in `names` only the
            first is drawn.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "line.svg"
        >>> rows = [({"width": 8}, (1.0, 0.1)), ({"width": 4}, (2.5, 0.2))]
        >>> draw_scores(path, names=["width"], score="loss", rows=rows)
        >>> path.read_text().count("<svg")
        1
    """
    best: dict[tuple[str, ...], Score] = {}
    for setting, values in rows:
        best.setdefault(tuple(str(setting[name]) for name in names), values)
    ticks = [_ordered(setting[name] for setting, _ in rows) for name in names]
    fig, axes = figure()
    axes.set(xlabel=names[0], ylabel=score)
    axes.set_xticks(range(len(ticks[0])), ticks[0])
    if len(names) == 1:
        means, errors = zip(*(best[tick,] for tick in ticks[0]), strict=True)
        errors = np.nan_to_num(errors)
        axes.errorbar(range(len(means)), means, errors, marker="o", capsize=3)
    else:
        means = [[best.get((x, y), (np.nan, 0))[0] for x in ticks[0]] for y in ticks[1]]
        image = axes.imshow(np.ma.masked_invalid(means), origin="lower", aspect="auto")
        axes.set_yticks(range(len(ticks[1])), ticks[1])
        axes.set_ylabel(names[1])
        fig.colorbar(image, label=score)
    write_figure(fig, path)


def _ordered(values: Iterable[object]) -> list[str]:
    """Return the texts of the values, each once, numbers by size and before other values."""

    def by_size(value: object) -> tuple[int, float, str]:
        return (0, float(value), "") if isinstance(value, Real) else (1, 0.0, str(value))

    return list(dict.fromkeys(str(value) for value in sorted(values, key=by_size)))
