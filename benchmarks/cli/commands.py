"""What the commands do; `__main__` is only their spelling."""

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer

from ..comparison import file as results
from ..comparison.compare import compare as compare_function
from ..comparison.record import Comparison
from ..derivatives import select
from ..report import check_ending, summary_text, text_table, write_report
from ..scenarios import run as runs
from .progress import Progress

Command = TypeVar("Command", bound=Callable[..., Any])


def _bad_input_is_one_line(command: Command) -> Command:
    """Turns the errors that a user can cause into one line and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (ValueError, TypeError, OSError, ImportError) as error:
            typer.echo(f"gradwise: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error

    return wrapped  # type: ignore[return-value]


@_bad_input_is_one_line
def default(*, quick: bool, out: Path, full: bool) -> None:
    """The lecture's networks."""
    names = runs.QUICK if quick else runs.DEFAULT
    cases = runs.choose(["lecture"])
    _run({name: cases[name] for name in names}, out, full=full, budget=6.0)


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
    """Measures suites of scenarios."""
    if dtype not in (None, *runs.DTYPES):
        raise ValueError(f"unknown dtype {dtype!r}; there are: {', '.join(runs.DTYPES)}")
    cases = runs.choose(suites, only=only, size=size, adbench_data=adbench_data)
    _run(cases, out, full=full, resume=resume, dtype=dtype, budget=budget, seed=seed)


@_bad_input_is_one_line
def list_scenarios(suites: Sequence[str], *, size: str) -> None:
    """Prints the names of the scenarios, and how many each suite has."""
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
    """Compares every way to differentiate a function of the user's."""
    select(methods, order=order)  # before anything is imported or measured
    for path in save:
        check_ending(path)
        _writable(path)
    build = _load(target)
    made = build()
    if not (isinstance(made, tuple) and len(made) == 2 and callable(made[0])):
        raise TypeError(f"{target} must return (fn, inputs), it returned {type(made).__name__}")
    fn, inputs = made
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
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
    """Prints what became slower or faster; 1 if anything became slower."""
    from ..comparison.diff import differences, text

    found = differences(results.load(old), results.load(new))
    typer.echo(text(found))
    return int(any(difference.regression for difference in found))


@_bad_input_is_one_line
def report(path: Path, out: Path | None) -> None:
    """Writes the page of a run, beside it if no other place is named."""
    found = results.load(path)
    out = out or path.with_suffix(".html")
    write_report(found, out)
    typer.echo(f"wrote {out}")


@_bad_input_is_one_line
def selftest(*, seed: int) -> int:
    """Prints what the instrument can tell on this machine; 1 if it fails."""
    from ..comparison.selftest import selftest as check

    passed = True
    for trial in check(seed=seed):
        typer.echo(str(trial))
        passed &= trial.passed
    return int(not passed)


@_bad_input_is_one_line
def peers(*, train: bool) -> None:
    """Prints this library beside its peers."""
    from .. import peers as others

    with Progress(1) as progress:
        progress.start("peers")
        found = others.run(train=train, on_progress=progress.stage)
    typer.echo(str(found))


def _run(cases: Any, out: Path, *, full: bool, **options: Any) -> None:
    """Runs cases with progress; what is finished when it is interrupted is kept and named."""
    path = out / "gradwise.json"
    _writable(path)
    finished: list[Comparison] = []
    with Progress(len(cases)) as progress:
        try:
            finished = runs.run(
                cases,
                path,
                on_start=lambda name, index: progress.start(name),
                on_progress=progress.stage,
                on_result=lambda found: progress.done(found.name),
                **options,
            )
        except KeyboardInterrupt:
            finished = results.load(path) if path.exists() else []
            typer.echo(f"interrupted; --resume goes on with {path}", err=True)
            raise typer.Exit(130) from None
    for found in finished if full else ():
        typer.echo(text_table(found) + "\n")
    typer.echo(summary_text(finished))
    typer.echo(f"wrote {path}; `gradwise report {path}` makes a page of it")


def _writable(path: Path) -> None:
    """Raises before anything is measured if the file could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.with_name(".gradwise")
    probe.touch()
    probe.unlink()
    if path.exists():
        path.open("a").close()


def _load(target: str) -> Callable[[], Any]:
    """The function `MODULE:FUNCTION` names; the working folder is searched last."""
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise ValueError(f"{target!r} is not MODULE:FUNCTION, such as my_model:loss")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"no module {error.name!r} on the path or in {Path.cwd()}") from None
    found = getattr(module, name, None)
    if not callable(found):
        raise ValueError(f"{module_name} has no function {name!r}")
    return found
