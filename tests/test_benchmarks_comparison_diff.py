"""What two runs differ in, on quiet machines and on busy ones. Nothing is timed."""

import html
import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import MadeBy
from benchmarks.comparison.diff import diff
from benchmarks.instrument.samples import Samples
from benchmarks.report.example import EXAMPLE, exactly

HERE = {
    "time": "2026-01-31T09:30:12+00:00",
    "python": "3.11.7",
    "packages": {"gradwise": "0.2.0", "jax": "0.10.2"},
    "system": "Linux",
    "processor": "a processor",
    "cores": 2,
    "platform": "cpu",
    "device": "cpu",
    "devices": 1,
    "flags": {},
}
GPU = HERE | {"platform": "gpu", "device": "H100"}
#: What the methods of the example cost, as multiples of the function.
COSTS = {"value": 1.0, "numerical": 11.0, "forward": 6.0, "reverse": 2.0}


def run(wall=(), cpu=(), **changes):
    """The example with the wall and CPU seconds of some rows multiplied, without noise."""
    rows = []
    for row in EXAMPLE.rows:
        taken = Samples(
            rounds=row.samples.rounds,
            wall=dict(wall).get(row.method, 1.0) * row.samples.wall,
            cpu=dict(cpu).get(row.method, 1.0) * row.samples.cpu,
            calls=100,
        )
        cost = taken.seconds / (dict(wall).get("value", 1.0) * 1e-5)
        exact = exactly(cost)
        rows.append(replace(row, samples=taken, seconds=taken.seconds, ratio=exact))
    return replace(EXAMPLE, rows=tuple(rows), **{"environment": HERE, **changes})


def with_row(comparison, method, **changes):
    """The comparison with some fields of a row changed."""
    rows = [replace(row, **changes) if row.method == method else row for row in comparison.rows]
    return replace(comparison, rows=tuple(rows))


def found(old, new, method):
    (row,) = [row for row in diff(old, new) if row.method == method]
    return row


def conclusions(old, new):
    return {row.method: row.conclusion for row in diff(old, new)}


@pytest.fixture
def quiet():
    return run()


def times(comparison, method, factor):
    """The comparison with the samples of one method multiplied, by both clocks."""
    taken = comparison.row(method).samples
    slower = replace(taken, wall=factor * taken.wall, cpu=factor * taken.cpu)
    return with_row(comparison, method, samples=slower)


def test_a_run_against_itself_has_no_changes(quiet):
    assert set(conclusions(quiet, quiet).values()) == {"same"}


def test_a_function_that_takes_three_times_as_long_is_slower(quiet):
    assert conclusions(quiet, times(quiet, "value", 3.0))["value"] == "slower"
    assert conclusions(times(quiet, "value", 3.0), quiet)["value"] == "faster"


def test_a_machine_that_is_slower_as_a_whole_is_no_regression(quiet):
    new = replace(times(quiet, "value", 3.0), floor=3 * quiet.floor)
    assert conclusions(quiet, new)["value"] != "slower"


def test_a_method_that_broke_is_a_regression_and_one_that_was_mended_is_not(quiet):
    rows = tuple(
        replace(row, status="wrong", samples=None) if row.method == "forward" else row
        for row in quiet.rows
    )
    broken = replace(quiet, rows=rows)
    differences = diff([quiet], [broken])
    assert found(quiet, broken, "forward").conclusion == "broken"
    assert found(quiet, broken, "forward").note == "ok -> wrong"
    assert differences.regression
    assert conclusions(broken, quiet)["forward"] == "mended"


def test_runs_with_nothing_in_common_cannot_be_compared(quiet):
    with pytest.raises(ValueError, match="no scenario in common"):
        diff([quiet], [replace(quiet, name="other")])


@pytest.mark.parametrize("status", ["wrong", "inaccurate", "impossible", "failed"])
def test_a_method_that_is_no_longer_ok_is_broken_and_says_why(quiet, status):
    new = with_row(quiet, "reverse", status=status, samples=None, note="off by 0.3")
    row = found(quiet, new, "reverse")
    assert (row.conclusion, row.note) == ("broken", f"ok -> {status}: off by 0.3")
    assert found(new, new, "reverse").conclusion == "same"


def test_on_a_busy_machine_cpu_time_is_compared_where_both_runs_were_on_cpus(quiet):
    """Calls of the new run wait nine times as long as they compute: wall time says nothing."""
    waiting = run(wall={"reverse": 10.0, "value": 10.0}, cpu={})
    assert {row.conclusion for row in diff(quiet, waiting)} == {"same"}
    assert found(quiet, waiting, "reverse").clock == "CPU"
    slower = run(wall={"reverse": 10.0}, cpu={"reverse": 2.0})
    row = found(quiet, slower, "reverse")
    assert (row.conclusion, row.clock, row.old, row.new) == ("slower", "CPU", 2.0, 4.0)
    assert (row.ratio.value, row.ratio.low, row.ratio.high) == (2.0, 2.0, 2.0)
    assert found(slower, quiet, "reverse").conclusion == "faster"
    assert found(quiet, slower, "forward").clock == "wall"


def test_a_busy_machine_excuses_no_slower_function_and_accuses_none(quiet):
    """The dispatch floor waited too, so that it does not tell how slow the machine is."""
    busy = run(wall={"value": 40.0}, cpu={"value": 3.0}, floor=10 * quiet.floor)
    assert found(quiet, busy, "value").conclusion == "cannot tell"
    idle = replace(run(wall={"value": 3.0}, cpu={"value": 3.0}), floor=10 * quiet.floor)
    assert found(quiet, idle, "value").conclusion == "same"


def test_on_a_busy_machine_it_cannot_be_told_where_a_run_was_on_no_cpu(quiet):
    """Here the new run was on a GPU, where CPU time is not the time of the work."""
    busy, gpu = run(wall={"reverse": 10.0}), run(environment=GPU)
    row = found(busy, gpu, "reverse")
    assert (row.conclusion, row.regression) == ("cannot tell", False)
    assert "busy" in row.note
    assert diff(busy, gpu).old.waited == pytest.approx(10.0)
    slow = run(wall={"reverse": 3.0}, environment=GPU)
    assert found(gpu, slow, "reverse").conclusion == "slower"  # the CPU only waits for a GPU
    assert diff(gpu, slow).new.waited is None


def test_wall_time_is_compared_up_to_the_contention_of_a_quiet_machine():
    assert found(run(), run(wall={"reverse": 1.29}), "reverse").clock == "wall"
    assert found(run(), run(wall={"reverse": 1.31}), "reverse").clock == "CPU"


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"dtype": "float64"}, "dtype float32 -> float64"),
        ({"n": 7}, "inputs 5 -> 7"),
        ({"m": 3}, "outputs 1 -> 3"),
        ({"order": 2}, "order 1 -> 2"),
    ],
)
def test_another_problem_is_named_and_not_compared(quiet, change, note):
    differences = diff(quiet, replace(run(wall={"reverse": 3.0}), **change))
    assert {(row.conclusion, row.note, row.change) for row in differences} == {
        ("changed", note, "")
    }
    assert not differences.regression
    text = " ".join(str(differences).split())
    assert f"changed: suite/sine, {note}: value, numerical, forward, reverse" in text


def test_a_method_of_another_kind_is_named_and_not_compared(quiet):
    new = with_row(run(wall={"reverse": 3.0}), "reverse", kind="value_and_grad")
    row = found(quiet, new, "reverse")
    assert (row.conclusion, row.note) == ("changed", "kind jacobian -> value_and_grad")
    assert not diff(quiet, new).regression


def test_a_method_that_is_skipped_is_judged_by_what_a_call_takes_at_least(quiet):
    skipped = {"status": "skipped", "samples": None, "ratio": None}
    least = with_row(quiet, "reverse", **skipped, seconds=1e-3)
    bound = with_row(quiet, "reverse", **skipped, seconds=None, at_least=1e-3)
    unknown = with_row(quiet, "reverse", **skipped, seconds=None)
    for new in (least, bound):
        row = found(quiet, new, "reverse")
        assert (row.conclusion, row.time.low, row.time.high) == ("slower", 50.0, math.inf)
        assert found(new, quiet, "reverse").conclusion == "faster"
    assert found(quiet, unknown, "reverse").conclusion == "cannot tell"
    busy = run(wall={"value": 10.0})
    assert found(busy, least, "reverse").conclusion == "cannot tell"


def test_what_was_kept_from_the_old_run_is_the_same_however_noisy(quiet):
    row = quiet.row("reverse")
    noise = np.geomspace(0.1, 9.0, 9)
    noisy = replace(row.samples, wall=noise * row.samples.wall, cpu=noise * row.samples.cpu)
    wide = with_row(quiet, "reverse", samples=noisy, ratio=replace(row.ratio, low=0.1, high=20.0))
    assert found(wide, wide, "reverse").note == "kept from the old run"
    assert found(wide, times(wide, "reverse", 1.001), "reverse").conclusion == "cannot tell"


def test_other_machines_versions_options_and_functions_are_told_at_the_top(quiet):
    made = MadeBy(dtype="float32", inputs="float32[5]", programs={"value": "1f"})
    made = replace(made, options={"seed": 0})
    elsewhere = HERE | {"cores": 4, "packages": {"gradwise": "0.2.0", "jax": "0.12.0"}}
    old = replace(quiet, made_by=made)
    new = replace(
        quiet,
        environment=elsewhere,
        made_by=replace(made, options={"seed": 1}, programs={"value": "2e"}),
    )
    lines = str(diff(old, new)).splitlines()
    assert lines[:3] == [
        "old  old: 2026-01-31 09:30 UTC; gradwise 0.2.0, jax 0.10.2, python 3.11.7; 2",
        "     cores, a processor, Linux",
        "new  new: 2026-01-31 09:30 UTC; gradwise 0.2.0, jax 0.12.0, python 3.11.7; 4",
    ]
    assert lines[4:6] == [
        "made differently: cores 2 -> 4; jax 0.10.2 -> 0.12.0; seed 0 -> 1; the code of",
        "     suite/sine changed",
    ]
    assert "made differently" not in str(diff(old, old))


def test_the_text_shows_what_changed_first_and_fits_80_columns(quiet):
    new = with_row(
        run(wall={"forward": 3.0, "reverse": 20.0, "numerical": 0.5}, cpu={"numerical": 0.5}),
        "value",
        status="wrong",
        samples=None,
        note="off by 0.25 of the largest entry, even in float64",
    )
    text = str(diff(quiet, new, names=("results/2026-01-31-093000-4f5e6a.json", "main")))
    words = [line for line in text.splitlines() if line in ("broken", "slower", "faster")]
    assert words == ["broken", "faster"]
    assert max(map(len, text.splitlines())) <= 80


def cells(line):
    return [html.unescape(cell.strip()) for cell in line.strip("|").split("|")]


def test_the_markdown_is_a_table_of_what_changed_and_folds_away_what_did_not(quiet):
    new = with_row(run(wall={"reverse": 30.0}, cpu={"reverse": 3.0}), "forward", kind="<b>|")
    text = diff(quiet, new, names=("old.json", "new.json")).markdown()
    lines = text.splitlines()
    assert lines[0] == "## Derivatives: 1 slower, 2 same, 1 changed"
    assert cells(lines[2]) == [
        *("", "function", "derivative", "old", "new", "new / old, 99 % interval", "why")
    ]
    assert cells(lines[4]) == [
        *("**slower**", "suite/sine", "reverse", "2 x", "6 x", "3 [3, 3]"),
        "by CPU time, since the machine was busy",
    ]
    assert "* changed: suite/sine, kind jacobian -&gt; &lt;b&gt;&#124;: forward" in lines
    rows = {cells(line)[0]: cells(line)[1:] for line in lines if line.startswith("| ")}
    assert rows["made"] == 2 * ["2026-01-31 09:30 UTC"]
    assert rows["machine"] == 2 * ["2 cores, a processor, Linux"]
    assert rows["versions"] == 2 * ["gradwise 0.2.0, jax 0.10.2, python 3.11.7"]
    assert rows["busy"] == ["", "calls took up to 10 times their CPU time"]
    folded = text.partition("<details><summary>2 unchanged</summary>\n\n")[2]
    assert folded.partition("</details>")[0].count("| same |") == 2
    tables = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in tables} == {4, 8}


def test_rows_and_functions_of_one_run_alone_are_named(quiet):
    other = replace(quiet, name="suite/other")
    fewer = replace(quiet, rows=quiet.rows[:-1])
    text = str(diff([quiet, other], [fewer]))
    assert "gone: suite/sine, reverse" in text
    assert "gone: suite/other, value, numerical, forward, reverse" in text
    assert "new: suite/sine, reverse" in str(diff(fewer, quiet))
    third = replace(quiet, name="suite/third")
    (line,) = diff([quiet, other, third], quiet).unjudged
    assert line == "gone: suite/other, suite/third: value, numerical, forward, reverse"
