"""Ctrl-C while packages are loaded, which takes longer than anything else that a command does."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .again import INTERRUPTED, interrupted


@contextmanager
def loading() -> Iterator[None]:
    """Let Ctrl-C end the process at once; within, only import.

    A compiled module that is being loaded makes another error of `KeyboardInterrupt`, or drops it:
    then NumPy is said to be broken, or the command goes on for minutes. Nothing is kept so early.

    Example:
        >>> with loading():
        ...     import json
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, f"\n{interrupted('nothing is kept')}\n".encode())
    os._exit(INTERRUPTED)
