"""The work behind each command; `main` declares their options."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import typer

from ..comparison import file as results
from ..comparison.compare import compare as compare_function
from ..comparison.record import Comparison
from ..derivatives.choice import unknown
from ..derivatives.table import select
from ..report.files import check_ending, write_report
from ..report.summary import summary_text
from ..report.text import text_table
from ..scenarios import run as runs
from ..scenarios.scenario import Suite
from .progress import Progress
from .target import load_function

#: Seconds of measuring for each of the lecture's networks, which together take 90 s.
_DEFAULT_BUDGET = 6.0


def default(*, quick: bool, out: Path, full: bool) -> int:
    """Measure the lecture's networks; return the exit status."""
    names = runs.QUICK if quick else runs.DEFAULT
    lecture = runs.choose(["lecture"])
    return _run({name: lecture[name] for name in names}, out, full=full, budget=_DEFAULT_BUDGET)


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
    time_limit: float,
    seed: int,
) -> int:
    """Measure suites of scenarios; return the exit status."""
    if dtype not in (None, *runs.DTYPES):
        raise ValueError(unknown("dtype", dtype, runs.DTYPES))
    suite = runs.choose(suites, only=only, size=size, adbench_data=adbench_data)
    return _run(
        suite,
        out,
        full=full,
        resume=resume,
        dtype=dtype,
        budget=budget,
        time_limit=time_limit,
        seed=seed,
    )


def list_scenarios(suites: Sequence[str], *, size: str) -> None:
    """Print the names of the scenarios."""
    for name in runs.choose(suites, size=size):
        typer.echo(name)


def compare(
    target: str,
    *,
    methods: Sequence[str] | str | None,
    has_aux: bool,
    order: int,
    crossover: bool,
    budget: float,
    time_limit: float,
    seed: int,
    save: Sequence[Path],
) -> int:
    """Compare every way to differentiate a function of the user's; return the exit status."""
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
            has_aux=has_aux,
            methods=methods,
            order=order,
            crossover=crossover,
            budget=budget,
            time_limit=time_limit,
            seed=seed,
            name=target,
            on_progress=progress.stage,
        )
    typer.echo(text_table(comparison))
    for path in save:
        comparison.save(path)
    return 130 if progress.interrupted else _status([comparison])


def diff(old: Path, new: Path) -> int:
    """Print what became slower or faster; return 1 if anything became slower."""
    from ..comparison.diff import diff as compare_runs
    from ..comparison.diff import diff_text

    differences = compare_runs(results.load(old), results.load(new))
    typer.echo(diff_text(differences))
    return int(any(difference.regression for difference in differences))


def report(path: Path, out: Path | None) -> None:
    """Write the report of a run, by default as a page of the same name."""
    comparisons = results.load_all(path)
    out = out or path.with_suffix(".html")
    write_report(comparisons, out)
    typer.echo(f"wrote {out}")


def selftest(*, seed: int, long: bool) -> int:
    """Print how well the instrument works on this machine; return 1 if it fails."""
    from ..comparison.selftest import selftest as run_selftest

    passed = True
    for outcome in run_selftest(seed=seed, long=long):
        typer.echo(str(outcome))
        passed &= outcome.passed
    return int(not passed)


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
    time_limit: float = 60.0,
    seed: int = 0,
) -> int:
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
            time_limit=time_limit,
            seed=seed,
            on_progress=progress.stage,
        )
        for name, comparison in _until_interrupted(measured, progress):
            comparisons[name] = comparison
            results.save(list(comparisons.values()), path)
            progress.done(name)
    if progress.interrupted:
        if comparisons:
            typer.echo(summary_text(list(comparisons.values())))
        typer.echo(f"interrupted; --resume goes on with {path}", err=True)
        raise typer.Exit(130)
    for comparison in comparisons.values() if full else ():
        typer.echo(text_table(comparison) + "\n")
    typer.echo(summary_text(list(comparisons.values())))
    typer.echo(f"wrote {path}; `gradwise report {path}` makes a page of it")
    return _status(comparisons.values())


def _status(comparisons: Iterable[Comparison]) -> int:
    """Return the exit status: 3 if no derivative of any function was right."""
    rows = [row for comparison in comparisons for row in comparison.rows]
    if any(row.status == "ok" and row.kind != "value" for row in rows):
        return 0
    typer.echo("gradwise: no derivative was right; the notes say why", err=True)
    return 3


def _until_interrupted(
    measured: Iterator[tuple[str, Comparison]], progress: Progress
) -> Iterator[tuple[str, Comparison]]:
    """Yield what is measured, but not the one in whose middle Ctrl-C came."""
    try:
        for pair in measured:
            if progress.interrupted:
                return
            yield pair
    except KeyboardInterrupt:
        return


def _check_writable(path: Path) -> None:
    """Raise `OSError` before anything is measured if the file could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.with_name(".gradwise")
    probe.touch()
    probe.unlink()
    if path.exists():
        path.open("a").close()
