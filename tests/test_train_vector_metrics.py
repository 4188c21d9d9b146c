"""Metrics of one value per class, and matrices, through evaluations and whole runs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score
from train_problem import BATCH, CLASSES, ROWS, data, linear, optimizer, shuffled

import train

METRICS = {
    "recall": partial(train.metrics.recall, average=None),
    "macro": train.metrics.f1,
    "confusion": train.metrics.confusion_matrix,
}


def problem():
    plain, train_state = linear()
    return train.supervised(plain.apply, plain.loss, metrics=METRICS), train_state


def predicted(objective, params, x):
    return np.asarray(objective.apply(params, (), x)[0]).argmax(axis=1)


def test_an_evaluation_gives_vectors_and_matrices_of_all_rows():
    objective, train_state = problem()
    x, y = data()
    found = train.evaluate(objective, train_state, (x, y), batch_size=BATCH)
    guess = predicted(objective, train_state.params, x)
    labels = range(CLASSES)
    np.testing.assert_array_equal(found["confusion"], confusion_matrix(y, guess, labels=labels))
    assert found["confusion"].dtype == jnp.int32
    expected = recall_score(y, guess, average=None, labels=labels)
    np.testing.assert_allclose(found["recall"], expected, rtol=1e-6)


@pytest.fixture(scope="module")
def runs():
    """Two runs of two epochs as one program."""
    objective, train_state = problem()
    run = train.make_run(objective, optimizer(), epochs=2, batch_size=BATCH)
    keys = jax.vmap(jax.random.key)(jnp.arange(2))
    return jax.jit(jax.vmap(run, in_axes=(0, None, None, None)))(keys, train_state, data(), data())


def test_a_run_has_a_curve_for_each_class_also_under_vmap(runs):
    trained, histories = runs
    objective, _ = problem()
    x, y = data()
    shapes = {name: histories.curves[f"validation_{name}"].shape for name in METRICS}
    matrices = 2, 2, CLASSES, CLASSES
    assert shapes == {"recall": (2, 2, CLASSES), "macro": (2, 2), "confusion": matrices}
    for i in range(2):
        params = jax.tree.map(lambda leaf, i=i: leaf[i], trained.params)
        guess = predicted(objective, params, x)
        last = jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i, -1]), histories.curves)
        labels = range(CLASSES)
        np.testing.assert_array_equal(
            last["validation_confusion"], confusion_matrix(y, guess, labels=labels)
        )
        expected = recall_score(y, guess, average=None, labels=labels)
        np.testing.assert_allclose(last["validation_recall"], expected, rtol=1e-6)
        assert last["train_confusion"].sum() == ROWS


@pytest.mark.parametrize("source", ["arrays", "host batches"])
def test_fit_gives_the_curves_of_the_run(runs, source):
    objective, train_state = problem()
    batches = data() if source == "arrays" else lambda epoch: shuffled(1, epoch)
    _, history = train.fit(
        jax.random.key(1), train_state, objective, optimizer(), batches, validation=data(),
        epochs=2, batch_size=BATCH, progress=False,
    )  # fmt: skip
    for name in METRICS:
        for part in ("train", "validation"):
            curve = f"{part}_{name}"
            expected = np.asarray(runs[1].curves[curve][1])
            np.testing.assert_allclose(history[curve], expected, rtol=1e-5, err_msg=curve)
