"""The work behind the other commands; `main` declares their options."""

from collections.abc import Sequence
from pathlib import Path

import typer

from .._record_file import ending
from ..comparison import file as results
from ..comparison import named
from ..comparison.compare import compare as compare_function
from ..comparison.diff import diff as compare_runs
from ..comparison.differences import Differences
from ..comparison.folder import before
from ..comparison.side_by_side import compare_functions as compare_side_by_side
from ..derivatives.selection import select
from ..instrument.text import filled, terminal_width
from ..report.files import check_ending, write_report
from ..report.glossary import GLOSSARY
from ..report.text import text_table
from .again import interrupted
from .errors import exit_status
from .explained import explained
from .files import check_writable
from .progress import Progress
from .target import load_case

#: How a diff can be printed.
_FORMATS = {"text": str, "md": Differences.markdown}
#: What a case may say beside its function and inputs.
_OF_COMPARE, _OF_FUNCTIONS = ("argnums", "has_aux"), ("argnums",)


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
    full: bool,
    save: Sequence[Path],
) -> int:
    """Compare every way to differentiate a function of the user's; return the exit status."""
    select(methods, order=order)  # raises before anything is imported or measured
    for path in save:
        check_ending(path)
        check_writable(path)
    fn, inputs, given = load_case(target, _OF_COMPARE)
    given["has_aux"] = has_aux or given.get("has_aux", False)
    with Progress(1) as progress:
        progress.start(target)
        comparison = compare_function(
            fn,
            *inputs,
            **given,
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
    typer.echo(text_table(comparison, terminal_width(), full=full))
    for path in save:
        comparison.save(path)
        typer.echo(f"wrote {path}")
    if not progress.interrupted:
        return exit_status([comparison])
    files = f" and in {', '.join(map(str, save))}" if save else ""
    typer.echo(interrupted(f"what was finished stands above{files}"), err=True)
    return 130


def compare_functions(
    targets: Sequence[str],
    *,
    mode: str | None,
    budget: float,
    time_limit: float,
    seed: int,
    save: Sequence[Path],
) -> int:
    """Measure functions against one another, at the inputs of the first; return the exit status.

    It is 3 if they do not give the same.
    """
    for path in save:
        ending(path, ".json", ".html", ".md")
        check_writable(path)
    if len(set(targets)) < 2:
        raise ValueError(f"compare-functions needs at least two functions, got {targets[0]} alone")
    loaded = {target: load_case(target, _OF_FUNCTIONS) for target in targets}
    _, inputs, given = loaded[targets[0]]
    with Progress(1) as progress:
        progress.start("functions")
        found = compare_side_by_side(
            {target: fn for target, (fn, _, _) in loaded.items()},
            *inputs,
            **given,
            mode=mode,
            budget=budget,
            time_limit=time_limit,
            seed=seed,
            on_progress=progress.stage,
        )
    typer.echo(str(found))
    for path in save:
        found.save(path)
        typer.echo(f"wrote {path}")
    return 0 if found.equal else 3


def explain(term: str | None) -> None:
    """Print what a word means in three lines, or all words with the first of theirs."""
    width = terminal_width()
    if term is None:
        for word, entry in GLOSSARY.items():
            typer.echo(filled(f"{word:<14} {entry.short}", " " * 15, width))
        return
    typer.echo("\n".join(filled(line, "  ", width) for line in explained(term).splitlines()))


def diff(given: Sequence[Path], *, baseline: str | None, folder: Path, format_: str) -> int:
    """Print what became slower or faster; return 1 if anything became slower."""
    if format_ not in _FORMATS:
        raise ValueError(f"unknown format {format_!r}; there are: {', '.join(_FORMATS)}")
    old, new = named.two_runs(folder, given, baseline)
    if old.resolve() == new.resolve():
        typer.echo(f"gradwise: both are one run, {old}; measure again: gradwise run", err=True)
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


def report(run: Path, out: Path | None, *, folder: Path) -> None:
    """Write the report of a run, by default as a page of the same name.

    A page says what changed since the run before, if the two have a scenario in common.
    """
    path = named.find(folder, run)
    out = out or path.with_suffix(".html")
    comparisons, since = results.load_all(path), None
    earlier = before(path) if out.suffix.lower() == ".html" else None
    if earlier:
        old = results.load_all(earlier)
        if {one.name for one in old} & {one.name for one in comparisons}:
            since = compare_runs(old, comparisons, names=(earlier.stem, path.stem))
    write_report(comparisons, out, since=since)
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
