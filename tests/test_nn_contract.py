"""The contract of layers, checked for every layer."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import ON_CPU

import nn

BATCH = 6
MEMBERS = 3
LAYERS = {
    "dense": (nn.dense(3, 4), (3,)),
    "dense without bias": (nn.dense(3, 4, bias=False), (3,)),
    "sigmoid": (nn.activation(nn.sigmoid), (3,)),
    "tanh": (nn.activation(nn.tanh), (3,)),
    "relu": (nn.activation(nn.relu), (3,)),
    "leaky_relu": (nn.activation(nn.leaky_relu), (3,)),
    "elu": (nn.activation(nn.elu), (3,)),
    "gelu": (nn.activation(nn.gelu), (3,)),
    "silu": (nn.activation(nn.silu), (3,)),
    "softplus": (nn.activation(nn.softplus), (3,)),
    "softmax": (nn.activation(nn.softmax), (3,)),
    "log_softmax": (nn.activation(nn.log_softmax), (3,)),
    "prelu": (nn.prelu(3), (3,)),
    "prelu with one slope": (nn.prelu(), (3,)),
    "batch_norm": (nn.batch_norm(3), (3,)),
    "batch_norm of images": (nn.batch_norm(3), (4, 5, 3)),
    "layer_norm": (nn.layer_norm(3), (3,)),
    "rms_norm": (nn.rms_norm(3), (3,)),
    "dropout": (nn.dropout(0.3), (3,)),
    "conv 1-D": (nn.conv(2, 4, (3,), dilation=2), (7, 2)),
    "conv 2-D": (nn.conv(4, 6, (3, 2), strides=(2, 1), groups=2), (5, 4, 4)),
    "conv 3-D": (nn.conv(1, 2, (2, 1, 2), padding="VALID", bias=False), (3, 2, 3, 1)),
    "max_pool": (nn.max_pool((3, 2), strides=2, padding="SAME"), (5, 4, 2)),
    "avg_pool": (nn.avg_pool((3, 2), strides=2, padding="SAME"), (5, 4, 2)),
    "flatten": (nn.flatten(), (2, 3)),
    "residual": (nn.residual(nn.dense(3, 3)), (3,)),
    "repeat": (nn.repeat(nn.serial(nn.batch_norm(3), nn.dropout(0.3)), 3), (3,)),
    "mlp": (nn.mlp((3, 5, 2), batch_norm=True, dropout=0.3, activation=nn.prelu()), (3,)),
    "mlp with layer_norm": (nn.mlp((3, 5, 2), layer_norm=True, activation=nn.tanh), (3,)),
    "elman": (nn.elman(3, 2), (4, 3)),
    "lstm": (nn.lstm(3, 2), (4, 3)),
    "lstm backwards, its last state": (nn.lstm(3, 2, reverse=True, every_step=False), (4, 3)),
    "gru": (nn.gru(3, 2), (4, 3)),
    "attention": (nn.attention(4, heads=2), (5, 4)),
    "attention, causal": (nn.attention(3, heads=1, causal=True, bias=False), (5, 3)),
    "sinusoidal_positions": (nn.sinusoidal_positions(3), (4, 3)),
    "learned_positions": (nn.learned_positions(5, 3), (4, 3)),
    "global_avg_pool": (nn.global_avg_pool(), (4, 2, 3)),
    "global_max_pool": (nn.global_max_pool(), (4, 3)),
    "concatenate": (nn.concatenate(nn.dense(3, 2), nn.dropout(0.3), nn.batch_norm(3)), (3,)),
    "frozen": (nn.frozen(nn.serial(nn.dense(3, 4), nn.batch_norm(4), nn.dropout(0.3))), (3,)),
    "with_mask": (nn.with_mask(nn.batch_norm(3), lambda x: x[:, 0] > -1), (3,)),
    "mixed_precision": (nn.mixed_precision(nn.serial(nn.dense(3, 4), nn.batch_norm(4))), (3,)),
}
#: Their derivatives are not those of the function that they compute.
OTHER_DERIVATIVES = ("frozen", "mixed_precision")
RANDOM = ("dropout", "repeat", "mlp", "concatenate", "frozen")
every_layer = pytest.mark.parametrize("name", LAYERS)


@functools.cache
def ensembles():
    """Three sets of parameters and state of every layer, stacked and as a list."""
    random, keys = np.random.default_rng(1), jax.random.split(jax.random.key(1), MEMBERS)

    @jax.jit  # one program for all layers
    def states():
        return {name: jax.vmap(layer.init)(keys)[1] for name, (layer, _) in LAYERS.items()}

    def draw(layer):  # since the layers' own draws would be slow to compile
        shapes, _ = jax.eval_shape(jax.vmap(layer.init), keys)
        return jax.tree.map(lambda x: random.normal(size=x.shape).astype(x.dtype) / 2, shapes)

    with jax.debug_key_reuse(False):  # of the states, no draw is a part
        stacked = {name: (draw(LAYERS[name][0]), state) for name, state in states().items()}
    return stacked, [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(MEMBERS)]


@functools.cache
def setting(name):
    """The layer, its parameters and state, and two batches of inputs."""
    layer, shape = LAYERS[name]
    params, state = ensembles()[1][0][name]
    first, second = np.random.default_rng(0).normal(size=(2, BATCH, *shape)).astype(np.float32)
    return layer, params, state, first, 2 + second


def test_every_layer_that_is_exported_is_in_the_table():
    exported = {name for name in nn.__all__ if returns_a_layer(getattr(nn, name))}
    listed = {word.strip(",") for name in LAYERS for word in name.split()}
    assert exported - listed == {"activation", "embedding", "serial", "stateless"}


def returns_a_layer(thing):
    is_function = inspect.isfunction(thing)
    return is_function and "Layer[" in str(inspect.signature(thing).return_annotation)


def assert_close(actual, expected, rtol=1e-5, atol=1e-5):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=rtol, atol=atol)


def shapes(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


@every_layer
def test_jitted_training_steps_equal_eager_ones_and_are_traced_once(name):
    layer, params, state, first, second = setting(name)
    traces = []

    @jax.jit
    def step(state, x, key):
        traces.append(x.shape)
        return layer.apply(params, state, x, key=key, train=True)

    jitted = eager = state
    for i in range(10):
        x = second if i % 2 else first
        y, jitted = step(jitted, x, jax.random.key(i))
        if i < 2:
            expected, eager = layer.apply(params, eager, x, key=jax.random.key(i), train=True)
            rounding = 2**-6 if name == "mixed_precision" else 1e-5
            assert_close((y, jitted), (expected, eager), rtol=rounding, atol=rounding)
    assert len(traces) == 1
    assert shapes(jitted) == shapes(state)


@every_layer
def test_an_ensemble_under_vmap_equals_its_members_in_a_loop(name):
    layer, _, _, x, _ = setting(name)
    stacked, members = ensembles()
    mask_keys = jax.random.split(jax.random.key(2), MEMBERS)

    def apply(member, key):
        return layer.apply(*member, x, key=key, train=True)

    together = jax.jit(jax.vmap(apply))(stacked[name], jax.random.clone(mask_keys))
    alone = jax.jit(apply)
    for i, member in enumerate(members):
        one_of_them = jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], together)
        assert_close(one_of_them, alone(member[name], mask_keys[i]))


def test_init_under_vmap_draws_what_it_draws_for_each_key():
    init = LAYERS["mlp"][0].init
    keys = jax.random.split(jax.random.key(1), MEMBERS)
    together = jax.jit(jax.vmap(init))(jax.random.clone(keys))
    alone = jax.jit(init)
    for i, key in enumerate(keys):
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), alone(key))


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in OTHER_DERIVATIVES])
@pytest.mark.filterwarnings("ignore:Using reduced precision for gradient of reduce-window")
def test_forward_mode_equals_reverse_mode_and_central_differences(name):
    layer, params, state, x, _ = setting(name)
    with jax.enable_x64(True):
        params, x = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, x))
        rng = np.random.default_rng(3)
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), (params, x))

        def along(t):
            moved, x_moved = jax.tree.map(lambda leaf, d: leaf + t * d, (params, x), direction)
            y, _ = layer.apply(moved, state, x_moved, key=jax.random.key(2), train=True)
            return jnp.sum(jnp.cos(jnp.arange(y.size)).reshape(y.shape) * y)

        @jax.jit
        def three_ways(step):
            numerical = (along(step) - along(-step)) / (2 * step)
            return numerical, jax.jvp(along, (0.0,), (1.0,))[1], jax.grad(along)(0.0)

        numerical, forward, reverse = three_ways(1e-6)
    np.testing.assert_allclose(reverse, numerical, rtol=1e-6, atol=1e-7)
    # A GPU cannot reduce pairs of float64: forward mode rounds them to 20 bits, and JAX warns.
    rounded = name == "max_pool" and not ON_CPU
    exact = {"rtol": 1e-5} if rounded else {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(forward, reverse, **exact)


@every_layer
def test_the_state_can_be_carried_through_a_scan_in_64_bit_mode(name):
    layer, params, state, x, _ = setting(name)

    def step(state, key):
        y, state = layer.apply(params, state, x.astype(np.float64), key=key, train=True)
        return state, y

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 3)
        last, ys = jax.eval_shape(lambda state: jax.lax.scan(step, state, keys), state)
    assert shapes(last) == shapes(state)
    assert ys.dtype == np.float64


@every_layer
def test_inference_needs_no_key_and_returns_the_state_unchanged(name):
    layer, params, state, x, _ = setting(name)
    _, state = layer.apply(params, state, x, key=jax.random.key(0), train=True)
    _, after = layer.apply(params, state, x)
    assert_close(after, state, rtol=0, atol=0)


@every_layer
def test_a_key_without_train_draws_masks_and_leaves_the_state_unchanged(name):
    layer, params, state, x, _ = setting(name)
    plain, _ = layer.apply(params, state, x)
    sample, after = layer.apply(params, state, x, key=jax.random.key(0))
    assert_close(after, state, rtol=0, atol=0)
    assert np.array_equal(sample, plain) == (name not in RANDOM)


@pytest.mark.parametrize("name", RANDOM[:-1])  # training does not reach what is frozen
def test_training_without_a_key_raises_an_error_in_random_layers(name):
    layer, params, state, x, _ = setting(name)
    with pytest.raises(ValueError, match=r"dropout\(0\.3\) needs a key while training"):
        layer.apply(params, state, x, train=True)


@every_layer
def test_a_bfloat16_network_has_bfloat16_outputs_and_gradients(name):
    layer, params, state, x, _ = setting(name)
    params, x = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.bfloat16), (params, x)
    )

    def total(params, x):
        y, after = layer.apply(params, state, x, key=jax.random.key(0), train=True)
        return y.sum(), (y, after)

    grads, (y, after) = jax.eval_shape(jax.grad(total, argnums=(0, 1), has_aux=True), params, x)
    assert y.dtype == jnp.bfloat16
    assert shapes(grads) == shapes((params, x))
    assert shapes(after) == shapes(state)


def test_dense_is_the_affine_map_of_the_last_axis():
    layer = nn.dense(3, 4, bias_init=jax.nn.initializers.normal(1.0))
    params, state = jax.jit(layer.init)(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    wide, weight, bias = (np.asarray(array, np.float64) for array in (x, *params))
    expected = np.einsum("...i,io->...o", wide, weight) + bias
    y, _ = jax.jit(layer.apply)(params, state, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
