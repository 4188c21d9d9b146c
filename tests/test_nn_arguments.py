"""Errors of the layers for wrong arguments and wrong inputs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn

raw: Any = nn  # to call with arguments that a type checker would refuse


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.dense(3, 4), (5, 7), r"dense\(3, 4\) .* last axis is 3, got shape \(5, 7\)"),
        (nn.dense(3, 4), (), r"dense\(3, 4\) .* last axis is 3, got shape \(\)"),
        (nn.batch_norm(3), (5, 7), r"batch_norm\(3\) .* last axis is 3, got shape \(5, 7\)"),
        (nn.layer_norm(3), (5, 1), r"layer_norm\(3\) .* last axis is 3, got shape \(5, 1\)"),
        (nn.rms_norm(3), (5, 1), r"rms_norm\(3\) .* last axis is 3, got shape \(5, 1\)"),
        (nn.prelu(8), (8, 1), r"prelu\(8\) .* last axis is 8, got shape \(8, 1\)"),
        (nn.conv(3, 4, (2, 2)), (5, 6, 6, 4), r"conv\(3, 4, \(2, 2\)\) .* is 3, got shape"),
        (nn.conv(3, 4, (2, 2)), (5, 6, 3), r"conv\(3, 4, \(2, 2\)\) .* 4 axes, got shape"),
        (nn.max_pool((2, 2)), (5, 6, 3), r"max_pool\(\(2, 2\)\) .* 4 axes, got shape"),
        (nn.avg_pool((2,)), (5, 6, 3, 1), r"avg_pool\(\(2,\)\) .* 3 axes, got shape"),
        (nn.residual(nn.dense(3, 4)), (5, 3), r"residual .* shape \(5, 3\), got \(5, 4\)"),
        (nn.lstm(3, 4), (5, 3), r"lstm\(3, 4\) .* \[batch, time, 3\], got shape \(5, 3\)"),
        (nn.gru(3, 4), (5, 7, 2), r"gru\(3, 4\) .* last axis is 3, got shape \(5, 7, 2\)"),
        (nn.attention(4, heads=2), (5, 4), r"attention\(4, heads=2\) .* \[batch, time, 4\], got"),
        (nn.sinusoidal_positions(3), (5, 3), r"positions\(3\) .* \[batch, time, 3\], got"),
        (
            nn.global_avg_pool(),
            (5, 3),
            r"global_avg_pool\(\) .* 3 axes or more, got shape \(5, 3\)",
        ),
        (nn.repeat(nn.dense(3, 4), 2), (5, 3), r"repeat .* shape \(5, 3\), got \(5, 4\)"),
    ],
)
def test_a_wrong_shape_raises_an_error_that_names_the_layer_and_both_shapes(layer, shape, message):
    def init_and_apply(key, x):
        return layer.apply(*layer.init(key), x)

    with pytest.raises(ValueError, match=message):
        jax.eval_shape(init_and_apply, jax.random.key(0), np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: raw.dense(3.0, 4), TypeError, r"in_dim to be an int, got 3\.0"),
        (lambda: raw.dense(3, 0), ValueError, r"out_dim to be at least 1, got 0"),
        (lambda: raw.batch_norm(-3), ValueError, r"features to be at least 1, got -3"),
        (lambda: raw.batch_norm(True), TypeError, r"features to be an int, got True"),
        (
            lambda: raw.batch_norm(3, momentum=1.0),
            ValueError,
            r"momentum .* \[0, 1\), got 1\.0",
        ),
        (lambda: raw.batch_norm(3, eps=0.0), ValueError, r"eps must be positive, got 0\.0"),
        (lambda: raw.layer_norm(3, eps="a"), TypeError, r"eps to be one number, got 'a'"),
        (
            lambda: raw.prelu(3, slope=float("nan")),
            ValueError,
            r"slope must be finite, got nan",
        ),
        (lambda: raw.prelu(nn.relu), TypeError, r"features to be an int, got <function relu"),
        (lambda: raw.dropout("a"), TypeError, r"rate to be one number, got 'a'"),
        (lambda: raw.embedding(0, 3), ValueError, r"size to be at least 1, got 0"),
        (lambda: raw.conv(3, 4, 3), ValueError, r"one entry for each of 1 to 3 spatial axes"),
        (lambda: raw.conv(3, 4, (3,), groups=2), ValueError, r"multiples of groups=2"),
        (lambda: raw.conv(3, 4, (3,), padding="FULL"), ValueError, r"'VALID' or 1 pairs"),
        (
            lambda: raw.conv(3, 4, (3,), strides=(1, 1)),
            ValueError,
            r"strides to be an int or 1",
        ),
        (
            lambda: raw.max_pool((2, 2), padding=((0, 1),)),
            ValueError,
            r"2 pairs \(before, after\)",
        ),
        (
            lambda: raw.avg_pool((2,), padding=((2, 0),)),
            ValueError,
            r"less padding than window",
        ),
        (lambda: raw.conv(3, 4, (3,), padding=1), ValueError, r"'VALID' or 1 pairs"),
        (lambda: raw.serial(), ValueError, r"serial expected at least one layer"),
        (
            lambda: raw.serial(nn.dense(3, 4), nn.relu),
            TypeError,
            r"wrap a function as nn\.activ",
        ),
        (
            lambda: raw.residual(nn.relu),
            TypeError,
            r"expected a Layer, got <function relu",
        ),
        (lambda: raw.concatenate(), ValueError, r"concatenate expected at least one layer"),
        (lambda: raw.frozen(nn.relu), TypeError, r"frozen expected a Layer, got <function relu"),
        (lambda: raw.with_mask(nn.gru(3, 4), 0), TypeError, r"a function of the input, got 0"),
        (lambda: raw.mixed_precision(3), TypeError, r"mixed_precision expected a Layer, got 3"),
        (
            lambda: raw.mixed_precision(nn.dense(3, 4), compute=np.int32),
            TypeError,
            r"expected compute to be a floating-point type",
        ),
        (lambda: raw.lstm(3, 4.5), TypeError, r"units to be an int, got 4\.5"),
        (lambda: raw.lstm(3, 4, forget_bias=np.inf), ValueError, r"forget_bias must be finite"),
        (lambda: raw.elman(3, 4, activation="tanh"), TypeError, r"activation to be a function"),
        (lambda: raw.attention(4, heads=3), ValueError, r"features to be a multiple of heads"),
        (lambda: raw.learned_positions(0, 3), ValueError, r"length to be at least 1, got 0"),
        (
            lambda: raw.mlp((3, 4, 2), batch_norm=True, layer_norm=True),
            ValueError,
            r"batch_norm or layer_norm, got both",
        ),
        (lambda: raw.repeat(nn.dense(3, 3), 0), ValueError, r"n to be at least 1, got 0"),
        (lambda: raw.activation(3), TypeError, r"a function of one array, got 3"),
        (lambda: raw.activation(nn.prelu(3)), TypeError, r"got a Layer; use it as it is"),
        (lambda: raw.mlp(()), ValueError, r"at least 2 sizes, inputs and outputs, got \[\]"),
        (lambda: raw.mlp((3, 4.5, 2)), TypeError, r"every size to be an int, got 4\.5"),
        (
            lambda: raw.mlp((3, 4), dropout=1.5),
            ValueError,
            r"dropout rate must be in \[0, 1\]",
        ),
        (lambda: raw.mlp((3, 4, 2), activation="relu"), TypeError, r"one array, got 'relu'"),
    ],
)
def test_an_invalid_argument_of_a_factory_raises_an_error_that_names_it(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_integer_input_of_dense_raises_an_error_that_names_the_fix():
    layer, params = nn.dense(3, 4), nn.Dense(weight=np.ones((3, 4), np.float32), bias=None)
    with pytest.raises(TypeError, match=r"dense\(3, 4\) .* got uint8; .* x\.astype"):
        layer.apply(params, (), np.ones((5, 3), np.uint8))


@pytest.mark.parametrize(
    "layer",
    [nn.avg_pool((2,)), nn.max_pool((2,)), nn.global_avg_pool(), nn.lstm(3, 2), nn.batch_norm(3)],
    ids=str,
)
def test_integers_are_refused_where_they_would_be_cut_off(layer):
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    with pytest.raises(TypeError, match="expected a floating-point input, got int32"):
        jax.eval_shape(layer.apply, params, state, jnp.ones((2, 4, 3), jnp.int32))


@pytest.mark.parametrize("fn", [nn.sigmoid, nn.tanh, nn.silu, nn.gelu, nn.softmax])
def test_an_activation_says_that_it_needs_floats(fn):
    with pytest.raises(TypeError, match="expected a floating-point input, got int32"):
        jax.eval_shape(fn, jnp.ones(3, jnp.int32))


TREES = {"none": None, "empty": (), "pair": (np.ones((2, 4, 3)),) * 2, "dict": {"a": np.ones(2)}}


@pytest.mark.parametrize("x", TREES.values(), ids=TREES)
@pytest.mark.parametrize(
    "layer",
    [nn.dense(3, 2), nn.conv(3, 2, (2,)), nn.gru(3, 2), nn.global_max_pool(), nn.dropout(0.5)],
    ids=str,
)
def test_a_tree_is_no_input_of_a_layer_of_one_array(layer, x):
    params, state = layer.init(jax.random.key(0))
    with pytest.raises(TypeError, match=r"expected one array, got (None|\(\)|a \w+ of \d)"):
        layer.apply(params, state, x)


@pytest.mark.parametrize(
    "layer",
    [
        nn.batch_norm(3), nn.layer_norm(3), nn.prelu(3), nn.sinusoidal_positions(3),
        nn.avg_pool((2,)), nn.activation(nn.softmax), nn.gru(3, 2), nn.dropout(0.5),
    ],
    ids=str,
)  # fmt: skip
def test_float64_of_numpy_is_taken_without_a_warning(layer):
    params, state = layer.init(jax.random.key(0))
    y, _ = layer.apply(params, state, np.ones((2, 4, 3)), key=jax.random.key(1))
    assert y.dtype == jnp.float32
