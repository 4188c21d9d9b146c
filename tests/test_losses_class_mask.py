"""Softmax losses where only some classes are allowed, and the focal one of several classes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from loss_cases import f32, value_and_slopes
from scipy import special

import losses

_integer = losses.softmax_cross_entropy_with_integer_labels
_focal = losses.softmax_focal_with_integer_labels


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e38, 0.0])
def test_a_hidden_class_has_probability_and_gradient_zero_whatever_it_holds(garbage):
    allowed = np.array([[True, True, False, True], [False, True, True, False]])
    logits = np.array([[2.0, -1.0, garbage, 0.5], [garbage, 3.0, 1.0, garbage]], np.float32)
    labels, one_hot = np.array([1, 2]), np.eye(4, dtype=np.float32)[[1, 2]]

    @jax.jit
    def compute(z):
        def each(z):
            return (
                _integer(z, labels, class_mask=allowed),
                losses.softmax_cross_entropy(z, one_hot, class_mask=allowed),
                _focal(z, labels, gamma=1.5, class_mask=allowed),
            )

        values, pullback = jax.vjp(each, z)
        rows = jnp.ones(2)
        slopes = [
            pullback(tuple(rows if i == j else 0 * rows for j in range(3)))[0] for i in range(3)
        ]
        return values, slopes

    values, slopes = compute(logits)
    shown = special.softmax(np.where(allowed, logits.astype(float), -np.inf), axis=-1)
    p = shown[[0, 1], labels]
    entropy = -np.log(p)
    for value, expected in zip(values, (entropy, entropy, (1 - p) ** 1.5 * entropy), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)
    scale = (1 - p) ** 1.5 - 1.5 * p * (1 - p) ** 0.5 * np.log(p)  # chain rule, by hand
    for slope, factor in zip(slopes, (1, 1, scale), strict=True):
        expected = (shown - one_hot) * np.reshape(factor, (-1, 1))
        np.testing.assert_allclose(slope, expected, rtol=2e-5, atol=1e-7)
        np.testing.assert_array_equal(np.asarray(slope)[~allowed], 0)


def test_a_label_or_a_share_of_a_hidden_class_has_an_infinite_loss_and_no_nan():
    allowed = np.array([True, False, True])
    logits, share = f32(0.0, 5.0, 1.0), f32(0.5, 0.5, 0.0)
    for loss, target in [
        (partial(_integer, class_mask=allowed), np.array(1)),
        (partial(_integer, class_mask=allowed, label_smoothing=0.1), np.array(1)),
        (partial(losses.softmax_cross_entropy, class_mask=allowed), share),
        (partial(_focal, class_mask=allowed), np.array(1)),
        (partial(_integer, class_mask=np.zeros(3, bool)), np.array(2)),
    ]:
        value, slopes = value_and_slopes(loss, logits, target)
        assert value == np.inf
        assert np.isfinite(slopes).all()
        assert slopes[1] == 0


def test_an_allowed_class_of_logit_minus_infinity_does_not_share_with_hidden_ones():
    allowed = np.array([True, False, True])
    value, slopes = value_and_slopes(
        partial(_integer, class_mask=allowed), f32(-np.inf, 7.0, -np.inf), np.array(0)
    )
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(slopes, [-0.5, 0, 0.5], rtol=1e-6)


def test_a_softmax_focal_loss_of_two_classes_is_the_binary_one():
    z = np.linspace(-30, 30, 13, dtype=np.float32)
    pairs = np.stack([np.zeros_like(z), z], axis=-1)

    @jax.jit
    def both(z, pairs):
        labels = np.arange(13) % 2
        return losses.focal(z[:, None], labels[:, None]), _focal(pairs, labels)

    binary, softmax = both(z, pairs)
    np.testing.assert_allclose(softmax, binary, rtol=1e-5, atol=1e-7)
    plain = jax.jit(
        lambda z: (_focal(z, np.ones(13, int), gamma=0.0), _integer(z, np.ones(13, int)))
    )
    np.testing.assert_allclose(*plain(pairs), rtol=1e-6)
