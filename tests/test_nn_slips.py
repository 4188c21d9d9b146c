"""What is easily done wrong with layers, and what is told then: who, what was expected, and got."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import initializers
from test_nn_contract import BATCH, LAYERS

import nn

raw: Any = nn  # to call with arguments that a type checker would refuse


def fresh():
    return jax.random.key(0)


# The function of `with_mask` is the user's, and sees the state of a batch norm before any layer.
@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"with_mask"}))
def test_arguments_of_apply_that_are_left_out_or_swapped_are_told_with_the_call(name):
    layer, shape = LAYERS[name]
    params, state = layer.init(fresh())
    x = jnp.ones((BATCH, *shape))
    wrong = [(params, x), (params, x, state), (x, params, state)]
    wrong += [(state, params, x)] if jax.tree.leaves(params) else []
    for given in wrong:
        with pytest.raises((TypeError, ValueError), match=r"apply\(params, state, x\)"):
            layer.apply(*given)


MODEL = nn.serial(nn.dense(3, 4), nn.batch_norm(4), nn.dropout(0.5))
PAIR = MODEL.init(fresh())
X = jnp.ones((5, 3))
DRAWS_ONE = lambda key, shape: jnp.ones(3)  # noqa: E731


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MODEL.apply((PAIR,), PAIR[1], X), ValueError, r"of 3 layers, got 1 and 3: params"),
        (lambda: MODEL.apply(X, PAIR[1], X), TypeError, r"params to be a tuple .* of shape \(5, 3"),
        (lambda: jax.jit(MODEL.apply)(*PAIR, X, train=True), TypeError, "train .* static_argnames"),
        (lambda: raw.batch_norm(3).apply(*nn.batch_norm(3).init(fresh()), X, train="no"), TypeError,
         "train to be True or False, got 'no'"),
        (lambda: raw.dense(3, 2, bias="no"), TypeError, "bias to be True or False, got 'no'"),
        (lambda: raw.conv(3, 2, (2,), bias=0.5), TypeError, "bias to be True or False, got 0.5"),
        (lambda: raw.attention(4, heads=2, causal=None), TypeError, "causal .*, got None"),
        (lambda: raw.attention(4, heads=2, bias=1), TypeError, "bias .*, got 1"),
        (lambda: raw.gru(3, 2, reverse="yes"), TypeError, r"gru\(3, 2\) .* reverse .*, got 'yes'"),
        (lambda: raw.lstm(3, 2, every_step=0), TypeError, "every_step to be .*, got 0"),
        (lambda: raw.mlp((3, 4, 2), batch_norm=0.9), TypeError, "batch_norm to be .*, got 0.9"),
        (lambda: raw.mlp((3, 4, 2), layer_norm=1e-5), TypeError, "layer_norm to be .*, got 1e-05"),
        (lambda: raw.gelu(X, approximate="none"), TypeError, "approximate to be .*, got 'none'"),
        (lambda: raw.mlp(64), TypeError, r"sizes, such as \(64, 32, 10\), got 64"),
        (lambda: raw.mlp("64"), TypeError, r"sizes, such as \(64, 32, 10\), got '64'"),
        (lambda: raw.dense(jnp.array(2.0), 2), TypeError, "in_dim to be an int, got Array"),
        (lambda: raw.dropout(print), TypeError, "rate to be one number, got <built-in"),
        (lambda: raw.dropout(1j), TypeError, "rate to be one number, got 1j"),
        (lambda: raw.batch_norm(3, eps={}), TypeError, "eps to be one number, got {}"),
        (lambda: raw.elman(3, 4, activation="tanh"), TypeError, "such as nn.tanh, got 'tanh'"),
        (lambda: raw.mixed_precision(nn.relu), TypeError, "expected a Layer"),
        (lambda: raw.mixed_precision(MODEL, compute=None), TypeError, "compute .*, got None"),
        (lambda: raw.mixed_precision(MODEL, compute="int8"), TypeError, "compute .*, got 'int8'"),
        (lambda: raw.mixed_precision(MODEL, output=16), TypeError, "output .*bfloat16, got 16"),
        (lambda: raw.monte_carlo(nn.relu, *PAIR, X, fresh(), samples=2), TypeError,
         "monte_carlo expected a Layer"),
        (lambda: raw.saturation(MODEL.apply, *PAIR, X), TypeError, "saturation expected a Layer"),
        (lambda: raw.saturation(MODEL, *PAIR, 1.0), ValueError, "one real row, got shape"),
        (lambda: raw.summary(PAIR, X), TypeError, "summary expected a Layer, got a tuple of 2"),
        (lambda: raw.repeat(nn.dense(3, 3), 2).apply(*nn.dense(3, 3).init(fresh()), X), ValueError,
         r"a first axis of 2, one entry a copy, in params.weight, got shape \(3, 3\)"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_who_expected_what_and_got(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("zeros", r"expected weight_init to be one of jax\.nn\.initializers, .* got 'zeros'"),
        (initializers.he_normal, r"weight_init to draw an array .* from he_normal; call it: he_n"),
        (DRAWS_ONE, r"weight_init to draw an array of shape \(.*\), got one of shape \(3,\)"),
    ],
    ids=["text", "factory", "shape"],
)
def test_what_is_no_initializer_is_told_by_every_layer_that_draws(given, message):
    factories = {
        "dense": lambda: raw.dense(3, 2, weight_init=given),
        "mlp": lambda: raw.mlp((3, 2), weight_init=given),
        "conv": lambda: raw.conv(3, 2, (2,), weight_init=given),
        "embedding": lambda: raw.embedding(5, 2, weight_init=given),
        "positions": lambda: raw.learned_positions(5, 2, weight_init=given),
        "gru": lambda: raw.gru(3, 2, weight_init=given),
        "attention": lambda: raw.attention(4, heads=2, weight_init=given),
    }
    for factory in factories.values():
        with pytest.raises(TypeError, match=message):
            factory().init(fresh())


def test_saturation_calls_no_unit_dead_whose_input_is_nan():
    model = nn.mlp((3, 4, 2))
    params, state = model.init(fresh())
    report = nn.saturation(model, params, state, np.full((5, 3), np.nan, np.float32))
    assert np.isnan([report.layers[0].dead, report.layers[0].saturated]).all()
    assert str(report).splitlines()[-1].startswith("nan: the inputs of the activation are NaN")
