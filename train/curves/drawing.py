"""Draw the curves of one training, or of several over one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._figures import figure, write_figure

if TYPE_CHECKING:  # matplotlib is needed only by those who draw
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curve_figure(
    *, name: str, title: str, train: np.ndarray, validation: np.ndarray | None
) -> Figure:
    """Draw a training curve, and a validation curve with the gap between them shaded.

    The axis of a loss that is positive throughout begins at 0: a gap is big or small beside that.
    Of a metric of several values, `[epochs, ...]`, the mean is drawn, and their range is shaded.

    Example:
        >>> loss = np.array([2.0, 1.0])
        >>> drawn = curve_figure(name="loss", title="", train=loss, validation=loss + 0.5)
        >>> [line.get_label() for line in drawn.axes[0].lines]
        ['training loss', 'validation loss']
    """
    fig, axes = figure()
    _draw(axes, train, label=f"training {name}")
    if validation is not None:
        _draw(axes, validation, label=f"validation {name}")
        if train.ndim == 1:
            epochs = np.arange(1, len(train) + 1)
            axes.fill_between(epochs, train, validation, alpha=0.2, label="generalization gap")
    axes.set(xlabel="epoch", ylabel=name, title=title)
    if name == "loss" and axes.dataLim.ymin > 0:
        axes.set_ylim(bottom=0)
    axes.legend()
    return fig


def draw_curves(
    path: str | Path, *, name: str, runs: Mapping[str, tuple[np.ndarray | None, np.ndarray | None]]
) -> None:
    """Draw `(training, validation)` curves of several runs to a file, either of which may be None.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "curves.svg"
        >>> draw_curves(path, name="loss", runs={"slow": (np.array([2.0, 1.0]), None)})
        >>> path.read_text().count("<svg")
        1
    """
    fig, axes = figure()
    for i, (run, (train, validation)) in enumerate(runs.items()):
        label: str | None = run
        for curve, style in ((validation, "-"), (train, "--")):
            if curve is not None:
                _draw(axes, curve, style, color=f"C{i}", label=label)
                label = None  # one entry of the legend for each run
    axes.set(xlabel="epoch", ylabel=name)
    axes.legend(title="validation solid, training dashed")
    write_figure(fig, path)


def _draw(
    axes: Axes, curve: np.ndarray, style: str = "-", *, label: str | None, color: str | None = None
) -> None:
    """Draw a curve `[epochs]`; of several values `[epochs, ...]` their mean, and their range."""
    epochs = np.arange(1, len(curve) + 1)
    values = curve.reshape(len(curve), -1) if curve.size else np.zeros((len(curve), 1))
    (line,) = axes.plot(epochs, values.mean(axis=1), style, color=color, label=label)
    if values.shape[1] > 1:
        low, high = values.min(axis=1), values.max(axis=1)
        axes.fill_between(epochs, low, high, alpha=0.1, color=line.get_color())
