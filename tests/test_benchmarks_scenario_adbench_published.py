"""ADBench's published answers, if the environment variable names a folder that has them.

`GRADWISE_ADBENCH_DATA` is a folder of ADBench's own files (`gmm`, `ba`, `lstm`, `hand`) with an
`expected.json` of their answers.
"""

import json
import os
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks.scenarios.adbench import scenarios

FOLDER = Path(os.environ.get("GRADWISE_ADBENCH_DATA", "-"))
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="GRADWISE_ADBENCH_DATA names no folder of ADBench's files"
)
MODES = {"forward": jax.jacfwd, "reverse": jax.jacrev}


def answer(file):
    return json.loads((FOLDER / "expected.json").read_text())[file]


def assert_published(actual, expected, tolerance=1e-10):
    """Check an array by the measure of error that ADBench uses, element by element."""
    actual, expected = np.ravel(actual), np.ravel(expected)
    error = np.abs(actual - expected) / np.maximum(1, np.abs(actual) + np.abs(expected))
    assert actual.shape == expected.shape
    assert error.max() < tolerance


def jacobian(scenario, mode):
    return jax.jit(MODES[mode](scenario.fn, scenario.argnums))(*scenario.inputs)


@pytest.mark.parametrize("mode", MODES)
def test_gmm_and_its_gradient_are_as_published(mode):
    with jax.enable_x64(True):
        scenario = scenarios("small", FOLDER)["adbench/gmm_d2_K3"]()
        expected = answer("gmm/test.txt")
        assert_published(scenario.fn(*scenario.inputs), expected["objective"])
        gradient = np.concatenate([np.ravel(part) for part in jacobian(scenario, mode)])
        assert_published(gradient, expected["gradient_alpha_mu_then_icf_rows"])


def test_the_residuals_of_ba_are_as_published():
    with jax.enable_x64(True):
        scenario = scenarios("small", FOLDER)["adbench/ba_test"]()
        expected = answer("ba/test.txt")
        reprojection, weight = scenario.fn(*scenario.inputs)
        assert_published(reprojection, np.tile(expected["reproj_err_pair"], 10))
        assert_published(weight, np.full(10, expected["w_err"]))


@pytest.mark.parametrize("mode", MODES)
def test_lstm_and_its_gradient_are_as_published(mode):
    with jax.enable_x64(True):
        scenario = scenarios("medium", FOLDER)["adbench/lstm_l2_c1024"]()
        expected = answer("lstm/lstm_l2_c1024.txt")
        assert_published(scenario.fn(*scenario.inputs), expected["objective"], tolerance=1e-7)
        gradient = np.concatenate([np.ravel(part) for part in jacobian(scenario, mode)])
        assert_published(gradient, expected["gradient_main_then_extra"])


@pytest.mark.parametrize("mode", MODES)
def test_hand_and_its_jacobian_are_as_published(mode):
    with jax.enable_x64(True):
        scenario = scenarios("small", FOLDER)["adbench/hand_simple_2"]()
        expected = answer("hand/test.txt (simple)")
        assert_published(scenario.fn(*scenario.inputs), expected["objective"])
        (by_theta,) = jacobian(scenario, mode)
        assert_published(by_theta.reshape(6, 26).T, expected["jacobian_colmajor_6x26"])


@pytest.mark.parametrize("name", [*scenarios("small"), *scenarios("medium"), *scenarios("large")])
def test_the_inputs_of_every_file_give_what_the_oracle_computes(name):
    size = next(size for size in ("small", "medium", "large") if name in scenarios(size))
    with jax.enable_x64(True):
        scenario = scenarios(size, FOLDER)[name]()
        assert scenario.oracle
        actual = jax.tree.leaves(scenario.fn(*scenario.inputs))
        expected = jax.tree.leaves(scenario.oracle(*jax.tree.map(np.asarray, scenario.inputs)))
        for leaf, expected_leaf in zip(actual, expected, strict=True):
            assert_published(leaf, expected_leaf)
