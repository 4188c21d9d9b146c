"""The numbers of a graph are those of JAX, for every layer, to the digits of their type."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from graph_checks import (
    assert_adjoints_are_sums,
    assert_as_jax,
    assert_cut_sums_agree,
    assert_flops_add_up,
    assert_structure,
    names_of_leaves,
)
from nightly import sampled
from test_nn_contract import LAYERS

from gradwise import graph

BATCH = 6
#: Float32 has no digits left in batch norms of batch norms of so few rows.
IN_FLOAT64 = ("repeat", "mlp")
#: What is rounded to bfloat16 has another sum at every cut.
ROUNDED = "mixed_precision"
KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def states():
    """The first state of every layer, by one program."""
    key = jax.random.key(1)

    @jax.jit
    def first():
        return {name: layer.init(key)[1] for name, (layer, _) in LAYERS.items()}

    with jax.debug_key_reuse(False):
        return first()


@pytest.mark.parametrize("name", sampled(LAYERS))
def test_values_tangents_and_adjoints_of_a_layer_in_training_are_those_of_jax(name, states):
    wide = name in IN_FLOAT64
    tolerance = 1e-12 if wide else 1e-6
    with jax.enable_x64(wide):
        output, inputs = in_training(name, states[name], np.float64 if wide else np.float32)
        result = jax.eval_shape(output, *inputs)
        weights = jnp.cos(jnp.arange(result.size, dtype=result.dtype)).reshape(result.shape)
        drawn = graph(output, *inputs, cotangent=weights)
        leaves, structure = jax.tree.flatten(inputs)

        def of_leaves(leaves, _):
            return output(*jax.tree.unflatten(structure, leaves))

        assert not drawn.forward
        assert not drawn.reverse
        assert_structure(drawn)
        names = names_of_leaves(output, inputs)
        assert_as_jax(drawn, names, of_leaves, leaves, tolerance=tolerance, weights=[weights])
        assert_adjoints_are_sums(drawn, tolerance)
        assert_cut_sums_agree(drawn, 1e-2 if name == ROUNDED else tolerance)
        assert_flops_add_up(drawn, output, *inputs)


def in_training(name, state, dtype):
    """A layer as a function of its parameters and its input, and some of these."""
    layer, shape = LAYERS[name]
    random = np.random.default_rng(5)
    params = jax.eval_shape(layer.init, KEY)[0]
    rows = jax.ShapeDtypeStruct((BATCH, *shape), dtype)

    def output(params, x):
        return layer.apply(params, state, x, key=KEY, train=True)[0]

    def draw(leaf):
        return jnp.asarray(random.normal(size=leaf.shape) / 2, dtype)

    return output, jax.tree.map(draw, (params, rows))
