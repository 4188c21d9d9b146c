"""Very many outputs are judged by a few random sums of them, within the time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check import judge
from benchmarks.check.directions import random_probe
from benchmarks.check.reference import find_reference
from benchmarks.comparison import refusal
from benchmarks.comparison.refusal import without_room
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.selection import select

X = jnp.arange(1.0, 8.0) / 5


def products(factor):
    """Return a table of products, of whose 49 derivatives one is `factor` times what it is."""

    @jax.custom_jvp
    def table(x):
        return jnp.outer(jnp.sin(x), x).ravel()

    def rule(t, _, x):
        right = jnp.outer(jnp.cos(x) * t, x) + jnp.outer(jnp.sin(x), t)
        return right.ravel() * jnp.ones(49).at[13].set(factor)

    table.defjvps(rule)
    return table


def found(fn, modes=("forward", "reverse")):
    problem = make_problem(fn, (X,))
    return find_reference(problem, random_probe(problem, 1), modes)  # 13 has a slope along this


def test_one_wrong_output_of_many_is_found_in_their_sums(monkeypatch):
    monkeypatch.setattr(judge, "MOST_OUTPUTS", 10)
    right, wrong = found(products(1.0)), found(products(1.001))
    assert not right.wrong
    assert set(wrong.wrong) == {"forward", "reverse"}
    np.testing.assert_allclose(
        right.truth.value, np.outer(np.sin(np.float32(X)), np.float32(X)).ravel(), rtol=1e-6
    )


def test_differences_of_many_outputs_are_taken_of_each(monkeypatch):
    monkeypatch.setattr(judge, "MOST_OUTPUTS", 10)
    alone = found(products(1.0), ("reverse",))
    problem = make_problem(products(1.0), (X,))
    probe = random_probe(problem, 1)
    x, v = np.float64(X), np.float64(probe.tangent[0])
    true = np.outer(np.cos(x) * v, x) + np.outer(np.sin(x), v)
    np.testing.assert_allclose(alone.truth.jvp, true.ravel(), rtol=1e-4)


def test_no_array_of_all_steps_and_all_outputs_is_made(monkeypatch):
    monkeypatch.setattr(judge, "MOST_OUTPUTS", 10)
    problem = make_problem(products(1.0), (X,))
    line = judge.draw_line(problem, random_probe(problem, 0), judge.FLOAT64_EPS)
    assert line.values.shape == (25, 4)
    assert line.value.shape == (49,)


@pytest.mark.parametrize("memory", [1e3, 1e6])
def test_a_result_that_does_not_fit_is_told_before_any_check(monkeypatch, memory):
    monkeypatch.setattr(refusal, "available_memory", lambda devices: memory)
    said = without_room(select(["reverse"]), make_problem(products(1.0), (X,)))
    assert said == ("the result alone takes 1.37 kB of 1 kB" if memory == 1e3 else "")
