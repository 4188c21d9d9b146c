"""Let Ctrl-C and SIGTERM wait until a loop can end in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Remember Ctrl-C and SIGTERM, for a training loop of your own to ask after each step.

    Within the `with` block a first signal interrupts nothing: the function that the block is given
    returns True from then on. A second Ctrl-C raises `KeyboardInterrupt` at once. At the end of the
    block the handlers from before it are set again. Only the main thread receives signals; in any
    other the function always returns False.

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
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
