"""The command line as a user runs it: what it prints, writes and refuses."""

import json
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from benchmarks import compare
from benchmarks.cli import commands
from benchmarks.cli.main import app
from benchmarks.cli.progress import Progress
from benchmarks.comparison import file
from benchmarks.comparison.folder import finished, latest, unfinished
from benchmarks.comparison.origin import made_by
from benchmarks.instrument.samples import Samples
from benchmarks.report.example import EXAMPLE, exactly

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")

SUITE = ["run", "lecture", "--size", "small", "--budget", "0.1"]
ONE, TWO = ["--only", "*/l2"], ["--only", "*/l[12]"]


def gradwise(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def results(tmp_path_factory, nothing_is_too_slow):
    """A folder with the results of one scenario."""
    folder = tmp_path_factory.mktemp("results")
    done = gradwise(*SUITE, *ONE, "--out", folder)
    assert done.exit_code == 0
    return folder


def test_run_writes_json(results):
    document = json.loads(latest(results).read_text())
    assert (document["schema"], document["kind"]) == (2, "comparisons")
    (comparison,) = document["record"]
    assert comparison["name"] == "lecture/l2"
    rows = {row["method"]: row for row in comparison["rows"]}
    assert {"value", "numerical", "symbolic", "forward", "reverse"} <= rows.keys()
    assert len(rows["reverse"]["samples"]["wall"]) >= 3
    environment = comparison["environment"]
    assert environment["packages"]["jax"]
    assert environment["cores"] >= 1


def test_what_was_measured_by_equals_is_kept_and_the_summary_names_the_four_ways(results):
    before = latest(results).read_bytes()
    done = gradwise(*SUITE, *ONE, "--out", results, "--resume")
    assert done.stderr == "lecture/l2: kept\n"
    assert [path.read_bytes() for path in finished(results)] == [before]
    header = done.stdout.splitlines()[0]
    for way in ("numerical", "symbolic", "forward", "reverse", "verdict"):
        assert way in header


def test_report_writes_a_page_and_a_summary_and_a_table(results, tmp_path):
    source = latest(results)
    assert gradwise("report", results, "--out", tmp_path / "page.html").exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r"(src|href)=.http|@import|url\(http", page)
    assert page.count("<svg") >= 1
    assert "lecture/l2" in page
    assert gradwise("report", source, "--out", tmp_path / "summary.md").exit_code == 0
    assert "<details>" in (tmp_path / "summary.md").read_text()
    assert gradwise("report", source, "--out", tmp_path / "rows.csv").exit_code == 0
    assert (tmp_path / "rows.csv").read_text().startswith("scenario,method,mode")


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

    monkeypatch.setattr(commands, "compare_function", not_measured)
    monkeypatch.setattr(commands, "now", a_second_later)
    return names


def names_in(path):
    return [entry["name"] for entry in json.loads(path.read_text())["record"]]


def test_resume_measures_only_what_is_missing(compared, tmp_path):
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    done = gradwise(*SUITE, *TWO, "--out", tmp_path, "--resume")
    assert done.exit_code == 0
    assert done.stderr == "lecture/l2: kept\n"
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
        assert done.stderr == f"lecture/l2: measured again: {difference}\n"
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

    monkeypatch.setattr(commands, "compare_function", interrupted)
    done = gradwise(*SUITE, *TWO, "--out", tmp_path)
    assert done.exit_code == 130
    (path,) = unfinished(tmp_path)
    assert f"--resume goes on with {path}" in done.stderr
    assert names_in(path) == ["lecture/l1"]
    assert finished(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once_and_again_at_the_next_stage_if_it_was_swallowed(number):
    before = signal.getsignal(number)
    with Progress(1) as progress:
        progress.stage("forward", 0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            progress.stage("reverse", 0.5)
        assert progress.interrupted
    assert signal.getsignal(number) is before


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


def test_a_run_that_is_slower_than_its_baseline_exits_with_status_1(monkeypatch, tmp_path):
    file.save([replace(EXAMPLE, name="lecture/l2")], tmp_path / "fast.json")
    assert (
        gradwise("baseline", "fast", tmp_path / "fast.json", "--results", tmp_path).exit_code == 0
    )

    def slow(*arguments, name, **options):
        return replace(slower_reverse(3.0), name=name)

    monkeypatch.setattr(commands, "compare_function", slow)
    done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--baseline", "fast")
    assert done.exit_code == 1
    assert "slower\n  lecture/l2\n    reverse  2 x -> 6 x" in done.stdout


def test_a_baseline_that_is_not_there_stops_a_run_before_it_measures(compared, tmp_path):
    done = gradwise(*SUITE, *ONE, "--out", tmp_path, "--baseline", "nosuch")
    assert done.exit_code == 2
    assert "no file and no baseline 'nosuch'" in done.stderr
    assert compared == []


def test_a_diff_is_printed_as_markdown(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    file.save([EXAMPLE], old)
    file.save([slower_reverse(3.0)], new)
    done = gradwise("diff", old, new, "--format", "md")
    assert done.exit_code == 1
    assert done.stdout.startswith("## Derivatives: 1 slower, 3 same\n")
    assert "<details><summary>3 unchanged</summary>" in done.stdout


def test_list_shows_every_suite():
    names = gradwise("list", "--size", "small").stdout.split()
    suites = {name.split("/")[0] for name in names}
    assert {"lecture", "jacobian", "memory", "hessian", "helmholtz", "adbench", "pathologies"} <= (
        suites
    )


def test_compare_takes_a_function_of_the_users_folder(tmp_path, monkeypatch):
    (tmp_path / "my_model.py").write_text(
        "import jax.numpy as jnp\n"
        "def loss():\n"
        "    return (lambda x: jnp.sum(jnp.tanh(x))), (jnp.ones(4),)\n"
    )
    monkeypatch.chdir(tmp_path)
    saved = tmp_path / "found.json"
    options = ["--method", "forward", "--method", "reverse", "--budget", "0.1", "--save", saved]
    done = gradwise("compare", "my_model:loss", "--crossover", *options)
    assert done.exit_code == 0
    assert "\ncrossing for 1 output forward mode is faster up to " in done.stdout
    assert done.stdout.startswith("my_model:loss: 4 inputs -> 1 output, float32")
    record = json.loads(saved.read_text())["record"]
    assert record["n"] == 4
    assert record["crossover"]["forward"]["sizes"] == [1, 4]
    assert record["crossover"]["reverse"]["sizes"] == [1, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "unknown suite 'nosuch'"),
        (["run", "lecture", "--only", "nosuch"], "no scenario matches 'nosuch'"),
        (["run", "lecture", "--size", "huge"], "unknown size 'huge'"),
        (["run", "lecture", "--dtype", "int8"], "unknown dtype 'int8'"),
        (["run", "lecture", "--out", "/proc/nowhere"], "nowhere"),
        (["compare", "nosuch_module:loss"], "no module 'nosuch_module'"),
        (["compare", "benchmarks:nosuch"], "benchmarks has no function 'nosuch'"),
        (["compare", "benchmarks"], "is not MODULE:FUNCTION"),
        (["compare", "benchmarks:compare", "--method", "backward"], "unknown method 'backward'"),
        (["compare", "benchmarks:compare", "--order", "3"], "order must be 1"),
        (["compare", "benchmarks:compare", "--save", "x.txt"], "x.txt must end in .json"),
        (["compare", "benchmarks:compare", "--save", "/proc/nowhere/x.md"], "nowhere"),
        (["report", "nosuch.json"], "no such file: nosuch.json"),
        (["report", "."], ". holds no finished run"),
        (["report", ""], ". holds no finished run"),
        (["report", "nosuch"], "no file and no baseline 'nosuch'"),
        (["diff", "nosuch.json", "nosuch.json"], "no such file"),
        (["diff", "one.json"], "diff takes OLD and NEW"),
        (["diff", "--results", "tests"], "tests holds no finished run"),
        (["diff", "--results", "nosuch"], "no such folder of runs: nosuch"),
        (["diff", "--format", "html"], "unknown format 'html'; there are: text, md"),
        (["baseline", "a/b", "pyproject.toml"], "pyproject.toml: expected JSON"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(arguments, message):
    done = gradwise(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "bad.json: expected JSON, got none"),
        ("[]", "bad.json: expected a JSON object, got []"),
        ('{"schema": 0, "comparisons": []}', "expected schema 2, got schema 0"),
        ('{"schema": 1, "comparisons": [{}]}', "the file is damaged"),
        ('{"schema": 1, "comparisons": []}', "no comparisons"),
    ],
)
def test_a_file_without_results_is_refused_and_says_why(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(content)
    done = gradwise("report", path)
    assert done.exit_code == 2
    assert message in done.stderr


def test_an_unknown_option_is_refused_by_its_name():
    done = gradwise("run", "--sise", "small")
    assert done.exit_code == 2
    assert "--sise" in done.stderr


@pytest.mark.parametrize("command", [["run"], ["selftest"], ["compare", "benchmarks:compare"]])
def test_a_negative_seed_is_refused_by_its_option(command):
    done = gradwise(*command, "--seed", "-1")
    assert done.exit_code == 2
    assert "--seed" in done.stderr


def test_a_file_of_the_users_beside_the_results_stays_as_it_is(compared, tmp_path):
    (tmp_path / ".gradwise").write_text("the user's own")
    assert gradwise(*SUITE, *ONE, "--out", tmp_path).exit_code == 0
    assert (tmp_path / ".gradwise").read_text() == "the user's own"
    assert [path.name for path in tmp_path.glob(".gradwise*")] == [".gradwise"]
