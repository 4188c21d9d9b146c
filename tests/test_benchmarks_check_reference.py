"""The test of derivatives: right ones pass, and every way to be wrong is found."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check.directions import random_probe
from benchmarks.check.error import contract
from benchmarks.check.reference import find_reference
from benchmarks.derivatives.problem import gradient_problem, make_problem

X = jnp.linspace(0.1, 1.5, 7)
BOTH = ("forward", "reverse")


def planted(factor):
    """A sine whose derivative is off by `factor` in its entry 3, in both modes."""

    def rule(primals, tangents):
        (x,), (v,) = primals, tangents
        return jnp.sin(x), jnp.cos(x) * v * jnp.ones_like(x).at[3].set(factor)

    sine = jax.custom_jvp(jnp.sin)
    sine.defjvp(rule)
    return sine


def found(fn, x=X, modes=BOTH):
    target = make_problem(fn, (x,))
    return find_reference(target, random_probe(target, 0), modes)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: jnp.sum(jnp.tanh(x)),
        lambda x: jnp.outer(jnp.sin(x), x),
        lambda x: jnp.linalg.slogdet(jnp.outer(x, x) + jnp.eye(7, dtype=x.dtype))[1],
        lambda x: jax.lax.scan(lambda h, a: (jnp.tanh(h + a), h), 0.0 * x[0], x)[1],
        lambda x: jnp.sum(jnp.sin(x.astype(jnp.float32))),
        lambda x: 1e6 * jnp.sum(jnp.exp(3 * x)),
        lambda x: jnp.sum(jnp.maximum(x - 0.6, 0)),
    ],
)
def test_a_right_derivative_passes_in_both_modes(fn):
    reference = found(fn)
    assert not reference.wrong
    for taylor in reference.taylor.values():
        assert taylor.slope is None or 1.8 < taylor.slope < 3.2


def test_a_linear_function_leaves_no_remainder_to_judge():
    assert found(lambda x: 3 * x[::-1]).taylor["forward"].slope is None


@pytest.mark.parametrize("factor", [1.01, 1.0001, 0.0, -1.0])
@pytest.mark.parametrize("output", [jnp.sum, lambda y: y])
def test_one_wrong_entry_is_found_and_named(factor, output):
    sine = planted(factor)
    reference = found(lambda x: output(sine(x)))
    for mode in BOTH:
        assert reference.taylor[mode].slope < 1.3
        assert "input 0[3]" in reference.wrong[mode]
    assert reference.truth.source == "float64 differences"
    true = np.cos(np.asarray(X, np.float64))
    jacobian = np.diag(true) if reference.truth.value.size > 1 else true[None]
    np.testing.assert_allclose(reference.truth.jacobian, jacobian, atol=1e-8)


def test_a_rule_that_is_wrong_in_reverse_mode_alone_leaves_forward_mode_as_the_truth():
    @jax.custom_vjp
    def sine(x):
        return jnp.sin(x)

    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x) * 1.01,))
    reference = found(lambda x: jnp.sum(sine(x)), modes=("reverse",))
    assert list(reference.wrong) == ["reverse"]


def test_a_derivative_at_a_kink_counts_as_right():
    reference = found(lambda x: jnp.sum(jnp.maximum(x, 0)), 0 * X)
    assert reference.kink
    assert not reference.wrong


def test_a_stop_gradient_is_named_where_the_derivative_is_not_that_of_the_value():
    reference = found(lambda x: jnp.sum(x * jax.jit(jax.lax.stop_gradient)(x)))
    for mode in BOTH:
        assert "; the stop_gradient at test_benchmarks_check_reference.py:" in reference.wrong[mode]
    assert "stop_gradient" not in found(lambda x: jnp.sum(planted(2.0)(x))).wrong["forward"]
    assert not found(lambda x: jax.nn.softmax(x)).wrong  # which stops the gradient of a maximum


def test_a_derivative_that_where_makes_nan_is_named():
    reference = found(lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0)), -X)
    assert "not finite" in reference.wrong["reverse"]


def test_the_hessian_is_judged_as_the_jacobian_of_the_gradient():
    target = gradient_problem(make_problem(lambda x: jnp.sum(jnp.sin(x) ** 3), (X,)))
    reference = find_reference(target, random_probe(target, 1), BOTH)
    x = np.asarray(X, np.float64)
    second = 6 * np.sin(x) * np.cos(x) ** 2 - 3 * np.sin(x) ** 3
    np.testing.assert_allclose(reference.truth.jacobian, np.diag(second), atol=1e-12)
    assert not reference.wrong


def test_products_of_the_truth_are_those_of_its_jacobian():
    target = make_problem(lambda x: jnp.tanh(jnp.outer(x, x)), (X,))
    probe = random_probe(target, 2)
    truth = find_reference(target, probe, BOTH).truth
    v, u = np.asarray(probe.tangent[0]), np.asarray(probe.cotangent[0]).ravel()
    np.testing.assert_allclose(truth.jvp, truth.jacobian @ v, rtol=1e-10)
    np.testing.assert_allclose(truth.vjp, u @ truth.jacobian, rtol=1e-10, atol=1e-14)


def test_contract_applies_a_jacobian_of_several_inputs_and_outputs():
    def fn(x, y):
        return (jnp.outer(x, y), jnp.sin(y))

    target = make_problem(fn, (jnp.arange(1.0, 4.0), jnp.arange(1.0, 5.0)))
    probe = random_probe(target, 3)
    jacobian = jax.jacrev(target.fn)(target.x, target.fixed)
    pushed = jax.jvp(lambda x: target.fn(x, ()), (target.x,), (probe.tangent,))[1]
    for mine, its in zip(contract(jacobian, probe.tangent), pushed, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_no_direction_is_what_a_generator_of_the_same_seed_draws_first(seed):
    x = np.random.default_rng(seed).standard_normal(30)  # along itself a norm has no slope
    target = make_problem(lambda x: x / jnp.linalg.norm(x), (jnp.asarray(x),))
    probe = random_probe(target, seed)
    for drawn in map(np.ravel, jax.tree.leaves((probe.tangent, probe.cotangent))):
        cosine = x @ drawn / np.linalg.norm(x) / np.linalg.norm(drawn)
        assert abs(cosine) < 0.6
