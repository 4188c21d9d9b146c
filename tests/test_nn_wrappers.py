"""Wrappers of layers: frozen parameters and statistics, and mixed precision."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import exact_on_cpus
from test_nn_contract import LAYERS

import nn

X: Any = np.random.default_rng(0).normal(1.0, 2.0, size=(6, 3)).astype(np.float32)
BLOCK = nn.serial(nn.dense(3, 3), nn.batch_norm(3), nn.dropout(0.5))


def drawn(layer):
    """Parameters drawn by NumPy, and a state in which every number is 2."""
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    random = np.random.default_rng(1)
    params = jax.tree.map(lambda p: random.normal(size=p.shape).astype(p.dtype), params)
    return params, jax.tree.map(lambda s: np.full(s.shape, 2, s.dtype), state)


def assert_equal(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, e)


FROZEN = {
    "alone": (nn.frozen(BLOCK), BLOCK),
    "in serial": (nn.serial(nn.frozen(BLOCK), nn.frozen(BLOCK)), nn.serial(BLOCK, BLOCK)),
    "in residual": (nn.residual(nn.frozen(BLOCK)), nn.residual(BLOCK)),
    "in repeat": (nn.repeat(nn.frozen(BLOCK), 2), nn.repeat(BLOCK, 2)),
    "around repeat": (nn.frozen(nn.repeat(BLOCK, 2)), nn.repeat(BLOCK, 2)),
}


@pytest.mark.parametrize("place", FROZEN)
def test_a_frozen_layer_trains_neither_parameters_nor_statistics_and_passes_gradients_on(place):
    layer, plain = FROZEN[place]
    params, state = drawn(layer)

    def total(layer, train):
        def fn(params, x):
            y, after = layer.apply(params, state, x, key=jax.random.key(1), train=train)
            return jnp.sum(jnp.sin(y)), after

        return jax.value_and_grad(fn, argnums=(0, 1), has_aux=True)

    @jax.jit
    def both(params, x):
        return total(layer, True)(params, x), total(plain, False)(params, x)

    ((value, after), grads), ((expected, _), wanted) = both(params, X)
    assert value == expected
    assert_equal(after, state)
    assert_equal(grads[0], jax.tree.map(np.zeros_like, params))
    assert_equal(grads[1], wanted[1])
    assert np.any(grads[1])


def test_the_randomness_of_a_frozen_layer_follows_the_key():
    layer = nn.frozen(nn.dropout(0.5))
    y, _ = layer.apply((), (), X, key=jax.random.key(0), train=True)
    assert (np.asarray(y) == 0).any()
    assert_equal(layer.apply((), (), X, train=True)[0], X)


def bfloat16(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), tree)


@exact_on_cpus
def test_mixed_precision_is_the_layer_on_rounded_parameters_and_inputs():
    inner = nn.serial(nn.dense(3, 4), nn.layer_norm(4), nn.activation(nn.gelu))
    layer = nn.mixed_precision(inner)
    params, state = drawn(layer)
    y, _ = jax.jit(lambda p, x: layer.apply(p, state, x))(params, X)
    rounded, _ = jax.jit(lambda p, x: inner.apply(p, state, x))(bfloat16(params), bfloat16(X))
    assert (y.dtype, rounded.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_array_equal(y, rounded.astype(jnp.float32))


def test_mixed_precision_keeps_parameters_gradients_and_statistics_in_float32():
    block = nn.residual(nn.serial(nn.dense(3, 3), nn.batch_norm(3), nn.activation(nn.relu)))
    layer = nn.repeat(nn.mixed_precision(block), 3)
    params, state = drawn(layer)
    traces = []

    @jax.jit
    def step(params, state, x):
        traces.append(x.shape)

        @jax.checkpoint
        def loss(params, x):
            y, after = layer.apply(params, state, x, train=True)
            return jnp.sum(y**2), (y, after)

        return jax.grad(loss, has_aux=True)(params, x)

    grads, (y, after) = step(params, state, X)
    step(grads, after, y)
    assert len(traces) == 1
    assert {leaf.dtype for leaf in jax.tree.leaves((grads, y, after))} == {np.dtype("float32")}
    products = dtypes_of_products(jax.make_jaxpr(step)(params, state, X).jaxpr)
    assert len(products) >= 3
    assert set(products) == {"bfloat16"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_any_layer_in_mixed_precision_has_the_type_of_its_input_and_keeps_its_state(compute, dtype):
    for name, (layer, shape) in LAYERS.items():
        mixed = nn.mixed_precision(layer, compute=compute)
        params, state = jax.eval_shape(layer.init, jax.random.key(0))
        x, key = jax.ShapeDtypeStruct((4, *shape), dtype), jax.random.key(1)
        with jax.debug_key_reuse(False):
            y, after = jax.eval_shape(
                lambda params, state, x, mixed=mixed, key=key: mixed.apply(
                    params, state, x, key=key, train=True
                ),
                *(params, state, x),
            )
        assert y.dtype == dtype, name
        assert jax.tree.map(lambda leaf: leaf.dtype, after) == jax.tree.map(
            lambda leaf: leaf.dtype, state
        ), name


def test_repeat_names_what_keeps_the_type():
    params, state = drawn(nn.repeat(nn.dense(3, 3), 2))
    message = r"keep bfloat16, got float32: convert the input to float32, or repeat nn.mixed_prec"
    with pytest.raises(TypeError, match=message):
        nn.repeat(nn.dense(3, 3), 2).apply(params, state, bfloat16(X[:, :3]))
    mixed = nn.repeat(nn.mixed_precision(nn.dense(3, 3)), 2)
    assert mixed.apply(params, state, bfloat16(X[:, :3]))[0].dtype == jnp.bfloat16


def dtypes_of_products(jaxpr):
    """The types of both factors of every matrix product in a program, programs inside included."""
    dtypes = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            dtypes += [str(var.aval.dtype) for var in eqn.invars]
        for inner in jax.tree.leaves(eqn.params, is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(inner, "eqns"):
                dtypes += dtypes_of_products(getattr(inner, "jaxpr", inner))
    return dtypes


def test_batch_norm_in_mixed_precision_has_the_statistics_of_float32():
    layer, x = nn.mixed_precision(nn.batch_norm(1)), 100 + np.arange(4096.0).reshape(-1, 1) % 7
    params, state = drawn(nn.batch_norm(1))
    start = nn.BatchNormState(0 * state.mean, 0 * state.var, 0 * state.seen)
    _, after = jax.jit(lambda x: layer.apply(params, start, x, train=True))(x.astype(np.float32))
    rounded = np.asarray(bfloat16(x), np.float64)
    np.testing.assert_allclose(after.mean, rounded.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(after.var, rounded.var(axis=0, ddof=1), rtol=1e-5)


@pytest.mark.parametrize(("output", "dtype"), [(None, "float32"), (jnp.bfloat16, "bfloat16")])
def test_mixed_precision_leaves_integers_as_they_are_and_says_what_comes_out(output, dtype):
    layer = nn.mixed_precision(nn.embedding(300, 2), output=output)
    params, _ = drawn(layer)
    y, _ = layer.apply(params, (), np.array([257, 0]))  # bfloat16 has 256 and 258 alone
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, bfloat16(params.weight[[257, 0]]).astype(dtype))
    assert layer.apply(params, (), np.array([1], np.uint8))[0].dtype == dtype


def test_mixed_precision_returns_the_type_of_its_input():
    layer = nn.mixed_precision(nn.dense(3, 4), compute=np.float16)
    params, _ = drawn(layer)
    for dtype in (np.float32, np.float16, jnp.bfloat16):
        assert layer.apply(params, (), X.astype(dtype))[0].dtype == dtype


def test_mixed_precision_takes_a_tree_and_returns_the_type_of_its_floats():
    inner = nn.stateless(lambda key: jnp.ones(3), lambda w, x: (x["table"] @ w) * x["count"])
    layer, x = nn.mixed_precision(inner), {"table": X[:, :3], "count": np.arange(len(X))}
    y, _ = layer.apply(jnp.ones(3), (), x)
    assert y.dtype == np.float32
    expected = np.asarray(bfloat16(X[:, :3]), np.float64).sum(axis=1) * x["count"]
    np.testing.assert_allclose(y, expected, rtol=2**-6, atol=2**-6)
    assert layer.apply(jnp.ones(3), (), x | {"table": jnp.float16(X[:, :3])})[0].dtype == "float16"
