"""Every metric against scikit-learn: in one batch, over padded ones, over time, on a mesh."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from scipy import special
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from train import metrics

RANDOM = np.random.default_rng(3)
SCORES = RANDOM.normal(size=(11, 3)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 11)
PREDICTED = RANDOM.normal(size=(11, 2)).astype(np.float32)
TRUE = (PREDICTED + RANDOM.normal(size=(11, 2)) / 2).astype(np.float32)
YES = (TRUE > 0).astype(np.float32)

ONE, TWO = RANDOM.normal(size=11).astype(np.float32), RANDOM.integers(0, 2, 11)
TAKEN = (ONE > 0).astype(int)
# Of seven classes, of which some are not predicted, and one occurs not at all.
MANY = (RANDOM.normal(size=(11, 7)) + np.array([1, 1, 1, 1, -9, -9, -9])).astype(np.float32)
OF_MANY = np.array([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 0])
PREDICTED_OF_MANY = MANY.argmax(axis=1)
PROBABILITIES = special.softmax(MANY.astype(float), axis=1).astype(np.float32)


def calibration(probability, right, bins):
    """As Guo et al. have it, bin by bin."""
    error = 0.0
    for b in range(bins):
        inside = (probability > b / bins) & (probability <= (b + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - probability[inside].mean())
    return error


def of_classes(metric, score):
    """The three averages of a score; the class that occurs not at all has none."""
    each = score(OF_MANY, PREDICTED_OF_MANY, average=None, labels=range(6), zero_division=0)
    return {
        f"{score.__name__} {average}": (
            partial(metric, average=average), MANY, OF_MANY,
            np.append(each, np.nan) if average is None
            else score(OF_MANY, PREDICTED_OF_MANY, average=average, zero_division=0),
        )
        for average in ("macro", "micro", None)
    }  # fmt: skip


METRICS = {
    "accuracy": (metrics.accuracy, SCORES, LABELS, accuracy_score(LABELS, SCORES.argmax(1))),
    "accuracy of distributions": (
        metrics.accuracy, SCORES, np.eye(3)[LABELS], accuracy_score(LABELS, SCORES.argmax(1)),
    ),
    "top 2": (
        partial(metrics.top_k_accuracy, k=2), SCORES, LABELS,
        top_k_accuracy_score(LABELS, SCORES, k=2),
    ),
    "binary accuracy": (
        partial(metrics.binary_accuracy, threshold=0.3), PREDICTED, YES,
        np.mean((PREDICTED > 0.3) == YES),
    ),
    "binary accuracy of logits": (
        partial(metrics.binary_accuracy, from_logits=True), ONE, TWO, accuracy_score(TWO, ONE > 0),
    ),
    "binary accuracy of probabilities": (
        partial(metrics.binary_accuracy, from_logits=False), special.expit(ONE), TWO,
        accuracy_score(TWO, ONE > 0),
    ),
    "confusion": (
        metrics.confusion_matrix, MANY, OF_MANY,
        confusion_matrix(OF_MANY, PREDICTED_OF_MANY, labels=range(7)),
    ),
    **of_classes(metrics.precision, precision_score),
    **of_classes(metrics.recall, recall_score),
    **of_classes(metrics.f1, f1_score),
    "binary precision": (
        partial(metrics.binary_precision, from_logits=True), ONE, TWO, precision_score(TWO, TAKEN),
    ),
    "binary recall": (
        partial(metrics.binary_recall, from_logits=True), ONE, TWO, recall_score(TWO, TAKEN),
    ),
    "binary F1": (
        partial(metrics.binary_f1, from_logits=True), ONE, TWO, f1_score(TWO, TAKEN),
    ),
    "AUC of logits": (
        partial(metrics.binary_auc, from_logits=True), ONE, TWO, roc_auc_score(TWO, ONE),
    ),
    "AUC of probabilities": (
        partial(metrics.binary_auc, from_logits=False), special.expit(ONE), TWO,
        roc_auc_score(TWO, ONE),
    ),
    "calibration of logits": (
        partial(metrics.calibration_error, from_logits=True), MANY, OF_MANY,
        calibration(PROBABILITIES.max(axis=1), PREDICTED_OF_MANY == OF_MANY, 15),
    ),
    "calibration of probabilities": (
        partial(metrics.calibration_error, from_logits=False, bins=4), PROBABILITIES, OF_MANY,
        calibration(PROBABILITIES.max(axis=1), PREDICTED_OF_MANY == OF_MANY, 4),
    ),
    "calibration of yes and no": (
        partial(metrics.calibration_error, from_logits=True), ONE[:, None], TWO[:, None],
        calibration(special.expit(np.abs(ONE)), TAKEN == TWO, 15),
    ),
    "mean absolute error": (
        metrics.mean_absolute_error, PREDICTED, TRUE, mean_absolute_error(TRUE, PREDICTED),
    ),
    "R^2": (
        partial(metrics.r_squared, target_mean=jnp.asarray(TRUE.mean(axis=0))), PREDICTED, TRUE,
        r2_score(TRUE, PREDICTED, multioutput="variance_weighted"),
    ),
}  # fmt: skip
NAMES = pytest.mark.parametrize("name", METRICS)


@NAMES
def test_a_metric_is_right_in_one_batch_and_over_padded_ones_and_traced_once_a_shape(name):
    metric, predictions, targets, expected = METRICS[name]
    metric, traces = jax.jit(metric), []
    np.testing.assert_allclose(metric(predictions, targets).value, expected, rtol=1e-5)

    @jax.jit
    def part(predictions, targets, where):
        traces.append(1)
        return METRICS[name][0](predictions, targets, where=where)

    sums = part(predictions[:4], targets[:4], np.zeros(4, bool))  # nothing, which adds nothing
    assert np.shape(sums.value) == np.shape(expected)
    assert not np.any(sums.value) if name == "confusion" else np.isnan(sums.value).all()
    for start in range(0, 12, 4):  # three batches of four rows, the last row padded with NaN
        rows = np.arange(start, start + 4)
        real = rows < 11
        shown = real.reshape(-1, *(1,) * (predictions.ndim - 1))
        predicted = np.where(shown, predictions[np.minimum(rows, 10)], np.float32(np.nan))
        more = part(predicted, targets[np.minimum(rows, 10)], real)
        sums = jax.tree.map(jnp.add, sums, more)
    np.testing.assert_allclose(sums.value, expected, rtol=1e-5)
    assert traces == [1]


@NAMES
def test_a_metric_over_time_counts_the_steps_that_are_shown(name):
    metric, predictions, targets, expected = METRICS[name]

    def over_time(x):  # eleven rows and one of garbage as [3, 4, ...]
        x = np.concatenate([x, np.full_like(x[:1], 7)])
        return x.reshape(3, 4, *x.shape[1:])

    where = np.arange(12).reshape(3, 4) < 11
    value = jax.jit(metric)(over_time(predictions), over_time(targets), where=where).value
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_the_area_under_the_curve_is_within_its_bound_of_the_exact_one():
    labels = RANDOM.integers(0, 2, 3000)
    logits = (RANDOM.normal(size=3000) * 2 + labels).astype(np.float32)
    for bins in (16, 1024):
        found = jax.jit(partial(metrics.binary_auc, from_logits=True, bins=bins))(logits, labels)
        edges = np.linspace(-16, 16, bins + 1)
        ones, zeros = (np.histogram(logits[labels == y], edges)[0] for y in (1, 0))
        bound = (ones * zeros).sum() / (2 * ones.sum() * zeros.sum())
        difference = abs(float(found.value) - roc_auc_score(labels, logits))
        assert difference <= bound + 1e-6
        assert bins == 16 or bound < 0.003
    ranked = jax.jit(partial(metrics.binary_auc, from_logits=True))
    extreme = np.array([np.inf, -np.inf, 40.0, -40.0, np.nan], np.float32)
    labels = np.array([1, 0, 1, 0, 1])
    assert float(ranked(extreme[:4], labels[:4]).value) == 1
    # The NaN is of label 1, and so is the lowest score: it ties with the two of label 0 there.
    assert float(ranked(extreme, labels).value) == pytest.approx((4 + 2 / 2) / 6)


@pytest.mark.skipif(jax.device_count() < 2, reason="one device is no mesh")
def test_figures_of_several_devices_are_those_of_one():
    mesh = jax.make_mesh((jax.device_count(),), ("rows",), axis_types=(AxisType.Explicit,))
    taken = np.arange(4 * jax.device_count()) % 11
    data = {name: (p[taken], t[taken]) for name, (_, p, t, _) in METRICS.items()}

    @jax.jit
    def values(data):
        return {name: METRICS[name][0](*pair).value for name, pair in data.items()}

    expected = values(data)
    with jax.set_mesh(mesh):
        found = values(jax.device_put(data, NamedSharding(mesh, PartitionSpec("rows"))))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), found, expected)


def test_a_row_with_a_nan_score_counts_as_wrong():
    scores, labels = jnp.array([[jnp.nan, 0.0], [1.0, 0.0]]), jnp.array([0, 0])
    assert float(metrics.accuracy(scores, labels).value) == 0.5
    assert float(metrics.top_k_accuracy(scores, labels, k=2).value) == 0.5
    assert float(metrics.recall(scores, labels, average="micro").value) == 0.5
    logits = jnp.array([jnp.nan, -1.0])
    assert float(metrics.binary_accuracy(logits, labels, from_logits=True).value) == 0.5
    assert float(metrics.calibration_error(logits[:1], labels[:1], from_logits=True).value) == 1


def test_the_mean_of_nothing_is_nan_and_sums_are_in_float32():
    half = jnp.full(3000, 1.0, jnp.float16)
    summed = metrics.mean(half)
    assert (summed.total.dtype, float(summed.total)) == (jnp.float32, 3000.0)
    assert np.isnan(metrics.mean(half, where=jnp.zeros(3000, bool)).value)


def test_what_is_compared_with_a_target_that_is_nan_counts_as_wrong():
    nan = np.nan
    scores = np.array([[0.9, 0.1], [nan, 0.8], [0.3, 0.7]], np.float32)
    for labels in (np.array([nan, 1, 1]), np.array([[nan, 0.5], [0, 1], [0, 1]])):
        assert float(metrics.accuracy(scores, labels.astype("f4")).value) == pytest.approx(1 / 3)
        top = metrics.top_k_accuracy(scores, labels.astype("f4"), k=2)
        assert float(top.value) == pytest.approx(1 / 3)
        recall = metrics.recall(scores, labels.astype("f4"), average=None).value
        np.testing.assert_array_equal(recall, [0, 0.5])  # no row is known to be of class 0
    binary = metrics.binary_accuracy(
        np.array([0.1, 0.1, 0.9]), np.array([nan, 0, 1]), from_logits=False
    )
    assert float(binary.value) == pytest.approx(2 / 3)
    # The row is taken for 0 with a confidence of 0.9, and is not known to be one.
    unknown = {"targets": np.array([nan, 0]), "from_logits": False}
    error = metrics.calibration_error(np.array([0.1, 0.1]), **unknown)
    assert float(error.value) == pytest.approx(0.9 - 0.5)
    area = metrics.binary_auc(np.array([0.1, 0.2, 0.9]), np.array([nan, 0, 1]), from_logits=False)
    assert float(area.value) == 0.5


def test_a_mean_is_a_number_where_a_number_is_asked_for():
    assert float(metrics.Mean(jnp.array(3.0), jnp.array(4.0))) == 0.75
