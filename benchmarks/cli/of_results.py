"""The commands on results that there are: `diff`, `baseline`, `report`."""

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .errors import in_one_line
from .loading import loading


@in_one_line
def diff(
    runs: options.Runs = None,
    baseline: options.Baseline = None,
    results: options.Folder = Path("results"),
    format_: options.Format = "text",
) -> None:
    """Show what became slower or faster between two runs.

    Each row is slower, faster, the same, or cannot be told apart on this machine; intervals are
    given. Where the machine was busy, CPU times are compared, or nothing is. The exit status is 1
    if anything became slower or broke, so that CI can use it.
    """
    with loading():
        from . import commands
    raise typer.Exit(commands.diff(runs or [], baseline=baseline, folder=results, format_=format_))


@in_one_line
def baseline(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The name to give a run.")
    ] = None,
    run: Annotated[
        Path, typer.Argument(metavar="FILE", help="The run; by default the latest.")
    ] = Path("latest"),
    results: options.Folder = Path("results"),
) -> None:
    """Name a run, to compare others with; without a name, list those that there are."""
    with loading():
        from . import commands
    commands.baseline(name, run, folder=results)


@in_one_line
def report(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run: a file, the name of a baseline, `latest`, or a folder whose latest it is.",
        ),
    ] = Path("latest"),
    out: options.Page = None,
    results: options.Folder = Path("results"),
) -> None:
    """Write a run's results as a page, a summary or a picture."""
    with loading():
        from . import commands
    commands.report(run, out, folder=results)
