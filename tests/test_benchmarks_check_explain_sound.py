"""No false alarm: of every scenario, all is finite and has its digits."""

import pytest
from nightly import sampled

from benchmarks import explain_nonfinite
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
#: Of these there is no reverse mode, and one of them ends in float64 alone.
SCENARIOS.pop("pathologies/while_loop")


@pytest.mark.parametrize("name", sampled(SCENARIOS))
def test_every_scenario_is_sound(name):
    scenario = SCENARIOS[name]()
    argnums = scenario.argnums
    found = explain_nonfinite(scenario.fn, *scenario.inputs, argnums=argnums, mode="reverse")
    assert found.fine, str(found)
    assert not found.note
