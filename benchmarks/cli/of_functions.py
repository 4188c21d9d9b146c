"""The commands on one function of the user's that measure no table: `jacobian`, `structure`..."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._files import write_whole
from . import completion, options
from .errors import in_one_line
from .files import check_writable
from .loading import loading

if TYPE_CHECKING:
    from ..structure.record import Jacobian

#: A limit in seconds that is never reached: in a thread, a compilation does not hold Ctrl-C up.
_NEVER = 1e9
#: What a case may say beside its function and inputs.
_OF_JACOBIAN, _OF_NONFINITE = ("argnums", "pattern", "has_aux"), ("argnums", "has_aux")
_OF_STRUCTURE = ("argnums",)


@in_one_line
def jacobian(
    target: options.Case,
    output: Annotated[
        str,
        typer.Option(
            metavar="FORM",
            help="The form to choose for: dense, csr, bcoo or operator.",
            autocompletion=lambda: list(completion.FORMS),
        ),
    ] = "dense",
    hessian: Annotated[
        bool, typer.Option("--hessian", help="The Hessian of a scalar function instead.")
    ] = False,
    count: Annotated[
        bool, typer.Option("--count", help="Choose by operations counted; nothing is timed.")
    ] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A file to write: .json for gradwise.load, .txt with what is printed, or the "
            "pattern as .svg or as .npz of SciPy; may be given several times.",
        ),
    ] = None,
) -> None:
    """Find the cheapest way to take a Jacobian, by what depends on what.

    Print the pattern, the way, its colours or passes, and what it was chosen from.
    """
    with loading():
        from ..structure.drawing.braille import drawn
        from ..structure.jacobian import hessian as make_hessian
        from ..structure.jacobian import jacobian as make_jacobian
        from ..structure.record import ENDINGS

    files = _checked(out, ENDINGS)
    make = make_hessian if hessian else make_jacobian
    found = _made(target, partial(make, output=output, measure=not count), count=count)
    picture = drawn(found.pattern) if found.pattern is not None else []
    printed = "\n".join([*picture, str(found)])
    typer.echo(printed)
    for path in files:
        if path.suffix.lower() == ".txt":
            write_whole(path, f"{printed}\n")
        else:
            found.save(path)
        typer.echo(f"wrote {path}")


def _made(target: str, make: "Callable[..., Jacobian]", *, count: bool) -> "Jacobian":
    """Make the Jacobian of a case, which Ctrl-C can end, and tell how it goes."""
    with loading():
        from ..instrument.deadline import within
        from .progress import Progress
        from .target import load_case

    fn, inputs, given = load_case(target, _OF_JACOBIAN)
    with Progress(1) as progress:
        progress.start(target)
        progress.stage("looking" if count else "measuring", 0.0)
        return within(_NEVER, lambda: make(fn, *inputs, **given), "the choice of a way")


def _checked(out: list[Path] | None, endings: Sequence[str]) -> list[Path]:
    """Return the files to write once they are checked, before anything is traced or measured."""
    from .._record_file import ending  # which loads NumPy, and completion needs none

    for path in out or []:
        ending(path, *endings)
        check_writable(path)
    return out or []


@in_one_line
def structure(
    target: options.Case,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A file to write: .json for gradwise.load, .txt with what is printed, or the "
            "pattern as .svg; may be given several times.",
        ),
    ] = None,
) -> None:
    """Tell what depends on what in a function, and how many passes do; nothing is run.

    The inputs may be shapes alone, such as jax.ShapeDtypeStruct((1000000,), "float32").
    """
    with loading():
        from ..structure.look import structure as look_at
        from ..structure.structured import ENDINGS
        from .target import load_case

    files = _checked(out, ENDINGS)
    fn, inputs, given = load_case(target, _OF_STRUCTURE)
    found = look_at(fn, *inputs, **given)
    typer.echo(str(found))
    for path in files:
        found.save(path)
        typer.echo(f"wrote {path}")


@in_one_line
def nonfinite(
    target: options.Case,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help="value, forward or reverse, to look at that alone.",
            autocompletion=lambda: list(completion.PARTS),
        ),
    ] = None,
    time_limit: options.TimeLimit = 60.0,
) -> None:
    """Name the operation that makes the first NaN or infinity, and the cure.

    It looks at the function, forward mode and reverse mode, and at lost digits too. The exit
    status is 3 if anything is not finite or has no digits.
    """
    with loading():
        from ..comparison.nonfinite import explain_nonfinite
        from .progress import Progress
        from .target import load_case

    fn, inputs, given = load_case(target, _OF_NONFINITE)
    with Progress(1) as progress:
        progress.start(target)
        progress.stage("looking", 0.0)
        found = explain_nonfinite(fn, *inputs, mode=mode, time_limit=time_limit, **given)
    typer.echo(str(found))
    raise typer.Exit(0 if found.fine else 3)
