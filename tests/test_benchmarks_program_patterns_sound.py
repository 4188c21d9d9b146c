"""Functions without a fault raise no advice: every scenario, and every layer of the library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from program_patterns import patterns_of
from test_nn_contract import LAYERS

from benchmarks.scenarios.table import SUITES

#: What is made to show a fault that has a known cure; every other scenario is sound.
FAULTY = {
    "pathologies/while_loop": ["implicit solve"],  # Newton's method without a reverse mode
    # A network whose equal layers are written out, to show checkpoints without a scan.
    "memory/depth_L16": ["repetition"],
    "memory/depth_L64": ["repetition"],
    "memory/depth_L144": ["repetition"],
}


def scenario_names(size, *suites):
    return [name for suite in suites for name in SUITES[suite](size)]


def found(name, size):
    build = SUITES[name.split("/")[0]](size)[name]
    with jax.enable_x64(True):
        double = build().dtype == "float64"
    with jax.enable_x64(double):
        scenario = build()
        return patterns_of(scenario.fn, *scenario.inputs, argnums=scenario.argnums)


@pytest.mark.parametrize("name", scenario_names("small", *SUITES))
def test_a_small_scenario_raises_no_advice_but_what_it_is_made_to_show(name):
    assert found(name, "small") == FAULTY.get(name, [])


@pytest.mark.parametrize(
    "name", scenario_names("medium", "memory", "pathologies", "hessian", "jacobian", "helmholtz")
)
def test_a_scenario_of_medium_size_raises_no_advice_but_what_it_is_made_to_show(name):
    assert found(name, "medium") == FAULTY.get(name, [])


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_raises_no_advice_in_training_and_out_of_it(name):
    layer, shape = LAYERS[name]
    params, state = layer.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    for train, key in ((False, None), (True, jax.random.key(1))):

        def loss(params, x, train=train, key=key):
            outputs, _ = layer.apply(params, state, x, train=train, key=key)
            return jnp.sum(outputs.astype(jnp.float32) ** 2)

        assert patterns_of(loss, params, x) == []


def test_sixty_functions_are_looked_at():
    assert len(LAYERS) + len(scenario_names("small", *SUITES)) >= 60
