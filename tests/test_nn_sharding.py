"""One batch over several devices: under `jit` with sharded arrays, and under `shard_map`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nn

MODEL = nn.serial(nn.dense(3, 4, bias=False), nn.batch_norm(4), nn.dropout(0.5))
X: Any = np.random.default_rng(0).normal(2.0, 3.0, size=(16, 3)).astype(np.float32)
MASK: Any = np.arange(16) % 5 > 0


def assert_close(actual, expected):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6)


@jax.jit
def value_and_grad(params, state, x, mask):
    def loss(params):
        y, after = MODEL.apply(params, state, x, key=jax.random.key(1), train=True, mask=mask)
        return jnp.mean(jnp.sin(y) ** 2, where=mask[:, None]), after

    inferred, _ = MODEL.apply(params, state, x)
    return jax.value_and_grad(loss, has_aux=True)(params), inferred


@pytest.mark.parametrize("axis_type", [AxisType.Auto, AxisType.Explicit])
def test_a_sharded_batch_without_an_axis_name_trains_as_on_one_device(axis_type):
    params, state = jax.jit(MODEL.init)(jax.random.key(0))
    expected = value_and_grad(params, state, X, MASK)
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(axis_type,))
    with jax.set_mesh(mesh):
        x = jax.device_put(X, NamedSharding(mesh, P("data", None)))
        mask = jax.device_put(MASK, NamedSharding(mesh, P("data")))
        params, state = jax.device_put((params, state), NamedSharding(mesh, P()))
        assert_close(value_and_grad(params, state, x, mask), expected)


def test_shards_of_different_counts_under_shard_map_train_as_on_one_device():
    layer, same = nn.batch_norm(3, axis_name="data"), nn.batch_norm(3)
    params, state = layer.init(jax.random.key(0))
    x, mask = X + 1e4, np.arange(16) < 9
    weights = np.cos(np.arange(48.0, dtype=np.float32)).reshape(16, 3) * mask[:, None]
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))

    @jax.shard_map(mesh=mesh, in_specs=(P(), P("data"), P("data")), out_specs=(P("data"), P()))
    def apply(params, x, mask):
        return layer.apply(params, state, x, train=True, mask=mask)

    def sharded(params, x):
        y, after = apply(params, x, mask)
        return jnp.sum(weights * y), after

    def plain(params, x):
        y, after = same.apply(params, state, x, train=True, mask=mask)
        return jnp.sum(weights * y), after

    actual, expected = (
        jax.jit(jax.value_and_grad(fn, argnums=(0, 1), has_aux=True))(params, x)
        for fn in (sharded, plain)
    )
    assert_close(actual, expected)


SEQUENCES = nn.serial(
    nn.learned_positions(5, 4),
    nn.residual(nn.attention(4, heads=2, causal=True)),
    nn.concatenate(nn.lstm(4, 3), nn.gru(4, 3, reverse=True)),
    nn.mixed_precision(nn.elman(6, 3, every_step=False), compute=np.float32),
)


def sequence_params():
    shapes, _ = jax.eval_shape(SEQUENCES.init, jax.random.key(0))
    random = np.random.default_rng(1)
    return jax.tree.map(lambda p: random.normal(size=p.shape).astype(p.dtype), shapes)


@jax.jit
def sequence_gradients(params, x, mask):
    def loss(params, x):
        y, _ = SEQUENCES.apply(params, ((), (), ((), ()), ()), x, mask=mask)
        pools = [pool.apply((), (), x, mask=mask)[0] for pool in POOLS]
        return jnp.mean(jnp.sin(y) ** 2) + sum(map(jnp.sum, pools))

    return jax.value_and_grad(loss, argnums=(0, 1))(params, x)


POOLS = (nn.global_avg_pool(), nn.global_max_pool(), nn.max_pool((2,)), nn.avg_pool((2,)))


@pytest.mark.parametrize("axis_type", [AxisType.Auto, AxisType.Explicit])
def test_a_sharded_batch_of_sequences_trains_as_on_one_device(axis_type):
    params = sequence_params()
    x: Any = np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    mask: Any = np.arange(5) < np.array([5, 4, 3, 2, 1, 0, 5, 2])[:, None]
    expected = sequence_gradients(params, x, mask)
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(axis_type,))
    with jax.set_mesh(mesh):
        x = jax.device_put(x, NamedSharding(mesh, P("data", None, None)))
        mask = jax.device_put(mask, NamedSharding(mesh, P("data", None)))
        params = jax.device_put(params, NamedSharding(mesh, P()))
        assert_close(sequence_gradients(params, x, mask), expected)


def test_sequences_under_shard_map_give_the_gradients_of_one_device():
    params = sequence_params()
    x: Any = np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))

    @jax.shard_map(mesh=mesh, in_specs=(P(), P("data")), out_specs=P("data"))
    def apply(params, x):
        return SEQUENCES.apply(params, ((), (), ((), ()), ()), x)[0]

    def total(params, fn):
        return jnp.sum(jnp.sin(fn(params, x)))

    def plain(params, x):
        return SEQUENCES.apply(params, ((), (), ((), ()), ()), x)[0]

    actual, expected = (
        jax.jit(jax.grad(total), static_argnums=1)(params, f) for f in (apply, plain)
    )
    assert_close(actual, expected)
