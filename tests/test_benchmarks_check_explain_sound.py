"""No false alarm: of every scenario and every layer, all is finite and has its digits."""

import jax.numpy as jnp
import pytest
from test_nn_contract import LAYERS, setting

from benchmarks import explain_nonfinite
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
#: Of these there is no reverse mode, and one of them ends in float64 alone.
SCENARIOS.pop("pathologies/while_loop")


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_sound(name):
    scenario = SCENARIOS[name]()
    argnums = scenario.argnums
    found = explain_nonfinite(scenario.fn, *scenario.inputs, argnums=argnums, mode="reverse")
    assert found.fine, str(found)
    assert not found.note


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
