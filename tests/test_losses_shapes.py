"""The shape and dtype contract: every mistake is told with what came, what was wanted, the fix."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_losses_contract import CASES, every_loss

import losses

_integer = losses.softmax_cross_entropy_with_integer_labels
_DISTRIBUTIONS = [losses.cross_entropy, losses.kl_divergence, losses.softmax_cross_entropy]
_BINARY = [
    losses.binary_cross_entropy,
    losses.binary_cross_entropy_with_logits,
    losses.hinge,
    losses.focal,
]


def _bare(case):
    return getattr(case.loss, "func", case.loss)


elementwise = pytest.mark.parametrize(
    "case", [pytest.param(c, id=name) for name, c in CASES.items() if c.targets.ndim == 2]
)


@elementwise
def test_a_column_against_a_row_raises_and_never_broadcasts(case):
    loss, row, column = _bare(case), jnp.full(5, 0.5), jnp.full((5, 1), 0.5)
    with pytest.raises(ValueError, match=r"\(5,\) .* got \(5, 1\); .* predictions\[..., None\]"):
        loss(row, column)
    with pytest.raises(ValueError, match=r"\(5, 1\) .* got \(5,\); .* targets\[..., None\]"):
        loss(column, row)


@pytest.mark.parametrize("loss", _DISTRIBUTIONS)
def test_class_ids_are_not_taken_for_a_distribution(loss):
    with pytest.raises(ValueError, match=r"\(4, 4\) .* got \(4,\); for class ids use softmax"):
        loss(jnp.full((4, 4), 0.25), jnp.arange(4))
    with pytest.raises(TypeError, match="distribution over the classes, got int32; for class ids"):
        loss(jnp.full((4, 4), 0.25), jnp.eye(4, dtype=jnp.int32))


def test_a_distribution_is_not_taken_for_class_ids():
    logits = jnp.zeros((3, 4))
    with pytest.raises(ValueError, match=r"got \(3, 4\); for a distribution .* use softmax_cross"):
        _integer(logits, jnp.full((3, 4), 0.25))
    with pytest.raises(TypeError, match="integer class ids, got float32"):
        _integer(logits, jnp.zeros(3))
    with pytest.raises(TypeError, match="integer class ids, got bool"):
        _integer(logits, jnp.zeros(3, bool))
    with pytest.raises(ValueError, match=r"got \(3, 1\); drop the axis: targets\[..., 0\]"):
        _integer(logits, jnp.zeros((3, 1), int))


@every_loss
def test_a_wrong_number_of_classes_or_rows_raises(case):
    predictions, targets = jnp.full((3, 4), 0.5), jnp.asarray(case.targets)
    with pytest.raises(ValueError, match="need targets"):
        case.loss(predictions, targets[:2])
    if targets.ndim == 2:
        with pytest.raises(ValueError, match="need targets"):
            case.loss(predictions, targets[:, :3])


@every_loss
def test_predictions_must_be_floating_point_and_have_an_axis_of_outputs(case):
    loss, targets = _bare(case), jnp.asarray(case.targets)
    with pytest.raises(TypeError, match="predictions must be floating point, got int32"):
        loss(jnp.ones((3, 4), jnp.int32), targets)
    with pytest.raises(TypeError, match="predictions must be floating point, got complex64"):
        loss(jnp.ones((3, 4), jnp.complex64), targets)
    with pytest.raises(ValueError, match=r"got shape \(\); a batch of scalars is x\[..., None\]"):
        loss(jnp.array(0.5), targets)
    with pytest.raises(ValueError, match=r"got shape \(3, 0\)"):
        loss(jnp.ones((3, 0)), targets)


@every_loss
def test_where_hides_whole_examples_and_never_single_classes(case):
    predictions, targets = jnp.full((3, 4), 0.5), jnp.asarray(case.targets)
    with pytest.raises(ValueError, match=r"\(3,\), got \(3, 4\); it hides whole examples"):
        case.loss(predictions, targets, where=jnp.ones((3, 4), bool))
    with pytest.raises(ValueError, match=r"\(3,\), got \(1,\)"):
        case.loss(predictions, targets, where=jnp.ones(1, bool))
    with pytest.raises(TypeError, match="where must be bool, got float32"):
        case.loss(predictions, targets, where=jnp.ones(3))


def test_a_real_target_is_no_bool_and_no_complex_number():
    for dtype in (bool, jnp.complex64):
        with pytest.raises(TypeError, match="targets must be real numbers"):
            losses.squared_error(jnp.ones((3, 4)), jnp.ones((3, 4), dtype))


@pytest.mark.parametrize("loss", _BINARY)
def test_binary_labels_may_be_bools_integers_or_floats(loss):
    predictions, labels = jnp.array([[0.25], [0.75]]), jnp.array([[True], [False]])
    expected = loss(predictions, labels)
    np.testing.assert_array_equal(loss(predictions, labels.astype(jnp.int32)), expected)
    np.testing.assert_array_equal(loss(predictions, labels.astype(jnp.float32)), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: losses.huber(x, y, delta=0.0), r"huber: delta must be above 0, got 0.0"),
        (lambda x, y: losses.focal(x, y, gamma=-1.0), r"gamma must be 0 or more, got -1.0"),
        (lambda x, y: losses.focal(x, y, alpha=1.5), r"alpha must be in \[0, 1\], got 1.5"),
        (
            lambda x, y: losses.binary_cross_entropy(x, y, pos_weight=-2.0),
            r"pos_weight must be 0 or more, got -2.0",
        ),
        (
            lambda x, y: losses.binary_cross_entropy_with_logits(x, y, pos_weight=jnp.ones(3)),
            r"one number or one per output, \(4,\), got shape \(3,\)",
        ),
        (
            lambda x, y: losses.softmax_cross_entropy(x, y, label_smoothing=1.5),
            r"label_smoothing must be in \[0, 1\], got 1.5",
        ),
        (
            lambda x, y: _integer(x, y[:, 0].astype(int), label_smoothing=float("nan")),
            r"label_smoothing must be in \[0, 1\], got nan",
        ),
        (
            lambda x, y: losses.huber(x, y, delta=jnp.ones(4)),
            r"must be one number, got shape \(4,\)",
        ),
        (
            lambda x, _: losses.elastic_net(x, l1_ratio=2.0),
            r"l1_ratio must be in \[0, 1\], got 2.0",
        ),
    ],
)
def test_a_hyperparameter_out_of_its_range_raises(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.full((3, 4), 0.5), jnp.full((3, 4), 0.25))


def test_a_traced_hyperparameter_gives_what_the_number_gives():
    x, y = jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 1.0]])
    traced = jax.jit(lambda s: losses.softmax_cross_entropy(x, y, label_smoothing=s))
    for smoothing in (0.0, 0.25, 1.0):
        expected = losses.softmax_cross_entropy(x, y, label_smoothing=smoothing)
        np.testing.assert_allclose(traced(smoothing), expected, rtol=1e-6)


def test_lists_and_numpy_arrays_are_taken_as_arrays():
    loss: Any = losses.squared_error
    assert loss(np.ones((2, 3)), [[0, 0, 0], [0, 0, 1]]).tolist() == [3.0, 2.0]
