"""Ctrl-C and SIGTERM as a question between two blocks of epochs, not as an exception in one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within it, the first signal is remembered; a second Ctrl-C raises `KeyboardInterrupt`.

    Only the main thread receives signals; in any other this changes nothing.

    Example:
        >>> with interruptible() as interrupted:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     interrupted()
        True
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
