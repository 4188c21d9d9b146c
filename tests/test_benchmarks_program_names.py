"""What a function is called, and whose line is told."""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare, obstacles
from benchmarks.program.jaxpr import trace
from benchmarks.program.names import name_of
from benchmarks.program.walk import equations


def loss(x, n=1):
    return jnp.sum(x**n)


class Model:
    def loss(self, x):
        return jnp.sum(x)

    def __call__(self, x):
        return jnp.sum(x)

    @classmethod
    def made(cls, x):
        return x


class Partial:
    """As libraries write their own."""

    def __init__(self):
        self.func, self.args, self.keywords = loss, (), {"n": 2}


anonymous = lambda x: x  # noqa: E731
LINE = anonymous.__code__.co_firstlineno


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (loss, "loss"),
        (jax.jit(loss, static_argnums=1), "loss"),
        (jax.checkpoint(loss), "loss"),
        (jax.custom_vjp(loss), "loss"),
        (jax.nn.relu, "relu"),
        (jnp.add, "add"),
        (Model().loss, "Model.loss"),
        (jax.jit(Model().loss), "Model.loss"),
        (Model.made, "Model.made"),
        (Model(), "Model"),
        (functools.partial(loss, n=3), "partial(loss, n=3)"),
        (functools.partial(Model().loss, np.ones((2, 3))), "partial(Model.loss, float64[2, 3])"),
        (functools.partial(loss, (1, 2), {"a": 1}), "partial(loss, (...), {...})"),
        (functools.partial(loss, "a" * 99), "partial(loss, ...)"),
        (jax.jit(functools.partial(loss, n=jnp.sin)), "partial(loss, n=sin)"),
        (Partial(), "partial(loss, n=2)"),
        (anonymous, f"lambda (test_benchmarks_program_names.py:{LINE})"),
        (jax.jit(anonymous), f"lambda (test_benchmarks_program_names.py:{LINE})"),
    ],
)
def test_a_function_is_called_by_a_name_that_says_what_it_is(fn, name):
    assert name_of(fn) == name


def test_a_lambda_of_a_notebook_is_told_by_the_line_of_its_cell():
    code = compile("\n\nlambda x: x", "/tmp/ipykernel_12/3456.py", "eval")
    assert name_of(eval(code)) == "lambda (notebook:3)"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A module that lies where installed libraries lie."""
    path = tmp_path_factory.mktemp("site-packages") / "library.py"
    path.write_text(
        "import jax\n"
        "def halve(x):\n"
        "    return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)\n"
        "def failing(x):\n"
        "    raise RuntimeError('no')\n"
    )
    spec = importlib.util.spec_from_file_location("library", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_line_that_is_told_is_the_users_own_before_one_of_a_library(library):
    def fn(x):
        return 2 * library.halve(x)  # told

    line = fn.__code__.co_firstlineno + 1
    own = f"test_benchmarks_program_names.py:{line} ("
    assert {told.partition("(")[0] + "(" for _, told in equations(trace(fn, 5.0))} == {own}
    assert obstacles(fn, 5.0)["reverse"].source.startswith(own)
    assert obstacles(lambda x: library.failing(x), 5.0)["value"].source.startswith("test_")


def test_where_no_line_is_the_users_own_it_is_that_of_the_library(library):
    assert obstacles(library.halve, 5.0)["reverse"].source == "library.py:3 (halve)"


def installed(folder, package, text):
    """A module of a package that lies where installed libraries lie."""
    path = folder / "site-packages" / package / "_ad.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("_ad", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOOP = """import jax
def solve(x):
    return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
"""
RULE = """import jax
@jax.custom_vjp
def ruled(x):
    return 2 * x
ruled.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))
def solve(x):
    return ruled(x)
"""


@pytest.mark.parametrize(
    ("package", "text", "mode", "offered"),
    [
        ("diffrax", LOOP, "reverse", "adjoint=diffrax.RecursiveCheckpointAdjoint()"),
        ("diffrax", RULE, "forward", "adjoint=diffrax.ForwardMode()"),
        ("optimistix", LOOP, "reverse", "adjoint=optimistix.ImplicitAdjoint()"),
        ("lineax", LOOP, "reverse", "lineax.linear_solve"),
        ("equinox", RULE, "forward", "equinox.filter_custom_jvp"),
        ("mine", LOOP, "reverse", "lax.scan, or lax.fori_loop"),
        ("mine", RULE, "forward", "jax.custom_jvp, which serves both modes"),
    ],
)
def test_what_a_library_offers_is_named_at_the_users_line(tmp_path, package, text, mode, offered):
    library = installed(tmp_path, package, text)

    def fn(x):
        return 3 * library.solve(x)

    found = obstacles(fn, 5.0)[mode]
    own = f"test_benchmarks_program_names.py:{fn.__code__.co_firstlineno + 1} ("
    assert found.source.startswith(own)
    assert f" (in {package}/_ad.py:" in found.source
    assert offered in found.instead


@pytest.mark.usefixtures("nothing_is_too_slow")
def test_a_residual_without_a_source_line_says_so():
    comparison = compare(jnp.tanh, jnp.ones(3), methods=["vjp"], budget=0.05)
    assert comparison.name == "tanh"
    assert comparison.residuals[1].endswith(" without a source line")
