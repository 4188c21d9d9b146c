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

# Shares of the scale, which is how far the untrained network's loss is above the best one: 0, or
# the lowest that was reached below it. They are compared undivided, as a loss may well be 0.
_HIGH, _BIG, _RISE = 0.25, 0.05, 0.05  # above it a loss is high, a gap big, a rise real
_BIG_OF_VALIDATION = 0.3  # and a gap is at least this share of the validation loss;
_BIG_BELOW_ZERO = 0.1  # or of the scale, where that share means nothing as 0 is not the best loss
_STILL_FALLING = 0.1  # share of the whole improvement that the last epochs made
_ROUNDING = 1e-3  # share of the untrained loss that is no improvement, and no loss below 0
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


def diagnose(history: History, epochs: int) -> Diagnosis:
    """Judges the curves of `epochs` epochs by the last of them; see `History.diagnose`."""
    evidence = _evidence(history, epochs)
    kind = _kind(history, evidence)
    return Diagnosis(kind, evidence, _ADVICE[kind])


def _kind(history: History, evidence: dict[str, float]) -> Kind:
    if int(history.failed_step) >= 0 or (evidence["epochs"] and _blew_up(evidence)):
        return "diverged"
    if evidence["epochs"] < _FEWEST:
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


def _blew_up(evidence: dict[str, float]) -> bool:
    untrained, train = evidence["untrained loss"], evidence["train loss"]
    # The whole of the untrained loss too: below 0 the scale may be no more than a batch's noise.
    return not (np.isfinite(train) and train - untrained <= max(abs(untrained), _scale(evidence)))


def _falls(evidence: dict[str, float]) -> bool:
    recent = evidence["improvement in last epochs"]
    whole = max(evidence["improvement"], recent, _rounding(evidence))
    return recent > _STILL_FALLING * whole


def _overfits(evidence: dict[str, float], falling: bool) -> bool:
    noise, scale = evidence["noise of validation loss"], _scale(evidence)
    if _bounded(evidence):
        big = max(_BIG * scale, _BIG_OF_VALIDATION * evidence["validation loss"])
    else:
        big = _BIG_BELOW_ZERO * scale
    gapes = evidence["gap"] > max(big, 2 * noise)
    rises = evidence["rise of validation loss"] > max(_RISE * scale, 2 * noise)
    return (gapes and not falling) or (rises and evidence["slope of train loss"] <= 0)


def _is_high(evidence: dict[str, float]) -> bool:
    if _bounded(evidence):
        loss = evidence.get("validation loss", evidence["train loss"])
        return loss > _HIGH * evidence["untrained loss"]
    # How low it could go is not known, only whether anything was learned.
    noise = evidence.get("noise of validation loss", evidence["noise of train loss"])
    return evidence["improvement"] <= max(_rounding(evidence), 2 * noise)


def _bounded(evidence: dict[str, float]) -> bool:
    """Whether 0 is the best loss, as far as the curves show."""
    return evidence["lowest loss"] >= -_rounding(evidence)


def _scale(evidence: dict[str, float]) -> float:
    return evidence["untrained loss"] - min(0.0, evidence["lowest loss"])


def _rounding(evidence: dict[str, float]) -> float:
    return _ROUNDING * abs(evidence["untrained loss"])


def _evidence(history: History, epochs: int) -> dict[str, float]:
    """Numbers of the last epochs: levels, slopes per epoch, and the scatter about the slope."""
    evidence = {"epochs": float(epochs), "untrained loss": float(history.untrained_loss)}
    if epochs == 0:
        return evidence
    train = history["train_loss"]
    if not np.isfinite(evidence["untrained loss"]):  # curves that no run has made
        evidence["untrained loss"] = float(train[0])
    last = max(_FEWEST - 1, round(0.3 * len(train)))
    level, slope, noise = _line(train[-last:])
    evidence |= {
        "train loss": level,
        "slope of train loss": slope,
        "noise of train loss": noise,
    }
    judged = train
    if "validation_loss" in history.curves:
        judged = history["validation_loss"]
        level, slope, noise = _line(judged[-last:])
        evidence |= {
            "validation loss": level,
            "slope of validation loss": slope,
            "noise of validation loss": noise,
            "rise of validation loss": level - float(judged.min()),
            "gap": level - evidence["train loss"],
        }
        if level > 0:  # and no share of anything else
            evidence["gap relative to validation loss"] = evidence["gap"] / level
    return evidence | {
        "lowest loss": _lowest(evidence["untrained loss"], train, judged),
        "improvement": evidence["untrained loss"] - level,
        "improvement in last epochs": -slope * (min(last, len(judged)) - 1),
    }


def _lowest(untrained: float, train: np.ndarray, judged: np.ndarray) -> float:
    losses = np.concatenate([[untrained], train, judged])
    return float(losses.min(where=np.isfinite(losses), initial=np.inf))


def _line(values: np.ndarray) -> tuple[float, float, float]:
    """A straight line through the values: its end, its slope, the deviation around it.

    The end is kept within the values: a curve that levels off must not be extended below 0.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return float(values[-1]), 0.0, 0.0
    x = np.arange(len(values)) - (len(values) - 1)
    slope, end = np.polyfit(x, values, 1)
    noise = np.std(values - end - slope * x)
    return float(np.clip(end, values.min(), values.max())), float(slope), float(noise)
