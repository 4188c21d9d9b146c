"""What ended a run, and whether its validation was ever a number; for NumPy and traced values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

from ..curves.endings import ending_number
from .carry import Watch, is_stale
from .plan import Plan

Number: TypeAlias = jax.Array | int  # or NumPy's


def is_invalid(loss: Any) -> Any:
    """Return whether a validation loss says nothing: NaN, or minus infinity, `[...]` bool.

    Infinity is a loss like any other, which each finite one is lower than: a model may give what
    has happened the probability 0.

    Example:
        >>> is_invalid(np.array([0.5, np.nan, np.inf, -np.inf])).tolist()
        [False, True, False, True]
    """
    return ~(loss > -np.inf)


def failed_validation(plan: Plan, curves: Mapping[str, Any], epochs: Number) -> Number:
    """Return the epoch, counted from 1, whose validation ended a run or makes it void, else -1.

    With `on_nonfinite="raise"` that is the last epoch, if its validation loss is no number; with
    "skip" it is the last epoch only if no epoch had a validation loss that is one.

    Args:
        plan: How the run was trained.
        curves: Its curves, `[epochs, ...]`.
        epochs: How many epochs were made.

    Example:
        >>> import optax
        >>> plan = Plan(objective=print, optimizer=optax.sgd(0.1), batch_size=4)
        >>> int(failed_validation(plan, {"validation_loss": np.array([0.5, np.nan, 0.1])}, 2))
        2
    """
    if "validation_loss" not in curves:
        return 0 * epochs - 1
    invalid = is_invalid(curves["validation_loss"])
    epoch = np.arange(1, len(invalid) + 1)
    if plan.on_nonfinite == "raise":
        failed = (invalid & (epoch == epochs)).any()
    else:
        failed = (invalid | (epoch > epochs)).all() & (epochs > 0)
    return _as_number(failed) * (epochs + 1) - 1


def ending_of(plan: Plan, watch: Watch, failed_validation: Number, over: Number) -> Number:
    """Return the number of the ending that a run has come to, `[]`.

    Args:
        plan: How it was trained.
        watch: What the run remembers.
        failed_validation: What the function of this name returns.
        over: Whether all epochs were made, `[]` bool.
    """
    patience, finished, failed = map(ending_number, ("patience", "finished", "failed"))
    is_over = _as_number(over)
    ending = patience * _as_number(is_stale(plan, watch.stale))
    ending = ending + (finished - ending) * is_over
    has_failed = _as_number(watch.bad.any() | (failed_validation >= 0))
    return ending + (failed - ending) * has_failed


def _as_number(condition: Any) -> Number:
    """Return 1 for true and 0 for false; strict promotion of dtypes multiplies no bool."""
    return int(condition) if isinstance(condition, bool) else condition.astype(np.int32)
