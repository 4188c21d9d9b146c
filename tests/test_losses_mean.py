"""The reduction: what is hidden does not count, and nothing at all is 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import losses

_VALUES = jnp.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
_SHOWN = jnp.array([[True, False, True], [False, False, True]])
_WEIGHTS = jnp.array([[1.0, 5.0, 2.0], [0.0, 1.0, 0.5]])


def test_the_mean_is_over_all_axes_and_weighted_as_in_numpy():
    shown, weights = np.asarray(_SHOWN), np.asarray(_WEIGHTS)
    values = np.asarray(_VALUES)
    assert losses.mean(_VALUES) == values.mean()
    assert losses.mean(_VALUES, where=_SHOWN) == values[shown].mean().astype(np.float32)
    expected = np.average(values, weights=weights)
    np.testing.assert_allclose(losses.mean(_VALUES, weights=_WEIGHTS), expected, rtol=1e-6)
    both = losses.mean(_VALUES, where=_SHOWN, weights=_WEIGHTS)
    expected = np.average(values[shown], weights=weights[shown])
    np.testing.assert_allclose(both, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (_VALUES, {"where": jnp.zeros((2, 3), bool)}),
        (_VALUES, {"weights": jnp.zeros((2, 3))}),
        (jnp.full((2, 3), jnp.nan), {"where": jnp.zeros((2, 3), bool)}),
        (jnp.zeros(0), {}),
    ],
    ids=["hidden", "weightless", "hidden NaN", "empty"],
)
def test_the_mean_of_nothing_is_zero_with_gradient_zero(values, options):
    for mode in (jax.value_and_grad, lambda f: lambda x: (f(x), jax.jacfwd(f)(x))):
        value, slopes = mode(lambda x: losses.mean(x, **options))(values)
        assert value == 0
        np.testing.assert_array_equal(slopes, np.zeros(values.shape))


@pytest.mark.parametrize("garbage", [jnp.nan, jnp.inf])
def test_a_nan_behind_the_mask_reaches_neither_the_loss_nor_its_gradient(garbage):
    predictions, shown = jnp.array([[3.0], [6.0], [garbage]]), jnp.array([True, True, False])

    def objective(p):
        values = losses.squared_error(p, jnp.zeros((3, 1)), where=shown)
        return losses.mean(values, where=shown)

    value, slopes = jax.value_and_grad(objective)(predictions)
    assert value == (9 + 36) / 2
    assert slopes.tolist() == [[3], [6], [0]]
    assert jax.jacfwd(objective)(predictions).tolist() == [[3], [6], [0]]


def test_weights_per_class_are_an_index_away():
    labels, class_weights = jnp.array([0, 2, 2, 1]), jnp.array([1.0, 10.0, 100.0])
    values = jnp.array([1.0, 2.0, 3.0, 4.0])
    expected = (1 * 1 + 100 * 2 + 100 * 3 + 10 * 4) / 211
    found = losses.mean(values, weights=class_weights[labels])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_mean_of_bools_is_an_accuracy():
    assert losses.mean(jnp.array([True, False, True, True])) == 0.75


def test_the_mean_keeps_double_precision_in_64_bit_mode():
    with jax.enable_x64(True):
        assert losses.mean(jnp.ones(3, jnp.float64)).dtype == jnp.float64
        assert losses.mean(jnp.ones(3, jnp.float32)).dtype == jnp.float32


def test_shapes_and_dtypes_of_the_mean_are_checked():
    with pytest.raises(ValueError, match=r"weights .* \(2, 3\), got \(3,\); weights per class"):
        losses.mean(_VALUES, weights=jnp.ones(3))
    with pytest.raises(ValueError, match=r"where .* \(2, 3\), got \(2,\)"):
        losses.mean(_VALUES, where=jnp.ones(2, bool))
    with pytest.raises(TypeError, match="where must be bool, got int32"):
        losses.mean(_VALUES, where=jnp.ones((2, 3), int))
    with pytest.raises(TypeError, match="values must be real numbers, got complex64"):
        losses.mean(_VALUES.astype(jnp.complex64))


def test_weights_that_cancel_give_zero_with_zero_gradient():
    value, gradient = jax.value_and_grad(losses.mean)(
        jnp.array([3.0, 1.0]), weights=jnp.array([1.0, -1.0])
    )
    assert value == 0
    np.testing.assert_array_equal(gradient, 0.0)
