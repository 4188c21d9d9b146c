"""What an exception looks like on the command line: one line, and an exit status."""

import functools
import inspect
import traceback as tracebacks
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from .again import INTERRUPTED, interrupted
from .loading import loading

if TYPE_CHECKING:  # it loads JAX
    from ..comparison.record import Comparison

_Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show the whole traceback of an error.")
]


def in_one_line(command: Callable[..., object]) -> Callable[..., object]:
    """Write what a command raises as one line on the standard error, and give it `--traceback`.

    Ctrl-C is told with the command that starts anew. A reader that closes its end of a pipe, as
    `head` does, is no error.

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
            with _whole_tracebacks() if traceback else nullcontext():
                return command(*args, **options)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            typer.echo(interrupted("no more is kept"), err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            from .told import told  # which loads JAX, and a slip is told sooner without

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


def _whole_tracebacks() -> AbstractContextManager[None]:
    with loading():
        from ..program.messages import whole_tracebacks
    return whole_tracebacks()


def exit_status(comparisons: "Iterable[Comparison]") -> int:
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
