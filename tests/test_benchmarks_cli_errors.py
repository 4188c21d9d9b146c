"""What the command line says of a slip, of an error of the user's, and of its own failures."""

import errno
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.cli import commands, suites
from benchmarks.cli.main import app
from benchmarks.cli.target import load_case
from benchmarks.report.example import EXAMPLE

MODEL = """\
import dataclasses, jax.numpy as jnp
import beside
@dataclasses.dataclass
class Inputs:
    x: float = 2.0
def case():
    return beside.square, Inputs().x
def without_data():
    raise KeyError("no such data")
def shapes():
    return (lambda x: x @ jnp.ones(7)), (jnp.ones(3),)
def square(x):
    return x
pair = (square, 1.0)
"""


def gradwise(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A file of a user's, which imports what lies beside it."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "beside.py").write_text("def square(x): return x**2\n")
    (folder / "users_model.py").write_text(MODEL)
    (folder / "typing.py").write_text("def case(): return abs, 1.0\n")
    (folder / "broken.py").write_text("def case(:\n")
    (folder / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "lacking.py").write_text("\nimport no_such_package\n")
    return folder / "users_model.py"


def test_a_file_is_named_by_its_path_and_imports_what_lies_beside_it(model):
    fn, inputs, _ = load_case(f"{model}:case", [])
    assert fn(*inputs) == 4.0


def test_a_file_of_a_name_that_is_taken_is_run_all_the_same(model):
    assert load_case(f"{model.with_name('typing.py')}:case", []) == (abs, (1.0,), {})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "users_model.py:without_data",
            "KeyError: 'no such data' at users_model.py:9 (without_data)",
        ),
        ("users_model.py:shapes", "and (7,) at users_model.py:11 (<lambda>)"),
        ("users_model.py:sqare", "has no function 'sqare', did you mean 'square'?"),
        ("users_model.py:square", "takes arguments: name a function without any"),
        ("users_model.py:pair", "has no function 'pair'"),
        ("broken.py:case", "broken.py:1 is not Python: invalid syntax"),
        ("leaving.py:case", "exits when it is imported, at leaving.py:2 (<module>)"),
        ("lacking.py:case", "no module 'no_such_package': lacking.py:2 (<module>) imports it"),
        ("nowhere.py:case", "no such file: "),
    ],
)
def test_an_error_of_the_users_is_one_line_with_the_users_own(model, target, message):
    done = gradwise("compare", model.parent / target)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("gradwise: ")
    assert message in done.stderr


def test_with_traceback_the_whole_of_it_comes_before_that_line(model):
    done = gradwise("compare", f"{model}:without_data", "--traceback")
    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert "load_case" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("gradwise: KeyError: 'no such data' at ")


def test_every_command_has_traceback():
    for command in typer.main.get_group(app).commands.values():
        assert "--traceback" in {flag for option in command.params for flag in option.opts}


def not_compared(rows):
    """A `compare` that measures nothing and returns these rows."""

    def compare(fn, *inputs, name, **options):
        return replace(EXAMPLE, name=name, rows=rows)

    return compare


def test_a_failure_of_gradwise_asks_for_a_report_and_blames_nobody_else(monkeypatch, model):
    monkeypatch.setattr(commands, "compare_function", not_compared((None,)))
    done = gradwise("compare", f"{model}:case")
    assert done.exit_code == 1
    assert done.stderr.startswith("gradwise: could not finish (AttributeError: 'NoneType'")
    assert done.stderr.endswith("; please report it\n")


@pytest.mark.parametrize(
    ("status", "exit_code"), [("ok", 0), ("wrong", 3), ("inaccurate", 3), ("skipped", 3)]
)
def test_the_exit_status_is_3_when_no_derivative_was_right(
    monkeypatch, tmp_path, model, status, exit_code
):
    derivatives = [replace(row, status=status) for row in EXAMPLE.rows[1:]]
    rows = (EXAMPLE.row("value"), *derivatives)
    monkeypatch.setattr(commands, "compare_function", not_compared(rows))
    monkeypatch.setattr(suites, "compare", not_compared(rows))
    run = ["run", "lecture", "--only", "*/l[12]", "--size", "small", "--out", tmp_path]
    for arguments in (["compare", f"{model}:case"], run):
        done = gradwise(*arguments)
        assert done.exit_code == exit_code
        assert ("no derivative was right" in done.stderr) == bool(exit_code)


def test_a_closed_pipe_is_silent(monkeypatch):
    def closed(*args, **options):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(suites.typer, "echo", closed)
    assert gradwise("list", "--size", "small").output == ""


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["run", "lectur"], "'lecture'"),
        (["list", "jacobain"], "'jacobian'"),
        (["run", "lecture", "--only", "relo"], "'lecture/relu'"),
        (["run", "lecture", "--only", "*/prelu_penalti"], "'lecture/prelu_penalty'"),
        (["run", "lecture", "--size", "meduim"], "'medium'"),
        (["run", "lecture", "--dtype", "float46"], "'float64'"),
        (["compare", "m:f", "--method", "revers"], "'reverse'"),
        (["compare", "m:f", "--method", "forward_over_reverse"], "is of order 2"),
        (["comapre", "m:f"], "'compare'"),
        (["run", "--sise", "small"], "--size"),
    ],
)
def test_a_slip_is_answered_with_the_name_that_was_meant(arguments, meant):
    done = gradwise(*arguments)
    assert done.exit_code == 2
    assert meant in done.stderr


def test_has_aux_differentiates_the_loss_alone(monkeypatch, tmp_path):
    (tmp_path / "aux.py").write_text("def case(): return (lambda x: (x, {'lr': 1.0})), 1.0\n")
    asked = []

    def compare(fn, *inputs, has_aux, **options):
        asked.append(has_aux)
        return EXAMPLE

    monkeypatch.setattr(commands, "compare_function", compare)
    gradwise("compare", f"{tmp_path / 'aux.py'}:case", "--has-aux")
    gradwise("compare", f"{tmp_path / 'aux.py'}:case")
    assert asked == [True, False]
