"""What an exception is in one line, and which exit status it asks for."""

import traceback

from ..program.messages import first_line, our_fault
from ..program.source import (
    is_ours,
    is_scenarios,
    is_users,
    line_of_error,
    shown,
    users_traceback,
)

#: The exit status of a wrong use, and of a failure that is gradwise's own or JAX's.
_WRONG_USE, _FAILED = 2, 1
#: What gradwise raises to say what a user can mend.
_MENDABLE = (ValueError, TypeError, OSError, ImportError)
#: How many calls of the user's are told that led to the line that raised.
_CALLS = 3


def told(error: Exception) -> tuple[str, int]:
    """Return an exception in one line and the exit status that it asks for.

    What the user's function raises is told with the user's own lines. What gradwise raises has that
    line in its message, if there is one.

    Example:
        >>> told(ValueError("unknown suite 'lectur'"))
        ("unknown suite 'lectur'", 2)
    """
    if _raised_by_user(error):
        return f"{first_line(error)} at {line_of_error(error)}{_callers(error)}", _WRONG_USE
    if isinstance(error, _MENDABLE):
        return " ".join(str(error).split()) or type(error).__name__, _WRONG_USE
    if type(error).__module__.split(".")[0] in ("jax", "jaxlib"):
        return f"JAX raises {first_line(error)}", _FAILED
    return our_fault("finish", error).removeprefix("gradwise "), _FAILED


def _raised_by_user(error: Exception) -> bool:
    """Whether the innermost line, of the user's and gradwise's, is one of the user's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_ours(frame.filename) or is_scenarios(frame.filename):
            return False
        if is_users(frame.filename):
            return True
    return False


def _callers(error: Exception) -> str:
    """Tell which lines of the user's called the one that raised, the nearest first."""
    frames = traceback.extract_tb(users_traceback(error))[:-1]
    calls = [shown(frame.filename, frame.lineno, frame.name) for frame in reversed(frames)]
    more = ["..."] if len(calls) > _CALLS else []
    return "".join(f", called at {call}" for call in calls[:_CALLS] + more)
