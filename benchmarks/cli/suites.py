"""The work behind `gradwise` itself, `gradwise run` and `gradwise list`: suites of scenarios."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import typer

from ..comparison import file as results
from ..comparison import folder as run_files
from ..comparison import named
from ..comparison.compare import compare
from ..comparison.diff import diff as compare_runs
from ..comparison.kept import keeping
from ..comparison.made_by import machine, versions
from ..comparison.record import Comparison
from ..derivatives.choice import unknown
from ..instrument.clock import now
from ..instrument.environment import environment
from ..instrument.text import terminal_width
from ..report.summary import one_line, summary_text
from ..report.text import text_table
from ..scenarios import run as runs
from ..scenarios.scenario import Suite
from ..structure.choosing.judged import regret_of
from ..structure.choosing.regret import MEASURED, Regret, Regrets
from .again import goes_on, interrupted
from .errors import exit_status
from .progress import Progress

#: Seconds of measuring for each of the lecture's networks, which together take 90 s.
_DEFAULT_BUDGET = 6.0
#: Seconds of timing for a function whose choice is judged, at most; the file of the regrets.
_JUDGING, _REGRETS = 1.0, "regrets.json"


class Asked(NamedTuple):
    """What a run is asked to measure, and where to.

    Attributes:
        suite: The scenarios.
        out: The folder of results.
        budget: Seconds of measuring for each scenario.
        time_limit: Seconds for each in all.
        dtype: Overrides the scenarios' own floating type.
        seed: Draws the random directions and the order of measuring.
        resume: Whether to keep what an earlier run has measured of the same.
    """

    suite: Suite
    out: Path
    budget: float
    time_limit: float = 60.0
    dtype: str | None = None
    seed: int = 0
    resume: bool = False


def default(*, quick: bool, out: Path, resume: bool, full: bool) -> int:
    """Measure the lecture's networks; return the exit status."""
    names = runs.QUICK if quick else runs.DEFAULT
    lecture = runs.choose(["lecture"])
    chosen = {name: lecture[name] for name in names}
    comparisons, _ = _run(Asked(chosen, out, _DEFAULT_BUDGET, resume=resume), full=full)
    return exit_status(comparisons)


def run(asked: Asked, *, baseline: str | None, full: bool) -> int:
    """Measure suites of scenarios; return the exit status.

    It is 3 if no derivative was right, and 1 if anything is slower than in the baseline.
    """
    if asked.dtype not in (None, *runs.DTYPES):
        raise ValueError(unknown("dtype", asked.dtype, runs.DTYPES))
    judged = {name: build for name, build in asked.suite.items() if runs.is_judged(name)}
    if judged:
        judge(asked._replace(suite=judged))
        asked = asked._replace(suite={n: b for n, b in asked.suite.items() if n not in judged})
        if not asked.suite:
            return 0
    old = named.find(asked.out, baseline) if baseline else None
    before = results.load_all(old) if old else []  # raises before anything is measured
    comparisons, path = _run(asked, full=full)
    if old is None:
        return exit_status(comparisons)
    differences = compare_runs(before, comparisons, names=(str(baseline), path.name))
    typer.echo(f"\n{differences}")
    return exit_status(comparisons) or int(differences.regression)


def judge(asked: Asked) -> None:
    """Judge the choice of a way for scenarios, print the regrets and write them to a file."""
    found: list[Regret] = []
    with Progress(len(asked.suite)) as progress:
        judged = runs.judge(
            asked.suite,
            regret_of,
            on_start=progress.start,
            dtype=asked.dtype,
            budget=min(asked.budget, _JUDGING),
        )
        try:
            for one in judged:
                found.append(one)
                progress.done(one.name, f"{one.best} is best; {one.picks[MEASURED]} is taken")
        except KeyboardInterrupt:
            progress.interrupted = True
    kept = f"{len(found)} of {len(asked.suite)} are kept in {asked.out / _REGRETS}"
    if progress.interrupted:
        typer.echo(interrupted(kept if found else "nothing is kept"), err=True)
    if not found:
        raise typer.Exit(130)
    regrets = Regrets(functions=tuple(found), environment=environment())
    asked.out.mkdir(parents=True, exist_ok=True)
    regrets.save(asked.out / _REGRETS)
    typer.echo(f"{regrets}\nresults are in {asked.out / _REGRETS}")
    if progress.interrupted:
        raise typer.Exit(130)


def list_scenarios(suites: Sequence[str], *, size: str) -> None:
    """Print the names of the scenarios."""
    for name in runs.choose(suites, size=size):
        typer.echo(name)


def _run(asked: Asked, *, full: bool) -> tuple[list[Comparison], Path]:
    """Measure scenarios, write the results and print a summary; return them and their file."""
    here = environment()
    limits = [asked.dtype, asked.budget, asked.time_limit, asked.seed]
    path = run_files.begin(
        asked.out, [list(asked.suite), *limits, versions(here), machine(here)], now()
    )
    try:
        comparisons, interrupted = _measure(asked, path)
        if interrupted:
            _tell_interrupted(comparisons, path, len(asked.suite))
            raise typer.Exit(130)
    finally:
        run_files.give_up_if_empty(path)
    resumed = asked.resume
    path = run_files.finish_resumed(path, comparisons) if resumed else run_files.finish(path)
    for comparison in comparisons if full else ():
        typer.echo(text_table(comparison, terminal_width(), full=True) + "\n")
    typer.echo(summary_text(comparisons, terminal_width()))
    written = shlex.join(["gradwise", "report", str(asked.out)])
    typer.echo(f"results are in {path}\n`{written}` makes a page of it")
    return comparisons, path


def _measure(asked: Asked, path: Path) -> tuple[list[Comparison], bool]:
    """Measure scenarios and show the progress; return what was measured, and if Ctrl-C came.

    The file is written after each scenario, so that Ctrl-C loses at most the one being measured.
    """
    previous = run_files.resumable(asked.out) if asked.resume else {}
    comparisons: list[Comparison] = []
    with Progress(len(asked.suite)) as progress:
        measured = runs.run(
            asked.suite,
            keeping(previous, compare, progress.tell),
            on_start=progress.start,
            dtype=asked.dtype,
            budget=asked.budget,
            time_limit=asked.time_limit,
            seed=asked.seed,
            on_progress=progress.stage,
        )
        for name, comparison in _until_interrupted(measured, progress):
            comparisons.append(replace(comparison, source=None))  # whose inputs take memory
            results.save(comparisons, path)
            progress.done(name, one_line(comparison))
    return comparisons, progress.interrupted


def _tell_interrupted(comparisons: Sequence[Comparison], path: Path, count: int) -> None:
    if comparisons:
        typer.echo(summary_text(comparisons, terminal_width()))
    typer.echo(goes_on(len(comparisons), count, path), err=True)


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
