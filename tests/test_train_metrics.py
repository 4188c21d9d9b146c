from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

from train import metrics

RANDOM = np.random.default_rng(3)
SCORES = RANDOM.normal(size=(11, 3)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 11)
PREDICTED = RANDOM.normal(size=(11, 2)).astype(np.float32)
TRUE = (PREDICTED + RANDOM.normal(size=(11, 2)) / 2).astype(np.float32)
YES = (TRUE > 0).astype(np.float32)

METRICS = {
    "accuracy": (metrics.accuracy, SCORES, LABELS, accuracy_score(LABELS, SCORES.argmax(1))),
    "accuracy of distributions": (
        metrics.accuracy, SCORES, np.eye(3)[LABELS], accuracy_score(LABELS, SCORES.argmax(1)),
    ),
    "binary accuracy": (
        partial(metrics.binary_accuracy, threshold=0.3), PREDICTED, YES,
        np.mean((PREDICTED > 0.3) == YES),
    ),
    "mean absolute error": (
        metrics.mean_absolute_error, PREDICTED, TRUE, mean_absolute_error(TRUE, PREDICTED),
    ),
    "R^2": (
        partial(metrics.r_squared, target_mean=jnp.asarray(TRUE.mean(axis=0))), PREDICTED, TRUE,
        r2_score(TRUE, PREDICTED, multioutput="variance_weighted"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_right_in_one_batch_and_over_padded_ones(name):
    metric, predictions, targets, expected = METRICS[name]
    metric = jax.jit(metric)
    whole = metric(predictions, targets)
    np.testing.assert_allclose(whole.value, expected, rtol=1e-5)

    total, weight = np.zeros(()), np.zeros(())
    for start in range(0, 12, 4):  # three batches of four rows, the last row padded with NaN
        rows = np.arange(start, start + 4)
        real = rows < 11
        predicted = np.where(real[:, None], predictions[np.minimum(rows, 10)], np.nan)
        part = metric(predicted, targets[np.minimum(rows, 10)], where=real)
        total, weight = total + np.asarray(part.total), weight + np.asarray(part.weight)
    np.testing.assert_allclose(total / weight, expected, rtol=1e-5)


def test_a_row_with_a_nan_score_counts_as_wrong():
    scores = jnp.array([[jnp.nan, 0.0], [1.0, 0.0]])
    assert float(metrics.accuracy(scores, jnp.array([0, 0])).value) == 0.5


def test_the_mean_of_nothing_is_nan_and_sums_are_in_float32():
    half = jnp.full(3000, 1.0, jnp.float16)
    summed = metrics.mean(half)
    assert (summed.total.dtype, float(summed.total)) == (jnp.float32, 3000.0)
    assert np.isnan(metrics.mean(half, where=jnp.zeros(3000, bool)).value)


@pytest.mark.parametrize("name", ["binary_accuracy", "mean_absolute_error", "r_squared"])
def test_shapes_that_would_broadcast_raise_an_error(name):
    with pytest.raises(ValueError, match=rf"{name} needs .* \(3, 1\) and \(3,\)"):
        getattr(metrics, name)(jnp.ones((3, 1)), jnp.ones(3))


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (
            (3, 3),
            (3, 1),
            r"labels \(3,\) or a distribution \(3, 3\) .* \(3, 1\): .*targets\[:, 0\]",
        ),
        ((3, 4), (3, 5), r"distribution \(3, 4\) .* got \(3, 5\)"),
        ((3, 4), (1,), r"labels \(3,\) .* got \(1,\)"),
        ((3, 1), (3,), r"two classes or more, got \(3, 1\): .* binary_accuracy"),
        ((3,), (3,), r"\[batch, classes\] .* got \(3,\): .* binary_accuracy"),
    ],
)
def test_accuracy_of_targets_that_do_not_fit_the_scores_raises(predictions, targets, message):
    with pytest.raises(ValueError, match=f"accuracy needs .*{message}"):
        metrics.accuracy(jnp.zeros(predictions), jnp.zeros(targets, int))
