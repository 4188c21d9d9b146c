"""Where the first NaN, infinity or lost digit is made: what people write, and the cure of each.

A cure is typed as it is printed, and its value and its slope are held against a closed form.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import special
from nightly import sampled

from benchmarks import explain_nonfinite


class Entry(NamedTuple):
    """A function, a point where it goes wrong, and what is expected."""

    fn: object
    bad: list
    operation: str
    what: str
    value: float  # of the sum of what the cure makes
    slope: list  # of that, by x
    mode: str = "value"
    names: object = lambda x: {"x": x}


def rotated(x):
    return jnp.sin(jnp.linalg.norm(x)) / jnp.linalg.norm(x)


def apart(x):
    return {"x": x[0], "y": x[1]}


def cosine(x):
    return jnp.sum(x / jnp.linalg.norm(x) * jnp.array([0.6, 0.8]))


LOG_2 = np.log(2)
CASES = {
    "a power of a negative number": Entry(
        lambda x: x**2.5, [-1.0, 1.0], "pow", "NaN", 1, [0, 2.5], names=lambda x: {"x": x, "y": 2.5}
    ),
    "powers of negative numbers, of which one is whole": Entry(
        lambda x: x ** jnp.array([0.5, 2.0]), [-1.0, -3.0], "pow", "NaN", 9, [0, -6],
        names=lambda x: {"x": x, "y": jnp.array([0.5, 2.0])},
    ),
    "the exponent of a negative number": Entry(
        lambda x: x[0] ** x[1], [-2.0, 2.0], "pow", "NaN", 4, [-4, 0], "forward", apart
    ),
    "a pole of lgamma": Entry(
        special.gammaln, [0.0, 2.0], "lgamma", "infinity", 0, [0, 1 - np.euler_gamma]
    ),
    "a pole of digamma": Entry(
        special.digamma, [-1.0, 1.0], "digamma", "NaN", -np.euler_gamma, [0, np.pi**2 / 6]
    ),
    "a remainder by nothing": Entry(
        lambda x: 5.0 % x, [0.0, 3.0], "rem", "NaN", 2, [0, -1], names=lambda x: {"x": 5.0, "y": x}
    ),
    "x log y of JAX": Entry(
        lambda x: special.xlogy(0.0, x), [0.0, 1.0], "xlogy", "infinity", 0, [0, 0], "reverse",
        lambda x: {"x": 0.0, "y": x},
    ),
    "sin of a length over it": Entry(rotated, [0.0, 0.0], "div", "NaN", 1, [0, 0]),
    "1 - cos of a length over its square": Entry(
        lambda x: (1 - jnp.cos(jnp.linalg.norm(x))) / jnp.linalg.norm(x) ** 2, [0.0, 0.0], "div",
        "NaN", 0.5, [0, 0],
    ),
    "a mean over a spread of nothing": Entry(
        lambda x: jnp.mean(x) / jnp.std(x), [1.0, 1.0], "div", "infinity", 0, [0, 0],
        names=lambda x: {"x": jnp.mean(x), "y": jnp.var(x)},
    ),
    "a complex root of nothing": Entry(
        lambda x: jnp.sqrt(x + 0j).real, [0.0, -4.0], "sqrt", "NaN", 0, [0, 0], "forward",
        lambda x: {"x": x + 0j},
    ),
    "an exponential that overflows in every type": Entry(
        jnp.exp, [1e4, 0.0], "exp", "infinity", np.finfo(np.float32).max / np.e, [0, 1]
    ),
    "the logarithm of such": Entry(
        lambda x: jnp.log(jnp.sum(jnp.exp(x))), [1e4, 0.0], "exp", "infinity", 1e4, [1, 0]
    ),
    "the root of a square": Entry(
        lambda x: jnp.sqrt(x**2), [0.0, -3.0], "sqrt", "infinity", 3, [1, -1], "reverse"
    ),
    "a cosine between vectors": Entry(
        cosine, [0.0, 0.0], "div", "NaN", 0, [0, 0], names=lambda x: {"x": x}
    ),
    "the logarithm of 1 - sigmoid": Entry(
        lambda x: jnp.log(1 - jax.nn.sigmoid(x)), [40.0, 0.0], "log", "infinity", -40 - LOG_2,
        [-1, -0.5],
    ),
    "the logarithm of 1 - tanh^2": Entry(
        lambda x: jnp.log(1 - jnp.tanh(x) ** 2), [30.0, 0.0], "log", "infinity", 2 * LOG_2 - 60,
        [-2, 0],
    ),
    "the logarithm of a normal probability": Entry(
        lambda x: jnp.log(special.ndtr(x)), [-40.0, 0.0], "log", "infinity", -804.6084 - LOG_2,
        [40.02494, np.sqrt(2 / np.pi)],
    ),
    "the exponential of a sum of logarithms": Entry(
        lambda x: jnp.exp(jnp.sum(jnp.log(x))), [0.0, 3.0], "log", "infinity", 0, [3, 0], "reverse"
    ),
    "sinh over cosh": Entry(
        lambda x: jnp.sinh(x) / jnp.cosh(x), [100.0, 0.0], "sinh", "overflow", 1, [0, 1]
    ),
    "the logarithm of cosh": Entry(
        lambda x: jnp.log(jnp.cosh(x)), [-100.0, 0.0], "cosh", "overflow", 100 - LOG_2, [-1, 0]
    ),
    "the logarithm of two exponentials": Entry(
        lambda x: jnp.log(jnp.exp(x[0]) + jnp.exp(x[1])), [100.0, 0.0], "exp", "overflow", 100,
        [1, 0], names=apart,
    ),
    "a probability of two": Entry(
        lambda x: jnp.exp(x[0]) / (jnp.exp(x[0]) + jnp.exp(x[1])), [100.0, 100.0], "exp",
        "overflow", 0.5, [0.25, -0.25], names=apart,
    ),
    "the logarithm of a Bessel function": Entry(
        lambda x: jnp.log(special.i0(x)), [100.0, 0.0], "exp", "overflow", 96.77973, [0.9949874, 0],
    ),
    "a gamma function": Entry(
        special.gamma, [50.0, 1.0], "exp", "overflow", 144.56574, [3.9019896, -np.euler_gamma]
    ),
    "1 - tanh": Entry(
        lambda x: 1 - jnp.tanh(x), [15.0, 15.0], "sub", "cancellation", 4 * np.exp(-30),
        [-4 * np.exp(-30)] * 2,
    ),
    "one over 1 + exp(x)": Entry(
        lambda x: 1 / (1 + jnp.exp(x)), [100.0, 0.0], "exp", "overflow", 0.5, [0, -0.25], "reverse"
    ),
    "softplus of -x": Entry(
        lambda x: jnp.log(1 + jnp.exp(-x)), [-100.0, 0.0], "exp", "overflow",
        100 + LOG_2, [-1, -0.5],
    ),
    "the logarithm of a mean of exponentials": Entry(
        lambda x: jnp.log(jnp.mean(jnp.exp(x))), [100.0, 0.0], "exp", "overflow", 100 - LOG_2,
        [1, 0],
    ),
    "1 + erf": Entry(
        lambda x: 1 + special.erf(x), [-4.0, -4.0], "add", "cancellation", 2 * 1.54172579e-8,
        [2 / np.sqrt(np.pi) * np.exp(-16)] * 2,
    ),
    "cos - 1": Entry(
        lambda x: jnp.cos(x) - 1, [1e-4, 1e-4], "sub", "cancellation", -1e-8, [-1e-4, -1e-4]
    ),
    "the logarithm of 1 - x": Entry(
        lambda x: jnp.log(1 - x), [1e-9, 1e-9], "log", "rounding", -2e-9, [-1, -1]
    ),
    "an entropy": Entry(
        special.entr, [0.0, 1.0], "xlogx", "infinity", 0, [0, -1], "reverse"
    ),
    "a pole of polygamma": Entry(
        lambda x: special.polygamma(2, x), [0.0, 1.0], "polygamma", "NaN", -2.4041138,
        [0, np.pi**4 / 15],
    ),
    "the length of a complex vector": Entry(
        lambda x: jnp.linalg.norm(x * 1j), [0.0, 0.0], "sqrt", "infinity", 0, [0, 0], "reverse"
    ),
    "a determinant of nothing": Entry(
        lambda x: jnp.linalg.slogdet(jnp.diag(x))[1], [0.0, 1.0], "log", "infinity",
        np.log(1e-6), [1e6, 1], names=lambda x: {"x": jnp.diag(x)},
    ),
    "a mask that leaves nothing": Entry(
        lambda x: jnp.max(jnp.where(x > 5, x, -jnp.inf)), [1.0, 2.0], "select_n", "infinity",
        3, [1, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sampled(CASES))
def test_what_people_write_is_named_and_its_cure_has_the_value_and_slope_of_a_closed_form(name):
    case, x = CASES[name], jnp.asarray(CASES[name].bad, jnp.float32)
    found = explain_nonfinite(case.fn, x, mode=case.mode)
    assert (found.operation, found.what, found.where) == (case.operation, case.what, case.mode)

    @jax.jit
    @jax.value_and_grad
    def cured(x):
        scope = {"jax": jax, "jnp": jnp, **case.names(x)}
        exec(found.code, scope)
        return jnp.sum(scope["z"].real)

    value, slope = cured(x)
    np.testing.assert_allclose(value, case.value, rtol=1e-4, atol=1e-6 * abs(case.value))
    np.testing.assert_allclose(slope, case.slope, rtol=1e-3, atol=1e-6 * np.max(np.abs(slope)))


def test_nan_that_a_later_where_leaves_out_is_cured_at_the_input():
    def squared_error(x, t):
        return jnp.sum(jnp.where(jnp.isnan(t), 0.0, (x - t) ** 2))

    t = jnp.array([1.0, jnp.nan])
    found = explain_nonfinite(squared_error, jnp.ones(2), t, argnums=0, mode="reverse")
    assert found.happened == "input 0 of those held fixed[1]"
    scope = {"jnp": jnp, "x": t}
    exec(found.code, scope)
    np.testing.assert_array_equal(scope["x"], [1, 0])


def test_along_some_axes_the_cure_of_a_norm_sums_along_these_also_inside_of_vmap():
    x = jnp.zeros((2, 3)).at[0].set(1.0)
    for fn in (lambda x: jnp.linalg.norm(x, axis=-1), jax.vmap(jnp.linalg.norm)):
        found = explain_nonfinite(fn, x, mode="reverse")
        assert found.code.startswith("squared = jnp.sum(x**2, axis=-1)\n")
    found = explain_nonfinite(lambda x: jnp.std(x, axis=0), jnp.ones((2, 3)), mode="reverse")
    assert found.code.startswith("variance = jnp.var(x, axis=-2)\n")


@pytest.mark.parametrize(
    ("fn", "mode", "end"),
    [
        (lambda x: jax.nn.softmax(x - jnp.inf, axis=0), "value", "softmax(some, axis=-2)"),
        (lambda x: jax.nn.logsumexp(x - jnp.inf, 0), "reverse", "logsumexp(some, axis=-2)"),
        (lambda x: jnp.exp(jnp.sum(jnp.log(x), axis=0)), "reverse", "jnp.prod(x, axis=-2)"),
        (lambda x: x / jnp.linalg.norm(x, axis=0), "value", "x / jnp.sqrt(safe), 0.0)"),
    ],
)
def test_along_the_first_axis_other_cures_are_along_that_too(fn, mode, end):
    found = explain_nonfinite(fn, jnp.zeros((2, 3)), mode=mode)
    assert found.code.endswith(end)
    assert "axis=-1" not in found.code
    assert "axis=-2" in found.code


@pytest.mark.parametrize(
    ("fn", "cure"),
    [
        (lambda x: jnp.vdot(x, x) / (jnp.linalg.norm(x) * jnp.linalg.norm(x)), "under the root"),
        (lambda x: jnp.sinh(90 + x) / jnp.cosh(2 * (90 + x)), "a wider type"),
    ],
)
def test_what_only_looks_like_a_direction_or_tanh_has_no_cure_of_these(fn, cure):
    assert cure in explain_nonfinite(fn, jnp.zeros(2), mode="value").cure


def test_a_power_that_no_type_holds_is_not_cured_as_if_its_base_were_nothing():
    found = explain_nonfinite(lambda x: x**20, jnp.array([1e30, 1.0]), mode="value")
    assert (found.operation, found.what) == ("integer_pow", "infinity")
    assert found.code == ""


@pytest.mark.parametrize(
    ("fn", "code"),
    [
        (lambda x: jnp.log(jnp.sum(jnp.exp(x), axis=0)), "z = jax.nn.logsumexp(x, axis=-2)"),
        (lambda x: jnp.exp(x) / jnp.sum(jnp.exp(x), 0), "z = jax.nn.softmax(x, axis=-2)"),
        (lambda x: jnp.log(1 + jnp.sum(jnp.exp(x))), ""),
        (lambda x: jnp.log(jnp.sum(jnp.exp(x) * jnp.array([0.2, 0.5, 0.3]))), ""),
    ],
)
def test_a_sum_of_exponentials_is_cured_along_its_axes_and_by_no_code_that_drops_a_term(fn, code):
    found = explain_nonfinite(fn, jnp.full((2, 3), 100.0), mode="value")
    assert found.code == code
    assert "takes the largest out first" in found.cure or "logsumexp of all terms" in found.cure


@pytest.mark.parametrize(
    "fn",
    [lambda x: jnp.expm1(2 * x) / x, lambda x: (1 - jnp.cos(2 * x)) / x**2],
)
def test_a_quotient_of_other_operands_than_its_denominator_has_no_series_of_the_latter(fn):
    found = explain_nonfinite(fn, jnp.zeros(()), mode="value")
    assert "one around the denominator" in found.cure


def test_infinity_among_the_entries_is_no_mask_that_leaves_nothing():
    found = explain_nonfinite(
        lambda x: jax.nn.softmax(x * jnp.array([jnp.inf, 1.0])), jnp.ones(2), mode="value"
    )
    scope = {"jnp": jnp, "x": jnp.array([jnp.inf, 1.0])}
    exec(found.code, scope)
    np.testing.assert_allclose(jax.nn.softmax(scope["z"]), [1, 0])


def test_in_float16_the_number_that_stands_for_minus_infinity_is_finite():
    masked = jnp.full(2, -jnp.inf, jnp.float16)
    found = explain_nonfinite(lambda x: jax.nn.softmax(x + masked), jnp.ones(2, jnp.float16))
    scope = {"jax": jax, "jnp": jnp, "x": masked}
    exec(found.code, scope)
    np.testing.assert_allclose(scope["z"], [0.5, 0.5])


def test_a_derivative_that_the_function_takes_itself_is_cured_in_what_it_is_taken_of():
    found = explain_nonfinite(jax.grad(jnp.linalg.norm), jnp.zeros(2), mode="value")
    assert (found.operation, found.happened) == ("div", "0.5 / 0 = inf")

    def cured(x):
        scope = {"jnp": jnp, "x": x}
        exec(found.code, scope)
        return scope["z"]

    slopes = jax.jit(jax.grad(cured))
    np.testing.assert_allclose(slopes(jnp.zeros(2)), [0, 0])
    np.testing.assert_allclose(slopes(jnp.array([3.0, 4.0])), [0.6, 0.8], rtol=1e-6)


def test_what_a_checkpoint_makes_anew_is_no_layer():
    remade = jax.checkpoint(lambda x: jnp.sqrt(x) * jnp.sin(x))
    found = explain_nonfinite(remade, jnp.zeros(()), mode="reverse")
    assert (found.operation, found.scope) == ("sqrt", "")


def test_the_numbers_of_a_stretched_operand_are_those_of_the_entry():
    mask = jnp.array([[0.0, 1.0], [-jnp.inf, -jnp.inf]])
    found = explain_nonfinite(
        lambda x: jax.nn.softmax(x + mask, axis=-1), jnp.ones((2, 2)), mode="value"
    )
    assert found.happened == "-inf - -inf = nan"
