"""Weights alone out of a checkpoint, and the report of what matched."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, CLASSES, FEATURES, data, same_bits, whole

import nn
import train

PARTS = ("params", "state")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A checkpoint of `fit`, and the train state that it holds."""
    objective, train_state = whole()
    folder = tmp_path_factory.mktemp("run")
    optimizer = optax.sgd(0.1, momentum=0.9)
    trained, _ = train.fit(
        jax.random.key(4), train.init(train_state.params, train_state.state, optimizer), objective,
        optimizer, data(), epochs=2, batch_size=BATCH, checkpoint=folder, progress=False,
    )  # fmt: skip
    (path,) = folder.glob("*00000002.safetensors")
    return path, trained


def untrained(optimizer):
    params, state = jax.tree.map(jnp.zeros_like, (whole()[1].params, whole()[1].state))
    return train.init(params, state, optimizer)


def test_weights_go_into_another_optimizer_and_go_on_from_there(file):
    path, trained = file
    adam = optax.adam(1e-3)
    like = untrained(adam)
    found = train.restore(path, like, only=PARTS)
    assert same_bits(found.train_state[:2], trained[:2])
    assert same_bits(found.train_state[2:], like[2:])  # the optimizer's state and the step
    assert jnp.array_equal(found.key, jax.random.key(4))
    assert found.history.epochs == 2
    step = jax.jit(train.make_step(whole()[0], adam))
    new, metrics = step(jax.random.key(0), found.train_state, train.Batch(*data()))
    assert metrics["skipped"].total == 0
    assert int(new.step) == 1


def test_parameters_and_the_layers_state_come_each_alone(file):
    path, trained = file
    like = untrained(optax.identity())
    for only, other in (("params", "state"), ("state", "params")):
        found = train.restore(path, like, only=only).train_state
        assert same_bits(getattr(found, only), getattr(trained, only))
        assert same_bits(getattr(found, other), getattr(like, other))


def test_inference_needs_no_optimizer_and_no_values(file):
    path, trained = file
    like = jax.eval_shape(lambda: untrained(optax.identity()))
    found = train.restore(path, like, only=PARTS).train_state
    objective = whole()[0]
    x = data()[0]
    assert same_bits(
        objective.apply(found.params, found.state, x),
        objective.apply(trained.params, trained.state, x),
    )


def other_head():
    model = nn.serial(
        nn.batch_norm(FEATURES), nn.dropout(0.25), nn.dense(FEATURES, 7), nn.dense(7, CLASSES)
    )
    params, state = jax.jit(model.init)(jax.random.key(8))
    return train.init(params, state, optax.identity())


def test_every_leaf_that_differs_is_named_and_the_rest_can_be_taken(file):
    path, trained = file
    like = other_head()
    with pytest.raises(ValueError, match="another structure") as caught:
        train.restore(path, like, only="params")
    for line in (
        "params[2].weight: float32 (4, 3) in the file, float32 (4, 7) expected",
        "params[3].bias: nothing in the file, float32 (3,) expected",
    ):
        assert line in str(caught.value)
    assert "params[0]" not in str(caught.value)
    found = train.restore(path, like, only="params", strict=False)
    assert same_bits(found.train_state.params[0], trained.params[0])
    assert same_bits(found.train_state.params[1:], like.params[1:])
    matched = found.matched
    assert matched.restored == ("params[0].gamma", "params[0].beta")
    assert matched.missing == ("params[3].weight", "params[3].bias")
    assert matched.mismatched == (
        "params[2].weight: float32 (4, 3) in the file, float32 (4, 7) expected",
        "params[2].bias: float32 (3,) in the file, float32 (7,) expected",
    )
    assert matched.unexpected == ()
    assert not matched.complete
    assert repr(matched) == "Matched(2 restored, 2 missing, 2 mismatched)"
    assert "missing     params[3].weight" in str(matched).splitlines()


def test_a_leaf_of_the_file_that_nobody_asked_for_is_unexpected(file):
    path, _ = file
    like = untrained(optax.identity())
    like = like._replace(params=like.params[:2])
    with pytest.raises(ValueError, match=r"params\[2\].weight: .* in the file, nothing expected"):
        train.restore(path, like, only="params")
    matched = train.restore(path, like, only="params", strict=False).matched
    assert matched.unexpected == ("params[2].weight", "params[2].bias")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": "opt_state"}, "only must be .* got 'opt_state'"),
        ({"only": ()}, r"only must be .* got \(\)"),
        ({"strict": False}, "strict=False needs only="),
    ],
)
def test_what_cannot_be_taken_alone_is_told(file, options, message):
    with pytest.raises(ValueError, match=message):
        train.restore(file[0], untrained(optax.identity()), **options)


def test_a_file_without_any_leaf_that_agrees_and_a_hole_in_the_result_are_errors(file):
    path, _ = file
    like = train.init({"w": jnp.ones(2)}, (), optax.identity())
    with pytest.raises(ValueError, match=r"params\['w'\]: nothing in the file"):
        train.restore(path, like, only="params", strict=False)
    shapes = jax.eval_shape(other_head)
    with pytest.raises(ValueError, match=r"lacks params\[2\].*no values for it: pass arrays"):
        train.restore(path, shapes, only="params", strict=False)


def test_bfloat16_weights_are_not_taken_for_float32(file):
    path, _ = file
    like = untrained(optax.identity())
    halves = like._replace(params=jax.tree.map(lambda p: p.astype(jnp.bfloat16), like.params))
    matched = None
    with pytest.raises(ValueError, match=r"float32 \(4,\) in the file, bfloat16 \(4,\) expected"):
        matched = train.restore(path, halves, only="params", strict=False).matched
    assert matched is None


def test_the_leaves_stay_where_those_of_like_are(file):
    path, _ = file
    device = jax.devices()[-1]
    like = jax.device_put(untrained(optax.identity()), device)
    found = train.restore(path, like, only=PARTS).train_state
    assert all(leaf.devices() == {device} for leaf in jax.tree.leaves(found.params))
    np.testing.assert_array_equal(found.step, 0)
