"""What goes wrong in other libraries, a case each, and goes right here."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import losses

_integer = losses.softmax_cross_entropy_with_integer_labels
_with_logits = losses.binary_cross_entropy_with_logits
_BINARY = [losses.binary_cross_entropy, _with_logits, losses.hinge, losses.focal]
_INF = jnp.inf


def _value_and_slopes(loss, predictions, targets):
    """The loss of one example with its gradient, the same in both modes."""
    value, reverse, forward = _compute(loss, predictions, targets)
    np.testing.assert_allclose(forward, reverse, rtol=1e-6)
    return float(value), reverse


@partial(jax.jit, static_argnums=0)
def _compute(loss, p, t):
    return loss(p, t), jax.jacrev(loss)(p, t), jax.jacfwd(loss)(p, t)


def _compute_all(loss, predictions, targets):
    return jax.vmap(partial(_compute, loss))(predictions, targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_integer_label_out_of_range_is_nan_in_value_and_gradient(smoothing):
    labels = jnp.array([2, 4, -1, -5, 2**31 - 1, 0])
    wrong = [False, True, True, True, True, False]
    loss = partial(_integer, label_smoothing=smoothing)
    values, reverse, _ = _compute_all(loss, jnp.arange(24.0).reshape(6, 4), labels)
    np.testing.assert_array_equal(np.isnan(values), wrong)
    np.testing.assert_array_equal(np.isnan(reverse), np.repeat(wrong, 4).reshape(6, 4))


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.uint32])
def test_labels_of_a_narrow_or_unsigned_type_mean_what_they_say(dtype):
    logits = jnp.zeros((2, 300)).at[:, 100].set(9.0)
    values = jax.jit(_integer)(logits, jnp.array([100, 7], dtype))
    expected = -special.log_softmax(np.asarray(logits, float), axis=-1)[[0, 1], [100, 7]]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_the_largest_unsigned_label_is_out_of_range_and_not_minus_one():
    assert np.isnan(_integer(jnp.zeros((1, 4)), jnp.array([2**32 - 1], jnp.uint32))).all()


@pytest.mark.parametrize("loss", _BINARY)
def test_a_binary_label_outside_its_range_is_nan_and_not_a_loss_without_a_floor(loss):
    labels = jnp.array([[1.0], [2.0], [-1.0], [jnp.nan]])
    values, reverse, _ = _compute_all(loss, jnp.full((4, 1), 0.25), labels)
    np.testing.assert_array_equal(np.isnan(values), [False, True, True, True])
    np.testing.assert_array_equal(np.isnan(reverse[:, 0]), [False, True, True, True])


@pytest.mark.parametrize("loss", [losses.binary_cross_entropy, losses.cross_entropy])
def test_a_probability_outside_its_range_is_nan_but_rounding_is_forgiven(loss):
    predictions = jnp.array([[1.5, 0.5], [-0.5, 0.5], [1 + 2e-7, -2e-7], [1 + 2e-7, -2e-7]])
    targets = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    values, reverse, _ = _compute_all(loss, predictions, targets)
    assert np.isnan(values[:2]).all()
    assert abs(values[2]) < 1e-6
    assert values[3] > 30
    assert reverse[3, 1] < -1e6  # rounding neither kills nor turns the gradient


def test_negative_counts_are_nan():
    counts = jnp.array([[2.0], [-1.0]])
    assert np.isnan(losses.poisson_nll(jnp.zeros((2, 1)), counts)).tolist() == [False, True]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("logit", [1e4, 1e38])
def test_huge_logits_cost_what_they_say_and_keep_their_gradient(dtype, logit):
    high = jnp.array([logit], dtype)
    exact = float(high.astype(jnp.float32)[0])
    for z, y, value, slope in [(high, 0, exact, 1), (high, 1, 0, 0), (-high, 1, exact, -1)]:
        assert _value_and_slopes(_with_logits, z, jnp.array([y])) == (value, slope)
    pair = jnp.array([logit, 0], dtype)
    assert _value_and_slopes(_integer, pair, jnp.array(0))[0] == 0
    value, slopes = _value_and_slopes(_integer, pair, jnp.array(1))
    assert value == exact
    assert slopes.tolist() == [1, -1]


@pytest.mark.parametrize("loss", [_with_logits, losses.focal, losses.hinge])
def test_an_infinite_logit_is_a_certainty_right_or_wrong(loss):
    for logit, label in [(_INF, 1), (-_INF, 0)]:
        assert _value_and_slopes(loss, jnp.array([logit]), jnp.array([label])) == (0, 0)
        value, slope = _value_and_slopes(loss, jnp.array([logit]), jnp.array([1 - label]))
        assert value == _INF
        assert slope == np.sign(logit)


def test_an_infinite_logit_is_a_certainty_among_classes():
    cases = [
        ([_INF, 0, 1], 0, 0, [0, 0, 0]),
        ([_INF, 0, 1], 1, _INF, [1, -1, 0]),
        ([-_INF, 0, 0], 0, _INF, [-1, 0.5, 0.5]),
        ([-_INF, 0, -_INF], 1, 0, [0, 0, 0]),
        ([_INF, _INF, 0], 0, np.log(2), [-0.5, 0.5, 0]),
        ([-_INF, -_INF, -_INF], 0, np.log(3), [-2 / 3, 1 / 3, 1 / 3]),
    ]
    for logits, label, value, slopes in cases:
        for loss, target in [
            (_integer, jnp.array(label)),
            (losses.softmax_cross_entropy, jnp.eye(3)[label]),
        ]:
            found, gradient = _value_and_slopes(loss, jnp.array(logits), target)
            np.testing.assert_allclose(found, value, rtol=1e-6)
            np.testing.assert_allclose(gradient, slopes, rtol=1e-6)


def test_nan_logits_stay_nan():
    assert np.isnan(_integer(jnp.array([jnp.nan, 0.0]), jnp.array(0)))
    assert np.isnan(_with_logits(jnp.array([jnp.nan]), jnp.array([1])))


def test_infinite_log_rates_are_infinitely_wrong_unless_nothing_was_counted():
    values = losses.poisson_nll(jnp.array([[_INF], [-_INF], [-_INF]]), jnp.array([[3], [3], [0]]))
    assert values.tolist() == [_INF, _INF, 0]


def test_in_float16_neither_many_classes_nor_large_logits_nor_many_rows_overflow():
    many = _integer(jnp.zeros(70_000, jnp.float16), jnp.array(3))
    np.testing.assert_allclose(many, np.log(70_000), rtol=1e-6)
    large = jnp.array([6e4, -6e4], jnp.float16)
    assert losses.softmax_cross_entropy(large, jnp.array([1.0, 0.0])) == 0
    assert losses.softmax_cross_entropy(large, jnp.array([0.0, 1.0])) == 2 * float(large[0])
    rows = jnp.full(65_536, 2.0, jnp.float16)
    assert losses.mean(rows) == 2
    assert losses.mean(rows).dtype == jnp.float32


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_a_wrong_certainty_has_a_finite_loss_and_a_live_gradient(dtype):
    for probability, label, sign in [(0.0, 1, -1), (1.0, 0, 1)]:
        p, y = jnp.array([probability], dtype), jnp.array([label])
        value, slope = _value_and_slopes(losses.binary_cross_entropy, p, y)
        assert 10 < value < 50
        assert np.isfinite(np.float32(slope[0]))
        assert slope[0] * sign > 1e4
        value, slope = _value_and_slopes(losses.binary_cross_entropy, p, 1 - y)
        assert value == 0
    wrong, right = jnp.array([0.0, 1.0], dtype), jnp.array([1.0, 0.0])
    for loss in (losses.cross_entropy, losses.kl_divergence):
        value, slopes = _value_and_slopes(loss, wrong, right)
        assert 10 < value < 50
        assert -np.inf < np.float32(slopes[0]) < -1e4
        assert loss(right.astype(dtype), right) == 0


def test_through_a_saturated_sigmoid_the_probability_loss_still_learns():
    def through(z):
        return losses.binary_cross_entropy(jax.nn.sigmoid(z), jnp.ones_like(z))

    for logit in (-5.0, -15.0, -30.0):
        slope = jax.grad(through)(jnp.array([logit]))
        np.testing.assert_allclose(slope, -special.expit(-logit), rtol=1e-5)


def test_the_curvature_of_the_logistic_loss_holds_in_saturation():
    logits = np.array([0.0, 20.0, -20.0, 80.0, -80.0])
    curvature = jax.vmap(jax.hessian(lambda z: _with_logits(z[None], jnp.ones(1))))
    exact = special.expit(logits) * special.expit(-logits)
    np.testing.assert_allclose(curvature(jnp.array(logits, jnp.float32)), exact, rtol=1e-5)


def test_at_a_perfect_prediction_the_gradient_of_an_absolute_value_is_zero():
    x = jnp.array([1.0, -2.0, 0.0])
    for loss in (losses.absolute_error, losses.huber):
        value, slopes = _value_and_slopes(loss, x, x)
        assert value == 0
        assert slopes.tolist() == [0, 0, 0]


def test_a_focal_loss_that_does_not_focus_is_the_cross_entropy():
    z, y = jnp.array([[-3.0, 0.5], [_INF, -40.0]]), jnp.array([[1, 0], [0, 1]])
    np.testing.assert_allclose(losses.focal(z, y, gamma=0.0), _with_logits(z, y), rtol=1e-6)


def test_smoothing_an_integer_label_is_smoothing_its_one_hot_row():
    logits, labels = jnp.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]]), jnp.array([2, 1])
    smooth = losses.softmax_cross_entropy(logits, jnp.eye(3)[labels], label_smoothing=0.2)
    np.testing.assert_allclose(_integer(logits, labels, label_smoothing=0.2), smooth, rtol=1e-6)


def test_check_labels_names_the_first_label_out_of_range():
    losses.check_labels(jnp.array([[0, 1], [2, 2]]), 3)
    with pytest.raises(ValueError, match=r"in 0 .. 2, got -1 at index \(1, 0\) \(2 of 4 are"):
        losses.check_labels(jnp.array([[0, 1], [-1, 3]]), 3)
    with pytest.raises(ValueError, match=r"got 4294967299 at index 1 \(1 of 2 is outside\)"):
        losses.check_labels(np.array([0, 2**32 + 3]), 10)
    with pytest.raises(TypeError, match="integer class ids, got float32"):
        losses.check_labels(jnp.ones(3), 3)
    with pytest.raises(TypeError, match="outside jit"):
        jax.jit(lambda y: losses.check_labels(y, 3))(jnp.zeros(3, int))


def test_a_huber_loss_without_an_end_is_half_the_squared_error():
    x = jnp.array([[3.0], [-2.0]])

    def total(x):
        return losses.huber(x, jnp.zeros((2, 1)), delta=jnp.inf).sum()

    value, gradient = jax.value_and_grad(total)(x)
    assert value == 6.5
    np.testing.assert_array_equal(gradient, x)


@pytest.mark.parametrize("delta", [None, "a", True])
def test_a_hyperparameter_that_is_no_number_is_told(delta):
    with pytest.raises(TypeError, match=f"huber: delta must be a number, above 0, got {delta!r}"):
        losses.huber(jnp.ones((1, 1)), jnp.ones((1, 1)), delta=delta)
