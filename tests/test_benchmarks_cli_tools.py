"""What the command line does beside measuring: doctor, jacobian, structure, nonfinite, hints."""

import io
import os
import re
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace

import pytest
import typer
from command_line import SUITE, TWO, gradwise
from typer.testing import CliRunner
from users_process import ROOT

import gradwise as gradwise_package
from benchmarks.cli import again, commands, doctor, plain, progress, suites
from benchmarks.cli.main import app
from benchmarks.report.example import EXAMPLE

MODEL = """\
import jax, jax.numpy as jnp
def shapes():
    return lambda x: x**2, (jax.ShapeDtypeStruct((1_000_000,), "float32"),)
def tridiagonal():
    return lambda x: x[1:] * x[:-1], (jnp.arange(6.0),)
def scalar():
    return lambda x: jnp.sum(x**3), (jnp.arange(4.0),)
def at_zero():
    return lambda x: jnp.linalg.norm(x) ** 2, (jnp.zeros(3),)
def finite():
    return jnp.sin, (1.0,)
def optional():
    return lambda x, y: x * y, (jnp.ones(3), jnp.ones(3)), {"argnums": 1}
def outer():
    return inner(3)
def inner(x):
    raise KeyError(x)
def stopped():
    raise KeyboardInterrupt
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "users_tools.py"
    path.write_text(MODEL)
    return path


def test_jacobian_prints_the_pattern_the_way_and_its_colours(model):
    done = gradwise("jacobian", f"{model}:tridiagonal", "--count")
    assert done.exit_code == 0
    assert "5 x 6, 10 of 30 entries may be non-zero" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "2 colours in forward mode do for 6 inputs" in " ".join(done.stdout.split())
    assert re.search("[\u2801-\u28ff]", done.stdout.splitlines()[0])
    assert re.search(r"-> coloured \(forward, 2\) +2 +", done.stdout)


def test_jacobian_takes_hessians_and_sparse_forms_and_argnums(model):
    done = gradwise("jacobian", f"{model}:scalar", "--hessian", "--count", "--output", "csr")
    assert "Hessian of" in done.stdout
    assert "4 x 4, 4 of 16 entries" in done.stdout
    assert "3 x 3" in gradwise("jacobian", f"{model}:optional", "--count").stdout
    for slip in (["--output", "crs"], ["--hessian"]):
        done = gradwise("jacobian", f"{model}:tridiagonal", "--count", *slip)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)


def test_structure_looks_at_shapes_alone_and_writes_what_it_prints(model, tmp_path):
    paths = [tmp_path / f"found.{ending}" for ending in ("txt", "svg", "json")]
    done = gradwise("structure", f"{model}:shapes", *(f"--out={path}" for path in paths))
    assert done.exit_code == 0
    told = " ".join(done.stdout.split())
    assert "1,000,000 outputs x 1,000,000 inputs, 1,000,000 entries" in told
    assert "1 by coloured (forward, 1)" in done.stdout
    assert done.stdout.startswith(paths[0].read_text())
    assert paths[1].read_text().startswith("<svg")
    assert gradwise_package.load(paths[2]).colours["coloured (forward, 1)"] == 1
    for slip in (["--out", "x.png"], ["--out", "/proc/nowhere/x.svg"]):
        done = gradwise("structure", f"{model}:shapes", *slip)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    done = gradwise("structure", f"{model}:shape")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "has no function 'shape', did you mean 'shapes'?" in done.stderr


def test_nonfinite_names_the_operation_and_its_status_is_3(model):
    done = gradwise("nonfinite", f"{model}:at_zero")
    assert done.exit_code == 3
    assert "infinity in the derivative of `sqrt` at users_tools.py:9" in done.stdout
    assert "z = jnp.sum(x**2)" in done.stdout
    done = gradwise("nonfinite", f"{model}:at_zero", "--mode", "value")
    assert (done.exit_code, done.stdout) == (0, "everything is finite, and has its digits\n")
    done = gradwise("nonfinite", f"{model}:finite", "--mode", "backward")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)


def test_doctor_tells_versions_devices_load_precision_and_extras(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setitem(sys.modules, "sympy", None)
    monkeypatch.setattr(doctor, "_load", lambda here: "3.5 on 2 cores, busy")
    done = gradwise("doctor")
    whole = re.sub(r"\n {14}", " ", done.stdout)
    told = {line[:13].strip(): line[14:] for line in whole.splitlines()}
    assert done.exit_code == 0
    for name in ("gradwise", "python", "libraries", "devices", "processor", "load", "precision"):
        assert told[name]
    assert "matrix products: highest; 64-bit mode: off" in told["precision"]
    assert told["[suite]"] == 'needs sympy: pip install "gradwise[suite]"'
    assert told["[train]"] == "all there"
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(("load", "word"), [(0.5, "quiet"), (1.5, "busy"), (None, "not known")])
def test_doctor_says_whether_the_machine_is_quiet_enough(load, word):
    assert word in doctor._load({"load": load, "cores": 2})


def test_doctor_knows_the_extras_of_the_project():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        extra: {re.split("[>=<]", need)[0] for need in needs}
        for extra, needs in extras["optional-dependencies"].items()
    }
    assert {extra: set(packages) for extra, packages in doctor.EXTRAS.items()} == declared


def test_save_is_another_name_of_out_that_help_does_not_show(monkeypatch, model, tmp_path):
    monkeypatch.setattr(commands, "compare_function", lambda *inputs, **options: EXAMPLE)
    for option in ("--out", "--save"):
        path = tmp_path / f"by{option}.json"
        assert gradwise("compare", f"{model}:finite", option, path).exit_code == 0
        assert path.exists()
    for command in ("compare", "compare-functions"):
        assert "--save" not in gradwise(command, "--help").stdout
        assert "--out" in gradwise(command, "--help").stdout


def test_files_are_named_by_out_in_every_command():
    folders = {"--results", "--adbench-data"}  # what is read
    for name in typer.main.get_group(app).commands:
        printed = gradwise(name, "--help").stdout
        assert set(re.findall(r"(--[\w-]+) (?:FILE|FOLDER)", printed)) <= {"--out", *folders}, name


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["comapre"], "compare"),
        (["jacobain"], "jacobian"),
        (["run", "lectur"], "lecture"),
        (["compare", "x:y", "--method", "foward"], "forward"),
        (["compare", "x:y", "--metod", "forward"], "--method"),
        (["explain", "tangnt"], "tangent"),
    ],
)
def test_a_typing_slip_is_told_with_the_word_that_is_meant(arguments, meant):
    done = gradwise(*arguments)
    assert done.exit_code == 2
    assert re.search(rf"([Dd]id you mean|Possible options:) '?{meant}", done.stderr)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("run lect", {"lecture"}),
        ("compare x:y --method checkp", {"checkpointed"}),
        ("jacobian x:y --output cs", {"csr"}),
        ("docto", {"doctor"}),
    ],
)
def test_the_shell_completes_commands_suites_and_methods(typed, expected):
    assert "--install-completion" in gradwise("--help").stdout
    words = f"gradwise {typed}"
    env = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = CliRunner().invoke(
        app, env=env | {"_GRADWISE_COMPLETE": "complete_bash"}, prog_name="gradwise"
    )
    assert set(done.stdout.split()) == expected


def test_an_error_of_the_users_is_told_with_the_users_calls(model):
    done = gradwise("compare", f"{model}:outer")
    assert done.stderr == (
        "gradwise: KeyError: 3 at users_tools.py:17 (inner), called at users_tools.py:15 (outer)\n"
    )


def test_an_interrupted_run_says_what_is_kept_and_the_whole_command(monkeypatch, tmp_path):
    def interrupted(*arguments, name, on_progress, **options):
        if name == "lecture/l2":
            signal.raise_signal(signal.SIGINT)
        return replace(EXAMPLE, name=name)

    monkeypatch.setattr(suites, "compare", interrupted)
    monkeypatch.setattr(sys, "argv", ["gradwise", *SUITE, *TWO, "--out", str(tmp_path)])
    done = gradwise(*SUITE, *TWO, "--out", tmp_path)
    assert done.exit_code == 130
    typed = f"gradwise run lecture --size small --budget 0.1 --only '*/l[12]' --out {tmp_path}"
    assert done.stderr.splitlines()[-1].startswith(f"interrupted; 1 of 2 is kept in {tmp_path}")
    assert done.stderr.endswith(f"; go on with: {typed} --resume\n")


def test_a_comparison_that_is_interrupted_says_that_it_starts_anew(monkeypatch, model):
    def interrupted(*inputs, **options):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return EXAMPLE

    monkeypatch.setattr(commands, "compare_function", interrupted)
    monkeypatch.setattr(sys, "argv", ["gradwise", "compare", "m:case"])
    done = gradwise("compare", f"{model}:finite")
    assert done.exit_code == 130
    assert done.stderr.endswith("this starts anew: gradwise compare m:case\n")
    assert "nothing is kept" in again.goes_on(0, 3, "x.json")


def test_ctrl_c_in_any_other_command_is_one_line_with_the_command(monkeypatch, model):
    monkeypatch.setattr(sys, "argv", ["gradwise", "nonfinite", "m:stopped"])
    done = gradwise("nonfinite", f"{model}:stopped")
    assert done.exit_code == 130
    assert done.stderr == (
        "interrupted; no more is kept; this starts anew: gradwise nonfinite m:stopped\n"
    )


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", b"2 x 3 us ...  # e"),
        ("cp1252", b"2 \xd7 3 \xb5s \x85  # \xe9"),
        ("utf-8", "2 × 3 µs … \u2800\u28ff é".encode()),
    ],
)
def test_a_stream_that_has_not_all_characters_is_written_in_plain_ones(
    encoding, expected, monkeypatch
):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    plain.never_fails(stream, io.StringIO())
    monkeypatch.setattr(sys, "stdout", stream)
    typer.echo("2 × 3 µs … \u2800\u28ff é", nl=False)
    stream.flush()
    assert stream.buffer.getvalue() == expected


def test_no_color_is_heeded(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert progress.Progress(1)._bars.console.no_color
    assert "\x1b" not in gradwise("run", "--sise", "small").stderr


def test_doctor_is_silent_where_whoever_reads_has_read_enough():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "gradwise", "doctor"]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == ""
