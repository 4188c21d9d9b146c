"""The numbers in a training's curves on which a diagnosis rests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FEWEST = 5  # epochs that a diagnosis needs
_JUDGED = 0.3  # the share of the epochs, the last ones, through which the lines are drawn


def evidence_of(
    curves: Mapping[str, np.ndarray], *, epochs: int, untrained_loss: float, optimum: float
) -> dict[str, float]:
    """Measure the last epochs: levels, slopes for each epoch, and the scatter around the slopes.

    Args:
        curves: `train_loss` and perhaps `validation_loss`, each `[epochs]`.
        epochs: How many epochs were made.
        untrained_loss: The loss before the first step; if it is not finite the training loss of
            the first epoch stands in.
        optimum: The best possible loss, NaN if it is not known.

    Example:
        >>> falling = np.array([4.0, 3.0, 2.0, 1.0, 0.5])
        >>> found = evidence_of({"train_loss": falling}, epochs=5, untrained_loss=5.0, optimum=0.0)
        >>> found["lowest loss"], round(found["slope of train loss"], 2)
        (0.5, -0.85)
    """
    evidence = {"epochs": float(epochs), "untrained loss": untrained_loss}
    if np.isfinite(optimum):
        evidence["best possible loss"] = optimum
    if epochs == 0:
        return evidence
    train = curves["train_loss"]
    if not np.isfinite(untrained_loss):
        evidence["untrained loss"] = float(train[0])
    last = max(FEWEST - 1, round(_JUDGED * len(train)))
    level, slope, noise = _line(train[-last:])
    evidence |= {"train loss": level, "slope of train loss": slope, "noise of train loss": noise}
    judged = train
    if "validation_loss" in curves:
        judged = curves["validation_loss"]
        level, slope, noise = _line(judged[-last:])
        evidence |= _validation(evidence["train loss"], level, slope, noise, judged)
    return evidence | {
        "lowest loss": _lowest(evidence["untrained loss"], train, judged),
        "improvement": evidence["untrained loss"] - level,
        "improvement in last epochs": -slope * (min(last, len(judged)) - 1),
    }


def _validation(
    train_loss: float, level: float, slope: float, noise: float, judged: np.ndarray
) -> dict[str, float]:
    gap = level - train_loss
    evidence = {
        "validation loss": level,
        "slope of validation loss": slope,
        "noise of validation loss": noise,
        "rise of validation loss": level - float(judged.min()),
        "best epoch": 1.0 + float(np.argmin(judged)),
        "gap": gap,
    }
    # Of a loss of 0 or below there is no share.
    return evidence | ({"gap relative to validation loss": gap / level} if level > 0 else {})


def _lowest(untrained: float, train: np.ndarray, judged: np.ndarray) -> float:
    losses = np.concatenate([[untrained], train, judged])
    return float(losses.min(where=np.isfinite(losses), initial=np.inf))


def _line(values: np.ndarray) -> tuple[float, float, float]:
    """Fit a straight line, and return its end, its slope and the deviation around it.

    The end is kept within the values: of a curve that levels off, a line would end below 0.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return float(values[-1]), 0.0, 0.0
    x = np.arange(len(values)) - (len(values) - 1)
    slope, end = np.polyfit(x, values, 1)
    noise = np.std(values - end - slope * x)
    return float(np.clip(end, values.min(), values.max())), float(slope), float(noise)
