"""Ends to work: Python is stopped where it is, and what Python cannot stop is left behind."""

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from .clock import time_left
from .leaving import leave_behind
from .settings import settings_here
from .units import seconds as shown
from .unwatched import unwatched

Result = TypeVar("Result")

#: Seconds after which an alarm that was not heard rings again, and waiting begins anew.
_AGAIN = 0.5


class TimeUpError(RuntimeError):
    """Something did not end within its time; the message says what."""


class _Stop(KeyboardInterrupt):
    """Raised wherever Python is when time is up, as Ctrl-C is: no `except Exception` catches it."""


def forever() -> float:
    """Return the seconds left where there is no end: infinitely many."""
    return float("inf")


def within(limit: float, work: Callable[[], Result], what: str) -> Result:
    """Do `work` in a thread, and leave it behind if it takes longer than `limit` seconds.

    The thread has the caller's settings of JAX, but for what `unwatched` leaves out. XLA can be
    interrupted neither while it compiles nor while it runs: what was left behind goes on
    in the background until it ends by itself.

    Args:
        limit: Seconds; infinitely many for none, when no thread is needed.
        work: What to do.
        what: What that is, as the subject of "... takes longer than 3 s".

    Raises:
        TimeUpError: If it takes longer.

    Example:
        >>> within(10.0, lambda: 6 * 7, "a product")
        42
    """
    if limit == float("inf"):
        return work()
    if limit <= 0:
        raise TimeUpError(f"there was no time left for {what}")
    results: list[Result] = []
    errors: list[BaseException] = []
    done, settings = threading.Event(), settings_here()

    def run() -> None:
        try:
            with settings(), unwatched():
                results.append(work())
        except BaseException as error:  # handed to the caller's thread
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    left = time_left(limit)
    try:
        while left() > 0 and not done.wait(min(left(), _AGAIN)):
            pass  # Ctrl-C is heard between two waits at the latest
    finally:
        if not done.is_set():
            leave_behind(thread)
    if not done.is_set():
        raise TimeUpError(f"{what} takes longer than {shown(limit)} and was given up")
    if errors:
        raise errors[0]
    return results[0]


def stopped_after(limit: float, work: Callable[[], Result], what: str) -> Result:
    """Do `work`, and stop it once `limit` seconds are over, at the next step that Python takes.

    A call into XLA is no such step: it ends first. This is no context manager, for the work could
    then be stopped as its block is left, and what stops it would escape.

    Args:
        limit: Seconds; infinitely many for none.
        work: What to do.
        what: What that is, as the subject of "... takes longer than 3 s".

    Raises:
        TimeUpError: If it was stopped.

    Example:
        >>> def endless():
        ...     while True:
        ...         pass
        >>> try:
        ...     stopped_after(0.01, endless, "it")
        ... except TimeUpError as error:
        ...     print(error)
        it takes longer than 10 ms and was given up
    """
    if limit == float("inf"):
        return work()
    if limit <= 0:
        raise TimeUpError(f"there was no time left for {what}")
    alarm = _Alarm(threading.get_ident(), limit)
    try:
        try:
            alarm.start()
            return work()
        finally:
            alarm.silence()
    except _Stop:
        alarm.silence()  # it may have rung within the line above
        if not alarm.rang:
            raise  # the end of a longer work around this one
        raise TimeUpError(f"{what} takes longer than {shown(limit)} and was given up") from None


class _Alarm:
    """Raises `_Stop` in a thread after some seconds, unless it is silenced before.

    It goes on ringing: an exception that is raised in a destructor, say, is dropped by Python.
    """

    def __init__(self, thread: int, seconds: float) -> None:
        self._thread, self._seconds = thread, seconds
        self._lock, self._silent = threading.Lock(), threading.Event()
        self.rang = False

    def start(self) -> None:
        """Begin to count down."""
        threading.Thread(target=self._ring, daemon=True).start()

    def _ring(self) -> None:
        wait = self._seconds
        while not self._silent.wait(wait):
            with self._lock:
                if not self._silent.is_set():
                    self.rang, wait = True, _AGAIN
                    _raise_in(self._thread, ctypes.py_object(_Stop))

    def silence(self) -> None:
        """Raise no more, and take back what has not been raised yet."""
        with self._lock:
            self._silent.set()
            if self.rang:
                _raise_in(self._thread, None)


def _raise_in(thread: int, kind: object) -> None:
    """Raise an exception in a thread at its next step in Python; `None` takes it back."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)
