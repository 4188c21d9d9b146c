"""The numbers of a graph are those of JAX, for every scenario of every suite, in float64."""

import jax
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
from nightly import TWINS, sampled
from test_benchmarks_check_explain_any import PROGRAMS
from test_nn_contract import LAYERS

from benchmarks.derivatives.problem import make_problem
from benchmarks.scenarios.table import SUITES
from gradwise import graph

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
#: The mode that cannot be taken, where there is one.
IMPOSSIBLE = {"pathologies/custom_vjp": "forward", "pathologies/while_loop": "reverse"}


def in_float64(leaf):
    return np.asarray(leaf, np.float64) if getattr(leaf, "dtype", None) == np.float32 else leaf


@pytest.mark.parametrize("name", sampled(SCENARIOS))
def test_values_tangents_and_adjoints_of_a_scenario_are_those_of_jax(name):
    with jax.enable_x64(True):
        scenario = SCENARIOS[name]()
        inputs = jax.tree.map(in_float64, scenario.inputs)
        drawn = graph(scenario.fn, *inputs, argnums=scenario.argnums)
        problem = make_problem(scenario.fn, inputs, argnums=scenario.argnums)
        found = [mode for mode in ("forward", "reverse") if getattr(drawn, mode)]
        assert found == ([IMPOSSIBLE[name]] if name in IMPOSSIBLE else [])
        assert_structure(drawn)
        names = names_of_leaves(scenario.fn, inputs, scenario.argnums)
        assert_as_jax(drawn, names, problem.fn, problem.x, problem.fixed, tolerance=1e-12)
        assert_flops_add_up(drawn, scenario.fn, *inputs)
        assert_adjoints_are_sums(drawn, 1e-12)
        if not found:
            assert_cut_sums_agree(drawn, 1e-12)


def test_what_waits_for_the_night_has_a_twin_that_does_not():
    every = {*SCENARIOS, *LAYERS, *PROGRAMS}
    assert {*TWINS} <= every
    assert {*TWINS.values()} <= every - {*TWINS}
