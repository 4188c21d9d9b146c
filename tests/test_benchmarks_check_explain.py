"""Where the first NaN, infinity or lost digit is made: each operation, its near miss, its cure.

A cure is typed as it is printed, and its derivative held against a closed form.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import explain_nonfinite
from benchmarks.check import cure_codes, cure_codes_digits, cure_codes_matrices

FILE = "test_benchmarks_check_explain.py"


class Entry(NamedTuple):
    """A function, a point where it goes wrong, one where it does not, and what is expected."""

    fn: object
    bad: list
    near: list
    operation: str
    what: str
    slope: list  # of the sum of what the cure makes, by x
    mode: str = "reverse"
    names: object = lambda x: {"x": x}


def below(x):
    return {"x": 1.0, "y": x}


def apart(x):
    return {"x": x[0], "y": x[1]}


def power(x):
    return {"x": x, "y": 0.5}


EDGES = {
    "sqrt": Entry(jnp.sqrt, [0.0, 4.0], [0.1, 4.0], "sqrt", "infinity", [0, 0.25]),
    "rsqrt": Entry(
        jax.lax.rsqrt, [0.0, 4.0], [0.1, 4.0], "rsqrt", "infinity", [0, -1 / 16], "value"
    ),
    "cbrt": Entry(jnp.cbrt, [0.0, 8.0], [0.1, 8.0], "cbrt", "infinity", [0, 1 / 12]),
    "log": Entry(jnp.log, [0.0, 2.0], [0.1, 2.0], "log", "infinity", [0, 0.5], "value"),
    "log of negative": Entry(jnp.log, [-1.0, 2.0], [0.1, 2.0], "log", "NaN", [0, 0.5], "value"),
    "log1p": Entry(jnp.log1p, [-1.0, 1.0], [-0.9, 1.0], "log1p", "infinity", [0, 0.5], "value"),
    "arccos": Entry(jnp.arccos, [1.0, 0.0], [0.9, 0.0], "acos", "infinity", [0, -1]),
    "arcsin": Entry(jnp.arcsin, [-1.0, 0.0], [-0.9, 0.0], "asin", "infinity", [0, 1]),
    "arccosh": Entry(jnp.arccosh, [1.0, 2.0], [1.1, 2.0], "acosh", "infinity", [0, 1 / np.sqrt(3)]),
    "arctanh": Entry(jnp.arctanh, [1.0, 0.5], [0.9, 0.5], "atanh", "infinity", [0, 4 / 3], "value"),
    "pow": Entry(
        lambda x: x ** jnp.array([0.5, 0.5]), [0.0, 4.0], [0.1, 4.0], "pow", "infinity",
        [0, 0.25], names=power,
    ),
    "negative pow": Entry(
        lambda x: x**-2, [0.0, 2.0], [0.1, 2.0], "integer_pow", "infinity", [0, -0.25], "value",
        lambda x: {"x": x, "y": -2},
    ),
    "x log x": Entry(
        lambda x: x * jnp.log(x), [0.0, 1.0], [0.1, 1.0], "log", "infinity", [0, 1], "value"
    ),
    "division": Entry(
        lambda x: 1 / x, [0.0, 2.0], [0.1, 2.0], "div", "infinity", [0, -0.25], "value", below
    ),
    "atan2": Entry(
        lambda x: jnp.arctan2(x[0], x[1]), [0.0, 0.0], [0.0, 1.0], "atan2", "NaN", [0, 0],
        names=lambda x: {"x": x[0], "y": x[1]},
    ),
    "norm": Entry(jnp.linalg.norm, [0.0, 0.0], [0.0, 1.0], "sqrt", "infinity", [0, 0]),
    "squared norm": Entry(
        lambda x: jnp.linalg.norm(x) ** 2, [0.0, 0.0], [0.0, 1.0], "sqrt", "infinity", [0, 0]
    ),
    "normalise": Entry(
        lambda x: x / jnp.linalg.norm(x), [0.0, 0.0], [3.0, 4.0], "div", "NaN", [0, 0], "value"
    ),
    "std": Entry(jnp.std, [2.0, 2.0], [2.0, 3.0], "sqrt", "infinity", [0, 0]),
    "sinc": Entry(
        lambda x: jnp.sin(x) / x, [0.0, 1.0], [0.1, 1.0], "div", "NaN",
        [0, np.cos(1) - np.sin(1)], "value",
    ),
    "sinc squared": Entry(
        lambda x: (1 - jnp.cos(x)) / x**2, [0.0, 1.0], [0.5, 1.0], "div", "NaN",
        [0, np.sin(1) - 2 * (1 - np.cos(1))], "value",
    ),
    "expm1 over x": Entry(
        lambda x: jnp.expm1(x) / x, [0.0, 1.0], [0.1, 1.0], "div", "NaN", [0.5, 1], "value"
    ),
    "log1p over x": Entry(
        lambda x: jnp.log1p(x) / x, [0.0, 1.0], [0.1, 1.0], "div", "NaN",
        [-0.5, 0.5 - np.log(2)], "value",
    ),
}  # fmt: skip
TYPES = {
    "softmax": Entry(
        lambda x: jnp.exp(x) / jnp.sum(jnp.exp(x)), [100.0, 1.0], [9.0, 1.0], "exp", "overflow",
        [0, 0], "value",
    ),
    "logsumexp": Entry(
        lambda x: jnp.log(jnp.sum(jnp.exp(x))), [100.0, 1.0], [9.0, 1.0], "exp", "overflow",
        [1, 0], "value",
    ),
    "sigmoid": Entry(
        lambda x: 1 / (1 + jnp.exp(-x)), [-100.0, 0.0], [-9.0, 0.0], "exp", "overflow", [0, 0.25]
    ),
    "softplus": Entry(
        lambda x: jnp.log(1 + jnp.exp(x)), [100.0, 0.0], [9.0, 0.0], "exp", "overflow",
        [1, 0.5], "value",
    ),
    "log of exp": Entry(
        lambda x: jnp.log(jnp.exp(x)), [100.0, 0.0], [9.0, 0.0], "exp", "overflow", [1, 1]
    ),
    "log of sigmoid": Entry(
        lambda x: jnp.log(jax.nn.sigmoid(x)), [-200.0, 0.0], [-9.0, 0.0], "log", "overflow",
        [1, 0.5], "value",
    ),
    "log of softmax": Entry(
        lambda x: jnp.log(jax.nn.softmax(x)), [-200.0, 1.0], [-9.0, 1.0], "log", "overflow",
        [1, -1], "value",
    ),
    "expm1": Entry(
        lambda x: jnp.exp(x) - 1, [1e-9, 1e-9], [0.1, 1e-9], "sub", "cancellation", [1, 1], "value"
    ),
    "log1p": Entry(
        lambda x: jnp.log(1 + x), [1e-9, 1e-9], [0.1, 1e-9], "log", "rounding", [1, 1], "value"
    ),
    "1 - cos": Entry(
        lambda x: 1 - jnp.cos(x), [1e-4, 1e-4], [0.5, 1e-4], "sub", "cancellation", [1e-4, 1e-4],
        "value",
    ),
    "sqrt(1 + x) - 1": Entry(
        lambda x: jnp.sqrt(1 + x) - 1, [1e-9, 0.0], [0.1, 0.0], "sub", "cancellation", [0.5, 0.5],
        "value",
    ),
    "1 - sigmoid": Entry(
        lambda x: 1 - jax.nn.sigmoid(x), [30.0, 30.0], [1.0, 30.0], "sub", "cancellation",
        [-np.exp(-30), -np.exp(-30)], "value",
    ),
    "1 - erf": Entry(
        lambda x: 1 - jax.scipy.special.erf(x), [4.0, 4.0], [0.5, 4.0], "sub", "cancellation",
        [-2 / np.sqrt(np.pi) * np.exp(-16)] * 2, "value",
    ),
    "variance": Entry(
        lambda x: jnp.mean(x**2) - jnp.mean(x) ** 2, [1e4, 1e4 + 1], [0.0, 1.0], "sub",
        "cancellation", [-0.5, 0.5], "value",
    ),
    "x^2 - y^2": Entry(
        lambda x: x[0] ** 2 - x[1] ** 2, [3e6, 3e6 + 0.25], [1.0, 2.0], "sub", "cancellation",
        [6e6, -6e6], "value", apart,
    ),
}  # fmt: skip


def array(numbers):
    return jnp.asarray(numbers, jnp.float32)


def typed(code, names):
    """What a printed cure makes of these names."""
    scope = {"jax": jax, "jnp": jnp, "partial": partial, **names}
    exec(code, scope)
    return scope["z"]


def held(entry):
    """Explain both points of an entry, and type the cure."""
    found = explain_nonfinite(entry.fn, array(entry.bad), mode=entry.mode)
    assert (found.operation, found.what, found.where) == (entry.operation, entry.what, entry.mode)
    code = getattr(entry.fn, "__code__", None)
    if getattr(code, "co_filename", "").endswith(FILE):
        assert found.line.startswith(f"{FILE}:{code.co_firstlineno} ")
    slope = jax.grad(lambda x: jnp.sum(typed(found.code, entry.names(x))))(array(entry.bad))
    np.testing.assert_allclose(slope, entry.slope, rtol=1e-4, atol=1e-7 * np.max(entry.slope))
    assert explain_nonfinite(entry.fn, array(entry.near), mode=entry.mode).fine


@pytest.mark.parametrize(
    ("fn", "code"),
    [
        (lambda x: jnp.exp(x) / jnp.sum(jnp.exp(x)), "z = jax.nn.softmax(x)"),
        (lambda x: jnp.log(1 + jnp.exp(x)), "z = jax.nn.softplus(x)"),
        (jnp.exp, "z = jnp.exp(jnp.minimum(x, most))"),
    ],
)
def test_what_overflows_float64_too_is_cured_by_the_same_functions_and_by_no_where(fn, code):
    found = explain_nonfinite(fn, array([1000.0, 1.0]), mode="value")
    assert (found.operation, found.what) == ("exp", "infinity")
    assert found.code.splitlines()[-1] == code
    assert "jnp.where" not in found.cure


@pytest.mark.parametrize("name", EDGES)
def test_an_operation_at_the_edge_of_its_domain_is_named_and_cured(name):
    held(EDGES[name])


@pytest.mark.parametrize("name", TYPES)
def test_an_operation_that_leaves_no_digit_is_named_and_cured(name):
    held(TYPES[name])


def test_a_derivative_that_is_zero_but_for_rounding_is_fine_and_said_to_be_that():
    found = explain_nonfinite(lambda x: jnp.sum(jax.nn.softmax(x)), array([0.3, 1.7, 0.9]))
    assert found.fine
    assert "is no more than rounding of the terms that cancel" in found.note
    assert str(found).startswith("everything is finite, and has its digits (the derivative in ")


def test_what_is_to_be_typed_fits_a_terminal():
    rooms = (cure_codes, cure_codes_digits, cure_codes_matrices)
    named = [one for room in rooms for one in vars(room).values()]
    cures = [one for one in named if isinstance(one, cure_codes.Cure)]
    cures += [*cure_codes.EDGES.values(), *cure_codes.POLES.values(), *cure_codes.RULES.values()]
    assert len(cures) > 60
    assert max(len(line) for cure in cures for line in cure.code.splitlines()) <= 67


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(ValueError, match="mode must be one of value, reverse, forward or None"):
        explain_nonfinite(jnp.sin, 1.0, mode="backward")


def test_a_mode_that_there_is_not_is_not_said_to_be_finite():
    def fn(x):
        return jax.lax.while_loop(lambda c: c > 1, lambda c: c / 2, x)

    found = explain_nonfinite(fn, 4.0, mode="reverse")
    assert not found.fine
    assert "there is no reverse mode: reverse mode must run the loop backwards" in found.unknown
    both = explain_nonfinite(fn, 4.0)
    assert both.fine
    assert both.note == "there is no reverse mode"


def test_what_takes_too_long_is_not_said_to_be_finite():
    found = explain_nonfinite(jnp.sqrt, 0.0, time_limit=1e-9)
    assert not found.fine
    assert str(found).startswith("it could not be told whether everything is finite: ")


def test_the_text_says_what_where_why_and_what_to_type():
    def fn(x):
        return jnp.sum(jnp.linalg.norm(x) ** 2)

    found = explain_nonfinite(fn, array([0.0, 0.0]))
    place = f"{FILE}:{fn.__code__.co_firstlineno + 1} ({fn.__qualname__})"
    lines = str(found).splitlines()
    assert lines[0] == "the derivative is not finite, in reverse mode and in forward mode"
    assert " ".join(line.strip() for line in lines[1:-2]) == (
        f"first  infinity in the derivative of `sqrt` at {place}: 0.5 / 0 = inf, at sqrt(0)"
    )
    assert lines[-2:] == [
        "  use    the sum of squares, without a root that is squared again",
        "         z = jnp.sum(x**2)",
    ]
    assert found.sentence.partition(" at ")[2] == f"{place}: 0.5 / 0 = inf, at sqrt(0)"
    assert "monospace'>the derivative is not finite" in found._repr_html_()
    assert repr(found) == "Explanation(infinity in sqrt, reverse)"
