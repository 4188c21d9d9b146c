"""What a run left behind: one array per curve."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._text import excerpt, table
from .diagnosis import Diagnosis, diagnose
from .drawing import plot_history

_SHOWN = 10  # epochs in a printed history


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class History:
    """The curves of a training: a pytree, so that it comes out of `jit` and `vmap`.

    `history["train_loss"]` is an array `[epochs made]`. The training curves are means over an
    epoch's steps as they were taken (dropout on, parameters moving); the validation curves are
    measured after it. Of several runs that `vmap` has made, take one to read it,
    `jax.tree.map(lambda leaf: leaf[i], history)`.

    Example:
        >>> history = History.empty().append({"train_loss": [0.5, 0.25]})
        >>> history["train_loss"].tolist(), history.rows()[1]
        ([0.5, 0.25], {'epoch': 2, 'train_loss': 0.25})
        >>> print(history)
        epoch  train_loss
            1         0.5
            2        0.25
    """

    curves: Mapping[str, Any]  # each [epochs]; NaN from where the run stopped
    epochs: Any  # [] int, epochs made
    untrained_loss: Any  # [] the first batch's loss, before any step; not finite if there is none
    failed_step: Any  # [] int, the step that was not finite and ended the run; -1: none

    @classmethod
    def empty(cls) -> History:
        """A history of no epoch."""
        return cls({}, 0, math.nan, -1)

    def __getitem__(self, name: str) -> np.ndarray:
        """The curve `name`, over the epochs that were made."""
        if name not in self.curves:
            raise KeyError(f"no curve {name!r}: there are {', '.join(sorted(self.curves))}")
        return np.asarray(self.curves[name])[: self._made()]

    def _made(self) -> int:
        """How many epochs the one run of this history made."""
        if np.ndim(self.epochs):
            raise ValueError(
                f"a history must be of one run to be read, got {np.size(self.epochs)} runs as vmap "
                "makes them: take run i with jax.tree.map(lambda leaf: leaf[i], history)"
            )
        return int(self.epochs)

    def append(self, curves: Mapping[str, Any]) -> History:
        """This history and some more epochs, given as arrays `[epochs]` by name."""
        before = {name: self[name] for name in self.curves} or dict.fromkeys(curves, np.zeros(0))
        joined = {
            name: np.concatenate([before[name], np.asarray(more, np.float64)])
            for name, more in curves.items()
        }
        epochs = len(next(iter(joined.values())))
        return History(joined, epochs, self.untrained_loss, self.failed_step)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per epoch, counted from 1."""
        curves = {name: self[name].tolist() for name in sorted(self.curves)}
        return [
            {"epoch": i + 1} | {name: curve[i] for name, curve in curves.items()}
            for i in range(self._made())
        ]

    def __str__(self) -> str:
        """A table of at most ten epochs, evenly spaced, the last one among them."""
        rows = self.rows()
        if not rows:
            return "no epoch was made"
        shown = np.unique(np.linspace(0, len(rows) - 1, _SHOWN).round().astype(int))
        columns = [name for name in rows[0] if name != "skipped" or self["skipped"].any()]
        return table([columns, *([rows[i][name] for name in columns] for i in shown)])

    def diagnose(self) -> Diagnosis:
        """Over-fitting, under-fitting, ideal, not converged, diverged, or too little data to say.

        The last third of the epochs is judged, by straight lines through the curves, on the scale
        of how far the untrained network's loss is above the best one: 0, or for a loss that falls
        below it the lowest that was reached. Over-fitting is a gap of more than 30 % of the
        validation loss, 5 % of the scale and twice the noise, or a validation loss that has risen
        by the latter two from its lowest while the training loss falls. Under-fitting is two losses
        that no longer fall and stay above 25 % of the untrained one; by the curves alone, targets
        that the features do not determine look the same, and so does a loss whose best value is
        above 0.

        Below 0, as the likelihood of a density goes, how low a loss could be is not known. There a
        gap is one of more than 10 % of the scale, and under-fitting is to have learned nothing;
        "ideal" only says that the losses have fallen, together, and no longer do.

        Example:
            >>> falling = 2.0 * 0.5 ** np.arange(12)
            >>> history = History.empty().append(
            ...     {"train_loss": falling, "validation_loss": falling + 1}
            ... )
            >>> dataclasses.replace(history, untrained_loss=2.3).diagnose().kind
            'overfitting'
        """
        return diagnose(self, self._made())

    def plot(self, path: str | Path, *, curve: str = "loss") -> None:
        """Draws the training and the validation curve to a file, the gap shaded and judged.

        Args:
            path: the file, its ending the format: png, svg, pdf.
            curve: what to draw, `loss` or a metric's name.

        Raises:
            KeyError: when there is no such curve.
            ImportError: when matplotlib is missing; `pip install "gradwise[train]"` has it.

        Example:
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "curves.svg"
            >>> History.empty().append({"train_loss": [2.0, 1.0]}).plot(path)
            >>> path.read_text().count("<svg")
            1
        """
        plot_history(self, path, curve)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_dict` is the way back."""
        return {
            "curves": {name: self[name].tolist() for name in sorted(self.curves)},
            "epochs": self._made(),
            "untrained_loss": float(self.untrained_loss),
            "failed_step": int(self.failed_step),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> History:
        """The history that `to_dict` took apart."""
        curves = {name: np.array(curve, np.float64) for name, curve in fields["curves"].items()}
        untrained_loss = float(fields["untrained_loss"])
        return cls(curves, fields["epochs"], untrained_loss, fields["failed_step"])

    def save(self, path: str | Path) -> None:
        """Writes `to_dict` as JSON; what is not finite becomes "nan", "inf" or "-inf"."""
        Path(path).write_text(to_json(self.to_dict()) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Reads what `save` wrote."""
        try:
            return cls.from_dict(json.loads(Path(path).read_text()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {excerpt(error)}"  # some quote the whole file
            raise ValueError(f"{path} is not a saved history: {reason}") from error


def to_json(value: Any) -> str:
    """JSON that any reader takes: NaN and infinities, for which it has no word, become strings.

    Example:
        >>> to_json({"loss": [0.5, float("nan")]})
        '{"loss": [0.5, "nan"]}'
    """
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
