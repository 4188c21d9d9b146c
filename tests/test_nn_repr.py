"""What a layer looks like in a notebook: its name and its size, and no addresses of functions."""

import functools

import jax.numpy as jnp
import pytest

from gradwise import nn


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.mlp((64, 32, 10)), "mlp(64, 32, 10): 2,410 parameters"),
        (nn.dense(3, 4), "dense(3, 4): 16 parameters"),
        (nn.activation(nn.relu), "relu: no parameters"),
        (nn.stateless(lambda key: jnp.ones(1), lambda params, x: x), "stateless: 1 parameter"),
        (nn.serial(nn.dense(3, 4), nn.activation(nn.relu)), "serial of 2 layers: 16 parameters"),
        (nn.repeat(nn.dense(3, 3), 4), "repeat: 48 parameters"),
        (nn.serial(nn.mlp((2, 3)), nn.dense(3, 1)), "serial of 2 layers: 13 parameters"),
    ],
)
def test_a_layer_is_shown_by_its_name_and_its_parameters(layer, text):
    assert repr(layer) == text


def test_a_layer_whose_init_raises_is_shown_all_the_same():
    def init(key):
        raise RuntimeError("not now")

    assert repr(nn.Layer(init, nn.dense(3, 4).apply)) == "Layer(init, apply)"


def test_a_function_that_wraps_another_layers_has_not_its_title():
    model = nn.mlp((2, 3))

    @functools.wraps(model.apply)
    def apply(params, state, x, /, **options):
        return model.apply(params, state, x, **options)

    assert not repr(nn.Layer(model.init, apply)).startswith("mlp")
