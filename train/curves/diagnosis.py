"""Tell from a training's curves whether it over-fitted, under-fitted, or did neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._equality import equal_by_fields
from .._text import html_table
from .evidence import FEWEST, evidence_of

Kind = Literal[
    "overfitting", "underfitting", "ideal", "not converged", "diverged", "too little data to say"
]

# The scale of a loss is how far the untrained network's loss is above the best possible one: above
# 0, or above the lowest loss that was reached if that is below 0. Shares of the scale are compared
# as products, never as quotients, for a scale may be 0.
_HIGH = 0.25  # a loss above this share of the untrained loss is high
_BIG_GAP = 0.05  # a gap is big if it is above this share of the scale
_BIG_GAP_OF_VALIDATION = 0.3  # and above this share of the validation loss
_BIG_GAP_BELOW_ZERO = 0.1  # where 0 is not the best loss: this share of the scale, alone
_RISE = 0.05  # a rise is real if it is above this share of the scale
_STILL_FALLING = 0.1  # the share of the whole improvement that falling last epochs make
_ROUNDING = 1e-3  # a change below this share of the untrained loss is rounding

_ADVICE: Mapping[Kind, str] = {
    "overfitting": "use more data, dropout, a penalty on the weights or a smaller network; or stop "
    "at the best epoch (patience=, keep_best=True)",
    "underfitting": "use a larger network, less dropout or penalty, or another learning rate; or "
    "the features hold no more",
    "ideal": "nothing to repair: spend the next effort on data or on a search",
    "not converged": "train for more epochs, or raise the learning rate",
    "diverged": "lower the learning rate, clip the gradients or scale the features",
    "too little data to say": "train for at least five epochs, and pass validation data",
}


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a training's curves say, the numbers that it rests on, and what to try.

    The last third of the epochs is judged, by straight lines through the curves, on the scale of
    how far the untrained network's loss is above the best one: 0, or for a loss that falls below it
    the lowest that was reached.

    * Over-fitting is a gap of more than 30 % of the validation loss, 5 % of the scale and twice the
      noise, or a validation loss that has risen by the latter two from its lowest while the
      training loss falls.
    * Under-fitting is two losses that no longer fall and stay above 25 % of the untrained one. By
      the curves alone, a network that is too small looks like targets that the features do not
      determine, and like a loss whose best value is above 0.
    * Below 0, as the likelihood of a density goes, how low a loss could be is not known. There a
      gap is one of more than 10 % of the scale, and under-fitting is to have learned nothing;
      "ideal" only says that both losses have fallen together, and no longer do.

    Attributes:
        kind: The verdict in a word or two.
        evidence: The numbers, in the units of the loss; slopes are for each epoch.
        advice: What to try.

    Example:
        >>> from gradwise import train
        >>> print(train.Diagnosis(
        ...     kind="not converged", evidence={"epochs": 7.0}, advice="train for more epochs"
        ... ))
        not converged (epochs 7): train for more epochs
    """

    kind: Kind
    evidence: Mapping[str, float]
    advice: str

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    def __str__(self) -> str:
        """Return one line."""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        return f"{self.kind} ({numbers}): {self.advice}"

    def __repr__(self) -> str:
        """Return the verdict and the losses, without the other numbers."""
        shown = [self.kind] + [
            f"{name} {self.evidence[name]:.3g}"
            for name in ("train loss", "validation loss")
            if name in self.evidence
        ]
        return f"Diagnosis({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """Return the verdict, the advice and a table of the numbers, for a notebook."""
        lines = [["number", "value"], *([name, value] for name, value in self.evidence.items())]
        return html_table(lines, caption=f"{self.kind}: {self.advice}")


def diagnose(
    curves: Mapping[str, np.ndarray], *, epochs: int, untrained_loss: float, failed: bool
) -> Diagnosis:
    """Judge curves `[epochs]` by their last epochs; `Diagnosis` says by which rules.

    Args:
        curves: `train_loss` and perhaps `validation_loss`, each `[epochs]`.
        epochs: How many epochs were made.
        untrained_loss: The loss before the first step, not finite if it is not known.
        failed: Whether a step that was not finite ended the run.

    Example:
        >>> diagnose({}, epochs=0, untrained_loss=2.3, failed=True).kind
        'diverged'
    """
    evidence = evidence_of(curves, epochs=epochs, untrained_loss=untrained_loss)
    kind = "diverged" if failed else _kind(evidence)
    return Diagnosis(kind=kind, evidence=evidence, advice=_ADVICE[kind])


def _kind(evidence: Mapping[str, float]) -> Kind:
    if evidence["epochs"] and _blew_up(evidence):
        return "diverged"
    if evidence["epochs"] < FEWEST:
        return "too little data to say"
    validated = "validation loss" in evidence
    if validated and not np.isfinite(evidence["validation loss"]):
        return "diverged"
    falling = _falls(evidence)
    if validated and _overfits(evidence, falling):
        return "overfitting"
    if falling:
        return "not converged"
    if _is_high(evidence):
        return "underfitting"
    return "ideal" if validated else "too little data to say"


def _blew_up(evidence: Mapping[str, float]) -> bool:
    untrained, train = evidence["untrained loss"], evidence["train loss"]
    # The size of the untrained loss counts too: below 0 the scale may be no more than the noise of
    # a batch.
    return not (np.isfinite(train) and train - untrained <= max(abs(untrained), _scale(evidence)))


def _falls(evidence: Mapping[str, float]) -> bool:
    recent = evidence["improvement in last epochs"]
    whole = max(evidence["improvement"], recent, _rounding(evidence))
    return recent > _STILL_FALLING * whole


def _overfits(evidence: Mapping[str, float], falling: bool) -> bool:
    noise, scale = evidence["noise of validation loss"], _scale(evidence)
    if _best_loss_is_zero(evidence):
        big = max(_BIG_GAP * scale, _BIG_GAP_OF_VALIDATION * evidence["validation loss"])
    else:
        big = _BIG_GAP_BELOW_ZERO * scale
    gap_is_big = evidence["gap"] > max(big, 2 * noise)
    rises = evidence["rise of validation loss"] > max(_RISE * scale, 2 * noise)
    return (gap_is_big and not falling) or (rises and evidence["slope of train loss"] <= 0)


def _is_high(evidence: Mapping[str, float]) -> bool:
    if _best_loss_is_zero(evidence):
        loss = evidence.get("validation loss", evidence["train loss"])
        return loss > _HIGH * evidence["untrained loss"]
    # How low the loss could be is not known, so "high" means that nothing was learned.
    noise = evidence.get("noise of validation loss", evidence["noise of train loss"])
    return evidence["improvement"] <= max(_rounding(evidence), 2 * noise)


def _best_loss_is_zero(evidence: Mapping[str, float]) -> bool:
    """Return whether no loss was below 0, rounding aside."""
    return evidence["lowest loss"] >= -_rounding(evidence)


def _scale(evidence: Mapping[str, float]) -> float:
    return evidence["untrained loss"] - min(0.0, evidence["lowest loss"])


def _rounding(evidence: Mapping[str, float]) -> float:
    return _ROUNDING * abs(evidence["untrained loss"])
