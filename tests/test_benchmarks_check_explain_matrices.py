"""Factorizations without a derivative at the point, types that are too narrow: named and cured."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from benchmarks import explain_nonfinite
from benchmarks.check.case import Case
from benchmarks.check.cures import cure_of

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.standard_normal((4, 4))


def typed(found, **names):
    """What a printed cure makes of these names."""
    scope = {"jax": jax, "jnp": jnp, **names}
    exec(found.code, scope)
    return scope["z"], scope


def slopes(fn, x, step=1e-5):
    """Central differences in float64, entry by entry."""
    x = np.asarray(x, np.float64)
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[place] = step
        result[place] = (fn(x + move) - fn(x - move)) / (2 * step)
    return result


DOUBLE = np.diag([2.0, 2.0, 1.0, 0.5])


def matrix(numbers):
    return jnp.asarray(numbers, jnp.float32)


def density(a):
    w, v = jnp.linalg.eigh((a + a.T) / 2)
    return jnp.sum((v * jnp.exp(-w)) @ v.T * WEIGHTS)


def test_a_function_of_a_matrix_with_equal_eigenvalues_has_the_derivative_of_its_exponential():
    found = explain_nonfinite(density, matrix(DOUBLE))
    assert (found.operation, found.derived, found.what) == ("eigh", True, "infinity")
    assert "with 0.5, 1, 2, 2" in found.happened
    _, scope = typed(found, x=matrix(DOUBLE))
    cured = scope["of_matrix"]
    slope = jax.grad(lambda a: jnp.sum(cured(lambda w: jnp.exp(-w), a) * WEIGHTS))(matrix(DOUBLE))
    true = np.zeros((4, 4))
    for place in np.ndindex(4, 4):
        move = np.zeros((4, 4))
        move[place] += 0.5
        move[place[::-1]] += 0.5
        true[place] = np.sum(scipy.linalg.expm_frechet(-DOUBLE, -move)[1] * WEIGHTS)
    np.testing.assert_allclose(slope, true, rtol=1e-4, atol=1e-5)
    apart = np.diag([2.0, 1.5, 1.0, 0.5])
    assert explain_nonfinite(density, matrix(apart), mode="reverse").fine


def test_the_cure_of_a_hermitian_matrix_conjugates():
    case = Case("eigh", "NaN", True, frozenset(), None, "complex64")
    a = np.array([[2, 0, 0], [0, 1.5, 0.5j], [0, -0.5j, 1.5]])  # eigenvalues 1, 2 and 2
    tangent = np.array([[0.3, 1j, 0.2], [-1j, 0.1, 0.4j], [0.2, -0.4j, 0.7]])
    scope = {"jax": jax, "jnp": jnp, "x": jnp.asarray(a, jnp.complex64)}
    exec(cure_of(case).code, scope)

    def cured(a):
        return scope["of_matrix"](jnp.exp, a)

    arrays = (jnp.asarray(one, jnp.complex64) for one in (a, tangent))
    value, slope = jax.jvp(cured, *((one,) for one in arrays))
    np.testing.assert_allclose(value, scipy.linalg.expm(a), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        slope, scipy.linalg.expm_frechet(a, tangent)[1], rtol=1e-4, atol=1e-4
    )


def test_the_space_of_equal_eigenvalues_has_a_derivative_with_a_masked_rule():
    def space(a):
        _, v = jnp.linalg.eigh(a)
        return jnp.sum(v[:, 2:] @ v[:, 2:].T * WEIGHTS)

    def oracle(a):
        _, v = np.linalg.eigh((a + a.T) / 2)
        return np.sum(v[:, 2:] @ v[:, 2:].T * WEIGHTS)

    found = explain_nonfinite(space, matrix(DOUBLE), mode="forward")
    assert (found.operation, found.what) == ("eigh", "infinity")
    _, scope = typed(found, x=matrix(DOUBLE))

    def cured(a):
        _, v = scope["eigh"](a)
        return jnp.sum(v[:, 2:] @ v[:, 2:].T * WEIGHTS)

    np.testing.assert_allclose(
        jax.grad(cured)(matrix(DOUBLE)), slopes(oracle, DOUBLE), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("rows", [4, 5])
def test_equal_singular_values_have_a_masked_rule(rows):
    a = np.zeros((rows, 4))
    a[:4] = DOUBLE
    weights = RANDOM.standard_normal((rows, 4))

    def nearest(a):
        u, _, vt = jnp.linalg.svd(a, full_matrices=False)
        return jnp.sum(u[:, :2] @ vt[:2] * weights)

    def oracle(a):
        u, _, vt = np.linalg.svd(a, full_matrices=False)
        return np.sum(u[:, :2] @ vt[:2] * weights)

    found = explain_nonfinite(nearest, matrix(a), mode="reverse")
    assert (found.operation, found.what) == ("svd", "infinity")
    _, scope = typed(found, x=matrix(a))

    def cured(a):
        u, _, vt = scope["svd"](a)
        return jnp.sum(u[:, :2] @ vt[:2] * weights)

    np.testing.assert_allclose(jax.grad(cured)(matrix(a)), slopes(oracle, a), rtol=1e-4, atol=1e-5)


def test_a_matrix_that_is_not_definite_to_its_digits_is_given_some_of_the_identity():
    flat = np.ones((3, 3))
    found = explain_nonfinite(jnp.linalg.cholesky, matrix(flat), mode="reverse")
    assert found.operation == "cholesky"
    slope = jax.grad(lambda x: jnp.sum(typed(found, x=x)[0]))(matrix(flat))
    assert np.isfinite(slope).all()
    assert explain_nonfinite(jnp.linalg.cholesky, matrix(flat + np.eye(3)), mode="reverse").fine


def test_a_singular_system_is_given_some_of_the_identity():
    def solved(a):
        return jnp.linalg.solve(a, jnp.ones(3))

    found = explain_nonfinite(solved, matrix(np.ones((3, 3))), mode="value")
    assert "the matrix is singular" in found.cure
    z, _ = typed(found, x=matrix(np.ones((3, 3))), y=jnp.ones(3))
    assert np.isfinite(z).all()
    assert explain_nonfinite(solved, matrix(np.eye(3)), mode="value").fine


@pytest.mark.parametrize(
    ("dtype", "large", "near", "code"),
    [
        (jnp.float16, 300.0, 3.0, "x = x.astype(jnp.float32)"),
        (jnp.float32, 1e20, 3.0, 'jax.config.update("jax_enable_x64", True)'),
    ],
)
def test_a_square_that_overflows_needs_a_wider_type(dtype, large, near, code):
    def fn(x):
        return jnp.sqrt(x * x + 1)

    found = explain_nonfinite(fn, jnp.array([large], dtype), mode="value")
    assert (found.operation, found.what) == ("mul", "overflow")
    assert found.code.splitlines()[0] == code
    assert explain_nonfinite(fn, jnp.array([near], dtype), mode="value").fine


def test_an_index_beyond_the_end_is_named():
    def fn(x):
        return jnp.take(x, jnp.array([1, 5]))

    found = explain_nonfinite(fn, jnp.ones(3), mode="value")
    assert (found.operation, found.what) == ("gather", "NaN")
    rows = typed(found, x=jnp.arange(6.0).reshape(3, 2), y=jnp.array([1, 5]))[0]
    np.testing.assert_array_equal(rows, [[2, 3], [4, 5]])
    assert explain_nonfinite(lambda x: jnp.take(x, jnp.array([1, 2])), jnp.ones(3)).fine


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_where_all_are_minus_infinity_a_finite_number_stands_in(name):
    fn = getattr(jax.nn, name)
    masked = jnp.full(3, -jnp.inf)
    found = explain_nonfinite(lambda x: fn(x + masked), jnp.ones(3), mode="forward")
    assert "a large negative number for -inf" in found.cure
    slope = jax.grad(lambda x: jnp.sum(typed(found, x=x + masked)[0]))(jnp.ones(3))
    np.testing.assert_array_equal(slope, np.zeros(3))
    assert explain_nonfinite(
        lambda x: fn(x + masked.at[0].set(0)), jnp.ones(3), mode="reverse"
    ).fine


def test_no_type_is_named_that_overflows_too():
    found = explain_nonfinite(lambda x: jnp.sum(jnp.exp(x)), jnp.full(3, 100.0, jnp.bfloat16))
    assert (found.operation, found.what) == ("exp", "overflow")
    assert 'x.astype("float64")' in found.code  # the exponential of 100 is beyond float32


@pytest.mark.parametrize("operation", ["acos", "asin"])
@pytest.mark.parametrize("x", [1.0, -1.0, 1 - 2**-24])
def test_near_one_rounding_decides_and_the_cure_is_on_no_side_of_the_edge(operation, x):
    case = Case(operation, "underflow", True, frozenset(), None, "float32", numbers=(x,))
    code = cure_of(case).code

    def cured(x):
        scope = {"jnp": jnp, "x": x}
        exec(code, scope)
        return scope["z"]

    value, slope = jax.value_and_grad(cured)(jnp.float32(x))
    np.testing.assert_allclose(
        value, {"acos": np.arccos, "asin": np.arcsin}[operation](x), atol=1e-3
    )
    assert slope == 0
    whole = jax.grad(cured)(jnp.float32(0.5))
    np.testing.assert_allclose(abs(whole), 1 / np.sqrt(0.75), rtol=1e-5)


def test_the_cure_of_a_power_keeps_its_values_and_the_slopes_that_are_finite():
    y = jnp.array([0.0, 1.0, 2.0, 0.5, 1.5])
    found = explain_nonfinite(lambda x: jnp.sum(x**y), jnp.zeros(5))
    assert found.operation == "pow"

    def cured(x):
        return typed(found, x=x, y=y)[0]

    np.testing.assert_allclose(cured(jnp.zeros(5)), [1.0, 0.0, 0.0, 0.0, 0.0])
    slopes_at_zero = jax.grad(lambda x: jnp.sum(cured(x)))(jnp.zeros(5))
    np.testing.assert_allclose(slopes_at_zero, [0.0, 1.0, 0.0, 0.0, 0.0])
    slopes_at_two = jax.grad(lambda x: jnp.sum(cured(x)))(jnp.full(5, 2.0))
    np.testing.assert_allclose(slopes_at_two, y * 2.0 ** np.asarray(y - 1), rtol=1e-6)
