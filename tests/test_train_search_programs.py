"""Which numbers of a grid one compiled program takes, and of which type they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from train_problem import least_squares

import train
from train.search import ranking
from train.search.grid import programs_of
from train.search.trials import Trials


def test_a_replay_takes_numbers_of_the_type_that_the_search_took():
    types = []

    def noted(key, train_data, validation, *, rate, seed):
        types.append((jax.typeof(rate), jax.typeof(seed)))
        return least_squares(key, train_data, validation, rate=rate, seed=seed)

    x = np.ones((6, 1), np.float32)
    grid = {"rate": [1, 0.5], "seed": [3]}
    train.grid_search(noted, grid, (x, x[:, 0]), (x, x[:, 0]), key=jax.random.key(0)).replay()
    assert len(types) == 1  # found out; the search and the replay call the same program
    assert set(types) == {(jax.typeof(jnp.zeros(2)[0]), jax.typeof(jnp.zeros(2, int)[0]))}


@pytest.mark.parametrize("xp", [jnp, np])
def test_the_values_of_a_grid_may_be_an_array(xp):
    traced = []

    def counted(key, train_data, validation, *, rate, seed):
        traced.append(rate)
        return least_squares(key, train_data, validation, rate=rate, seed=seed)

    x = np.ones((6, 1), np.float32)
    grid = {"rate": xp.linspace(0.1, 0.4, 3), "seed": xp.arange(2)}
    search = train.grid_search(counted, grid, (x, x[:, 0]), (x, x[:, 0]), key=jax.random.key(0))
    assert len(search.rows) == 6
    assert len(traced) == 1
    assert search.best.setting["rate"] == grid["rate"][2]
    assert "0.4" in str(search).splitlines()[1]


def branching(key, train_data, validation, *, method, rate):
    if method == "sgd" and rate > 0.2:
        rate = 0.2
    return least_squares(key, train_data, validation, rate=rate, method=method)


def test_a_number_is_traced_for_the_methods_that_allow_it():
    x = np.ones((6, 1), np.float32)
    search = train.grid_search(
        branching, {"method": ["adam", "sgd"], "rate": [0.1, 0.3]}, (x, 2 * x[:, 0]),
        (x, 2 * x[:, 0]), key=jax.random.key(0),
    )  # fmt: skip
    means = {tuple(row.setting.values()): row.mean for row in search.rows}
    assert set(means) == {("adam", 0.1), ("adam", 0.3), ("sgd", 0.1), ("sgd", 0.3)}
    np.testing.assert_allclose(means["sgd", 0.3], (2 - 0.4 * 2) ** 2, rtol=1e-5)
    for row in search.rows:
        history = search.replay(row)[1]
        np.testing.assert_allclose(history["validation_loss"][-1], row.mean, rtol=1e-5)


@pytest.mark.parametrize("methods", [["adam", "sgd"], ["sgd", "adam"]])
def test_the_programs_of_a_grid_are_the_same_in_any_order_of_its_values(methods):
    x = np.ones((6, 1), np.float32)
    grid = {"method": methods, "rate": [0.1, 0.3]}
    sets = ((x, x[:, 0]), (x, x[:, 0]))
    trials = Trials(grid=grid, key=jax.random.key(0), data=sets, repeats=1, folds=None)
    build = ranking._builder(branching, trials, "validation_loss")
    programs = [(program.fixed, program.numbers) for program in programs_of(grid, build)]
    assert sorted(programs, key=str) == [
        ({"method": "adam"}, ("rate",)),
        ({"method": "sgd", "rate": 0.1}, ()),
        ({"method": "sgd", "rate": 0.3}, ()),
    ]
