"""Errors for wrong shapes, dtypes and hyperparameters: what was expected, what came, the fix."""

from typing import Any

import jax
import numpy as np
import pytest
from loss_cases import CASES, every_loss

import losses

_integer = losses.softmax_cross_entropy_with_integer_labels
_DISTRIBUTIONS = [losses.cross_entropy, losses.kl_divergence, losses.softmax_cross_entropy]
_BINARY = [
    losses.binary_cross_entropy,
    losses.binary_cross_entropy_with_logits,
    losses.hinge,
    losses.focal,
]


def _full(*shape):
    return np.full(shape, 0.25, np.float32)


def _bare(case):
    return getattr(case.loss, "func", case.loss)


elementwise = pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, id=name)
        for name, c in CASES.items()
        if c.targets.ndim == 2 and c.per_target == 1
    ],
)


@elementwise
def test_a_column_against_a_row_raises_an_error(case):
    loss, row, column = _bare(case), _full(5), _full(5, 1)
    with pytest.raises(ValueError, match=r"\(5,\) .* got \(5, 1\); .* predictions\[..., None\]"):
        loss(row, column)
    with pytest.raises(ValueError, match=r"\(5, 1\) .* got \(5,\); .* targets\[..., None\]"):
        loss(column, row)


@pytest.mark.parametrize("loss", _DISTRIBUTIONS)
def test_class_ids_instead_of_a_distribution_raise_an_error(loss):
    with pytest.raises(ValueError, match=r"\(4, 4\) .* got \(4,\); for class ids use softmax"):
        loss(_full(4, 4), np.arange(4))
    with pytest.raises(TypeError, match="distribution over the classes, got int32; for class ids"):
        loss(_full(4, 4), np.eye(4, dtype=np.int32))


def test_class_ids_that_became_floats_are_told_the_way_back():
    with pytest.raises(
        TypeError, match=r"got float32; if they are class ids, targets\.astype\(int"
    ):
        _integer(_full(2, 3), np.array([0.0, 2.0], np.float32))


def test_the_pair_that_a_model_returns_is_told_to_be_taken_apart():
    with pytest.raises(TypeError, match=r"squared_error: .* tuple of 2: .*predictions, state = "):
        losses.squared_error((_full(2, 3), ()), _full(2, 3))  # pyright: ignore[reportArgumentType]


def test_a_distribution_instead_of_class_ids_raises_an_error():
    logits = _full(3, 4)
    with pytest.raises(ValueError, match=r"got \(3, 4\); for a distribution .* use softmax_cross"):
        _integer(logits, _full(3, 4))
    with pytest.raises(TypeError, match="integer class ids, got float32"):
        _integer(logits, _full(3))
    with pytest.raises(TypeError, match="integer class ids, got bool"):
        _integer(logits, np.zeros(3, bool))
    with pytest.raises(ValueError, match=r"got \(3, 1\); drop the axis: targets\[..., 0\]"):
        _integer(logits, np.zeros((3, 1), int))


@every_loss
def test_a_wrong_number_of_classes_or_rows_raises_an_error(case):
    predictions, targets = _full(3, 4), case.targets
    with pytest.raises(ValueError, match="need targets"):
        case.loss(predictions, targets[:2])
    if targets.ndim == 2:
        with pytest.raises(ValueError, match="need targets"):
            case.loss(predictions, targets[:, :-1])


@every_loss
def test_predictions_must_be_floating_point_and_have_an_axis_of_outputs(case):
    loss, targets = _bare(case), case.targets
    with pytest.raises(TypeError, match="predictions must be floating point, got int32"):
        loss(np.ones((3, 4), np.int32), targets)
    with pytest.raises(TypeError, match="predictions must be floating point, got complex64"):
        loss(np.ones((3, 4), np.complex64), targets)
    with pytest.raises(ValueError, match=r"got shape \(\); a batch of scalars is x\[..., None\]"):
        loss(_full(), targets)
    with pytest.raises(ValueError, match=r"got shape \(3, 0\)"):
        loss(_full(3, 0), targets)


@every_loss
def test_a_where_with_an_entry_for_each_class_raises_an_error(case):
    predictions, targets = _full(3, 4), case.targets
    with pytest.raises(ValueError, match=r"\(3,\), got \(3, 4\); it hides whole examples"):
        case.loss(predictions, targets, where=np.ones((3, 4), bool))
    with pytest.raises(ValueError, match=r"\(3,\), got \(1,\)"):
        case.loss(predictions, targets, where=np.ones(1, bool))
    with pytest.raises(TypeError, match="where must be bool, got float32"):
        case.loss(predictions, targets, where=_full(3))


def test_a_class_mask_of_numbers_raises_an_error():
    with pytest.raises(TypeError, match="class_mask must be bool, got float32"):
        _integer(_full(3, 4), np.zeros(3, int), class_mask=_full(4))


def test_bool_and_complex_targets_of_squared_error_raise_an_error():
    for dtype in (bool, np.complex64):
        with pytest.raises(TypeError, match="targets must be real numbers"):
            losses.squared_error(_full(3, 4), np.ones((3, 4), dtype))


@pytest.mark.parametrize("loss", _BINARY)
def test_binary_labels_may_be_bools_integers_or_floats(loss):
    predictions, labels = np.array([[0.25], [0.75]], np.float32), np.array([[True], [False]])

    @jax.jit
    def for_each_dtype(labels):
        return [loss(predictions, labels.astype(dtype)) for dtype in (bool, int, float)]

    bools, integers, floats = for_each_dtype(labels)
    np.testing.assert_array_equal(integers, bools)
    np.testing.assert_array_equal(floats, bools)


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
            lambda x, y: losses.binary_cross_entropy_with_logits(x, y, pos_weight=np.ones(3)),
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
            lambda x, y: losses.huber(x, y, delta=np.ones(4)),
            r"must be one number, got shape \(4,\)",
        ),
        (
            lambda x, y: losses.quantile(x, y, quantiles=(0.1, 1.0)),
            r"quantiles must be between 0 and 1, got \[0.1 1. \]",
        ),
        (
            lambda x, y: losses.quantile(x, y[:, :1], quantiles=(0.1, 0.2, 0.3)),
            r"must be 3 for each target, got shape \(3, 4\)",
        ),
        (
            lambda x, y: _integer(x, y[:, 0].astype(int), class_mask=np.ones(3, bool)),
            r"for each logit, \(3, 4\), or for each class, \(4,\), got \(3,\)",
        ),
        (
            lambda x, _: losses.elastic_net(x, l1_ratio=2.0),
            r"l1_ratio must be in \[0, 1\], got 2.0",
        ),
    ],
)
def test_a_hyperparameter_out_of_its_range_raises_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call(_full(3, 4), _full(3, 4))


def test_a_traced_hyperparameter_gives_the_value_of_the_known_one():
    x, y = np.array([[1.0, -2.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    smoothings = (0.0, 0.25, 1.0)

    def loss(smoothing):
        return losses.softmax_cross_entropy(x, y, label_smoothing=smoothing)

    traced, known = jax.jit(loss), jax.jit(lambda: [loss(smoothing) for smoothing in smoothings])
    for smoothing, expected in zip(smoothings, known(), strict=True):
        np.testing.assert_allclose(traced(smoothing), expected, rtol=1e-6)


def test_lists_and_numpy_arrays_are_converted_to_arrays():
    loss: Any = losses.squared_error
    assert loss(np.ones((2, 3)), [[0, 0, 0], [0, 0, 1]]).tolist() == [3.0, 2.0]
