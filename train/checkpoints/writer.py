"""Write a checkpoint in the background, while the training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Writer:
    """Does one job at a time in a thread; used in a `with` block, at whose end no job runs.

    Example:
        >>> done = []
        >>> with Writer() as writer:
        ...     writer.start(lambda: done.append("written"))
        ...     writer.wait()
        >>> done
        ['written']
    """

    def __init__(self) -> None:
        """Make a writer that has nothing to do."""
        self._running: tuple[threading.Thread, threading.Event] | None = None
        self._error: BaseException | None = None

    def start(self, job: Callable[[], object]) -> None:
        """Begin a job when the one before has ended, and return.

        Raises:
            Exception: If the job before has raised it; this one is not begun then.
        """
        self.wait()
        over = threading.Event()
        thread = threading.Thread(target=self._do, args=(job, over), name="gradwise checkpoint")
        self._running = thread, over  # before Ctrl-C may come
        try:
            thread.start()
        except RuntimeError:  # there are too many threads
            self._running = None
            raise

    def _do(self, job: Callable[[], object], over: threading.Event) -> None:
        try:
            job()
        except BaseException as error:  # it is raised where somebody waits for it
            self._error = error
        finally:
            over.set()

    def check(self) -> None:
        """Raise what a job has raised that has ended, once."""
        if self._running is None or self._running[1].is_set():
            self.wait()

    def wait(self) -> None:
        """Wait for the job, and raise what it has raised, once."""
        if self._running is not None:
            thread, over = self._running
            # In Python 3.11 a `join` that Ctrl-C interrupts takes the thread for ended ever after.
            over.wait()
            thread.join()
            self._running = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> Writer:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the job; an error that is on its way is told of the job's."""
        try:
            self.wait()
        except Exception as failed:
            if error is None:
                raise
            error.add_note(f"beside it, a checkpoint could not be written: {failed}")
