"""What an exception looks like on the command line: one line, and an exit status."""

import functools
import inspect
import traceback as tracebacks
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Annotated

import typer

from ..comparison.record import Comparison
from ..program.messages import first_line, our_fault, whole_tracebacks
from ..program.source import is_ours, is_scenarios, is_users, line_of_error

#: The exit status of a wrong use, and of a failure that is gradwise's own or JAX's.
_WRONG_USE, _FAILED = 2, 1
#: What gradwise raises to say what a user can mend.
_MENDABLE = (ValueError, TypeError, OSError, ImportError)

_Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show the whole traceback of an error.")
]


def in_one_line(command: Callable[..., object]) -> Callable[..., object]:
    """Write what a command raises as one line on the standard error, and give it `--traceback`.

    A reader that closes its end of a pipe, as `head` does, is no error.

    Example:
        >>> @in_one_line
        ... def command(number: int) -> None:
        ...     raise ValueError("no such number")
        >>> list(inspect.signature(command).parameters)
        ['number', 'traceback']
    """

    @functools.wraps(command)
    def wrapped(*args: object, traceback: bool = False, **options: object) -> object:
        try:
            with whole_tracebacks() if traceback else nullcontext():
                return command(*args, **options)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            text, status = told(error)
            if traceback:
                tracebacks.print_exception(error)
            typer.echo(f"gradwise: {text}", err=True)
            raise typer.Exit(status) from error

    signature = inspect.signature(command)
    option = inspect.Parameter(
        "traceback", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Traceback
    )
    with_option = signature.replace(parameters=[*signature.parameters.values(), option])
    wrapped.__signature__ = with_option  # pyright: ignore[reportAttributeAccessIssue]
    wrapped.__annotations__ = command.__annotations__ | {"traceback": _Traceback}
    return wrapped


def told(error: Exception) -> tuple[str, int]:
    """Return an exception in one line and the exit status that it asks for.

    What the user's function raises is told with the user's own line. What gradwise raises has that
    line in its message, if there is one.

    Example:
        >>> told(ValueError("unknown suite 'lectur'"))
        ("unknown suite 'lectur'", 2)
    """
    if _raised_by_user(error):
        return f"{first_line(error)} at {line_of_error(error)}", _WRONG_USE
    if isinstance(error, _MENDABLE):
        return " ".join(str(error).split()) or type(error).__name__, _WRONG_USE
    if type(error).__module__.split(".")[0] in ("jax", "jaxlib"):
        return f"JAX raises {first_line(error)}", _FAILED
    return our_fault("finish", error).removeprefix("gradwise "), _FAILED


def exit_status(comparisons: Iterable[Comparison]) -> int:
    """Return 0, or 3 if no derivative of any function was right, and say so.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> exit_status([EXAMPLE])
        0
    """
    rows = [row for comparison in comparisons for row in comparison.rows]
    if any(row.status == "ok" and row.kind != "value" for row in rows):
        return 0
    typer.echo("gradwise: no derivative was right; the notes say why", err=True)
    return 3


def _raised_by_user(error: Exception) -> bool:
    """Whether the innermost line, of the user's and gradwise's, is one of the user's."""
    for frame in reversed(tracebacks.extract_tb(error.__traceback__)):
        if is_ours(frame.filename) or is_scenarios(frame.filename):
            return False
        if is_users(frame.filename):
            return True
    return False
