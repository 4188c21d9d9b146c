"""The work behind each command; `main` declares their options."""

import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from ..comparison import file as results
from ..comparison.compare import compare as compare_function
from ..comparison.record import Comparison
from ..derivatives.table import select
from ..report.files import check_ending, write_report
from ..report.summary import summary_text
from ..report.text import text_table
from ..scenarios import run as runs
from ..scenarios.scenario import Suite
from .progress import Progress
from .target import load_function

Options = ParamSpec("Options")
Returned = TypeVar("Returned")

#: Seconds of measuring for each of the lecture's networks, which together take 90 s.
_DEFAULT_BUDGET = 6.0


def _with_one_line_errors(command: Callable[Options, Returned]) -> Callable[Options, Returned]:
    """Turn the errors that a user can cause into one line and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: Options.args, **options: Options.kwargs) -> Returned:
        try:
            return command(*args, **options)
        except (ValueError, TypeError, OSError, ImportError) as error:
            typer.echo(f"gradwise: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error

    return wrapped


@_with_one_line_errors
def default(*, quick: bool, out: Path, full: bool) -> None:
    """Measure the lecture's networks."""
    names = runs.QUICK if quick else runs.DEFAULT
    lecture = runs.choose(["lecture"])
    _run({name: lecture[name] for name in names}, out, full=full, budget=_DEFAULT_BUDGET)


@_with_one_line_errors
def run(
    suites: Sequence[str],
    *,
    only: str | None,
    size: str,
    dtype: str | None,
    adbench_data: Path | None,
    out: Path,
    resume: bool,
    full: bool,
    budget: float,
    seed: int,
) -> None:
    """Measure suites of scenarios."""
    if dtype not in (None, *runs.DTYPES):
        raise ValueError(f"unknown dtype {dtype!r}; there are: {', '.join(runs.DTYPES)}")
    suite = runs.choose(suites, only=only, size=size, adbench_data=adbench_data)
    _run(suite, out, full=full, resume=resume, dtype=dtype, budget=budget, seed=seed)


@_with_one_line_errors
def list_scenarios(suites: Sequence[str], *, size: str) -> None:
    """Print the names of the scenarios."""
    for name in runs.choose(suites, size=size):
        typer.echo(name)


@_with_one_line_errors
def compare(
    target: str,
    *,
    methods: Sequence[str] | None,
    order: int,
    crossover: bool,
    budget: float,
    seed: int,
    save: Sequence[Path],
) -> None:
    """Compare every way to differentiate a function of the user's."""
    select(methods, order=order)  # raises before anything is imported or measured
    for path in save:
        check_ending(path)
        _check_writable(path)
    fn, inputs = load_function(target)
    with Progress(1) as progress:
        progress.start(target)
        comparison = compare_function(
            fn,
            *inputs,
            methods=methods,
            order=order,
            crossover=crossover,
            budget=budget,
            seed=seed,
            name=target,
            on_progress=progress.stage,
        )
    typer.echo(text_table(comparison))
    for path in save:
        comparison.save(path)


@_with_one_line_errors
def diff(old: Path, new: Path) -> int:
    """Print what became slower or faster; return 1 if anything became slower."""
    from ..comparison.diff import diff as compare_runs
    from ..comparison.diff import diff_text

    differences = compare_runs(results.load(old), results.load(new))
    typer.echo(diff_text(differences))
    return int(any(difference.regression for difference in differences))


@_with_one_line_errors
def report(path: Path, out: Path | None) -> None:
    """Write the report of a run, by default as a page of the same name."""
    comparisons = results.load_all(path)
    out = out or path.with_suffix(".html")
    write_report(comparisons, out)
    typer.echo(f"wrote {out}")


@_with_one_line_errors
def selftest(*, seed: int, long: bool) -> int:
    """Print how well the instrument works on this machine; return 1 if it fails."""
    from ..comparison.selftest import selftest as run_selftest

    passed = True
    for outcome in run_selftest(seed=seed, long=long):
        typer.echo(str(outcome))
        passed &= outcome.passed
    return int(not passed)


@_with_one_line_errors
def peers(*, train: bool) -> None:
    """Print gradwise and other libraries side by side."""
    from ..peers import compare_peers

    with Progress(1) as progress:
        progress.start("peers")
        result = compare_peers(train=train, on_progress=progress.stage)
    typer.echo(str(result))


def _run(
    suite: Suite,
    out: Path,
    *,
    full: bool,
    resume: bool = False,
    dtype: str | None = None,
    budget: float,
    seed: int = 0,
) -> None:
    """Measure scenarios, show the progress, write the results and print a summary.

    The file is written after each scenario, so that Ctrl-C loses at most the one being measured.
    """
    path = out / "gradwise.json"
    _check_writable(path)
    previous = results.load_all(path) if resume and path.exists() else []
    comparisons: dict[str, Comparison] = {each.name: each for each in previous}
    with Progress(len(suite)) as progress:
        measured = runs.run(
            suite,
            compare_function,
            finished=comparisons,
            on_start=progress.start,
            dtype=dtype,
            budget=budget,
            seed=seed,
            on_progress=progress.stage,
        )
        try:
            for name, comparison in measured:
                comparisons[name] = comparison
                results.save(list(comparisons.values()), path)
                progress.done(name)
        except KeyboardInterrupt:
            typer.echo(f"interrupted; --resume goes on with {path}", err=True)
            raise typer.Exit(130) from None
    for comparison in comparisons.values() if full else ():
        typer.echo(text_table(comparison) + "\n")
    typer.echo(summary_text(list(comparisons.values())))
    typer.echo(f"wrote {path}; `gradwise report {path}` makes a page of it")


def _check_writable(path: Path) -> None:
    """Raise `OSError` before anything is measured if the file could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".gradwise-"):
        pass  # under a name that no file of the user's has
    if path.exists():
        path.open("a").close()
