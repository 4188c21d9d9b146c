"""Where digits are lost: by which operation, at which line, and only where it matters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare, explain_nonfinite
from benchmarks.check.digits import find_loss
from benchmarks.check.quotient import points, quotient_test

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")
CANCELLED = "cancellation"
NUMERICAL = {"methods": ["numerical", "reverse"], "budget": 0.05}
QUICK = {"methods": ["forward", "reverse"], "budget": 0.05}


def loss(fn, *inputs):
    return find_loss(jax.make_jaxpr(fn)(*inputs), inputs)


def cosine(x):
    return jnp.sum((1 - jnp.cos(x)) / x**2)


def test_the_operation_and_the_line_that_lose_the_digits_are_named():
    found = loss(cosine, jnp.array([1e-3, 1e-4]))
    line = cosine.__code__.co_firstlineno + 1
    assert str(found) == (
        f"cancellation in `sub` at test_benchmarks_check_digits.py:{line} (cosine)"
    )


@pytest.mark.parametrize(
    ("fn", "x", "what", "operation"),
    [
        (lambda x: jnp.log(jnp.exp(x) * 2), 90.0, "overflow", "exp"),
        (lambda x: 1e30 * (1e-30 * x) ** 2 * 1e30, 1e-3, "underflow", "integer_pow"),
        (lambda x: jnp.sin(x * 1e9), 1.0000001, "rounding", "sin"),
        (
            lambda x: jax.lax.fori_loop(0, 3, lambda _, c: c + 1e9 - 1e9, x),
            3.0,
            "cancellation",
            "sub",
        ),
    ],
)
def test_what_is_lost_has_a_name(fn, x, what, operation):
    found = loss(fn, jnp.float32(x))
    assert found is not None
    assert (found.what, found.operation) == (what, operation)


def test_digits_that_are_lost_and_not_needed_are_nobodys_fault():
    assert loss(lambda x: x + ((x + 1e9) - 1e9 - x) * 1e-9, jnp.float32(3.3)) is None


def test_a_derivative_without_a_right_digit_is_inaccurate_and_never_timed():
    found = compare(cosine, jnp.array([1e-3, 1e-4]), **QUICK)
    for row in found.rows:
        assert row.status == "inaccurate"
        assert row.error > 0.1
        assert "cancellation in `sub` at test_benchmarks_check_digits.py:" in row.note
    assert found.row("value").note.startswith("the value itself is off: 0.477 in float32, not 1")
    assert found.row("reverse").samples is None
    assert found.verdict.time.method is None


def test_a_value_that_overflows_is_said_to_be_off():
    def norm(x):
        return 1000.0 / (1 + jnp.linalg.norm(x))

    found = compare(norm, jnp.full((3, 3), 100.0, jnp.float16), **QUICK)
    assert {row.status for row in found.rows} == {"inaccurate"}
    note = found.row("value").note
    assert note.startswith("the value itself is off: 0 in float16, not 3.32; overflow in ")
    assert found.row("value").error == 1.0


def test_a_product_whose_terms_overflow_to_both_sides_is_an_overflow_and_no_nan():
    weights = jnp.tile(jnp.array([1e10, -2e10]), 32)
    found = explain_nonfinite(lambda x: x @ weights, jnp.full(64, 1e30))
    assert found.what == "overflow", found.happened
    assert found.operation == "dot_general"


def test_differences_of_what_overflows_are_inaccurate_as_its_derivatives_are():
    found = compare(lambda x: jnp.sum(jnp.exp(x)), jnp.array([90.0, 2.0]), **NUMERICAL)
    assert {row.status for row in found.rows} == {"inaccurate"}
    assert "the difference is not finite in float32" in found.row("numerical").note


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_a_difference_of_rounded_values_judges_within_its_own_rounding(offset):
    eps, random = 2.0**-23, np.random.default_rng(0)
    for frequency in (0.3, 3.0, 30.0):
        x, v = random.normal(size=20), random.normal(size=20)
        line = x + points(eps)[:, None] * v
        values = np.sin(frequency * line.astype(np.float32)).sum(1, dtype=np.float32)
        values = (values + np.float32(offset)).astype(np.float64)[:, None]
        true = np.array([np.sum(frequency * np.cos(frequency * x) * v)])
        test = quotient_test(values, true, eps=eps, far=3.0)
        assert test.right
        wrong = quotient_test(values, 1.5 * true, eps=eps, far=3.0)
        assert not (wrong.told and wrong.right)
        assert offset or not wrong.right


def hilbert(size):
    places = np.arange(size)
    return 1.0 / (1 + places[:, None] + places)


def test_integers_that_differ_are_put_down_to_the_operation_that_made_them():
    matrix, ones = jnp.asarray(hilbert(7), jnp.float32), jnp.ones(7, jnp.float32)
    assert not np.allclose(jnp.linalg.solve(matrix, ones), np.linalg.solve(hilbert(7), np.ones(7)))
    found = loss(lambda a: jnp.linalg.solve(a, ones), matrix)
    assert (found.what, found.operation) == ("rounding", "lu")


def test_a_branch_that_rounding_chooses_is_put_down_to_the_comparison():
    def chosen(x):
        return jnp.where(x + 1e-9 > 1.0, 5.0, x)

    found = loss(chosen, jnp.float32(1.0))
    assert (found.what, found.operation) == ("rounding", "gt")
