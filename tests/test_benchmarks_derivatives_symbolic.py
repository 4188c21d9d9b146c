"""Symbolic derivatives against automatic ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.derivatives.symbolic import differentiate
from benchmarks.program.obstacles import obstacles


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def program(fn, *inputs, argnums: int | tuple[int, ...] = 0):
    found = differentiate(fn, *inputs, argnums=argnums)
    assert found.program is not None
    assert not found.report.stopped
    return found.program


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def between(seed, low, high, *shape):
    return np.random.default_rng(seed).uniform(low, high, size=shape)


LABELS = np.array([0, 2, 1, 1])


def network(params, x, labels):
    hidden = jax.nn.relu(jnp.tanh(x @ params["w"] + params["b"]))
    scores = jax.nn.log_softmax(hidden @ params["v"])
    return -jnp.mean(jnp.take_along_axis(scores, labels[:, None], axis=1))


def weights(seed):
    return {"w": normal(seed, 3, 4), "b": normal(seed + 1, 4), "v": normal(seed + 2, 4, 3)}


def batch_norm(x, gain):
    return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) * gain


def one_hot_loss(x, labels):
    return -jnp.sum(jax.nn.one_hot(labels, 3) * jax.nn.log_softmax(x), axis=-1)


def huber(x):
    return jnp.where(jnp.abs(x) < 1, 0.5 * x**2, jnp.abs(x) - 0.5)


def binary_cross_entropy(x):
    return jnp.mean(jnp.maximum(x, 0) - 0.3 * x + jnp.log1p(jnp.exp(-jnp.abs(x))))


def recurrent(x, w, reverse=False):
    def step(h, x):
        h = jnp.tanh(w @ h + x)
        return h, h.sum()

    return jax.lax.scan(step, x[0], x, reverse=reverse)


def powers(x):
    return x**2.5 + x**-1.5 + x**7 + x**-2 + jnp.sqrt(x) + jax.lax.rsqrt(x) + x**x + jnp.cbrt(x)


def functions(x):
    special = jax.scipy.special
    return sum(
        fn(x)
        for fn in (
            *(jnp.sin, jnp.cos, jnp.tan, jnp.arcsin, jnp.arccos, jnp.arctan, jnp.arctanh),
            *(jnp.sinh, jnp.cosh, jnp.tanh, jnp.arcsinh, lambda x: jnp.arccosh(x + 1)),
            *(jnp.exp, jnp.exp2, jnp.expm1, jnp.log, jnp.log2, jnp.log1p, jax.nn.sigmoid),
            *(special.erf, special.erfc, special.erfinv, special.gammaln, special.digamma),
            *(jnp.square, jnp.reciprocal, lambda x: jnp.arctan2(x, 1 + x)),
        )
    )


def indexing(x):
    padded = jnp.pad(x, 1)[:2].sum()
    return x[1:, ::2].T.reshape(-1) * x[0, 1] + jnp.concatenate([x[0], x[:, 1]]).sum() + padded


def set_and_filled(x, i):
    picked = x.at[jnp.array([1, 9])].get(mode="fill", fill_value=2.0)
    return jax.lax.dynamic_slice(x, (i,), (2,)) * x.at[i].set(3.0)[0] + jnp.prod(picked)


def switch(x):
    which = (x[0] > 0).astype(int) + (x[1] > 0).astype(int)
    return jax.lax.switch(which, [jnp.sin, jnp.cos, jnp.square], x)


def cumulative(x):
    return jnp.cumsum(x, 0), jnp.cumprod(x, 1), jax.lax.cummax(x, axis=1, reverse=True)


def dropout(x, key):
    kept = jax.random.bernoulli(jax.random.clone(key), 0.5, x.shape)
    return jnp.where(kept, x / 0.5, 0) ** 2


def steps_from_an_integer(x, n):
    return jax.lax.fori_loop(0, n, lambda i, c: jnp.sin(c) * (i + 1), x)


# A function, inputs to build the derivative at, and others to compare at.
CASES = {
    "network": (network, (weights(0), normal(3, 4, 3), LABELS), (weights(5), normal(8, 4, 3))),
    "batch norm": (batch_norm, (normal(0, 5, 3), normal(1, 3)), (normal(2, 5, 3), normal(3, 3))),
    "one-hot loss": (one_hot_loss, (normal(0, 4, 3), LABELS), (normal(1, 4, 3),)),
    "huber": (huber, (normal(0, 6),), (2 * normal(1, 6),)),
    "binary cross entropy": (binary_cross_entropy, (normal(0, 5),), (normal(1, 5),)),
    "scan": (recurrent, (normal(0, 4, 3), normal(1, 3, 3)), (normal(2, 4, 3), normal(3, 3, 3))),
    "reversed scan": (
        lambda x, w: recurrent(x, w, reverse=True),
        (normal(0, 4, 3), normal(1, 3, 3)),
        (normal(2, 4, 3), normal(3, 3, 3)),
    ),
    "powers": (powers, (between(0, 0.2, 0.8, 4),), (between(1, 0.2, 0.8, 4),)),
    "functions": (functions, (between(0, 0.2, 0.8, 3),), (between(1, 0.2, 0.8, 3),)),
    "activations": (
        lambda x: jax.nn.gelu(x) + jax.nn.elu(x) + jax.nn.silu(x) + jax.nn.softplus(x),
        (normal(0, 4),),
        (normal(1, 4),),
    ),
    "extremes": (
        lambda x: jnp.max(x) * jnp.min(x, axis=0) + jnp.clip(x, -0.5, 0.5),
        (normal(0, 3, 4),),
        (normal(1, 3, 4),),
    ),
    "steps": (
        lambda x: jnp.abs(x) * jnp.sign(x) * jnp.floor(3 * x) * (x > 0).astype(float),
        (normal(0, 5),),
        (normal(1, 5),),
    ),
    "contraction": (
        lambda a, b: jnp.einsum("bij,bkj->ikb", a, b),
        (normal(0, 2, 3, 4), normal(1, 2, 2, 4)),
        (normal(2, 2, 3, 4), normal(3, 2, 2, 4)),
    ),
    "cumulative": (cumulative, (normal(0, 3, 4),), (normal(1, 3, 4),)),
    "indexing": (indexing, (normal(0, 3, 4),), (normal(1, 3, 4),)),
    "moved, out of bounds": (set_and_filled, (normal(0, 4), np.array(1)), (normal(1, 4),)),
    "cond": (
        lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.square, x),
        (np.array([1.0, 2.0]),),
        (np.array([-1.0, 2.0]),),
    ),
    "switch": (switch, (np.array([1.0, 2.0]),), (np.array([-1.0, 2.0]),)),
    "stop_gradient": (
        lambda x: x * jax.lax.stop_gradient(jnp.sin(x)),
        (normal(0, 3),),
        (normal(1, 3),),
    ),
    "remat, jit, vmap": (
        jax.jit(jax.vmap(jax.checkpoint(lambda x: jnp.prod(jnp.sin(x))))),
        (normal(0, 3, 4),),
        (normal(1, 3, 4),),
    ),
    "closed-over array": (lambda x: x @ np.arange(6.0).reshape(3, 2), (normal(0, 3),), ()),
    "integer outputs aside": (lambda x, n: x[n] * n, (normal(0, 3), np.array([2, 0])), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_derivative_is_that_of_reverse_mode(name):
    fn, built_at, compared_at = CASES[name]
    inputs = (*compared_at, *built_at[len(compared_at) :])
    expected = jax.jit(jax.jacrev(fn))(*inputs)
    actual = jax.jit(program(fn, *built_at))(*inputs)
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_random_masks_and_counts_of_steps_are_read_as_they_are():
    x, key = jnp.asarray(normal(0, 3, 4)), jax.random.key(0)
    masked = program(dropout, x, key)(x, key)
    np.testing.assert_allclose(masked, jax.jacrev(dropout)(x, key), atol=1e-12)
    looped = program(steps_from_an_integer, x[0], 3)(x[0], 3)
    expected = jax.jacfwd(steps_from_an_integer)(x[0], 3)
    np.testing.assert_allclose(looped, expected, atol=1e-12)


def test_argnums_choose_as_they_do_in_jax():
    def fn(a, b):
        return {"y": jnp.sin(a) * b["c"], "z": b["c"].sum()}

    a, b = jnp.asarray(normal(0, 3)), {"c": jnp.asarray(normal(1, 3))}
    for argnums in (1, -1, (1, 0), (0,)):
        actual = program(fn, a, b, argnums=argnums)(a, b)
        expected = jax.jacrev(fn, argnums=argnums)(a, b)
        assert jax.tree.structure(actual) == jax.tree.structure(expected)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-12), actual, expected)


def test_the_program_keeps_single_precision():
    with jax.enable_x64(False):
        x = jnp.asarray([0.3, 0.7], "float32")
        found = program(lambda x: jnp.sin(x[0]) / x[1], x)(x)
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, [np.cos(0.3) / 0.7, -np.sin(0.3) / 0.49], rtol=1e-5)


def test_relu_has_slope_0_at_0_as_it_has_in_jax():
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(np.diag(program(jax.nn.relu, x)(x)), [0.0, 0.0, 1.0])


@pytest.mark.parametrize("name", CASES)
def test_functions_that_sympy_can_express_are_not_refused(name):
    fn, inputs, _ = CASES[name]
    assert "symbolic" not in obstacles(fn, *inputs, argnums=0)
