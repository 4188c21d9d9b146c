"""Tell from a training's curves whether it over-fitted, under-fitted, or did neither."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .._equality import equal_by_fields
from .._text import html_table
from .advice import Kind, advice_for, reason_for
from .evidence import FEWEST, evidence_of

# The scale of a loss is how far the untrained network's loss is above the best possible one, or
# above the lowest loss that was reached where the best possible one is not known. Shares of the
# scale are compared as products, never as quotients, for a scale may be 0.
_HIGH = 0.25  # a loss is high if more than this share of the scale is left of it
_BIG_GAP = 0.05  # a gap is big if it is above this share of the scale
_BIG_GAP_OF_VALIDATION = 0.3  # and above this share of what is left of the validation loss
_BIG_GAP_OF_FALL = 0.1  # where the best loss is not known: this share of the scale, alone
_RISE = 0.05  # a rise is real if it is above this share of the scale
_STILL_FALLING = 0.1  # the share of the whole improvement that falling last epochs make
_ROUNDING = 1e-3  # a change below this share of the untrained loss is rounding


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a training's curves say, the numbers that it rests on, and what to try.

    A big gap between validation and training loss is over-fitting; no gap between losses that stay
    high is under-fitting; a small gap between low losses is ideal. The last third of the epochs is
    judged, by straight lines through the curves, on a scale of how far the untrained network's loss
    is above the best possible one.

    * Over-fitting is a gap of more than 30 % of what is left of the validation loss, 5 % of the
      scale and twice the noise, or a validation loss that has risen by the latter two from its
      lowest while the training loss falls.
    * Under-fitting is two losses that no longer fall, with more than 25 % of the scale left. By the
      curves alone, a network that is too small looks like targets that the features do not
      determine.
    * The best possible loss is not always known: a likelihood goes below 0, or no lower than its
      entropy. There improvement alone is judged, on the scale of the whole fall: a gap is one of
      more than 10 %, under-fitting is to have learned nothing, and "ideal" says that both losses
      have fallen together and no longer do.

    Attributes:
        kind: The verdict in a word or two.
        evidence: The numbers, in the units of the loss; slopes are for each epoch.
        advice: What to try.

    Example:
        >>> from gradwise import train
        >>> print(train.Diagnosis(
        ...     kind="not converged", evidence={"train loss": 0.5}, advice="train for more epochs"
        ... ))
        not converged: the losses still fall (train loss 0.5)
        train for more epochs
    """

    kind: Kind
    evidence: Mapping[str, float]
    advice: str

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    def __str__(self) -> str:
        """Return two lines: the verdict with the losses, and the advice."""
        losses = f" ({', '.join(self._losses())})" if self._losses() else ""
        return f"{self.kind}: {reason_for(self.kind, self.evidence)}{losses}\n{self.advice}"

    def __repr__(self) -> str:
        """Return the verdict and the losses, without the other numbers."""
        return f"Diagnosis({', '.join([self.kind, *self._losses()])})"

    def _losses(self) -> list[str]:
        names = (name for name in ("train loss", "validation loss") if name in self.evidence)
        return [f"{name} {self.evidence[name]:.3g}" for name in names]

    def _repr_html_(self) -> str:
        """Return the verdict, the advice and a table of the numbers, for a notebook."""
        lines = [["number", "value"], *([name, value] for name, value in self.evidence.items())]
        return html_table(lines, caption=f"{self.kind}: {self.advice}")


def diagnose(
    curves: Mapping[str, np.ndarray],
    *,
    epochs: int,
    untrained_loss: float,
    optimum: float = math.nan,
    failed: bool = False,
    kept_epoch: int = -1,
) -> Diagnosis:
    """Judge curves `[epochs]` by their last epochs; `Diagnosis` says by which rules.

    Args:
        curves: `train_loss` and perhaps `validation_loss`, each `[epochs]`.
        epochs: How many epochs were made.
        untrained_loss: The loss before the first step, not finite if it is not known.
        optimum: The best possible loss, NaN if it is not known.
        failed: Whether a step that was not finite ended the run.
        kept_epoch: The epoch whose train state was kept; -1: the last one.

    Example:
        >>> diagnose({}, epochs=0, untrained_loss=2.3, failed=True).kind
        'diverged'
    """
    evidence = evidence_of(curves, epochs=epochs, untrained_loss=untrained_loss, optimum=optimum)
    kind = "diverged" if failed else _kind(evidence)
    advice = advice_for(kind, evidence, kept_epoch=kept_epoch)
    return Diagnosis(kind=kind, evidence=evidence, advice=advice)


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
    # The size of the untrained loss counts too: the scale may be no more than the noise of a batch.
    return not (np.isfinite(train) and train - untrained <= max(abs(untrained), _scale(evidence)))


def _falls(evidence: Mapping[str, float]) -> bool:
    recent = evidence["improvement in last epochs"]
    whole = max(evidence["improvement"], recent, _rounding(evidence))
    return recent > _STILL_FALLING * whole


def _overfits(evidence: Mapping[str, float], falling: bool) -> bool:
    noise, scale = evidence["noise of validation loss"], _scale(evidence)
    best = _best_possible(evidence)
    if best is None:  # where nothing was learned the scale is noise, and no gap is one
        learned = evidence["untrained loss"] - evidence["train loss"] > _rounding(evidence)
        big = _BIG_GAP_OF_FALL * scale if learned else math.inf
    else:
        left = evidence["validation loss"] - best
        big = max(_BIG_GAP * scale, _BIG_GAP_OF_VALIDATION * left)
    gap_is_big = evidence["gap"] > max(big, 2 * noise)
    rises = evidence["rise of validation loss"] > max(_RISE * scale, 2 * noise)
    return (gap_is_big and not falling) or (rises and evidence["slope of train loss"] <= 0)


def _is_high(evidence: Mapping[str, float]) -> bool:
    best = _best_possible(evidence)
    if best is not None:
        loss = evidence.get("validation loss", evidence["train loss"])
        return loss - best > _HIGH * (evidence["untrained loss"] - best)
    # How low the loss could be is not known, so "high" means that nothing was learned.
    noise = evidence.get("noise of validation loss", evidence["noise of train loss"])
    return evidence["improvement"] <= max(_rounding(evidence), 2 * noise)


def _best_possible(evidence: Mapping[str, float]) -> float | None:
    """Return the best possible loss, None if it is not known: what is below it disproves it."""
    best = evidence.get("best possible loss")
    return None if best is None or evidence["lowest loss"] < best - _rounding(evidence) else best


def _scale(evidence: Mapping[str, float]) -> float:
    best = _best_possible(evidence)
    return evidence["untrained loss"] - (evidence["lowest loss"] if best is None else best)


def _rounding(evidence: Mapping[str, float]) -> float:
    return _ROUNDING * abs(evidence["untrained loss"])
