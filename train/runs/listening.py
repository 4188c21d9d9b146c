"""Tell those who listen to a run of each epoch, and hear whether it is to stop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..curves import History
from ..log import Callback
from .carry import Carry, copied, measured
from .progress import Report

#: Asked as `stop(history)` after each block of epochs: whether the run is to end.
Stop: TypeAlias = Callable[[History], bool]
#: Called as `tell(carry, history, before)` when epochs have ended, `before` of which were made
#: earlier; returns whether the run is to stop.
Tell: TypeAlias = Callable[[Carry, History, int], bool]


def teller(report: Report, callback: Callback | Sequence[Callback] | None) -> Tell:
    """Make the function that prints the epochs and calls back.

    A callback with a parameter `train_state` is given a copy of it, which the run does not reuse.
    Only True stops: a callback that returns what it has written, say, stops nothing.

    Args:
        report: Prints rows of a history.
        callback: One or several.

    Raises:
        TypeError: If one is no function.
    """
    callbacks = _listed(callback)
    with_state = [_takes_train_state(call) for call in callbacks]
    for call, takes in zip(callbacks, with_state, strict=True):
        _check_takes(
            "callback", "(epoch, row)", call, 1, {}, **({"train_state": ()} if takes else {})
        )

    def tell(carry: Carry, history: History, before: int) -> bool:
        rows = history.rows()[before:]
        report(rows)
        given = {"train_state": copied(measured(carry))} if any(with_state) else {}
        answers = [
            call(int(row["epoch"]), dict(row), **(given if takes else {}))  # a row of its own
            for row in rows
            for call, takes in zip(callbacks, with_state, strict=True)
        ]
        return any(isinstance(answer, bool | np.bool_) and answer for answer in answers)

    return tell


def _listed(callback: Callback | Sequence[Callback] | None) -> list[Callback]:
    if callback is None:
        return []
    if callable(callback):
        return [callback]
    several = isinstance(callback, Iterable) and not isinstance(callback, Mapping)
    callbacks: list[Any] = list(callback) if several else [callback]
    if not all(map(callable, callbacks)):
        raise TypeError(
            "callback must be a function of (epoch, row), such as train.log.csv(path), or a list "
            f"of them, got {callback!r}"
        )
    return callbacks


def asked(stop: Stop | None) -> Stop:
    """Return the function that is asked whether a run is to end, or says no.

    Raises:
        TypeError: If it is no function.

    Example:
        >>> asked(None)(History.empty())
        False
    """
    if stop is not None and not callable(stop):
        raise TypeError(
            'stop must be a function of the history, such as lambda history: history["train_loss"]'
            f"[-1] < 0.1, got {stop!r}"
        )
    if stop is not None:
        _check_takes("stop", "the history", stop, ())
    return stop or (lambda history: False)


def _check_takes(name: str, wanted: str, fn: Callable[..., Any], *given: Any, **named: Any) -> None:
    """Check before an epoch is made that a function can be called as it will be.

    Raises:
        TypeError: If it cannot.
    """
    try:
        arguments = inspect.signature(fn)
    except (TypeError, ValueError):  # some functions of other languages have no signature
        return
    try:
        arguments.bind(*given, **named)
    except TypeError as error:
        label = getattr(fn, "__name__", type(fn).__name__)
        raise TypeError(
            f"{name} must be a function of {wanted}, got {label}{arguments}: {error}"
        ) from None


def _takes_train_state(callback: Callback) -> bool:
    """Return whether a callback has a parameter of that name.

    Example:
        >>> _takes_train_state(lambda epoch, row, train_state: None), _takes_train_state(print)
        (True, False)
    """
    try:
        return "train_state" in inspect.signature(callback).parameters
    except ValueError:  # some functions of other languages have no signature
        return False
