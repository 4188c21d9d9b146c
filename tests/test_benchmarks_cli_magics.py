"""`%gradwise` and `%%gradwise`, in a shell that stands in for IPython's."""

import jax.numpy as jnp
import pytest

import gradwise
from benchmarks.cli import magics
from benchmarks.report.example import EXAMPLE


class Shell:
    """What an extension uses of IPython's shell."""

    def __init__(self):
        self.user_ns = {"jnp": jnp, "x": jnp.arange(3.0), "both": (1.0, 2.0)}
        self.magics = {}

    def register_magic_function(self, function, magic_kind, magic_name):
        self.magics[magic_name] = (magic_kind, function)


@pytest.fixture
def shell():
    one = Shell()
    gradwise.load_ipython_extension(one)
    return one


@pytest.fixture
def asked(monkeypatch):
    """What `compare` is asked for, which compares nothing."""
    calls = []

    def not_measured(fn, *inputs, **options):
        calls.append((fn, inputs, options))
        return EXAMPLE

    monkeypatch.setattr(magics, "compare", not_measured)
    return calls


def test_a_line_compares_the_function_that_it_calls(shell, asked):
    kind, magic = shell.magics["gradwise"]
    assert kind == "line_cell"
    assert magic("jnp.sum(x) --order 2 --methods gradient,columns --budget 0.5") is EXAMPLE
    ((fn, inputs, options),) = asked
    assert fn is jnp.sum
    assert inputs[0] is shell.user_ns["x"]
    expected = {"order": 2, "methods": ["gradient", "columns"], "budget": 0.5, "name": "jnp.sum"}
    assert options == expected


def test_a_cell_is_run_and_its_last_line_is_the_call(shell, asked):
    _, magic = shell.magics["gradwise"]
    cell = "def f(x, y, power):\n    return x**power * y\nf(*both, power=3)\n"
    assert magic("--all --argnums 0,1 --has-aux", cell) is EXAMPLE
    ((fn, inputs, options),) = asked
    assert (inputs, fn(2.0, 5.0)) == ((1.0, 2.0), 40.0)
    assert options == {"methods": "all", "argnums": (0, 1), "has_aux": True, "name": "f"}
    assert "f" in shell.user_ns


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("", None, "needs a call of a function, got nothing; type %gradwise f(x)"),
        ("x", None, "needs a call of a function, got 'x'"),
        ("jnp.sum(x", None, "is not Python"),
        ("jnp.sum(x) --oder 2", None, "unknown option '--oder', did you mean '--order'?"),
        ("jnp.sum(x) --order two", None, "invalid int value: 'two'"),
        ("jnp.sum(x) --methods foward", None, "did you mean 'forward'?"),
        ("nothing(x)", None, "NameError: name 'nothing' is not defined"),
        ("jnp.sum(x)", "jnp.sum(x)", "takes options alone, got 'jnp.sum(x)'"),
        ("", "y = 1", "the last line of a cell must be the call"),
        ("", "def f(:", "invalid syntax"),
    ],
)
def test_a_slip_is_one_line(shell, capsys, line, cell, message):
    _, magic = shell.magics["gradwise"]
    assert magic(line, cell) is None
    printed = capsys.readouterr()
    assert not printed.out
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("gradwise: ")
    assert message in printed.err


def test_ipython_is_not_needed():
    assert "IPython" not in vars(magics)
