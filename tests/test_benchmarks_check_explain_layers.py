"""No false alarm: of every layer, all is finite and has its digits."""

import jax.numpy as jnp
import pytest
from test_nn_contract import LAYERS, setting

from benchmarks import explain_nonfinite


@pytest.mark.parametrize("start", range(0, len(LAYERS), 11))
def test_every_layer_is_sound(start):
    names = [*LAYERS][start : start + 11]
    settings = [setting(name) for name in names]

    def loss(params, inputs):
        pairs = zip(settings, params, inputs, strict=True)
        return sum(jnp.sum(jnp.sin(one[0].apply(p, one[2], x)[0])) for one, p, x in pairs)

    params, inputs = [one[1] for one in settings], [jnp.asarray(one[3]) for one in settings]
    found = explain_nonfinite(loss, params, inputs, mode="reverse")
    assert found.fine, str(found)
