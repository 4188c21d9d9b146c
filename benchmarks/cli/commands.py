"""What the commands do; `main` is only their spelling."""

import functools
import importlib
import sys
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

Options = ParamSpec("Options")
Returned = TypeVar("Returned")


def _bad_input_is_one_line(command: Callable[Options, Returned]) -> Callable[Options, Returned]:
    """Turn the errors that a user can cause into one line and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: Options.args, **options: Options.kwargs) -> Returned:
        try:
            return command(*args, **options)
        except (ValueError, TypeError, OSError, ImportError) as error:
            typer.echo(f"gradwise: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error

    return wrapped


@_bad_input_is_one_line
def default(*, quick: bool, out: Path, full: bool) -> None:
    """Measure the lecture's networks."""
    names = runs.QUICK if quick else runs.DEFAULT
    lecture = runs.choose(["lecture"])
    _run({name: lecture[name] for name in names}, out, full=full, budget=6.0)


@_bad_input_is_one_line
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


@_bad_input_is_one_line
def list_scenarios(suites: Sequence[str], *, size: str) -> None:
    """Print the names of the scenarios."""
    for name in runs.choose(suites, size=size):
        typer.echo(name)


@_bad_input_is_one_line
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
    select(methods, order=order)  # before anything is imported or measured
    for path in save:
        check_ending(path)
        _check_writable(path)
    fn, inputs = _load(target)
    with Progress(1) as progress:
        progress.start(target)
        found = compare_function(
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
    typer.echo(text_table(found))
    for path in save:
        found.save(path)


@_bad_input_is_one_line
def diff(old: Path, new: Path) -> int:
    """Print what became slower or faster; return 1 if anything became slower."""
    from ..comparison.diff import diff as compare_runs
    from ..comparison.diff import diff_text

    differences = compare_runs(results.load(old), results.load(new))
    typer.echo(diff_text(differences))
    return int(any(difference.regression for difference in differences))


@_bad_input_is_one_line
def report(path: Path, out: Path | None) -> None:
    """Write the page of a run, beside it if no other place is named."""
    found = results.load_all(path)
    out = out or path.with_suffix(".html")
    write_report(found, out)
    typer.echo(f"wrote {out}")


@_bad_input_is_one_line
def selftest(*, seed: int) -> int:
    """Print what the instrument can tell apart on this machine; return 1 if it fails."""
    from ..comparison.selftest import selftest as check

    passed = True
    for trial in check(seed=seed):
        typer.echo(str(trial))
        passed &= trial.passed
    return int(not passed)


@_bad_input_is_one_line
def peers(*, train: bool) -> None:
    """Print this library beside its peers."""
    from .. import peers as others

    with Progress(1) as progress:
        progress.start("peers")
        found = others.compare_peers(train=train, on_progress=progress.stage)
    typer.echo(str(found))


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
    """Run scenarios with progress; what is finished is kept in the file and named.

    After each scenario the file holds all there are, so that Ctrl-C loses no more than one.
    """
    path = out / "gradwise.json"
    _check_writable(path)
    kept = results.load_all(path) if resume and path.exists() else []
    finished: dict[str, Comparison] = {found.name: found for found in kept}
    with Progress(len(suite)) as progress:
        measured = runs.run(
            suite,
            compare_function,
            finished=finished,
            on_start=progress.start,
            dtype=dtype,
            budget=budget,
            seed=seed,
            on_progress=progress.stage,
        )
        try:
            for name, found in measured:
                finished[name] = found
                results.save(list(finished.values()), path)
                progress.done(name)
        except KeyboardInterrupt:
            typer.echo(f"interrupted; --resume goes on with {path}", err=True)
            raise typer.Exit(130) from None
    for found in finished.values() if full else ():
        typer.echo(text_table(found) + "\n")
    typer.echo(summary_text(list(finished.values())))
    typer.echo(f"wrote {path}; `gradwise report {path}` makes a page of it")


def _check_writable(path: Path) -> None:
    """Raise before anything is measured if the file could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.with_name(".gradwise")
    probe.touch()
    probe.unlink()
    if path.exists():
        path.open("a").close()


def _load(target: str) -> tuple[Callable[..., object], tuple]:
    """Call the function that `MODULE:FUNCTION` names, and return what it returns: `fn, inputs`."""
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise ValueError(f"{target!r} is not MODULE:FUNCTION, such as my_model:loss")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"no module {error.name!r} on the path or in {Path.cwd()}") from None
    build = getattr(module, name, None)
    if not callable(build):
        raise ValueError(f"{module_name} has no function {name!r}")
    made = build()
    if not (isinstance(made, tuple) and len(made) == 2 and callable(made[0])):
        raise TypeError(f"{target} must return (fn, inputs), it returned {type(made).__name__}")
    fn, inputs = made
    return fn, inputs if isinstance(inputs, tuple) else (inputs,)
