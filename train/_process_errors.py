"""Errors of several processes: one that fails ends all, and a lost one is told by the others."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
import numpy as np

from ._processes import agree, is_first, several, texts
from ._text import excerpt

# What the errors of a collective look like whose other end is gone: a status, and one of the words.
_STATUS = re.compile(
    r"(UNKNOWN|UNAVAILABLE|ABORTED|INTERNAL|CANCELLED|DEADLINE_EXCEEDED|FAILED_PRECONDITION): "
)
_LOST = re.compile(r"gloo|nccl|rccl|connection|socket|peer|heartbeat|coordination", re.IGNORECASE)
_MOST = 300  # characters of an error that the other processes are told


class ProcessError(RuntimeError):
    """Another process of this training was lost, or has failed, so that this one cannot go on.

    JAX cannot replace a process: end all of them, and start all again with `resume=True`.

    Attributes:
        lost: Whether the other one is gone; else it has raised an error, which this one repeats.

    Example:
        >>> from gradwise import train
        >>> train.ProcessError("process 1 has failed").lost
        False
    """

    lost: bool = False


def anywhere(ask: Callable[[], object]) -> bool:
    """Return whether the answer is true in any process; an error in one of them is one in all.

    Raises:
        ProcessError: If it has raised an error in another process, which raises its own.

    Example:
        >>> anywhere(lambda: True)
        True
    """
    if not several():
        return bool(ask())
    error, answer = None, False
    try:
        answer = bool(ask())
    except Exception as caught:
        if _all_know(caught):
            raise
        error = lost(caught) or caught
        if isinstance(error, ProcessError):
            raise error from caught
    told = agree(answer, error is not None)
    raise_for(error, told[:, 1])
    return bool(told[:, 0].any())


def raise_for(error: Exception | None, failed: np.ndarray) -> None:
    """Raise this process's error, or one that says which process has failed, if one has.

    Args:
        error: That of this process.
        failed: Which processes have one, as all know, `[processes]`.
    """
    if not failed.any():
        return
    told = texts("" if error is None else f"{type(error).__name__}: {error}"[:_MOST])
    if error is not None:
        vars(error)["all_know"] = True
        raise error
    first = int(np.argmax(failed))
    raise ProcessError(f"process {first} has failed, which ends all of them: {told[first]}")


def _all_know(error: Exception) -> bool:
    """Return whether the processes have told each other of an error already."""
    return isinstance(error, ProcessError) or "all_know" in vars(error)


@contextmanager
def shared_errors() -> Iterator[None]:
    """Let an error within the `with` block of one process end all of them at its end.

    What the block asks the devices of all processes for comes before what can fail in one.

    Raises:
        ProcessError: If the block has failed in another process.
    """
    error = None
    try:
        yield
    except Exception as caught:
        if not several() or _all_know(caught):
            raise
        error = lost(caught) or caught
        if isinstance(error, ProcessError):
            raise error from caught
    if several():
        raise_for(error, agree(error is not None)[:, 0])


def lost(error: Exception) -> ProcessError | None:
    """Return the error that says that another process is gone, if that is what JAX has raised.

    It is printed at once: where process 0 is gone, JAX ends this one within a tenth of a second.
    """
    text = str(error)
    if not (several() and _STATUS.match(text) and _LOST.search(text)):
        return None
    told = (
        f"process {jax.process_index()} has lost another process, which was killed or has failed: "
        f"end all processes, and restart all with resume=True ({excerpt(text)})"
    )
    if not is_first():
        print(f"fit: {told}", file=sys.stderr, flush=True)
    made = ProcessError(told)
    made.lost = True
    return made


@contextmanager
def lost_told() -> Iterator[None]:
    """Raise a `ProcessError` where the `with` block ends because another process is gone."""
    try:
        yield
    except Exception as caught:
        error = lost(caught)
        if error is None:
            raise
        raise error from caught
