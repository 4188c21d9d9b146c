"""Keep the best epoch's train state on the host, where the device has no room for a second one."""

from __future__ import annotations

import jax
import numpy as np

from .._processes import several
from .._records import is_key
from ..steps import TrainState
from .carry import Carry, copied, measured
from .driver import Advance, SourceError
from .plan import Plan


def check_host(plan: Plan, epochs_per_call: int) -> None:
    """Check that the best epoch can be kept on the host, if it is to be.

    Example:
        >>> import optax
        >>> plan = Plan(objective=print, optimizer=optax.sgd(0.1), batch_size=4, keep_best="host")
        >>> check_host(plan, 2)
        Traceback (most recent call last):
        ValueError: keep_best="host" looks at each epoch, got epochs_per_call=2: leave it out
    """
    if plan.keep_best != "host":
        return
    if epochs_per_call > 1:
        raise ValueError(
            f'keep_best="host" looks at each epoch, got epochs_per_call={epochs_per_call}: '
            "leave it out"
        )
    if several():
        raise ValueError(
            'keep_best="host" needs all of a train state in one process: pass keep_best=True'
        )


def with_best(plan: Plan, carry: Carry, best: TrainState | tuple[()]) -> Carry:
    """Return the carry with a copy of the best train state on the host, if the plan keeps it there.

    Example:
        >>> carry = Carry(TrainState((), (), (), np.zeros(())), print)
        >>> import optax
        >>> plan = Plan(objective=print, optimizer=optax.sgd(0.1), batch_size=4)
        >>> with_best(plan, carry, ()) is carry
        True
    """
    if plan.keep_best != "host":
        return carry
    return _with(carry, jax.tree.map(_on_host, best))


def _on_host(leaf: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    """Return a copy, for the device may overwrite what NumPy looks at."""
    return copied(leaf) if is_key(leaf) else np.array(leaf, copy=True)


def _with(carry: Carry, best: TrainState | tuple[()]) -> Carry:
    return carry._replace(watch=carry.watch._replace(best=best))


def on_device(plan: Plan, carry: Carry) -> Carry:
    """Return the carry as compiled programs have it: without what is kept on the host."""
    return _with(carry, ()) if plan.keep_best == "host" else carry


def looking(plan: Plan, advance: Advance) -> Advance:
    """Return `advance`, after which the best train state is copied to the host if it is new."""
    if plan.keep_best != "host":
        return advance

    def advance_and_look(carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        best, before = carry.watch.best, int(carry.watch.best_epoch)
        try:
            carry, curves = advance(on_device(plan, carry))
        except SourceError as told:
            told.carry = _with(told.carry, best)
            raise
        if int(carry.watch.best_epoch) > before:
            return with_best(plan, carry, measured(carry)), curves
        return _with(carry, best), curves

    return advance_and_look
