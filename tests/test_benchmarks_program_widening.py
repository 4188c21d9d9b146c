"""A program in float64: its floats are widened, its bits, its steps and its rules are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.program.custom_rules import rule_of, rules
from benchmarks.program.wide_values import wide
from benchmarks.program.widening import widened

X = jnp.linspace(0.2, 1.4, 4)
X64 = np.asarray(X, np.float64)


def in_float64(fn, *inputs):
    """The one result of `fn` in float64, and its derivative along ones by the last input."""
    program = jax.make_jaxpr(fn)(*inputs)
    run = widened(program)
    with jax.enable_x64(True):
        *given, x = map(wide, inputs)
        value, slope = jax.jvp(lambda x: run(*given, x)[0], (x,), (jnp.ones_like(x),))
        assert value.dtype == jnp.float64
    return np.asarray(value), np.asarray(slope)


def test_random_bits_and_the_choices_made_by_them_are_kept():
    def masked(key, x):
        return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 3, 0)

    value, slope = in_float64(masked, jax.random.key(0), X)
    mask = np.asarray(jax.random.bernoulli(jax.random.key(0), 0.5, X.shape))
    np.testing.assert_allclose(value, np.where(mask, X64 / 3, 0), rtol=1e-15)
    np.testing.assert_allclose(slope, mask / 3, rtol=1e-15)


def test_a_normal_draw_is_the_one_of_the_own_type_to_its_rounding():
    value, _ = in_float64(lambda key, x: x * jax.random.normal(key, x.shape), jax.random.key(0), X)
    drawn = jax.random.normal(jax.random.key(0), X.shape)
    np.testing.assert_allclose(value, X * drawn, rtol=1e-5)


def test_casts_to_a_narrower_type_and_coarse_products_leave_no_rounding():
    w = jnp.linspace(-1.0, 1.0, 12).reshape(3, 4)

    def coarse(x):
        product = jnp.dot(
            w.astype(jnp.bfloat16), x.astype(jnp.bfloat16), preferred_element_type=jnp.float32
        )
        return jax.lax.reduce_precision(product, 8, 3)

    value, slope = in_float64(coarse, X)
    np.testing.assert_allclose(value, np.asarray(w, np.float64) @ X64, rtol=1e-14)
    np.testing.assert_allclose(slope, np.asarray(w, np.float64).sum(1), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("fn", "value"),
    [
        (lambda x: jax.lax.scan(lambda c, a: (c * a, c), jnp.float32(1), x)[0], X64.prod()),
        (lambda x: jax.lax.fori_loop(0, 3, lambda i, c: c / 3 + i, x), X64 / 27 + 7 / 3),
        (lambda x: jax.lax.while_loop(lambda c: c[3] > 1, lambda c: c / 3, x), X64 / 3),
        (lambda x: jax.lax.cond(x[0] > 0.1, lambda x: x / 3, jnp.cos, x), X64 / 3),
        (lambda x: jnp.linalg.solve(jnp.diag(3 * x), x), np.ones(4) / 3),
        (lambda x: x.at[jnp.array([1, 1])].add(x[2:] / 3)[1], X64[1] + X64[2:].sum() / 3),
    ],
)
def test_loops_branches_solves_and_scatters_are_done_in_float64(fn, value):
    np.testing.assert_allclose(in_float64(fn, X)[0], value, rtol=1e-14)


def test_an_operation_that_nobody_knows_is_done_in_its_own_type():
    def called(x):
        like = jax.ShapeDtypeStruct(x.shape, jnp.float32)
        return jax.pure_callback(_float32_only, like, x) / 3

    program = jax.make_jaxpr(called)(X)
    with jax.enable_x64(True):
        (value,) = widened(program)(wide(X))
    np.testing.assert_allclose(value, X64 / 3, rtol=1e-15)


def _float32_only(x):
    assert x.dtype == np.float32
    return np.asarray(x)


tripled = jax.custom_jvp(lambda x: x / 3)
tripled.defjvp(lambda primals, tangents: (primals[0] / 3, 3 * tangents[0]))
turned = jax.custom_vjp(lambda x, k: x / 3)
turned.defvjp(lambda x, k: (x / 3, x), lambda x, g: (-g / x, None))


def test_a_rule_is_kept_in_float64_and_can_be_left_out():
    assert (in_float64(tripled, X)[1] == 3).all()
    program = jax.make_jaxpr(lambda x: turned(x, jnp.arange(2)))(X)
    plain = widened(program, lambda eqn, line: bool(rule_of(eqn, line)))
    with jax.enable_x64(True):
        x = wide(X)
        _, pull = jax.vjp(lambda x: widened(program)(x)[0], x)
        np.testing.assert_allclose(pull(jnp.ones_like(x))[0], -1 / X64, rtol=1e-15)
        _, pull = jax.vjp(lambda x: plain(x)[0], x)
        np.testing.assert_allclose(pull(jnp.ones_like(x))[0], np.ones(4) / 3, rtol=1e-15)


def test_a_rule_of_a_users_is_named_with_its_line_and_one_of_jax_is_not():
    program = jax.make_jaxpr(lambda x: tripled(x) + jax.nn.relu(turned(x, 1)))(X)
    jvp, vjp = rules(program)
    assert jvp.startswith("the custom_jvp of <lambda> at test_benchmarks_program_widening.py:")
    assert vjp.startswith("the custom_vjp of <lambda> at test_benchmarks_program_widening.py:")
