"""The command line as a user runs it: what it prints, writes and refuses."""

import json
import re
import signal

import pytest
from command_line import ONE, SUITE, gradwise

from benchmarks.cli.progress import Progress
from benchmarks.comparison.file import load_all
from benchmarks.comparison.folder import finished, latest
from benchmarks.report.summary import one_line

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


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
    (kept,) = load_all(latest(results))
    assert done.stderr == f"lecture/l2: kept\nlecture/l2: {one_line(kept)}\n"
    assert [path.read_bytes() for path in finished(results)] == [before]
    header = done.stdout.splitlines()[0]
    for title in ("fastest", "numerical", "symbolic", "forward", "reverse"):
        assert title in header


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


def test_a_name_is_shown_as_it_is_whatever_it_means_to_the_terminal(capsys):
    with Progress(1) as progress:
        progress.start("model.py:loop:")
        progress.stage("plan: 3 [b]methods[/b] :zzz:", 0.0)
        progress.tell("results/[red]a[/red]:loop:.json")
    said = capsys.readouterr().err
    assert said == ("model.py:loop:: 3 [b]methods[/b] :zzz:\nresults/[red]a[/red]:loop:.json\n")


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
    options = ["--method", "forward", "--method", "reverse", "--budget", "0.1", "--out", saved]
    done = gradwise("compare", "my_model:loss", "--crossover", *options)
    assert done.exit_code == 0
    assert "\n  crossing for 1 output forward mode is faster up to " in done.stdout
    assert done.stdout.startswith("my_model:loss: 4 inputs -> 1 output, float32")
    record = json.loads(saved.read_text())["record"]
    assert done.stdout.endswith(f"wrote {saved}\n")
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
        (["compare", "benchmarks:compare", "--out", "x.txt"], "x.txt must end in .json"),
        (["compare", "benchmarks:compare", "--out", "/proc/nowhere/x.md"], "nowhere"),
        (["report", "nosuch.json"], "no such file: nosuch.json"),
        (["report", "."], ". holds no finished run"),
        (["report", ""], ". holds no finished run"),
        (["report", "nosuch"], "no file and no baseline 'nosuch'"),
        (["diff", "nosuch.json", "nosuch.json"], "no such file"),
        (["diff", "one.json"], "diff takes OLD and NEW"),
        (["diff", "--results", "tests"], "tests holds no finished run"),
        (["diff", "--results", "nosuch"], "no such folder of runs: nosuch; `gradwise run` makes"),
        (["report", "--results", "nosuch"], "no such folder of runs: nosuch; `gradwise run` makes"),
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
