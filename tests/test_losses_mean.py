"""`losses.mean`: weights, hidden values, and the mean of no values."""

import jax
import numpy as np
import pytest

import losses

_VALUES = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]], np.float32)
_SHOWN = np.array([[True, False, True], [False, False, True]])
_WEIGHTS = np.array([[1.0, 5.0, 2.0], [0.0, 1.0, 0.5]], np.float32)
mean = jax.jit(losses.mean)


def test_the_mean_over_all_axes_is_weighted_as_in_numpy():
    np.testing.assert_allclose(mean(_VALUES), _VALUES.mean(), rtol=1e-6)
    shown = mean(_VALUES, where=_SHOWN)
    np.testing.assert_allclose(shown, _VALUES[_SHOWN].mean(), rtol=1e-6)
    expected = np.average(_VALUES, weights=_WEIGHTS)
    np.testing.assert_allclose(mean(_VALUES, weights=_WEIGHTS), expected, rtol=1e-6)
    both = mean(_VALUES, where=_SHOWN, weights=_WEIGHTS)
    expected = np.average(_VALUES[_SHOWN], weights=_WEIGHTS[_SHOWN])
    np.testing.assert_allclose(both, expected, rtol=1e-6)


@jax.jit
def value_and_slopes(values, **options):
    """The mean with its gradient in reverse and in forward mode."""

    def of(x):
        return losses.mean(x, **options)

    return *jax.value_and_grad(of)(values), jax.jacfwd(of)(values)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (_VALUES, {"where": np.zeros((2, 3), bool)}),
        (_VALUES, {"weights": np.zeros((2, 3), np.float32)}),
        (np.full((2, 3), np.nan, np.float32), {"where": np.zeros((2, 3), bool)}),
        (np.zeros(0, np.float32), {}),
    ],
    ids=["hidden", "weightless", "hidden NaN", "empty"],
)
def test_the_mean_of_no_values_is_zero_with_gradient_zero(values, options):
    value, *slopes = value_and_slopes(values, **options)
    assert float(value) == 0
    for slope in slopes:
        np.testing.assert_array_equal(slope, np.zeros(values.shape))


def test_a_hidden_nan_or_infinity_reaches_neither_the_loss_nor_its_gradient():
    shown = np.array([True, True, False])

    def objective(p):
        values = losses.squared_error(p, np.zeros((3, 1)), where=shown)
        return losses.mean(values, where=shown)

    @jax.jit
    def value_and_slopes(p):
        return *jax.value_and_grad(objective)(p), jax.jacfwd(objective)(p)

    for garbage in (np.nan, np.inf):
        predictions = np.array([[3.0], [6.0], [garbage]], np.float32)
        value, reverse, forward = value_and_slopes(predictions)
        assert float(value) == (9 + 36) / 2
        assert reverse.tolist() == forward.tolist() == [[3], [6], [0]]


def test_weights_of_classes_are_indexed_by_the_labels():
    labels, class_weights = np.array([0, 2, 2, 1]), np.array([1.0, 10.0, 100.0], np.float32)
    values = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    expected = (1 * 1 + 100 * 2 + 100 * 3 + 10 * 4) / 211
    weighted = mean(values, weights=class_weights[labels])
    np.testing.assert_allclose(weighted, expected, rtol=1e-6)


def test_the_mean_of_bools_is_the_share_of_true():
    assert float(mean(np.array([True, False, True, True]))) == 0.75


def test_the_mean_keeps_double_precision_in_64_bit_mode():
    with jax.enable_x64(True):
        for dtype in (np.float64, np.float32):
            assert jax.eval_shape(losses.mean, np.ones(3, dtype)).dtype == dtype


def test_a_wrong_shape_or_dtype_raises_an_error():
    with pytest.raises(ValueError, match=r"weights .* \(2, 3\), got \(3,\); weights per class"):
        losses.mean(_VALUES, weights=np.ones(3))
    with pytest.raises(ValueError, match=r"where .* \(2, 3\), got \(2,\)"):
        losses.mean(_VALUES, where=np.ones(2, bool))
    with pytest.raises(TypeError, match="where must be bool, got int32"):
        losses.mean(_VALUES, where=np.ones((2, 3), np.int32))
    with pytest.raises(TypeError, match="values must be real numbers, got complex64"):
        losses.mean(_VALUES.astype(np.complex64))


def test_weights_that_cancel_give_zero_with_zero_gradient():
    values, weights = np.array([3.0, 1.0], np.float32), np.array([1.0, -1.0], np.float32)
    value, reverse, forward = value_and_slopes(values, weights=weights)
    assert float(value) == 0
    np.testing.assert_array_equal([reverse, forward], 0.0)
