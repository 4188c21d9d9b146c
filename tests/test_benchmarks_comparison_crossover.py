"""Batches of directions: which mode they are of, and the lines through their times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.comparison.crossover import compile_batches, fit_crossover
from benchmarks.comparison.experiment import make_experiment
from benchmarks.comparison.reading import read_program
from benchmarks.derivatives.problem import make_problem
from benchmarks.instrument.samples import Samples

X = jnp.linspace(0.1, 1.0, 5)


def experiment(fn):
    problem = make_problem(fn, (X,))
    return make_experiment(problem, read_program(problem), order=1, budget=1.0, seed=0)


def test_a_forward_batch_pushes_tangents_and_a_reverse_batch_pulls_cotangents():
    batches = compile_batches(experiment(lambda x: jnp.outer(jnp.sin(x), x[:3])), seed=0)
    assert list(batches) == [("forward", k) for k in (1, 4)] + [("reverse", k) for k in (1, 4)]
    for (mode, size), compiled in batches.items():
        (result,) = jax.tree.leaves(compiled.call())
        assert result.shape == ((size, 5, 3) if mode == "forward" else (size, 5))


def test_an_impossible_mode_has_no_batches():
    def halve(x):
        return jnp.sum(jax.lax.while_loop(lambda x: jnp.sum(x) > 1, lambda x: x / 2, x))

    assert compile_batches(experiment(halve), seed=0) == {}


def timed(intercept, slope, sizes):
    def samples(seconds):
        wall = np.full(9, seconds)
        return Samples(rounds=np.arange(9), wall=wall, cpu=wall, calls=1)

    return {size: samples(intercept + slope * size) for size in sizes}


def test_the_lines_of_both_modes_cross_where_they_cost_the_same():
    forward, reverse = timed(2.0, 0.5, (1, 4, 16)), timed(3.0, 0.8, (1, 4))
    samples = {("forward", k): v for k, v in forward.items()}
    samples |= {("reverse", k): v for k, v in reverse.items()}
    found = fit_crossover(samples, outputs=40)
    assert found.forward.sizes == (1, 4, 16)
    assert found.reverse.sizes == (1, 4)
    assert found.forward.slope.value == pytest.approx(0.5)
    assert found.reverse.slope.value == pytest.approx(0.8)
    assert found.forward.seconds == pytest.approx((2.5, 4.0, 10.0))
    assert found.inputs.value == pytest.approx((3.0 + 0.8 * 40 - 2.0) / 0.5)
    del samples["reverse", 4]
    assert fit_crossover(samples, outputs=40) is None
