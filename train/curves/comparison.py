"""Draw the histories of several trainings over one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .drawing import draw_curves
from .history import History


def plot_runs(runs: Mapping[str, History], path: str | Path, *, curve: str = "loss") -> None:
    """Draw several trainings over one another: validation solid, training dashed.

    Args:
        runs: Histories by name.
        path: The file, its ending the format: png, svg, pdf.
        curve: What to draw, `loss` or a metric's name.

    Raises:
        ValueError: If there is no run.
        KeyError: If a run has no such curve.
        ImportError: If matplotlib is missing; `pip install "gradwise[train]"` has it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "runs.svg"
        >>> slow = train.History.empty().append({"train_loss": [3.0, 2.0]})
        >>> fast = train.History.empty().append({"train_loss": [3.0, 1.0]})
        >>> train.plot_runs({"slow": slow, "fast": fast}, path)
        >>> path.read_text().count("<svg")
        1
    """
    if not runs:
        raise ValueError("plot_runs needs at least one history, got none")
    if not isinstance(runs, Mapping):
        raise TypeError(
            'plot_runs needs a mapping of names to histories, such as {"adam": history}, got '
            f"{type(runs).__name__}"
        )
    for name, history in runs.items():
        if not {f"validation_{curve}", f"train_{curve}"} & set(history.curves):
            there_are = ", ".join(sorted(history.curves)) or "none"
            raise KeyError(f"run {name!r} has no curve train_{curve}: there are {there_are}")

    def of(history: History, part: str) -> np.ndarray | None:
        name = f"{part}_{curve}"
        return history[name] if name in history.curves else None

    drawn = {name: (of(run, "train"), of(run, "validation")) for name, run in runs.items()}
    draw_curves(path, name=curve, runs=drawn)
