"""The fields of a history as plain lists and numbers, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._record_file import number
from .._records import integer, numbers
from .endings import ending_number


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a history with lists in place of its arrays.

    Example:
        >>> plain({"curves": {"train_loss": np.array([0.5])}, "epochs": 1})
        {'curves': {'train_loss': [0.5]}, 'epochs': 1}
    """
    return {**fields, "curves": {name: curve.tolist() for name, curve in fields["curves"].items()}}


def fields_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a history that `plain` took apart, also by an older version.

    Raises:
        KeyError: If a field is missing.
        ValueError: If a curve has another number of epochs than the history, or a field holds no
            number.

    Example:
        >>> stored = {"curves": {}, "epochs": 0, "untrained_loss": "nan", "failed_step": -1}
        >>> fields_of(stored)["ending"]
        0
    """
    curves = {name: numbers(curve) for name, curve in stored["curves"].items()}
    epochs = integer("epochs", stored["epochs"], 0)
    for name, curve in curves.items():
        if curve.shape[:1] != (epochs,):
            raise ValueError(f"curve {name!r} must be of {epochs} epochs, got {curve.shape}")
    failed_step = integer("failed_step", stored["failed_step"], -1)
    return {
        "curves": curves,
        "epochs": epochs,
        "untrained_loss": number(stored["untrained_loss"]),
        "kept_epoch": integer("kept_epoch", stored.get("kept_epoch", -1), -1),
        "optimum": number(stored.get("optimum", math.nan)),
        "failed_step": failed_step,
        "failed_validation": integer("failed_validation", stored.get("failed_validation", -1), -1),
        "ending": ending_number(stored.get("ending", "running" if failed_step < 0 else "failed")),
    }


def joined(
    before: Mapping[str, np.ndarray], more: Mapping[str, ArrayLike]
) -> dict[str, np.ndarray]:
    """Return curves with more epochs behind them.

    Example:
        >>> joined({}, {"train_loss": [0.5]})
        {'train_loss': array([0.5])}
    """
    new = {name: np.asarray(curve, np.float64) for name, curve in more.items()}
    old = before or {name: np.zeros((0, *curve.shape[1:])) for name, curve in new.items()}
    return {name: np.concatenate([old[name], curve]) for name, curve in new.items()}


def one_run(epochs: Any) -> int:
    """Return how many epochs the one run of a history made.

    Raises:
        ValueError: If it is the history of several runs.

    Example:
        >>> one_run(np.array(3))
        3
    """
    if np.ndim(epochs):
        raise ValueError(
            f"a history must be of one run to be read, got {np.size(epochs)} runs as vmap makes "
            "them: take run i with jax.tree.map(lambda leaf: leaf[i], history)"
        )
    return int(epochs)
