"""Let Ctrl-C and SIGTERM wait until a loop can end in order, and tell the caller of it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Literal, TypeAlias

from .._processes import is_first
from ..checkpoints.position import Position
from ..curves import History
from ..steps import TrainState
from .carry import Carry, finish
from .lockstep import Lockstep

#: What `fit` does when a signal has ended it.
OnInterrupt: TypeAlias = Literal["raise", "return"]


class Interrupted(SystemExit):
    """Ctrl-C or SIGTERM has ended a training, which has saved what there is.

    A script that does not catch it ends with exit status 130 after Ctrl-C and 143 after SIGTERM, as
    if it had been killed. After Ctrl-C it is a `KeyboardInterrupt`, too.

    Attributes:
        code: The exit status.
        train_state: What `fit` would have returned.
        history: The curves; `history.stopped` is "interrupted".

    Example:
        >>> import signal
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     return ((batch.x - params) ** 2).mean(), (state, {})
        >>> optimizer = optax.sgd(0.1)
        >>> x = jnp.ones((4, 1))
        >>> try:
        ...     _ = train.fit(
        ...         jax.random.key(0), train.init(jnp.array(0.0), (), optimizer), objective,
        ...         optimizer, (x, x), epochs=9, batch_size=4,
        ...         callback=lambda epoch, row: signal.raise_signal(signal.SIGTERM),
        ...     )
        ... except train.Interrupted as interruption:
        ...     print(interruption.code, interruption.history.stopped, interruption.history.epochs)
        143 interrupted 1
    """

    train_state: TrainState
    history: History


class _InterruptedByCtrlC(Interrupted, KeyboardInterrupt):
    """What Ctrl-C raises, so that `except KeyboardInterrupt` catches it."""


def interruption(number: int, text: str, train_state: TrainState, history: History) -> Interrupted:
    """Return the exception that says of a run that a signal has ended it."""
    kind = _InterruptedByCtrlC if number == signal.SIGINT else Interrupted
    made = kind(text)
    made.code, made.train_state, made.history = 128 + number, train_state, history
    return made


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Remember Ctrl-C and SIGTERM, for a training loop of your own to ask after each step.

    Within the `with` block a first signal interrupts nothing: the function that the block is given
    returns True from then on. A second Ctrl-C raises `KeyboardInterrupt` at once. At the end of the
    block the handlers from before it are set again. A signal that the process ignores, such as
    Ctrl-C where a shell has started it in the background, stays ignored. Only the main thread
    receives signals; in any other the function always returns False.

    Of several processes each asks after the same steps, and all are told of a signal to any: the
    function waits for the answers of all.

    Example:
        >>> import signal
        >>> from gradwise import train
        >>> with train.interruptible() as interrupted:
        ...     for step in range(100):
        ...         if step == 3:
        ...             signal.raise_signal(signal.SIGTERM)  # as `kill` does
        ...         if interrupted():
        ...             break  # save what there is, for example
        >>> step
        3
    """
    with first_signal() as received:
        lockstep = Lockstep(received=received)
        yield lambda: bool(lockstep.agreed())


@contextmanager
def first_signal() -> Iterator[Callable[[], int]]:
    """Do what `interruptible` does, with the first signal's number, 0 before there is one.

    Example:
        >>> with first_signal() as received:
        ...     received()
        0
    """
    numbers: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if numbers and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        numbers.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    # A signal that is ignored, as Ctrl-C is by what a shell runs in the background, stays ignored;
    # and a handler that is not Python's, None, could not be set again.
    before = {
        number: signal.signal(number, remember)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield lambda: numbers[0] if numbers else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_of_signal(
    number: int,
    carry: Carry,
    history: History,
    position: Position,
    epochs: int,
    checkpoint: str | Path | None,
    on_interrupt: OnInterrupt,
) -> None:
    """Print that a signal has ended the run, and raise if that is wanted."""
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    within = f" and {position.batches} batches of the next" if position.batches else ""
    where = "" if checkpoint is None else f", saved in {checkpoint}"
    text = f"fit: {name} after epoch {history.epochs} of {epochs}{within}{where}"
    if is_first():
        print(text, file=sys.stderr, flush=True)
    if on_interrupt == "raise":
        raise interruption(number, text, finish(carry), history)
