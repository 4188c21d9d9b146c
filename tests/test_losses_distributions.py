"""The Gaussian and the pinball loss at their edges and minima, and the weights of classes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from loss_cases import f32, value_and_slopes
from sklearn.utils.class_weight import compute_class_weight

import losses


def test_a_gaussian_loss_has_its_limits_at_infinity_and_at_an_error_of_zero():
    cases = [  # mean, log-variance, target, value, slopes
        ([1.0, -1e4], 1.0, -5e3, [0, 0.5]),
        ([1.0, -np.inf], 1.0, -np.inf, [0, 0.5]),
        ([1.0, np.inf], 3.0, np.inf, [0, 0.5]),
    ]
    for predictions, target, value, slopes in cases:
        found, reverse = value_and_slopes(losses.gaussian_nll, f32(*predictions), f32(target))
        np.testing.assert_allclose(found, value, rtol=1e-3)
        np.testing.assert_allclose(reverse, slopes, rtol=1e-6)
    wrong = np.array([[1.0, -np.inf], [np.inf, 1e4]], np.float32)
    values = jax.jit(losses.gaussian_nll)(wrong, f32([2.0], [0.0]))
    assert values.tolist() == [np.inf, np.inf]


def test_the_lowest_pinball_loss_of_constants_is_at_the_quantiles_of_the_data():
    data = np.random.default_rng(5).exponential(size=101).astype(np.float32)
    levels = (0.1, 0.5, 0.95)

    @jax.jit
    def slope(guess):
        def total(guess):
            rows = jnp.broadcast_to(guess, (101, 3))
            return losses.quantile(rows, data[:, None], quantiles=levels).sum()

        return jax.grad(total)(guess)

    found = np.quantile(data, levels, method="inverted_cdf").astype(np.float32)
    assert (slope(found - 1e-4) < 0).all()
    assert (slope(found + 1e-4) > 0).all()
    exact = jax.jit(jax.grad(partial(losses.quantile, quantiles=levels)))(f32(2, 2, 2), f32(2.0))
    np.testing.assert_array_equal(exact, 0)


def test_class_weights_are_the_balanced_ones_of_scikit_learn():
    labels = np.random.default_rng(1).choice(4, p=[0.6, 0.3, 0.08, 0.02], size=(20, 15))
    expected = compute_class_weight("balanced", classes=np.arange(4), y=labels.ravel())
    np.testing.assert_allclose(losses.class_weights(labels, 4), expected, rtol=1e-6)
    with_absent = np.asarray(losses.class_weights(labels.astype(np.uint8), 6))
    np.testing.assert_allclose(with_absent, [*expected, 1, 1], rtol=1e-6)
    with pytest.raises(ValueError, match=r"class_weights: labels must be in 0 .. 2, got 3"):
        losses.class_weights(np.array([0, 3]), 3)
    with pytest.raises(ValueError, match="at least one label, got none"):
        losses.class_weights(np.zeros(0, int), 3)
    with pytest.raises(TypeError, match="outside jit"):
        jax.jit(lambda y: losses.class_weights(y, 3))(np.zeros(3, int))
