"""Activations against closed forms in float64, in saturation above all."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import nn

Z = np.concatenate([np.linspace(-3, 3, 61), np.linspace(-40, 40, 81)])
SLOPE = {
    "sigmoid": lambda z: scipy.special.expit(z) * scipy.special.expit(-z),
    "tanh": lambda z: 4 * scipy.special.expit(2 * z) * scipy.special.expit(-2 * z),
}
CURVATURE = {
    "sigmoid": lambda z: -SLOPE["sigmoid"](z) * np.tanh(z / 2),
    "tanh": lambda z: -2 * SLOPE["tanh"](z) * np.tanh(z),
}
TOLERANCE = {"float32": 1e-6, "float64": 1e-14}


@pytest.mark.parametrize(
    ("fn", "oracle"),
    [
        (nn.sigmoid, scipy.special.expit),
        (nn.tanh, np.tanh),
        (nn.relu, lambda z: np.maximum(z, 0)),
        (nn.leaky_relu, lambda z: np.where(z > 0, z, 0.01 * z)),
        (nn.elu, lambda z: np.where(z > 0, z, np.expm1(z))),
        (nn.gelu, lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))),
        (lambda x: nn.gelu(x, approximate=False), lambda z: z * scipy.special.ndtr(z)),
        (nn.silu, lambda z: z * scipy.special.expit(z)),
        (nn.softplus, lambda z: np.logaddexp(z, 0)),
        (nn.softmax, scipy.special.softmax),
        (nn.log_softmax, scipy.special.log_softmax),
    ],
)
def test_values_are_those_of_numpy_and_scipy(fn, oracle):
    z = Z.astype(np.float32)
    np.testing.assert_allclose(fn(z), oracle(z.astype(np.float64)), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", SLOPE)
def test_derivatives_in_saturation_are_right_in_every_mode_and_to_second_order(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        z = jnp.asarray(Z, dtype)
        fn = getattr(nn, name)
        reverse = jax.jit(jax.vmap(jax.grad(fn)))(z)
        forward = jax.jit(lambda z: jax.jvp(fn, (z,), (jnp.ones_like(z),))[1])(z)
        second = jax.jit(jax.vmap(jax.hessian(fn)))(z)
        wide = np.asarray(z, np.float64)
    for actual, oracle in ((reverse, SLOPE), (forward, SLOPE), (second, CURVATURE)):
        np.testing.assert_allclose(actual, oracle[name](wide), rtol=TOLERANCE[dtype], atol=0)


@pytest.mark.parametrize("name", SLOPE)
def test_a_derivative_is_zero_only_where_the_truth_is_below_the_smallest_float(name):
    fn, edge = getattr(nn, name), {"sigmoid": 87.0, "tanh": 43.5}[name]
    for z in (edge, -edge):
        np.testing.assert_allclose(jax.grad(fn)(z), SLOPE[name](z), rtol=1e-5)
    for z in (np.inf, -np.inf):
        assert jax.grad(fn)(z) == 0
        assert jax.hessian(fn)(z) == 0


@pytest.mark.parametrize("name", SLOPE)
def test_third_derivatives_at_zero_are_right_although_the_rule_uses_absolute_values(name):
    third = jax.grad(jax.grad(jax.grad(getattr(nn, name))))
    np.testing.assert_allclose(third(0.0), {"sigmoid": -1 / 8, "tanh": -2.0}[name], rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", SLOPE)
def test_half_precision_derivatives_are_right_to_their_own_rounding(name, dtype):
    z = jnp.asarray([-7.0, -2.0, 0.0, 0.5, 3.0, 6.0], dtype) / (2 if name == "tanh" else 1)
    slope = jax.vmap(jax.grad(getattr(nn, name)))(z)
    assert slope.dtype == dtype
    rounding = 4 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(
        np.asarray(slope, np.float64), SLOPE[name](np.asarray(z, np.float64)), rtol=rounding
    )


def test_tanh_is_two_sigmoids_and_a_nan_stays_a_nan():
    z = jnp.asarray(Z, jnp.float32)
    np.testing.assert_allclose(nn.tanh(z), 2 * nn.sigmoid(2 * z) - 1, atol=3e-7)
    for fn in (nn.sigmoid, nn.tanh, nn.silu):
        assert jnp.isnan(fn(jnp.array(jnp.nan)))
        assert jnp.isnan(jax.grad(fn)(jnp.nan))


@pytest.mark.parametrize(("fn", "at_zero"), [(nn.relu, 0.0), (nn.leaky_relu, 1.0), (nn.elu, 1.0)])
def test_the_derivative_at_a_kink_is_the_one_in_the_docstring(fn, at_zero):
    assert jax.grad(fn)(0.0) == at_zero


def test_softmax_of_seventy_thousand_float16_classes_does_not_overflow():
    y = nn.softmax(jnp.zeros(70_000, jnp.float16))
    assert y.dtype == jnp.float16
    np.testing.assert_allclose(np.asarray(y, np.float64), 1 / 70_000, rtol=2e-2)
    log_y = nn.log_softmax(jnp.zeros(70_000, jnp.float16))
    np.testing.assert_allclose(np.asarray(log_y, np.float64), -np.log(70_000), rtol=1e-3)


def test_prelu_has_a_slope_for_each_feature_or_one_for_all():
    x = jnp.array([[-1.0, -2.0, 3.0], [0.0, 4.0, -5.0]])
    slopes = jnp.array([0.1, 0.2, 0.3])
    y, _ = nn.prelu(3).apply(nn.PReLU(slopes), (), x)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * np.asarray(slopes)), rtol=1e-6)
    params, state = nn.prelu(slope=0.5).init(jax.random.key(0))
    assert params.slope.shape == ()
    y, _ = nn.prelu().apply(params, state, x)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * 0.5), rtol=1e-6)


def test_prelu_refuses_slopes_that_would_broadcast():
    with pytest.raises(
        ValueError, match=r"prelu\(8\) expected slopes of shape \(8,\), got \(8, 1\)"
    ):
        nn.prelu(8).apply(nn.PReLU(jnp.ones((8, 1))), (), jnp.ones(8))


def test_prelu_at_zero_and_at_infinity():
    def y(slope, x):
        return nn.prelu().apply(nn.PReLU(slope), (), jnp.asarray(x))[0]

    x_slope = jax.vmap(jax.grad(y, argnums=1), in_axes=(None, 0))
    np.testing.assert_array_equal(
        x_slope(0.25, jnp.array([0.0, jnp.inf, -jnp.inf])), [0.25, 1, 0.25]
    )
    assert jax.grad(y)(0.25, jnp.inf) == 0
    assert jax.grad(y)(0.25, -3.0) == -3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("activation", [nn.gelu, partial(nn.gelu, approximate=False), nn.silu])
def test_smooth_rectifiers_and_their_slopes_are_their_limits_far_out(activation, dtype):
    largest = jnp.finfo(dtype).max
    x = jnp.array([-jnp.inf, -largest, -200, 0, 200, largest, jnp.inf], dtype)
    limits = jnp.maximum(x, 0)
    np.testing.assert_array_equal(activation(x), limits)
    slopes = jax.vmap(jax.grad(activation))(x)
    np.testing.assert_array_equal(slopes, np.array([0, 0, 0, 0.5, 1, 1, 1]))
    assert jnp.isnan(activation(jnp.array(jnp.nan, dtype)))


@pytest.mark.parametrize("activation", [nn.softmax, nn.log_softmax])
def test_shares_of_integers_are_refused_and_not_rounded(activation):
    with pytest.raises(TypeError, match=r"softmax expected a floating-point input, got int32"):
        activation(jnp.arange(3))


def test_saturation_of_no_row_is_refused():
    layer = nn.activation(nn.relu)
    for x, mask in ((jnp.ones((2, 3)), jnp.zeros(2, bool)), (jnp.ones((0, 3)), None)):
        with pytest.raises(ValueError, match="saturation expected at least one real row"):
            nn.saturation(layer, (), (), x, mask=mask)
