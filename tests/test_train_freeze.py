"""Some parameters stay as they are while the others are trained."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, CLASSES, FEATURES, data

import losses
import nn
import train

OPTIMIZERS = {
    "adamw": optax.adamw(0.1, weight_decay=0.5),
    "momentum": optax.sgd(0.1, momentum=0.9, nesterov=True),
    "clipped": optax.chain(optax.clip_by_global_norm(1e-3), optax.lion(0.01)),
    "line search": optax.lbfgs(),
}


def first_layer(path, leaf):
    return path[0] == 0


def bits(tree):
    return [np.asarray(leaf).view(np.uint32).tolist() for leaf in jax.tree.leaves(tree)]


@pytest.fixture(scope="module")
def problem():
    model = nn.serial(
        nn.dense(FEATURES, 5), nn.batch_norm(5), nn.activation(nn.tanh), nn.dense(5, CLASSES)
    )
    params, state = jax.jit(model.init)(jax.random.key(1))
    zeros = params[0]._replace(bias=jnp.full(5, -0.0))  # 0.0 in other bits
    objective = train.supervised(
        model.apply, losses.softmax_cross_entropy_with_integer_labels, penalty=losses.l2
    )
    return objective, (zeros, *params[1:]), state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_parameters_are_unchanged_to_the_bit_and_the_others_train(problem, name):
    objective, params, state = problem
    optimizer = train.freeze(OPTIMIZERS[name], select=first_layer)
    train_state = train.init(params, state, optimizer)
    step = jax.jit(train.make_step(objective, optimizer))
    batch = train.Batch(*(part[:BATCH] for part in data()))
    trained = train_state
    for _ in range(3):
        trained, metrics = step(jax.random.key(0), trained, batch)
        assert metrics["skipped"].total == 0
    assert bits(trained.params[0]) == bits(params[0])
    for new, old in zip(trained.params[1:], params[1:], strict=True):
        for one, other in zip(jax.tree.leaves(new), jax.tree.leaves(old), strict=True):
            assert (one != other).any()
    assert (trained.state[1].mean != state[1].mean).any()  # statistics are no parameters


def test_an_update_by_hand_changes_no_bit_either():
    # Outside of `jit`, where the compiler drops the addition of 0.0, it would turn -0.0 to 0.0.
    params = [jnp.array([-0.0, 0.0, 1.5]), jnp.ones(2)]
    optimizer = train.freeze(optax.adamw(0.1, weight_decay=0.5), select=first_layer)
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    applied: Any = optax.apply_updates(params, updates)
    assert bits(applied[0]) == bits(params[0])


def test_the_others_train_as_if_there_were_no_frozen_ones(problem):
    objective, params, state = problem
    inner = optax.chain(optax.clip_by_global_norm(0.1), optax.adamw(0.1, weight_decay=0.5))
    optimizer = train.freeze(inner, select=first_layer)

    def of_the_rest(rest, state, batch, **options):
        return objective((params[0], *rest), state, batch, **options)

    batch = train.Batch(*(part[:BATCH] for part in data()))
    key = jax.random.key(0)
    whole, alone = train.init(params, state, optimizer), train.init(params[1:], state, inner)
    for _ in range(2):
        whole, _ = jax.jit(train.make_step(objective, optimizer))(key, whole, batch)
        alone, _ = jax.jit(train.make_step(of_the_rest, inner))(key, alone, batch)
    for one, other in zip(
        jax.tree.leaves(whole.params[1:]), jax.tree.leaves(alone.params), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_the_optimizer_holds_moments_of_what_moves_alone(problem):
    _, params, _ = problem
    state = train.freeze(optax.adam(0.1), select=first_layer).init(params)
    moving = [leaf.shape for leaf in jax.tree.leaves(params[1:])]
    moments = [leaf.shape for leaf in jax.tree.leaves(state) if leaf.ndim]
    assert sorted(moments) == sorted(2 * moving)


def test_a_frozen_layer_keeps_its_statistics_and_freeze_its_parameters():
    body = nn.frozen(nn.serial(nn.dense(FEATURES, 5), nn.batch_norm(5)))
    model = nn.serial(body, nn.dense(5, CLASSES))
    params, state = jax.jit(model.init)(jax.random.key(1))
    objective = train.supervised(model.apply, losses.softmax_cross_entropy_with_integer_labels)
    optimizer = train.freeze(OPTIMIZERS["adamw"], select=first_layer)
    run = jax.jit(train.make_run(objective, optimizer, epochs=2, batch_size=BATCH))
    trained, _ = run(jax.random.key(0), train.init(params, state, optimizer), data())
    assert bits((trained.params[0], trained.state)) == bits((params[0], state))
    assert (trained.params[1].weight != params[1].weight).all()


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (lambda path, leaf: False, r"freeze selects no parameter of \[\(0, 'weight'\)"),
        (lambda path, leaf: path == ("0", "weight"), "freeze selects no parameter"),
        (lambda path, leaf: True, "freeze selects every parameter"),
    ],
)
def test_a_selection_of_nothing_or_of_everything_is_told(problem, select, message):
    with pytest.raises(ValueError, match=message):
        train.init(problem[1], (), train.freeze(optax.sgd(0.1), select=select))


def test_a_selection_by_values_is_told(problem):
    optimizer = train.freeze(optax.sgd(0.1), select=lambda path, leaf: (leaf > 0).all())
    with pytest.raises(TypeError, match=r"select must return True or False.*\(0, 'weight'\)"):
        optimizer.init(problem[1])


def test_paths_are_those_of_the_losses():
    tree = {"a": [jnp.ones(2), (nn.dense(1, 2).init(jax.random.key(0))[0],)], "b": {3: jnp.ones(1)}}
    of_freeze, of_losses = [], []

    def noted(paths, path, leaf):
        paths.append(path)
        return path[-1] == "weight"

    losses.l2(tree, select=partial(noted, of_losses))
    train.freeze(optax.sgd(0.1), select=partial(noted, of_freeze)).init(tree)
    assert (
        of_freeze == of_losses == [("a", 0), ("a", 1, 0, "weight"), ("a", 1, 0, "bias"), ("b", 3)]
    )


def test_what_is_no_optimizer_or_no_function_is_told():
    with pytest.raises(TypeError, match=r"of freeze must be one of optax, such as .*got 3"):
        train.freeze(3, select=lambda path, leaf: True)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"freeze needs select=, .*got \(0,\)"):
        train.freeze(optax.sgd(0.1), select=(0,))  # pyright: ignore[reportArgumentType]
