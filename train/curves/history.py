"""The curves of a training, from which it is read, judged, drawn and saved."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from .._equality import same, same_fields
from .._figures import inline, write_figure
from .._record_file import ending, save_record
from .._records import load_record
from .._text import html_table, table
from .diagnosis import Diagnosis, diagnose
from .drawing import curve_figure
from .endings import ENDINGS
from .stored import fields_of, joined, one_run, plain
from .text import shown_lines, summary

if TYPE_CHECKING:  # matplotlib is needed only by those who draw
    from matplotlib.figure import Figure


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The curves of a training: a pytree, so that it comes out of `jit` and `vmap`.

    `history["train_loss"]` is an array `[epochs made]`; the curve of a metric with a value for each
    class is `[epochs made, classes]`. The training curves are means over the steps of an epoch as
    they were taken (dropout on, parameters moving); the validation curves are measured at its end.
    `failed_step` and `failed_validation` say what was not finite and ended the run. Of several runs
    that `vmap` has made, take one to read it: `jax.tree.map(lambda leaf: leaf[i], history)`; its
    methods raise `ValueError` for several.

    Example:
        >>> from gradwise import train
        >>> history = train.History.empty().append({"train_loss": [0.5, 0.25]})
        >>> history
        History(2 epochs, train_loss 0.25)
        >>> print(history)
        epoch  train_loss
            1         0.5
            2        0.25
    """

    # Each [epochs], or [epochs, ...] of a metric of several values; NaN from where the run stopped.
    curves: Mapping[str, np.ndarray | jax.Array]
    epochs: int | jax.Array  # [], the epochs that were made
    untrained_loss: float | jax.Array = math.nan  # [], before any step; not finite: unknown
    failed_step: int | jax.Array = -1  # [], the step that was not finite and ended the run
    # [], the epoch, counted from 1, whose train state the run returned; -1: the last one
    kept_epoch: int | jax.Array = -1
    # [], the best possible loss; not finite: unknown. `fit` finds out where a perfect one costs 0
    optimum: float | jax.Array = math.nan
    failed_validation: int | jax.Array = -1  # [], the epoch, from 1, whose validation loss was NaN
    ending: int | jax.Array = 0  # [], how the run ended, the place of `stopped` in ENDINGS

    @classmethod
    def empty(cls) -> History:
        """Return the history of no epoch.

        Example:
            >>> from gradwise import train
            >>> train.History.empty().epochs
            0
        """
        return cls(curves={}, epochs=0)

    def __eq__(self, other: object) -> bool:
        """Compare the epochs that were made, and what else is known; NaN equals NaN."""
        if not isinstance(other, History) or np.ndim(self.epochs) or np.ndim(other.epochs):
            return same_fields(self, other)
        return same(self._made(), other._made())

    def __repr__(self) -> str:
        """Return one line: how many epochs, and the last losses."""
        try:
            if np.ndim(self.epochs):
                return f"History({np.size(self.epochs)} runs)"
            last = {name: self[name][-1] for name in self.curves if self._count()}
            return f"History({summary(self._count(), last, self._failure())})"
        except TypeError:  # within jit there are no values yet
            return "History(traced)"

    @property
    def stopped(self) -> str:
        """Why the run ended.

        * "running": no end was noted; the run goes on, or the history is older than this field.
        * "finished": all epochs were made.
        * "patience": the loss had not become lower for as many epochs as the patience allows.
        * "stop": the `stop` of `fit`, or a callback, has ended it.
        * "failed": a step (`failed_step`) or a validation (`failed_validation`) was not finite.
        * "interrupted": Ctrl-C or SIGTERM has ended it.

        Raises:
            ValueError: If this is the history of several runs.

        Example:
            >>> from gradwise import train
            >>> train.History.empty().stopped
            'running'
        """
        self._count()
        return ENDINGS[int(self.ending)]

    def _failure(self) -> str:
        """Return in words what was not finite and ended the run, or nothing."""
        if int(self.failed_step) >= 0:
            return f"failed at step {int(self.failed_step)}"
        failed = int(self.failed_validation)
        return f"failed at the validation of epoch {failed}" if failed >= 0 else ""

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the curve `name` over the epochs that were made, `[epochs made, ...]`.

        Raises:
            KeyError: If there is no such curve.

        Example:
            >>> from gradwise import train
            >>> train.History.empty().append({"train_loss": [0.5, 0.25]})["train_loss"]
            array([0.5 , 0.25])
        """
        if name not in self.curves:
            raise KeyError(f"no curve {name!r}: there are {', '.join(sorted(self.curves))}")
        return np.asarray(self.curves[name])[: self._count()]

    def _count(self) -> int:
        """Return how many epochs the one run of this history made."""
        return one_run(self.epochs)

    def _made(self) -> dict[str, Any]:
        """Return the fields, and of each curve the epochs that were made."""
        return {
            "curves": {name: self[name] for name in sorted(self.curves)},
            "epochs": self._count(),
            "untrained_loss": float(self.untrained_loss),
            "failed_step": int(self.failed_step),
            "kept_epoch": int(self.kept_epoch),
            "optimum": float(self.optimum),
            "failed_validation": int(self.failed_validation),
            "ending": self.stopped,
        }

    def append(self, curves: Mapping[str, ArrayLike]) -> History:
        """Return this history with more epochs.

        Args:
            curves: What the new epochs add to each curve, arrays `[new epochs, ...]` by name.

        Example:
            >>> from gradwise import train
            >>> history = train.History.empty().append({"train_loss": [0.5]})
            >>> history.append({"train_loss": [0.25, 0.125]}).epochs
            3
        """
        longer = joined({name: self[name] for name in self.curves}, curves)
        return dataclasses.replace(self, curves=longer, epochs=len(next(iter(longer.values()))))

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary for each epoch; `epoch` is its number, counted from 1.

        A metric of several values has a list of them.

        Example:
            >>> from gradwise import train
            >>> train.History.empty().append({"train_loss": [0.5, 0.25]}).rows()[1]
            {'epoch': 2, 'train_loss': 0.25}
        """
        curves = {name: self[name].tolist() for name in sorted(self.curves)}
        return [
            {"epoch": i + 1, **{name: curve[i] for name, curve in curves.items()}}
            for i in range(self._count())
        ]

    def __str__(self) -> str:
        """Return a table of at most ten epochs, evenly spaced, the last one among them."""
        return table(shown_lines(self.rows())) if self._count() else "no epoch was made"

    def _repr_html_(self) -> str:
        """Return the diagnosis, the curves of the loss and the table, for a notebook.

        Without matplotlib there is no drawing, and all else is the same.
        """
        if np.ndim(self.epochs) or not self._count():
            return f"<p>{html.escape(repr(self))}</p>"
        drawing = ""
        with contextlib.suppress(ImportError):  # no matplotlib
            drawing = inline(self.figure(), "training and validation loss over the epochs")
        return drawing + html_table(shown_lines(self.rows()), caption=str(self.diagnose()))

    def diagnose(self, *, optimum: float | None = None) -> Diagnosis:
        """Tell over-fitting, under-fitting, ideal, not converged, diverged or too little data.

        `Diagnosis` says by which rules.

        Args:
            optimum: The best possible loss, such as 0 for a squared error, or the entropy of labels
                that are noisy; by default what the history knows, see `optimum`.

        Example:
            >>> import dataclasses, numpy as np
            >>> from gradwise import train
            >>> falling = 2.0 * 0.5 ** np.arange(12)
            >>> curves = {"train_loss": falling, "validation_loss": falling + 1}
            >>> history = train.History.empty().append(curves)
            >>> print(dataclasses.replace(history, untrained_loss=2.3).diagnose(optimum=0.0))
            overfitting: a big gap (train loss 0.000977, validation loss 1)
            use more data, augmentation, dropout, a penalty or a smaller network
        """
        fields = self._made()
        return diagnose(
            fields["curves"],
            epochs=fields["epochs"],
            untrained_loss=fields["untrained_loss"],
            optimum=fields["optimum"] if optimum is None else optimum,
            failed=fields["ending"] == "failed",
            kept_epoch=fields["kept_epoch"],
        )

    def figure(self, *, curve: str = "loss") -> Figure:
        """Draw what `plot` does as a matplotlib `Figure`, to be changed, shown or saved.

        pyplot does not know of it, so that it need not be closed. A notebook shows it.

        Args:
            curve: What to draw, `loss` or a metric's name.

        Raises:
            KeyError: If there is no such curve.
            ImportError: If matplotlib is missing; `pip install "gradwise[train]"` has it.

        Example:
            >>> from gradwise import train
            >>> history = train.History.empty().append({"train_loss": [2.0, 1.0]})
            >>> history.figure().axes[0].get_ylabel()
            'loss'
        """
        train, name = self[f"train_{curve}"], f"validation_{curve}"
        validation = self[name] if name in self.curves else None
        title = self.diagnose().kind
        return curve_figure(name=curve, title=title, train=train, validation=validation)

    def plot(self, path: str | Path, *, curve: str = "loss") -> None:
        """Draw the training and the validation curve, the gap shaded, under the diagnosis.

        Args:
            path: The file, its ending the format: png, svg, pdf.
            curve: What to draw, `loss` or a metric's name.

        Raises:
            KeyError: If there is no such curve.
            ImportError: If matplotlib is missing; `pip install "gradwise[train]"` has it.

        Example:
            >>> import tempfile
            >>> from gradwise import train
            >>> path = Path(tempfile.mkdtemp()) / "curves.svg"
            >>> train.History.empty().append({"train_loss": [2.0, 1.0]}).plot(path)
            >>> path.read_text().count("<svg")
            1
        """
        write_figure(self.figure(curve=curve), path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers; `from_dict` is the way back.

        Example:
            >>> from gradwise import train
            >>> train.History.empty().append({"train_loss": [0.5]}).to_dict()["curves"]
            {'train_loss': [0.5]}
        """
        return plain(self._made())

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> History:
        """Return the history that `to_dict` took apart; numbers may be the strings "nan", "inf".

        Raises:
            KeyError: If a field is missing.
            ValueError: If a curve has another number of epochs than the history, or a field holds
                no number.

        Example:
            >>> from gradwise import train
            >>> history = train.History.empty().append({"train_loss": [0.5]})
            >>> train.History.from_dict(history.to_dict()) == history
            True
        """
        return cls(**fields_of(fields))

    def save(self, path: str | Path) -> None:
        """Write the history to a `.json` file; NaN and infinities are "nan", "inf" and "-inf".

        Raises:
            ValueError: If the path ends otherwise.
            OSError: If the file cannot be written; an older one stays as it is.

        Example:
            >>> import tempfile
            >>> from gradwise import train
            >>> path = Path(tempfile.mkdtemp()) / "history.json"
            >>> train.History.empty().append({"train_loss": [0.5]}).save(path)
            >>> print(path.read_text()[:36])
            {
             "schema": 2,
             "kind": "history",
        """
        ending(path, ".json")
        save_record(path, "history", self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote, in this version of gradwise or in the one before.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, or is no history.

        Example:
            >>> import tempfile
            >>> from gradwise import train
            >>> path = Path(tempfile.mkdtemp()) / "history.json"
            >>> history = train.History.empty().append({"train_loss": [0.5, float("nan")]})
            >>> history.save(path)
            >>> train.History.load(path) == history
            True
        """
        return load_record(path, "history", cls.from_dict, schema_1=True)
