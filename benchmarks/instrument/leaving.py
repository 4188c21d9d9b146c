"""The end of a process in which something that was left behind still runs.

A thread that comes out of XLA into a Python that is being taken down ends the whole process with an
abort. So where one is left, the process ends as it would have, with its status, its exit handlers
and what was printed, and only the taking down is left out.
"""

import atexit
import os
import sys
import threading

#: Seconds that each thread that was left behind is waited for when the process ends.
_PATIENCE = 1.0
_INTERRUPTED = 130

#: The threads that nobody waits for any more.
_left: set[threading.Thread] = set()
_statuses: list[object] = []
_lock = threading.Lock()


def leave_behind(thread: threading.Thread) -> None:
    """Let the process end while a daemon thread goes on."""
    with _lock:
        first = not _left
        _left.add(thread)
    if first:
        _listen_to_exit()
        threading.Thread(target=_outlive_main, name="leaving").start()


def _listen_to_exit() -> None:
    """Remember the status that `sys.exit` is called with: nobody else tells an exit handler."""
    leave = sys.exit

    def listened(status: object = None, /) -> None:
        _statuses.append(status)
        leave(status)  # pyright: ignore[reportArgumentType]

    sys.exit = listened  # pyright: ignore[reportAttributeAccessIssue]


def _outlive_main() -> None:
    """End the process when its main thread has ended, if something is still going on in it."""
    threading.main_thread().join()
    for thread in tuple(_left):
        thread.join(_PATIENCE)  # its work may be done before it has let go of what XLA owns
    if not any(thread.is_alive() for thread in _left):
        return
    status = _status()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


def _status() -> int:
    """Return the status that Python would end with."""
    error = getattr(sys, "last_value", None)
    if error is not None:
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    status = _statuses[-1] if _statuses else None
    if status is None:
        return 0
    return status & 0xFF if isinstance(status, int) else 1
