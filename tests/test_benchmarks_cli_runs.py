"""Runs on the command line: kept and resumed, interrupted, named and compared with one another."""

import json
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from command_line import ONE, SUITE, TWO, gradwise

from benchmarks import compare
from benchmarks.cli import suites
from benchmarks.comparison import file
from benchmarks.comparison.folder import finished, unfinished
from benchmarks.comparison.origin import made_by
from benchmarks.instrument.samples import Samples
from benchmarks.report.example import EXAMPLE, exactly

#: What is told of each scenario as soon as it is there.
FOUND = "reverse: 3 times faster than forward; 2 x the function"

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


@pytest.fixture
def compared(monkeypatch):
    """The names of the scenarios that `run` has compared, none of which is measured.

    Each run begins a second after the one before.
    """
    names, begun = [], []

    def not_measured(fn, *inputs, name, argnums, candidates, order, purpose, on_progress, **limits):
        names.append(name)
        origin = made_by(
            fn, inputs, argnums=argnums, candidates=candidates, order=order, options=limits
        )
        return replace(EXAMPLE, name=name, made_by=origin)

    def a_second_later():
        begun.append(datetime(2026, 1, 31, 9, 30, tzinfo=UTC) + timedelta(seconds=len(begun)))
        return begun[-1]

    monkeypatch.setattr(suites, "compare", not_measured)
    monkeypatch.setattr(suites, "now", a_second_later)
    return names


def names_in(path):
    return [entry["name"] for entry in json.loads(path.read_text())["record"]]


def test_resume_measures_only_what_is_missing(compared, tmp_path):
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    done = gradwise(*SUITE, *TWO, "--out", tmp_path, "--resume")
    assert done.exit_code == 0
    assert done.stderr == f"lecture/l1: {FOUND}\nlecture/l2: kept\nlecture/l2: {FOUND}\n"
    assert compared == ["lecture/l2", "lecture/l1"]
    assert [names_in(path) for path in finished(tmp_path)] == [
        ["lecture/l2"],
        ["lecture/l1", "lecture/l2"],
    ]


def test_resume_measures_again_what_was_made_otherwise_and_says_what_differs(compared, tmp_path):
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    for options, difference in (
        (["--seed", "1"], "seed 0 -> 1"),
        (["--dtype", "float64"], "dtype float32 -> float64; seed 1 -> 0"),
        (["--budget", "0.2"], "dtype float64 -> float32; budget 0.1 -> 0.2"),
        (["--size", "medium", "--budget", "0.2"], "inputs float32[2,3] -> float32[16,16]"),
    ):
        done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--resume", *options)
        again = f"lecture/l2: measured again: {difference}\n"
        assert done.stderr == f"{again}lecture/l2: {FOUND}\n"
    assert compared == 5 * ["lecture/l2"]
    assert len(finished(tmp_path)) == 5


def test_no_run_writes_over_another_and_latest_names_the_last(compared, tmp_path):
    for seed in (0, 0, 1):
        assert gradwise(*SUITE, *ONE, "--out", tmp_path, "--seed", seed).exit_code == 0
    first, second, third = finished(tmp_path)
    assert (tmp_path / "latest").read_text() == f"{third.name}\n"
    hashes = [path.stem.rpartition("-")[2] for path in (first, second, third)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert compared == 3 * ["lecture/l2"]


def test_an_interrupted_run_keeps_what_is_finished_and_says_where(monkeypatch, tmp_path):
    def interrupted(*arguments, name, on_progress, **options):
        """Compare the first scenario at once, and the second one until the forward mode."""
        if name == "lecture/l1":
            return replace(EXAMPLE, name=name)

        def signalling(stage, share):
            if stage == "forward":
                signal.raise_signal(signal.SIGINT)
            on_progress(stage, share)

        options["methods"] = ("forward",)
        return compare(*arguments, name=name, on_progress=signalling, **options)

    monkeypatch.setattr(suites, "compare", interrupted)
    done = gradwise(*SUITE, *TWO, "--out", tmp_path)
    assert done.exit_code == 130
    (path,) = unfinished(tmp_path)
    assert f"1 of 2 is kept in {path}" in done.stderr
    assert names_in(path) == ["lecture/l1"]
    assert finished(tmp_path) == []


def slower_reverse(factor):
    """The example with a reverse mode that takes `factor` times as long."""
    row = EXAMPLE.row("reverse")
    wall, cost = factor * row.samples.wall, factor * row.ratio.median
    slower = replace(
        row,
        seconds=factor * row.seconds,
        ratio=exactly(cost),
        samples=Samples(rounds=row.samples.rounds, wall=wall, cpu=wall, calls=1),
    )
    return replace(EXAMPLE, rows=(*EXAMPLE.rows[:-1], slower))


def test_a_run_against_itself_has_no_regression(tmp_path):
    file.save([EXAMPLE], tmp_path / "found.json")
    done = gradwise("diff", tmp_path / "found.json", tmp_path / "found.json")
    assert done.exit_code == 0
    assert "slower" not in done.stdout


def test_a_slower_derivative_is_a_regression(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    file.save([EXAMPLE], old)
    file.save([slower_reverse(3.0)], new)
    done = gradwise("diff", old, new)
    assert done.exit_code == 1
    assert "slower" in done.stdout
    assert gradwise("diff", new, old).exit_code == 0


def test_a_run_is_compared_with_a_baseline_that_has_a_name(compared, tmp_path):
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    (first,) = finished(tmp_path)
    assert gradwise("baseline", "main", "--results", tmp_path).stdout == f"main: {first}\n"
    assert gradwise("baseline", "--results", tmp_path).stdout == f"main: {first}\n"
    done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--baseline", "main")
    assert done.exit_code == 0
    assert "\nold  main" in done.stdout
    assert done.stdout.endswith("\n4 same\n")
    for wanted in ([], ["--baseline", "main"], ["main", "latest"]):
        done = gradwise("diff", "--results", tmp_path, *wanted)
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "4 same")
        assert done.stderr == ""
    done = gradwise("diff", "--results", tmp_path, "main", first)
    assert done.stderr == f"gradwise: both are one run, {first}; measure again: gradwise run\n"


def test_a_run_that_is_slower_than_its_baseline_exits_with_status_1(monkeypatch, tmp_path):
    file.save([replace(EXAMPLE, name="lecture/l2")], tmp_path / "fast.json")
    assert (
        gradwise("baseline", "fast", tmp_path / "fast.json", "--results", tmp_path).exit_code == 0
    )

    def slow(*arguments, name, **options):
        return replace(slower_reverse(3.0), name=name)

    monkeypatch.setattr(suites, "compare", slow)
    done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--baseline", "fast")
    assert done.exit_code == 1
    assert "slower\n  lecture/l2\n    reverse  2 x -> 6 x" in done.stdout


def test_a_baseline_that_is_not_there_stops_a_run_before_it_measures(compared, tmp_path):
    done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--baseline", "nosuch")
    assert done.exit_code == 2
    assert "no file and no baseline 'nosuch'" in done.stderr
    assert compared == []


def test_a_page_is_made_of_the_latest_run_or_of_one_that_has_a_name(compared, tmp_path):
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    (first,) = finished(tmp_path)
    assert gradwise("baseline", "main", "--results", tmp_path).exit_code == 0
    for run in ([], ["latest"], ["main"], [tmp_path], [first]):
        first.with_suffix(".html").unlink(missing_ok=True)
        done = gradwise("report", *run, "--results", tmp_path)
        assert done.stdout == f"wrote {first.with_suffix('.html')}\n"
        assert "lecture/l2" in first.with_suffix(".html").read_text()


def test_a_diff_is_printed_as_markdown(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    file.save([EXAMPLE], old)
    file.save([slower_reverse(3.0)], new)
    done = gradwise("diff", old, new, "--format", "md")
    assert done.exit_code == 1
    assert done.stdout.startswith("## Derivatives: 1 slower, 3 same\n")
    assert "<details><summary>3 unchanged</summary>" in done.stdout


def test_a_file_of_the_users_beside_the_results_stays_as_it_is(compared, tmp_path):
    (tmp_path / ".gradwise").write_text("the user's own")
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    assert (tmp_path / ".gradwise").read_text() == "the user's own"
    assert [path.name for path in tmp_path.glob(".gradwise*")] == [".gradwise"]
