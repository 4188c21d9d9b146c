"""The command line as a user runs it: what it prints, writes and refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli.main import app
from benchmarks.cli.progress import Progress

ROOT = Path(__file__).parent.parent
SUITE = ["run", "lecture", "--size", "small", "--budget", "0.2"]


def gradwise(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the results of one scenario."""
    folder = tmp_path_factory.mktemp("results")
    done = gradwise(*SUITE, "--only", "*/prelu_penalty", "--out", folder)
    assert done.exit_code == 0
    return folder


def test_run_prints_a_summary_and_writes_json(results):
    document = json.loads((results / "gradwise.json").read_text())
    assert (document["schema"], document["kind"]) == (2, "comparisons")
    (comparison,) = document["record"]
    assert comparison["name"] == "lecture/prelu_penalty"
    rows = {row["method"]: row for row in comparison["rows"]}
    assert {"value", "numerical", "symbolic", "forward", "reverse"} <= rows.keys()
    assert len(rows["reverse"]["samples"]["wall"]) >= 3
    environment = comparison["environment"]
    assert environment["packages"]["jax"]
    assert environment["cores"] >= 1


def test_the_summary_names_the_four_ways(results):
    done = gradwise(*SUITE, "--only", "*/prelu_penalty", "--out", results, "--resume")
    header = done.stdout.splitlines()[0]
    for way in ("numerical", "symbolic", "forward", "reverse", "verdict"):
        assert way in header


def test_resume_measures_only_what_is_missing(results):
    before = json.loads((results / "gradwise.json").read_text())["record"]
    done = gradwise(*SUITE, "--only", "*/[pl]*[2y]", "--out", results, "--resume")
    assert done.exit_code == 0
    after = json.loads((results / "gradwise.json").read_text())["record"]
    assert [found["name"] for found in after] == ["lecture/prelu_penalty", "lecture/l2"]
    assert after[0] == before[0]


def test_report_writes_a_page_and_a_summary(results, tmp_path):
    source = results / "gradwise.json"
    assert gradwise("report", source, "--out", tmp_path / "page.html").exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r"(src|href)=.http|@import|url\(http", page)
    assert page.count("<svg") >= 1
    assert "lecture/prelu_penalty" in page
    assert gradwise("report", source, "--out", tmp_path / "summary.md").exit_code == 0
    assert "<details>" in (tmp_path / "summary.md").read_text()
    assert gradwise("report", source, "--out", tmp_path / "rows.csv").exit_code == 0
    assert (tmp_path / "rows.csv").read_text().startswith("scenario,method,mode")


def test_a_run_against_itself_has_no_regression(results):
    source = results / "gradwise.json"
    done = gradwise("diff", source, source)
    assert done.exit_code == 0
    assert "slower" not in done.stdout


def without_noise(results, path, factor):
    """The results as a machine without noise would give them, reverse mode `factor` as slow."""
    document = json.loads((results / "gradwise.json").read_text())
    for row in document["record"][0]["rows"]:
        if row["ratio"]:
            scale = factor if row["method"] == "reverse" else 1.0
            row["ratio"] |= dict.fromkeys(("median", "low", "high"), scale * row["ratio"]["median"])
            row["samples"]["wall"] = [scale * row["seconds"]] * len(row["samples"]["wall"])
    path.write_text(json.dumps(document))
    return path


def test_a_slower_derivative_is_a_regression(results, tmp_path):
    old = without_noise(results, tmp_path / "old.json", 1.0)
    new = without_noise(results, tmp_path / "new.json", 3.0)
    done = gradwise("diff", old, new)
    assert done.exit_code == 1
    assert "slower" in done.stdout
    assert gradwise("diff", new, old).exit_code == 0


def test_list_shows_every_suite():
    names = gradwise("list", "--size", "small").stdout.split()
    suites = {name.split("/")[0] for name in names}
    assert {"lecture", "jacobian", "memory", "hessian", "helmholtz", "adbench", "pathologies"} <= (
        suites
    )


def test_compare_takes_a_function_of_the_users_folder(tmp_path, monkeypatch):
    (tmp_path / "my_model.py").write_text(
        "import jax.numpy as jnp\n"
        "def case():\n"
        "    return (lambda x: jnp.sum(jnp.tanh(x))), (jnp.ones(4),)\n"
    )
    monkeypatch.chdir(tmp_path)
    saved = tmp_path / "found.json"
    options = ["--method", "forward", "--method", "reverse", "--budget", "0.2", "--save", saved]
    done = gradwise("compare", "my_model:case", "--crossover", *options)
    assert done.exit_code == 0
    assert "\ncrossing for 1 output forward mode is faster up to " in done.stdout
    assert done.stdout.startswith("my_model:case: 4 inputs -> 1 output, float32")
    assert json.loads(saved.read_text())["record"]["n"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "unknown suite 'nosuch'"),
        (["run", "lecture", "--only", "nosuch"], "no scenario matches 'nosuch'"),
        (["run", "lecture", "--size", "huge"], "unknown size 'huge'"),
        (["run", "lecture", "--dtype", "int8"], "unknown dtype 'int8'"),
        (["run", "lecture", "--out", "/proc/nowhere"], "nowhere"),
        (["compare", "nosuch_module:case"], "no module 'nosuch_module'"),
        (["compare", "benchmarks:nosuch"], "benchmarks has no function 'nosuch'"),
        (["compare", "benchmarks"], "is not MODULE:FUNCTION"),
        (["compare", "benchmarks:compare", "--method", "backward"], "unknown method 'backward'"),
        (["compare", "benchmarks:compare", "--order", "3"], "order must be 1"),
        (["compare", "benchmarks:compare", "--save", "x.txt"], "x.txt must end in one of .json"),
        (["compare", "benchmarks:compare", "--save", "/proc/nowhere/x.md"], "nowhere"),
        (["report", "nosuch.json"], "no such file: nosuch.json"),
        (["report", "."], ". cannot be read"),
        (["report", ""], ". cannot be read"),
        (["diff", "nosuch.json", "nosuch.json"], "no such file"),
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
        ("{", "is not JSON"),
        ("[]", "holds no schema"),
        ('{"schema": 0, "comparisons": []}', "holds schema 0, this version reads schema 1 to 2"),
        ('{"schema": 1, "comparisons": [{}]}', "is damaged"),
        ('{"schema": 1, "comparisons": []}', "no comparisons"),
    ],
)
def test_a_file_that_is_no_result_is_told_so(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(content)
    done = gradwise("report", path)
    assert done.exit_code == 2
    assert message in done.stderr


def test_an_unknown_option_is_no_traceback():
    done = gradwise("run", "--sise", "small")
    assert done.exit_code == 2
    assert "--sise" in done.stderr


@pytest.mark.parametrize("command", [["run"], ["selftest"], ["compare", "benchmarks:compare"]])
def test_a_negative_seed_is_refused_by_its_option(command):
    done = gradwise(*command, "--seed", "-1")
    assert done.exit_code == 2
    assert "--seed" in done.stderr


def test_ctrl_c_is_heeded_between_two_stages_and_breaks_nothing_that_is_being_measured():
    measured = []
    with Progress(1) as progress:
        progress.stage("forward", 0.0)
        signal.raise_signal(signal.SIGINT)
        measured.append("forward")
        with pytest.raises(KeyboardInterrupt):
            progress.stage("reverse", 0.5)
    assert measured == ["forward"]


def test_interrupting_keeps_what_is_finished_and_says_where(tmp_path):
    two = [*SUITE, "--only", "*/l[12]", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks", *two]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ)
    path = tmp_path / "gradwise.json"
    for _ in range(1800):
        if path.exists():
            break
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=180)
    assert child.returncode == 130
    assert "--resume" in told
    assert json.loads(path.read_text())["record"]
