"""What a training's curves say: over-fitting, under-fitting, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .history import History

Kind = Literal[
    "overfitting", "underfitting", "ideal", "not converged", "diverged", "too little data to say"
]

# A share of the untrained network's loss: above it a loss is high, a gap big, a rise real.
_HIGH, _BIG, _RISE = 0.25, 0.05, 0.05
_BIG_OF_VALIDATION = 0.3  # and a gap is at least this share of the validation loss
_STILL_FALLING = 0.1  # share of the whole improvement that the last epochs made
_FEWEST = 5  # epochs

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


class Diagnosis(NamedTuple):
    """A verdict, the numbers behind it, and what to try.

    Example:
        >>> print(Diagnosis("not converged", {"epochs": 7.0}, "train for more epochs"))
        not converged (epochs 7): train for more epochs
    """

    kind: Kind
    evidence: dict[str, float]
    advice: str

    def __str__(self) -> str:
        """One line."""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        return f"{self.kind} ({numbers}): {self.advice}"


def diagnose(history: History) -> Diagnosis:
    """Judges the curves of a training by their last epochs; see `History.diagnose`."""
    evidence = _evidence(history)
    kind = _kind(history, evidence)
    return Diagnosis(kind, evidence, _ADVICE[kind])


def _kind(history: History, evidence: dict[str, float]) -> Kind:
    untrained, train = evidence["untrained loss"], evidence.get("train loss", np.inf)
    if int(history.failed_step) >= 0 or (history.epochs and not train < 2 * untrained):
        return "diverged"
    validated = "validation loss" in evidence
    loss = evidence["validation loss"] if validated else train
    if history.epochs < _FEWEST:
        return "too little data to say"
    if validated and not np.isfinite(loss):
        return "diverged"
    falling = evidence["share of improvement in last epochs"] > _STILL_FALLING
    if validated and _overfits(evidence, falling):
        return "overfitting"
    if falling:
        return "not converged"
    if loss > _HIGH * untrained:
        return "underfitting"
    return "ideal" if validated else "too little data to say"


def _overfits(evidence: dict[str, float], falling: bool) -> bool:
    untrained, noise = evidence["untrained loss"], evidence["noise of validation loss"]
    gap = evidence["validation loss"] - evidence["train loss"]
    big = evidence["gap relative to validation loss"] > _BIG_OF_VALIDATION
    big &= gap > max(_BIG * untrained, 2 * noise)
    rises = evidence["rise of validation loss"] > max(_RISE * untrained, 2 * noise)
    return (big and not falling) or (rises and evidence["slope of train loss"] <= 0)


def _evidence(history: History) -> dict[str, float]:
    """Numbers of the last epochs: levels, slopes per epoch, and the scatter about the slope."""
    evidence = {"epochs": float(history.epochs), "untrained loss": float(history.untrained_loss)}
    if history.epochs == 0:
        return evidence
    train = history["train_loss"]
    if not np.isfinite(evidence["untrained loss"]):  # curves that no run has made
        evidence["untrained loss"] = float(train[0])
    last = max(_FEWEST - 1, round(0.3 * len(train)))
    evidence["train loss"], evidence["slope of train loss"], _ = _line(train[-last:])
    judged = train
    if "validation_loss" in history.curves:
        judged = history["validation_loss"]
        level, slope, noise = _line(judged[-last:])
        evidence |= {
            "validation loss": level,
            "slope of validation loss": slope,
            "noise of validation loss": noise,
            "rise of validation loss": level - float(judged.min()),
            "gap relative to validation loss": (level - evidence["train loss"]) / level,
        }
    level, slope, _ = _line(judged[-last:])
    fallen = evidence["untrained loss"] - level
    recent = -slope * (min(last, len(judged)) - 1)
    least = 1e-3 * evidence["untrained loss"]  # less than that is no improvement, but rounding
    evidence["share of improvement in last epochs"] = recent / max(fallen, recent, least)
    return evidence


def _line(values: np.ndarray) -> tuple[float, float, float]:
    """A straight line through the values: its end, its slope, the deviation around it."""
    if len(values) < 2 or not np.isfinite(values).all():
        return float(values[-1]), 0.0, 0.0
    x = np.arange(len(values)) - (len(values) - 1)
    slope, end = np.polyfit(x, values, 1)
    return float(end), float(slope), float(np.std(values - end - slope * x))
