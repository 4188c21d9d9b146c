"""Convolution and pooling against loops in NumPy, in float64."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn

RNG: Any = np.random.default_rng(0)


def pads(shape, window, strides, dilation, padding):
    """The padding of each spatial axis as pairs: "SAME" gives ceil(size / stride) outputs."""
    if padding == "VALID":
        return [(0, 0)] * len(window)
    if padding != "SAME":
        return padding
    pairs = []
    for size, k, s, d in zip(shape[1:-1], window, strides, dilation, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs


def windows(x, window, strides, dilation, padding, fill):
    """Yield `(position, [batch, *window, channels])` for every position of the window."""
    pairs = pads(x.shape, window, strides, dilation, padding)
    padded = np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=fill)
    sizes = [
        (padded.shape[i + 1] - (k - 1) * d - 1) // s + 1
        for i, (k, s, d) in enumerate(zip(window, strides, dilation, strict=True))
    ]
    for position in itertools.product(*map(range, sizes)):
        place = tuple(
            slice(p * s, p * s + (k - 1) * d + 1, d)
            for p, k, s, d in zip(position, window, strides, dilation, strict=True)
        )
        yield position, padded[(slice(None), *place)]


def convolution(x, weight, bias, strides, dilation, groups, padding):
    *window, group_in, out = weight.shape
    places = {}
    for position, patch in windows(x, window, strides, dilation, padding, 0.0):
        channels = []
        for o in range(out):
            first = o // (out // groups) * group_in
            seen = patch[..., first : first + group_in]
            channels.append((seen * weight[..., o]).reshape(len(x), -1).sum(1) + bias[o])
        places[position] = np.stack(channels, -1)
    sizes = [1 + max(axis) for axis in zip(*places, strict=True)]
    y = np.empty((len(x), *sizes, out))
    for position, value in places.items():
        y[(slice(None), *position)] = value
    return y


def pooled(x, window, strides, padding, fill, reduce):
    places = dict(windows(x, window, strides, (1,) * len(window), padding, fill))
    sizes = [1 + max(axis) for axis in zip(*places, strict=True)]
    y = np.empty((len(x), *sizes, x.shape[-1]))
    for position, patch in places.items():
        y[(slice(None), *position)] = reduce(patch.reshape(len(x), -1, x.shape[-1]), axis=1)
    return y


@pytest.mark.parametrize(
    ("shape", "out", "options"),
    [
        ((2, 9, 3), 4, {"window": (3,)}),
        ((2, 9, 4), 6, {"window": (2,), "strides": 2, "dilation": 3, "groups": 2}),
        ((2, 7, 6, 3), 5, {"window": (3, 2), "strides": (2, 1), "padding": "VALID"}),
        ((2, 5, 6, 2), 4, {"window": (2, 3), "padding": ((0, 2), (1, 1)), "groups": 2}),
        ((1, 4, 3, 5, 2), 3, {"window": (2, 3, 2), "strides": (1, 2, 2)}),
    ],
)
def test_conv_equals_the_sum_over_each_window(shape, out, options):
    layer = nn.conv(shape[-1], out, **options)
    drawn = jax.eval_shape(layer.init, jax.random.key(0))[0]
    params = jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape).astype(leaf.dtype), drawn)
    x = RNG.normal(size=shape).astype(np.float32)
    rank = len(options["window"])

    def spread(name):
        value = options.get(name, 1)
        return value if isinstance(value, tuple) else (value,) * rank

    expected = convolution(
        x.astype(np.float64),
        params.weight.astype(np.float64),
        params.bias.astype(np.float64),
        spread("strides"),
        spread("dilation"),
        options.get("groups", 1),
        options.get("padding", "SAME"),
    )
    y, _ = jax.jit(layer.apply)(params, (), x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


POOLS = [
    ((2, 9, 3), {"window": (3,)}),
    ((2, 7, 6, 3), {"window": (3, 2), "strides": (2, 1)}),
    ((2, 7, 6, 3), {"window": (3, 2), "strides": 2, "padding": "SAME"}),
    ((1, 4, 3, 5, 2), {"window": (2, 2, 3), "padding": ((1, 0), (0, 1), (1, 1))}),
]


@pytest.mark.parametrize(("shape", "options"), POOLS)
def test_pools_reduce_each_window_without_its_padding(shape, options):
    x = RNG.normal(size=shape).astype(np.float32) - 5  # below the zeros of a padding
    window = options["window"]
    strides = options.get("strides", window)
    strides = strides if isinstance(strides, tuple) else (strides,) * len(window)
    padding = options.get("padding", "VALID")
    for pool, fill, reduce in ((nn.max_pool, -np.inf, np.max), (nn.avg_pool, np.nan, np.nanmean)):
        expected = pooled(x.astype(np.float64), window, strides, padding, fill, reduce)
        y, _ = jax.jit(pool(**options).apply)((), (), x)
        np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_the_mean_of_a_large_bfloat16_window_is_taken_in_float32():
    x = np.full((1, 64, 64, 1), 1.0078125, jnp.bfloat16)
    y, _ = jax.jit(nn.avg_pool((64, 64)).apply)((), (), x)
    assert y.dtype == jnp.bfloat16
    assert y.item() == 1.0078125


def test_the_first_of_equal_maxima_gets_the_gradient_of_max_pool():
    x = np.ones((1, 4, 1), np.float32)
    grad = jax.jit(jax.grad(lambda x: nn.max_pool((2,)).apply((), (), x)[0].sum()))(x)
    np.testing.assert_array_equal(np.ravel(grad), [1, 0, 1, 0])


def test_second_derivatives_pass_through_max_pool():
    x = RNG.normal(size=(1, 6, 1)).astype(np.float32)
    hessian = jax.jit(jax.hessian(lambda x: (nn.max_pool((3,)).apply((), (), x)[0] ** 2).sum()))(x)
    winners = np.zeros(6)
    winners[[np.argmax(x[0, :3]), 3 + np.argmax(x[0, 3:])]] = 2
    np.testing.assert_allclose(np.reshape(hessian, (6, 6)), np.diag(winners))


def test_a_small_network_of_images_trains():
    model = nn.serial(
        nn.conv(1, 4, (3, 3), bias=False),
        nn.batch_norm(4),
        nn.activation(nn.relu),
        nn.max_pool((2, 2)),
        nn.flatten(),
        nn.dense(16, 2),
    )
    params, state = jax.jit(model.init)(jax.random.key(0))
    x = RNG.normal(size=(8, 4, 4, 1)).astype(np.float32)
    labels = (x.mean((1, 2, 3)) > 0).astype(int)

    @jax.jit
    def step(params, state):
        def loss(params):
            y, new_state = model.apply(params, state, x, train=True)
            return -nn.log_softmax(y)[jnp.arange(8), labels].mean(), new_state

        (value, new_state), grad = jax.value_and_grad(loss, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.3 * g, params, grad), new_state, value

    losses = []
    for _ in range(30):
        params, state, value = step(params, state)
        losses.append(float(value))
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("layer", [nn.max_pool((5, 5)), nn.conv(1, 2, (5, 5), padding="VALID")])
def test_a_window_larger_than_the_input_raises_an_error(layer):
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    with pytest.raises(ValueError, match=r"a window has room in, got shape \(1, 3, 3, 1\)"):
        jax.eval_shape(layer.apply, params, state, np.ones((1, 3, 3, 1), np.float32))
    jax.eval_shape(layer.apply, params, state, np.ones((0, 5, 5, 1), np.float32))


def test_strides_may_be_an_array():
    layer, x = nn.max_pool((2, 2), strides=np.array([2, 2])), np.ones((1, 4, 4, 1), np.float32)
    assert jax.eval_shape(layer.apply, (), (), x)[0].shape == (1, 2, 2, 1)
