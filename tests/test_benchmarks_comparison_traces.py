"""The Hessian's diagonal and its trace are checked like everything else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.check.error import deviation
from benchmarks.derivatives.method import Probe, Truth
from benchmarks.derivatives.table import METHODS

BY_NAME = {method.name: method for method in METHODS}
HESSIAN = np.array([[1000.0, 2.0, 0.0], [2.0, -1000.0, 1.0], [0.0, 1.0, 0.5]])
TRUTH = Truth(np.zeros(3), HESSIAN @ np.ones(3), HESSIAN @ np.ones(3), HESSIAN, "by hand")
PROBE = Probe((np.ones(3),), ())


def off(name, result):
    return deviation(BY_NAME[name], result, None, PROBE, TRUTH).fault


def test_a_diagonal_is_held_against_that_of_the_hessian():
    assert off("diagonal_in_turn", (np.array([1000.0, -1000.0, 0.5]),)) == 0
    wrong = off("diagonal_in_turn", (np.array([1000.0, -1000.0, 10.5]),))
    assert wrong == pytest.approx(10 / 1000)


def test_a_trace_is_held_against_the_sum_and_its_error_counts_over_the_sizes_that_cancel():
    assert off("trace_in_turn", np.float64(0.5)) == 0
    assert off("trace_in_turn", np.float64(20.5)) == pytest.approx(20 / 2000.5)


def test_all_ways_to_a_diagonal_and_a_trace_are_found_right_and_handed_out():
    def valley(x):
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = jnp.linspace(0.0, 1.0, 5)
    ways = [name for name in BY_NAME if name.startswith(("diagonal", "trace"))]
    found = compare(valley, x, order=2, methods=ways, budget=0.3)
    hessian = jax.hessian(valley)(2 * x)
    for name in ways:
        assert found.row(name).status == "ok"
        wanted = jnp.diag(hessian) if name.startswith("diagonal") else jnp.trace(hessian)
        np.testing.assert_allclose(found.derivative(name)(2 * x), wanted, rtol=1e-5)
    assert found.verdict.diagonal is None  # it is what the times are of
    assert found.derivative("trace")(x).shape == ()
