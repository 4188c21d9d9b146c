"""What is not finite is named: the rows of the data, an id, a label, or a place in the model."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import losses
import nn
import train

KEY = jax.random.key(1)
SGD = optax.sgd(0.1)
X = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
Y = X[:, :1]


def broken(row, value=np.nan):
    x = X.copy()
    x[row, 1] = value
    return x


def fit(model, train_data, *, loss=losses.squared_error, optimizer=SGD, **options):
    objective, initial = setting(model, loss)
    options = {"epochs": 2, "batch_size": 4} | options
    return train.fit(
        KEY, train.init(*initial, optimizer), objective, optimizer, train_data, **options
    )


@cache  # so that trainings of one model and loss share programs
def setting(model, loss):
    return train.supervised(model.apply, loss), jax.jit(model.init)(jax.random.key(0))


def message(*given, **options):
    with pytest.raises(train.NonFiniteError) as caught:
        fit(*given, **options)
    assert caught.value.history.stopped == "failed"
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(caught.value.train_state.params))
    return str(caught.value)


def stream(x, y):
    return lambda epoch: ((x[i : i + 4], y[i : i + 4]) for i in range(0, len(x), 4))


LINEAR = nn.dense(2, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_of_the_training_data_that_are_not_finite_are_named(value):
    found = message(LINEAR, (broken([3, 17], value), Y), batch_size=24)
    assert "x of the train data holds NaN or infinity in rows" in found
    assert {"3", "17"} <= set(found.replace(",", " ").replace(".", " ").split())
    assert "learning rate" not in found


def test_a_row_of_a_host_batch_that_is_not_finite_is_named_with_its_batch():
    found = message(LINEAR, stream(broken(15), Y))
    assert "step 3: " in found
    assert "x of batch 3 holds NaN or infinity in row 3." in found
    y = {"a": Y.copy(), "b": Y.copy()}
    y["b"][6] = np.nan

    def loss(predictions, targets, *, where=None):
        return losses.squared_error(predictions, targets["a"] + targets["b"], where=where)

    batches = [(X[i : i + 4], {n: part[i : i + 4] for n, part in y.items()}) for i in (0, 4)]
    assert "y['b'] of batch 1 holds NaN or infinity in row 2." in message(
        LINEAR, batches, loss=loss
    )


TEXT = nn.serial(nn.embedding(10, 3), nn.activation(nn.tanh), nn.flatten(), nn.dense(6, 1))
IDS = np.random.default_rng(1).integers(0, 10, (24, 2)).astype(np.int32)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("wrong", [10, -1])
def test_an_id_outside_the_vocabulary_is_named_as_that(streamed, wrong):
    ids = IDS.copy()
    ids[13, 1] = wrong
    found = message(TEXT, stream(ids, Y) if streamed else (ids, Y))
    where = (
        "batch 3 holds the id {} in row 1"
        if streamed
        else "the train data holds the id {} in row 13"
    )
    assert where.format(wrong) in found
    assert (
        "outside the vocabulary: [0].weight of the parameters has 10 rows, for ids 0 .. 9" in found
    )
    assert "learning rate" not in found


def test_a_label_that_the_model_has_no_output_for_is_named_in_a_later_batch():
    labels = np.random.default_rng(2).integers(0, 3, 24)
    labels[9] = 3
    cross_entropy = losses.softmax_cross_entropy_with_integer_labels
    found = message(nn.dense(2, 3), stream(X, labels), loss=cross_entropy)
    assert (
        "In batch 2, labels must be in 0 .. 2 for a model of 3 outputs, got 3 at index (1,)"
        in found
    )


def root(x):
    return jnp.sqrt(x)


def test_a_layer_that_makes_nan_is_named_with_its_parameters_and_its_line():
    scale = nn.Layer(
        lambda key: ({"scale": jnp.ones(2)}, ()),
        lambda params, state, x, **switches: (root(x * params["scale"]), state),
    )
    model = nn.serial(nn.dense(2, 2), scale, nn.dense(2, 1))
    found = message(model, (X, Y))
    assert "The first NaN of the forward pass is made by the layer with the parameters [1]" in found
    assert "test_train_nonfinite.py:" in found
    assert "(root)" in found


def test_the_operation_that_went_first_is_named_with_its_numbers_and_its_cure():
    model = nn.serial(nn.dense(2, 2), nn.activation(root), nn.dense(2, 1))
    found = message(model, (X, Y))
    line = root.__code__.co_firstlineno + 1
    assert f"First is NaN in `sqrt` of 1 root at test_train_nonfinite.py:{line} (root)" in found
    assert "sqrt(-" in found
    assert "use two jnp.where" in found
    assert "learning rate" not in found  # it has a cure


def test_a_backward_pass_that_makes_nan_is_told_where_the_forward_pass_makes_none():
    def distance(predictions, targets, *, where=None):
        return jnp.sqrt(losses.squared_error(predictions, 0 * targets, where=where))

    zero = nn.Layer(lambda key: (jnp.zeros(()), ()), lambda p, s, x, **switches: (p * x, s))
    found = message(zero, (X[:, :1], Y), loss=distance)
    line = distance.__code__.co_firstlineno + 1
    assert "The forward pass is finite, the backward pass is not." in found
    assert f"infinity in the derivative of `sqrt` at test_train_nonfinite.py:{line} (" in found
    assert "0.5 / 0 = inf, at sqrt(0)" in found
    assert "learning rate" not in found


def test_parameters_that_have_grown_are_answered_with_the_learning_rate():
    assert "A lower learning rate, optax.clip" in message(
        nn.serial(nn.dense(2, 2), nn.dense(2, 1)), (X, Y), optimizer=optax.sgd(1e30)
    )


def test_rows_whose_loss_has_outgrown_the_type_are_answered_with_the_learning_rate():
    x = np.array([[0.0, 0.0], [1e3, 1e3], [0.0, 0.0], [2e3, 1e3]], np.float32)
    found = message(nn.dense(2, 1, bias=False), (x, x[:, :1]), optimizer=optax.sgd(1e30))
    assert "The loss of rows" in found
    assert "A lower learning rate" in found
    assert "wider type" not in found


@pytest.mark.parametrize("outside", [-1.0, 2.0])
def test_a_label_of_two_classes_that_is_neither_is_named_with_its_row(outside):
    labels = np.array([[0.0], [1.0], [outside], [1.0]], np.float32)
    loss = losses.binary_cross_entropy_with_logits
    found = message(nn.dense(2, 1), (np.ones((4, 2), np.float32), labels), loss=loss)
    assert "The loss of row 2 of the train data is NaN whatever is predicted" in found
    assert f"y holds [{outside}]. For two classes labels are from 0 to 1," in found
    assert "learning rate" not in found


def test_a_loss_without_a_value_at_0_blames_no_target():
    def cross_entropy(p, y):  # NaN where p is y exactly: 0 times an infinity
        return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p)).sum(axis=-1)

    model = nn.serial(nn.dense(2, 1), nn.activation(nn.sigmoid))
    x = np.full((4, 2), 1e4, np.float32)
    found = message(model, (x, np.array([[0], [1], [0], [1]], np.float32)), loss=cross_entropy)
    assert "whatever is predicted" not in found


def test_an_augmentation_that_makes_nan_is_named_by_its_line():
    def darker(key, x):
        return jnp.log(x)

    found = message(LINEAR, (X, Y), augment=darker)
    assert "The first NaN of the forward pass is made, at test_train_nonfinite.py:" in found
    assert "(darker)" in found


@pytest.mark.parametrize("patience", [None, 2])
@pytest.mark.parametrize("kind", ["arrays", "batches"])
def test_a_validation_that_is_nan_ends_with_an_error_that_names_its_rows(kind, patience):
    held_out = (broken(9)[:11], Y[:11])
    if kind == "batches":
        held_out = stream(*held_out)
    with pytest.raises(train.NonFiniteError) as caught:
        fit(
            LINEAR, (X, Y) if kind == "arrays" else stream(X, Y), validation=held_out, epochs=5,
            patience=patience, keep_best=True,
        )  # fmt: skip
    error, where = (
        caught.value,
        {
            "arrays": "x of the validation data holds NaN or infinity in row 9.",
            "batches": "x of batch 2 of the validation data holds NaN or infinity in row 1.",
        },
    )
    assert (
        f"epoch 1: the validation loss is nan, so that there is nothing to compare. {where[kind]}"
        in str(error)
    )
    assert (error.leaf, error.epoch, error.step) == ("validation loss", 1, 6)
    assert error.history.failed_validation == 1
    assert int(error.train_state.step) == 6  # trained, and never the untrained one


def test_a_row_that_the_model_cannot_compute_is_named_in_the_validation_data():
    model = nn.Layer(
        lambda key: (jnp.ones(()), ()),
        lambda params, state, x, **switches: (jnp.log(params * x[:, :1]), state),
    )
    held_out = np.ones((7, 2), np.float32)
    held_out[5] = -1
    found = message(model, (np.abs(X) + 1, Y), validation=(held_out, Y[:7]), optimizer=optax.sgd(0))
    assert "The loss of row 5 of the validation data is not finite. The first NaN" in found


def test_a_training_that_skips_ends_with_an_error_if_no_validation_was_a_number():
    options = {"validation": (broken(3), Y), "on_nonfinite": "skip", "keep_best": True}
    with pytest.raises(
        train.NonFiniteError, match=r"is nan, in every epoch, .* in row 3"
    ) as caught:
        fit(LINEAR, (X, Y), **options)
    assert int(caught.value.train_state.step) == 12
    assert caught.value.history.epochs == 2


def test_what_cannot_be_told_is_left_out_of_the_error(monkeypatch):
    def fails(*given):
        raise RuntimeError("analysis")

    for name in ("_nonfinite_data", "_unknown_label", "_in_some_rows", "_in_a_pass"):
        monkeypatch.setattr(train.runs.explanation, name, fails)
    found = message(LINEAR, (broken(3), Y))
    assert "A lower learning rate, optax.clip_by_global_norm, or features that" in found
