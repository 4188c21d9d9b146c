"""What ranks a run: a curve at the epoch that the run keeps, or a function of its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from .._text import excerpt
from ..curves import History

#: The name of a curve or of a metric, or `score(history) -> number`.
Score: TypeAlias = str | Callable[[History], float]
Mode: TypeAlias = Literal["min", "max"]


def name_of(score: Score) -> str:
    """Return what a score is called.

    Example:
        >>> name_of("accuracy"), name_of(max)
        ('accuracy', 'max')
    """
    return score if isinstance(score, str) else getattr(score, "__name__", type(score).__name__)


def curve_of(history: History, score: str) -> str:
    """Return the name of the curve that a score names: itself, or the metric's in validation.

    Args:
        history: Of one run, of arrays or of `jax.ShapeDtypeStruct`s.
        score: A curve's name or a metric's.

    Raises:
        ValueError: If there is no such curve, or if it has several values an epoch.

    Example:
        >>> curve_of(History.empty().append({"validation_accuracy": [0.5]}), "accuracy")
        'validation_accuracy'
    """
    name = score if score in history.curves else f"validation_{score}"
    if name not in history.curves:
        raise ValueError(
            f"no curve {score!r} to rank by: there are {sorted(history.curves)}; validation curves "
            "need validation data or folds"
        )
    shape = history.curves[name].shape
    if len(shape) != 1:
        raise ValueError(
            f"a score must be one number, and curve {name!r} has {shape[1:]} of them an epoch: "
            f'pass a function, such as score=lambda history: history["{name}"][-1].mean()'
        )
    return name


def measured(history: History, score: Score) -> tuple[float, str]:
    """Return the score of one run and, where there is none, NaN and why.

    A curve counts at the epoch whose train state the run returned: with `keep_best` the best one,
    else the last.

    Example:
        >>> history = History.empty().append({"validation_loss": [0.5, 0.2, 0.9]})
        >>> measured(history, "validation_loss")
        (0.9, '')
        >>> import dataclasses
        >>> measured(dataclasses.replace(history, kept_epoch=2), "validation_loss")
        (0.2, '')
    """
    failure = _failure(history)
    if failure:
        return float("nan"), failure
    if isinstance(score, str):
        name = curve_of(history, score)
        kept, epochs = int(history.kept_epoch), int(history.epochs)
        value = float(history[name][(kept if kept > 0 else epochs) - 1])
    else:
        name, value = f"{name_of(score)}(history)", _called(score, history)
    return (value, "") if np.isfinite(value) else (float("nan"), f"{name} is {value}")


def _failure(history: History) -> str:
    """Return what ended a run early, or that it made no epoch, or nothing."""
    if int(history.failed_step) >= 0:
        return f"step {int(history.failed_step)} was not finite"
    if int(history.failed_validation) >= 0:
        return f"the validation loss of epoch {int(history.failed_validation)} was not a number"
    return "" if int(history.epochs) else "it made no epoch"


def _called(score: Callable[[History], float], history: History) -> float:
    value = np.asarray(score(history))
    if value.size != 1 or value.dtype.kind not in "fiub":
        raise TypeError(
            f"score must return one number, got {excerpt(repr(value))} from {name_of(score)}"
        )
    return float(value.item())
