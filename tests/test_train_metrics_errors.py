"""What a metric is not told, or cannot take, is an error that says what it needs."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from train import metrics

RANDOM = np.random.default_rng(3)
SCORES = RANDOM.normal(size=(11, 3)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 11)


def test_binary_metrics_must_be_told_what_they_see():
    for name in ("binary_accuracy", "binary_precision", "binary_recall", "binary_f1"):
        metric = getattr(metrics, name)
        for options in ({}, {"from_logits": True, "threshold": 0.5}):
            with pytest.raises(ValueError, match=f"{name} must be told .*from_logits=True"):
                metric(jnp.ones(3), jnp.ones(3), **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: metrics.top_k_accuracy(x, y, k=4), "k from 1 to 3 classes, got 4"),
        (lambda x, y: metrics.f1(x, y, average="both"), "average=.* got 'both'"),
        (lambda x, y: metrics.f1(x[:, :1], y), "use binary_f1"),
        (
            lambda x, y: metrics.calibration_error(x, y, from_logits=True, bins=0),
            "bins must be an integer above 0, got 0",
        ),
        (
            lambda x, y: metrics.binary_auc(y, y, from_logits=True, bins=0),
            "bins must be an integer above 0, got 0",
        ),
        (
            lambda x, y: metrics.accuracy(x, y, where=np.ones((11, 3), bool)),
            r"\(11,\), got \(11, 3",
        ),
    ],
)
def test_an_option_or_a_mask_that_does_not_fit_raises(call, message):
    with pytest.raises(ValueError, match=message):
        call(SCORES, LABELS)


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


@pytest.mark.parametrize("where", [np.full(11, 0.5, np.float32), np.full(11, 2, np.int32)])
def test_a_mask_that_is_not_bool_is_never_taken_for_weights(where):
    calls = [
        partial(metrics.mean, SCORES),
        partial(metrics.accuracy, SCORES, LABELS),
        partial(metrics.confusion_matrix, SCORES, LABELS),
        partial(metrics.f1, SCORES, LABELS),
        partial(metrics.binary_f1, SCORES[:, 0], LABELS > 0, from_logits=True),
        partial(metrics.binary_auc, SCORES[:, 0], LABELS > 0, from_logits=True),
        partial(metrics.calibration_error, SCORES, LABELS, from_logits=True),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"where .*must be bool, got {where.dtype}"):
            call(where=where)
