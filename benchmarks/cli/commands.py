"""The work behind each command; `main` declares their options."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import typer

from ..comparison import file as results
from ..comparison import folder as run_files
from ..comparison import named
from ..comparison.compare import compare as compare_function
from ..comparison.diff import diff as compare_runs
from ..comparison.differences import Differences
from ..comparison.kept import keeping
from ..comparison.made_by import machine, versions
from ..comparison.record import Comparison
from ..derivatives.choice import unknown
from ..derivatives.table import select
from ..instrument.clock import now
from ..instrument.environment import environment
from ..report.files import check_ending, write_report
from ..report.summary import summary_text
from ..report.text import text_table
from ..scenarios import run as runs
from ..scenarios.scenario import Suite
from .progress import Progress
from .target import load_function

#: Seconds of measuring for each of the lecture's networks, which together take 90 s.
_DEFAULT_BUDGET = 6.0

#: How a diff can be printed.
_FORMATS = {"text": str, "md": Differences.markdown}


def default(*, quick: bool, out: Path, full: bool) -> int:
    """Measure the lecture's networks; return the exit status."""
    names = runs.QUICK if quick else runs.DEFAULT
    lecture = runs.choose(["lecture"])
    chosen = {name: lecture[name] for name in names}
    comparisons, _ = _run(chosen, out, full=full, budget=_DEFAULT_BUDGET)
    return _status(comparisons)


def run(
    suites: Sequence[str],
    *,
    only: str | None,
    size: str,
    dtype: str | None,
    adbench_data: Path | None,
    out: Path,
    resume: bool,
    baseline: str | None,
    full: bool,
    budget: float,
    time_limit: float,
    seed: int,
) -> int:
    """Measure suites of scenarios; return the exit status.

    It is 3 if no derivative was right, and 1 if anything is slower than in the baseline.
    """
    if dtype not in (None, *runs.DTYPES):
        raise ValueError(unknown("dtype", dtype, runs.DTYPES))
    suite = runs.choose(suites, only=only, size=size, adbench_data=adbench_data)
    old = named.find(out, baseline) if baseline else None
    before = results.load_all(old) if old else []  # raises before anything is measured
    comparisons, path = _run(
        suite,
        out,
        full=full,
        resume=resume,
        dtype=dtype,
        budget=budget,
        time_limit=time_limit,
        seed=seed,
    )
    if old is None:
        return _status(comparisons)
    differences = compare_runs(before, comparisons, names=(str(baseline), path.name))
    typer.echo(f"\n{differences}")
    return _status(comparisons) or int(differences.regression)


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
    rule: str,
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
            rule=rule,
            name=target,
            on_progress=progress.stage,
        )
    typer.echo(text_table(comparison))
    for path in save:
        comparison.save(path)
    return 130 if progress.interrupted else _status([comparison])


def diff(given: Sequence[Path], *, baseline: str | None, folder: Path, format_: str) -> int:
    """Print what became slower or faster; return 1 if anything became slower."""
    if format_ not in _FORMATS:
        raise ValueError(f"unknown format {format_!r}; there are: {', '.join(_FORMATS)}")
    old, new = named.two_runs(folder, given, baseline)
    differences = compare_runs(
        results.load_all(old), results.load_all(new), names=(str(old), str(new))
    )
    typer.echo(_FORMATS[format_](differences))
    return int(differences.regression)


def baseline(name: str | None, run: Path, *, folder: Path) -> None:
    """Give a run a name, or print the names that there are."""
    if name is not None:
        path = named.find(folder, run)
        results.load_all(path)  # raises if it holds no results
        before = named.name_baseline(folder, name, path)
        typer.echo(f"{name}: {path}" + (f" (before: {before})" if before else ""))
        return
    known = named.baselines(folder)
    for each, path in known.items():
        typer.echo(f"{each}: {path}" + ("" if path.exists() else " (gone)"))
    if not known:
        typer.echo(f"{folder} has no baseline; `gradwise baseline NAME` names its latest run")


def report(path: Path, out: Path | None) -> None:
    """Write the report of a run, by default as a page of the same name."""
    path = named.find(path.parent, path)
    out = out or path.with_suffix(".html")
    write_report(results.load_all(path), out)
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
) -> tuple[list[Comparison], Path]:
    """Measure scenarios, show the progress, write the results and print a summary.

    The file is written after each scenario, so that Ctrl-C loses at most the one being measured.
    """
    here = environment()
    asked = [list(suite), dtype, budget, time_limit, seed, versions(here), machine(here)]
    previous = run_files.resumable(out) if resume else {}
    path = run_files.begin(out, asked, now())
    comparisons: list[Comparison] = []
    try:
        with Progress(len(suite)) as progress:
            measured = runs.run(
                suite,
                keeping(previous, compare_function, progress.tell),
                on_start=progress.start,
                dtype=dtype,
                budget=budget,
                time_limit=time_limit,
                seed=seed,
                on_progress=progress.stage,
            )
            for name, comparison in _until_interrupted(measured, progress):
                comparisons.append(comparison)
                results.save(comparisons, path)
                progress.done(name)
        if progress.interrupted:
            _tell_interrupted(comparisons, path)
            raise typer.Exit(130)
    finally:
        run_files.give_up_if_empty(path)
    path = run_files.finish_resumed(path, comparisons) if resume else run_files.finish(path)
    for comparison in comparisons if full else ():
        typer.echo(text_table(comparison) + "\n")
    typer.echo(summary_text(comparisons))
    typer.echo(f"results are in {path}\n`gradwise report {out}` makes a page of it")
    return comparisons, path


def _tell_interrupted(comparisons: Sequence[Comparison], path: Path) -> None:
    if comparisons:
        typer.echo(summary_text(comparisons))
    ended = f"; --resume goes on with {path}" if comparisons else ""
    typer.echo(f"interrupted{ended}", err=True)


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
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".gradwise-"):
        pass  # under a name that no file of the user's has
    if path.exists():
        path.open("a").close()
