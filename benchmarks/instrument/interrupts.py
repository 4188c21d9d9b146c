"""Ctrl-C, where Python would lose it."""

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds until an interrupt that was dropped comes again: by then the destructor has ended.
_SOON = 0.05


@contextmanager
def never_dropped() -> Iterator[None]:
    """Interrupt the work inside again if Python drops its `KeyboardInterrupt`.

    A signal that comes while C code runs is raised at the next step in Python. While JAX traces,
    that is often a callback of the garbage collector, or else a destructor; Python writes
    "Exception ignored in" of what is raised there, and goes on.

    Example:
        >>> class Last:
        ...     def __del__(self):
        ...         raise KeyboardInterrupt
        >>> try:
        ...     with never_dropped():
        ...         del [Last()][0]
        ...         threading.Event().wait(60)
        ... except KeyboardInterrupt:
        ...     print("interrupted")
        interrupted
    """
    ended = threading.Event()
    write = sys.unraisablehook

    def interrupt() -> None:
        if not ended.is_set():
            _thread.interrupt_main()

    def hook(dropped: "sys.UnraisableHookArgs", /) -> None:
        in_main = threading.current_thread() is threading.main_thread()
        if dropped.exc_type is KeyboardInterrupt and in_main:
            threading.Timer(_SOON, interrupt).start()
        else:
            write(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        ended.set()
        sys.unraisablehook = write
