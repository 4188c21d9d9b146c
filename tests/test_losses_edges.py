"""Losses at the edges of their inputs, where implementations commonly fail."""

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
_with_logits = losses.binary_cross_entropy_with_logits
_BINARY = [losses.binary_cross_entropy, _with_logits, losses.hinge, losses.focal]
_INF = np.inf


@partial(jax.jit, static_argnums=0)
def _compute_all(loss, predictions, targets):
    return jax.vmap(jax.value_and_grad(loss))(predictions, targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_integer_label_out_of_range_is_nan_in_value_and_gradient(smoothing):
    labels = np.array([2, 4, -1, -5, 2**31 - 1, 0])
    wrong = [False, True, True, True, True, False]
    logits = np.arange(24, dtype=np.float32).reshape(6, 4)
    for loss in (partial(_integer, label_smoothing=smoothing), partial(_focal, gamma=smoothing)):
        values, reverse = _compute_all(loss, logits, labels)
        np.testing.assert_array_equal(np.isnan(values), wrong)
        np.testing.assert_array_equal(np.isnan(reverse), np.repeat(wrong, 4).reshape(6, 4))


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.uint32])
def test_labels_may_have_a_short_or_unsigned_type(dtype):
    logits = np.zeros((2, 300), np.float32)
    logits[:, 100] = 9.0
    values = jax.jit(_integer)(logits, np.array([100, 7], dtype))
    expected = -special.log_softmax(logits.astype(float), axis=-1)[[0, 1], [100, 7]]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_the_largest_unsigned_label_is_out_of_range():
    labels = np.array([2**32 - 1], np.uint32)
    assert np.isnan(jax.jit(_integer)(np.zeros((1, 4), np.float32), labels)).all()


@pytest.mark.parametrize("loss", _BINARY)
def test_a_binary_label_outside_0_to_1_is_nan_in_value_and_gradient(loss):
    labels = f32(1.0, 2.0, -1.0, np.nan)[:, None]
    values, reverse = _compute_all(loss, np.full((4, 1), 0.25, np.float32), labels)
    np.testing.assert_array_equal(np.isnan(values), [False, True, True, True])
    np.testing.assert_array_equal(np.ravel(np.isnan(reverse)), [False, True, True, True])


@pytest.mark.parametrize("loss", [losses.binary_cross_entropy, losses.cross_entropy])
def test_a_probability_outside_0_to_1_is_nan_unless_rounding_explains_it(loss):
    predictions = f32([1.5, 0.5], [-0.5, 0.5], [1 + 2e-7, -2e-7], [1 + 2e-7, -2e-7])
    targets = f32([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    values, reverse = map(np.asarray, _compute_all(loss, predictions, targets))
    assert np.isnan(values[:2]).all()
    assert abs(values[2]) < 1e-6
    assert values[3] > 30
    assert reverse[3, 1] < -1e6  # rounding changes neither its sign nor its size


def test_negative_counts_are_nan():
    values = jax.jit(losses.poisson_nll)(np.zeros((2, 1), np.float32), f32([2.0], [-1.0]))
    assert np.isnan(values).tolist() == [False, True]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("logit", [1e4, 1e38])
def test_huge_logits_have_the_exact_loss_and_gradient(dtype, logit):
    high = np.array([logit], dtype)
    exact = float(high.astype(np.float32)[0])
    for z, y, value, slope in [(high, 0, exact, 1), (high, 1, 0, 0), (-high, 1, exact, -1)]:
        assert value_and_slopes(_with_logits, z, np.array([y])) == (value, slope)
    pair = np.array([logit, 0], dtype)
    assert value_and_slopes(_integer, pair, np.array(0))[0] == 0
    value, slopes = value_and_slopes(_integer, pair, np.array(1))
    assert value == exact
    assert slopes.tolist() == [1, -1]


@pytest.mark.parametrize("loss", [_with_logits, losses.focal, losses.hinge])
def test_an_infinite_logit_has_loss_zero_if_right_and_infinite_if_wrong(loss):
    for logit, label in [(_INF, 1), (-_INF, 0)]:
        assert value_and_slopes(loss, f32(logit), np.array([label])) == (0, 0)
        value, slope = value_and_slopes(loss, f32(logit), np.array([1 - label]))
        assert value == _INF
        assert slope == np.sign(logit)


def test_infinite_logits_of_classes_have_the_limit_of_loss_and_gradient():
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
            (_integer, np.array(label)),
            (losses.softmax_cross_entropy, np.eye(3, dtype=np.float32)[label]),
        ]:
            actual, gradient = value_and_slopes(loss, f32(*logits), target)
            np.testing.assert_allclose(actual, value, rtol=1e-6)
            np.testing.assert_allclose(gradient, slopes, rtol=1e-6)


def test_nan_logits_give_nan():
    assert np.isnan(jax.jit(_integer)(f32(np.nan, 0.0), np.array(0)))
    assert np.isnan(jax.jit(_with_logits)(f32(np.nan), np.array([1])))


def test_infinite_log_rates_have_infinite_loss_unless_rate_and_count_are_zero():
    log_rates, counts = f32([_INF], [-_INF], [-_INF]), np.array([[3], [3], [0]])
    values = jax.jit(losses.poisson_nll)(log_rates, counts)
    assert values.tolist() == [_INF, _INF, 0]


def test_many_classes_large_logits_and_many_rows_do_not_overflow_in_float16():
    many = jax.jit(_integer)(np.zeros(70_000, np.float16), np.array(3))
    np.testing.assert_allclose(many, np.log(70_000), rtol=1e-6)
    large = np.array([6e4, -6e4], np.float16)
    targets = f32([1.0, 0.0], [0.0, 1.0])
    values = jax.jit(losses.softmax_cross_entropy)(np.stack([large, large]), targets)
    assert values.tolist() == [0, 2 * float(large[0])]
    mean = jax.jit(losses.mean)(np.full(65_536, 2.0, np.float16))
    assert float(mean) == 2
    assert mean.dtype == jnp.float32


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_a_certain_but_wrong_probability_has_a_finite_loss_and_a_large_gradient(dtype):
    for probability, label, sign in [(0.0, 1, -1), (1.0, 0, 1)]:
        p, y = np.array([probability], dtype), np.array([label])
        value, slope = value_and_slopes(losses.binary_cross_entropy, p, y)
        assert 10 < value < 50
        assert np.isfinite(np.float32(slope[0]))
        assert slope[0] * sign > 1e4
        value, slope = value_and_slopes(losses.binary_cross_entropy, p, 1 - y)
        assert value == 0
    wrong, right = np.array([0.0, 1.0], dtype), f32(1.0, 0.0)
    for loss in (losses.cross_entropy, losses.kl_divergence):
        value, slopes = value_and_slopes(loss, wrong, right)
        assert 10 < value < 50
        assert -np.inf < np.float32(slopes[0]) < -1e4
        assert value_and_slopes(loss, right.astype(dtype), right)[0] == 0


def test_the_gradient_of_the_probability_loss_through_a_saturated_sigmoid_is_exact():
    def through(z):
        return losses.binary_cross_entropy(jax.nn.sigmoid(z), jnp.ones_like(z))

    logits = f32(-5.0, -15.0, -30.0)[:, None]
    slopes = jax.jit(jax.vmap(jax.grad(through)))(logits)
    np.testing.assert_allclose(slopes, -special.expit(-logits.astype(float)), rtol=1e-5)


def test_the_curvature_of_the_logistic_loss_is_exact_in_saturation():
    logits = np.array([0.0, 20.0, -20.0, 80.0, -80.0])
    curvature = jax.jit(jax.vmap(jax.hessian(lambda z: _with_logits(z[None], f32(1.0)))))
    exact = special.expit(logits) * special.expit(-logits)
    np.testing.assert_allclose(curvature(f32(*logits)), exact, rtol=1e-5)


def test_at_a_perfect_prediction_the_gradient_of_an_absolute_value_is_zero():
    x = f32(1.0, -2.0, 0.0)
    for loss in (losses.absolute_error, losses.huber):
        value, slopes = value_and_slopes(loss, x, x)
        assert value == 0
        assert slopes.tolist() == [0, 0, 0]


def test_a_focal_loss_with_gamma_zero_equals_the_cross_entropy():
    z, y = f32([-3.0, 0.5], [_INF, -40.0]), np.array([[1, 0], [0, 1]])
    focal, plain = jax.jit(lambda z: (losses.focal(z, y, gamma=0.0), _with_logits(z, y)))(z)
    np.testing.assert_allclose(focal, plain, rtol=1e-6)


def test_smoothing_an_integer_label_equals_smoothing_its_one_hot_row():
    labels, one_hot = np.array([2, 1]), np.eye(3, dtype=np.float32)[[2, 1]]

    @jax.jit
    def both(logits):
        return (
            _integer(logits, labels, label_smoothing=0.2),
            losses.softmax_cross_entropy(logits, one_hot, label_smoothing=0.2),
        )

    np.testing.assert_allclose(*both(f32([2.0, -1.0, 0.5], [0.0, 3.0, -2.0])), rtol=1e-6)


def test_check_labels_names_the_first_label_out_of_range():
    losses.check_labels(np.array([[0, 1], [2, 2]]), 3)
    with pytest.raises(ValueError, match=r"in 0 .. 2, got -1 at index \(1, 0\) \(2 of 4 are"):
        losses.check_labels(jnp.array([[0, 1], [-1, 3]]), 3)
    with pytest.raises(ValueError, match=r"got 4294967299 at index 1 \(1 of 2 is outside\)"):
        losses.check_labels(np.array([0, 2**32 + 3]), 10)
    with pytest.raises(TypeError, match="integer class ids, got float32"):
        losses.check_labels(np.ones(3, np.float32), 3)
    with pytest.raises(TypeError, match="outside jit"):
        jax.jit(lambda y: losses.check_labels(y, 3))(np.zeros(3, int))


def test_a_huber_loss_with_infinite_delta_is_half_the_squared_error():
    x = f32([3.0], [-2.0])

    def total(x):
        return losses.huber(x, np.zeros((2, 1)), delta=np.inf).sum()

    value, gradient = jax.jit(jax.value_and_grad(total))(x)
    assert float(value) == 6.5
    np.testing.assert_array_equal(gradient, x)


@pytest.mark.parametrize("delta", [None, "a", True])
def test_a_hyperparameter_that_is_not_a_number_raises_an_error(delta):
    with pytest.raises(TypeError, match=f"huber: delta must be a number, above 0, got {delta!r}"):
        losses.huber(f32([1.0]), f32([1.0]), delta=delta)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.squared_error(None, jnp.ones((2, 1))), TypeError, "predictions .* None"),
        (lambda: losses.hinge(jnp.ones((2, 1)), None), TypeError, "targets must be .* got None"),
        (
            lambda: losses.quantile(jnp.ones((2, 1)), jnp.ones((2, 1)), quantiles=()),
            ValueError,
            "one number or several, got none",
        ),
    ],
)
def test_what_is_not_there_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call()
