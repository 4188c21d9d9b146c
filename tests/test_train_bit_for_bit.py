"""Trainings that are made by different programs, and agree to the last bit."""

from functools import cache

import chex
import jax
import numpy as np
import pytest
from train_problem import (
    BATCH,
    ROWS,
    data,
    linear,
    optimizer,
    order,
    same_training,
    shuffled,
    whole,
)

import train

pytestmark = pytest.mark.compiled_as_for_a_user
KEY = 5


def test_fit_and_run_and_hand_made_steps_agree_and_trace_the_model_once():
    objective, train_state = whole()
    traced = []

    def counted(params, state, batch, *, key=None, train=False):
        traced.append(train)
        return objective(params, state, batch, key=key, train=train)

    key = jax.random.key(KEY)
    fitted, history = train.fit(
        key, train_state, counted, optimizer(), data(), validation=data(5), epochs=5,
        batch_size=BATCH, epochs_per_call=2,
    )  # fmt: skip
    assert traced == [True, False]  # three blocks, partial batches, validation and all
    run = train.make_run(objective, optimizer(), epochs=5, batch_size=BATCH)
    made, curves = jax.jit(run)(key, train_state, data(), data(5))
    assert same_training(fitted, made)
    assert all(np.array_equal(history[name], curves[name]) for name in curves.curves)
    assert same_training(fitted, hand_made(key, train_state, objective, epochs=5))
    assert int(fitted.step) == 5 * 3
    chex.assert_tree_all_finite(train_state.params)  # what was passed in was not donated


def hand_made(key, train_state, objective, *, epochs):
    """The steps of a run, one call each, in the order that `train.data.shuffle` gives."""
    step = jax.jit(train.make_step(objective, optimizer()))
    x, y = (np.asarray(part) for part in data())
    for epoch in range(epochs):
        for rows, mask in zip(*map(np.asarray, order(key, epoch, ROWS, BATCH)), strict=True):
            train_state, _ = step(key, train_state, train.Batch(x[rows], y[rows], mask))
    return train_state


@cache
def linear_run():
    return jax.jit(train.make_run(linear()[0], optimizer(), epochs=2, batch_size=BATCH))


def test_runs_under_lax_map_are_the_runs_of_every_key():
    _, train_state = linear()
    keys = jax.random.split(jax.random.key(KEY), 3)
    mapped, histories = jax.jit(
        lambda keys: jax.lax.map(lambda key: linear_run()(key, train_state, data(), data(5)), keys)
    )(keys)
    assert histories.curves["train_loss"].shape == (3, 2)
    for i, key in enumerate(keys):
        alone, _ = linear_run()(key, train_state, data(), data(5))
        assert same_training(alone, jax.tree.map(lambda leaf, i=i: leaf[i], mapped))


def test_host_batches_train_the_same_network_as_arrays():
    objective, train_state = linear()
    key = jax.random.key(KEY)
    arrays, history = linear_run()(key, train_state, data(), data(5))
    validation = [
        tuple(np.asarray(part)[rows] for part in data(5)) for rows in (slice(3), slice(3, 5))
    ]
    batches, streamed = train.fit(
        key, train_state, objective, optimizer(), lambda epoch: shuffled(KEY, epoch), epochs=2,
        batch_size=BATCH, validation=validation,
    )  # fmt: skip
    assert same_training(arrays, batches)
    for name in history.curves:
        np.testing.assert_allclose(streamed[name], history[name], rtol=1e-6)
