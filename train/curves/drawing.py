"""Pictures of curves, drawn without a display."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._need import need

if TYPE_CHECKING:
    from ..search.records import Row, Search
    from .history import History


def figure() -> tuple[Any, Any]:
    """A figure and its axes, outside pyplot's global state.

    Example:
        >>> fig, axes = figure()
        >>> axes.get_title()
        ''
    """
    fig = need("matplotlib.figure", "train").Figure(figsize=(7, 4.5), layout="constrained")
    return fig, fig.add_subplot()


def plot_history(history: History, path: str | Path, curve: str) -> None:
    """Train and validation curve with the gap between them shaded; see `History.plot`."""
    fig, axes = figure()
    train, name = history[f"train_{curve}"], f"validation_{curve}"
    epochs = np.arange(1, len(train) + 1)
    axes.plot(epochs, train, label=f"training {curve}")
    if name in history.curves:
        validation = history[name]
        axes.plot(epochs, validation, label=f"validation {curve}")
        axes.fill_between(epochs, train, validation, alpha=0.2, label="generalization gap")
    axes.set(xlabel="epoch", ylabel=curve, title=history.diagnose().kind)
    axes.legend()
    fig.savefig(path)


def plot_runs(runs: Mapping[str, History], path: str | Path, *, curve: str = "loss") -> None:
    """Draws several trainings over one another: validation solid, training dashed.

    Args:
        runs: histories by name.
        path: the file, its ending the format: png, svg, pdf.
        curve: what to draw, `loss` or a metric's name.

    Raises:
        ValueError: when there is no run.
        KeyError: when a run has no such curve.
        ImportError: when matplotlib is missing; `pip install "gradwise[train]"` has it.

    Example:
        >>> import tempfile, train
        >>> path = Path(tempfile.mkdtemp()) / "runs.svg"
        >>> slow = train.History.empty().append({"train_loss": [3.0, 2.0]})
        >>> fast = train.History.empty().append({"train_loss": [3.0, 1.0]})
        >>> train.plot_runs({"slow": slow, "fast": fast}, path)
        >>> path.read_text().count("<svg")
        1
    """
    if not runs:
        raise ValueError("plot_runs needs at least one history, got none")
    for name, history in runs.items():
        if not {f"validation_{curve}", f"train_{curve}"} & set(history.curves):
            there_are = ", ".join(sorted(history.curves)) or "none"
            raise KeyError(f"run {name!r} has no curve train_{curve}: there are {there_are}")
    fig, axes = figure()
    for i, (name, history) in enumerate(runs.items()):
        label = name
        for part, style in (("validation", "-"), ("train", "--")):
            if f"{part}_{curve}" in history.curves:
                values = history[f"{part}_{curve}"]
                axes.plot(np.arange(1, len(values) + 1), values, style, color=f"C{i}", label=label)
                label = None
    axes.set(xlabel="epoch", ylabel=curve)
    axes.legend(title="validation solid, training dashed")
    fig.savefig(path)


def plot_search(search: Search, path: str | Path, names: list[str]) -> None:
    """A search's scores as a line or a heat map; see `Search.plot`."""
    best: dict[tuple[str, ...], Row] = {}
    for row in search.rows:  # the best of them come first
        best.setdefault(tuple(str(row.setting[name]) for name in names), row)
    ticks = [_ordered(row.setting[name] for row in best.values()) for name in names]
    fig, axes = figure()
    axes.set(xlabel=names[0], ylabel=search.score)
    axes.set_xticks(range(len(ticks[0])), ticks[0])
    if len(names) == 1:
        rows = [best[tick,] for tick in ticks[0]]
        errors = [np.nan_to_num(row.standard_error) for row in rows]
        axes.errorbar(range(len(rows)), [row.mean for row in rows], errors, marker="o", capsize=3)
    else:
        means = [
            [best[x, y].mean if (x, y) in best else np.nan for x in ticks[0]] for y in ticks[1]
        ]
        image = axes.imshow(np.ma.masked_invalid(means), origin="lower", aspect="auto")
        axes.set_yticks(range(len(ticks[1])), ticks[1])
        axes.set_ylabel(names[1])
        fig.colorbar(image, label=search.score)
    fig.savefig(path)


def _ordered(values: Iterable[Any]) -> list[str]:
    """Names of the values, numbers by size and before words."""
    by_size = lambda v: (0, v, "") if isinstance(v, Real) else (1, 0, str(v))  # noqa: E731
    return list(dict.fromkeys(str(value) for value in sorted(values, key=by_size)))
