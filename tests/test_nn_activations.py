"""Activations against closed forms in float64, mostly where they saturate."""

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
def test_values_equal_those_of_numpy_and_scipy(fn, oracle):
    z = Z.astype(np.float32)
    np.testing.assert_allclose(jax.jit(fn)(z), oracle(z.astype(np.float64)), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", SLOPE)
def test_derivatives_in_saturation_are_exact_in_both_modes_and_to_second_order(name, dtype):
    fn, z = getattr(nn, name), Z.astype(dtype)

    @jax.jit
    def derivatives(z):
        forward = jax.jvp(fn, (z,), (jnp.ones_like(z),))[1]
        return jax.vmap(jax.grad(fn))(z), forward, jax.vmap(jax.hessian(fn))(z)

    with jax.enable_x64(dtype == "float64"):
        reverse, forward, second = derivatives(z)
    for actual, oracle in ((reverse, SLOPE), (forward, SLOPE), (second, CURVATURE)):
        expected = oracle[name](z.astype(np.float64))
        np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[dtype], atol=0)


@pytest.mark.parametrize("name", SLOPE)
def test_a_derivative_is_zero_only_where_the_exact_one_is_below_the_smallest_float(name):
    fn, edge = getattr(nn, name), {"sigmoid": 87.0, "tanh": 43.5}[name]
    z = np.array([edge, -edge, np.inf, -np.inf], np.float32)
    slope, curvature = jax.jit(jax.vmap(lambda z: (jax.grad(fn)(z), jax.hessian(fn)(z))))(z)
    np.testing.assert_allclose(slope[:2], SLOPE[name](z[:2].astype(float)), rtol=1e-5)
    np.testing.assert_array_equal(slope[2:], 0.0)
    np.testing.assert_array_equal(curvature[2:], 0.0)


@pytest.mark.parametrize("name", SLOPE)
def test_third_derivatives_at_zero_are_exact(name):
    third = jax.jit(jax.grad(jax.grad(jax.grad(getattr(nn, name)))))
    np.testing.assert_allclose(third(0.0), {"sigmoid": -1 / 8, "tanh": -2.0}[name], rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", SLOPE)
def test_half_precision_derivatives_are_exact_up_to_rounding(name, dtype):
    z = np.array([-7.0, -2.0, 0.0, 0.5, 3.0, 6.0]) / (2 if name == "tanh" else 1)
    z = z.astype(dtype)
    slope = jax.jit(jax.vmap(jax.grad(getattr(nn, name))))(z)
    assert slope.dtype == dtype
    rounding = 4 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(
        np.asarray(slope, np.float64), SLOPE[name](np.asarray(z, np.float64)), rtol=rounding
    )


def test_tanh_equals_its_form_by_the_sigmoid_and_nan_gives_nan():
    z = Z.astype(np.float32)
    tanh, by_sigmoid = jax.jit(lambda z: (nn.tanh(z), 2 * nn.sigmoid(2 * z) - 1))(z)
    np.testing.assert_allclose(tanh, by_sigmoid, atol=3e-7)
    activations = (nn.sigmoid, nn.tanh, nn.silu)
    assert np.isnan(
        jax.jit(lambda x: [jax.value_and_grad(fn)(x) for fn in activations])(np.nan)
    ).all()


@pytest.mark.parametrize(("fn", "at_zero"), [(nn.relu, 0.0), (nn.leaky_relu, 1.0), (nn.elu, 1.0)])
def test_the_derivative_at_zero_is_the_one_in_the_docstring(fn, at_zero):
    assert float(jax.jit(jax.grad(fn))(0.0)) == at_zero


def test_softmax_of_many_float16_classes_does_not_overflow():
    zeros = np.zeros(70_000, np.float16)
    y, log_y = jax.jit(lambda x: (nn.softmax(x), nn.log_softmax(x)))(zeros)
    assert y.dtype == jnp.float16
    np.testing.assert_allclose(np.asarray(y, np.float64), 1 / 70_000, rtol=2e-2)
    np.testing.assert_allclose(np.asarray(log_y, np.float64), -np.log(70_000), rtol=1e-3)


def test_prelu_has_a_slope_for_each_feature_or_one_for_all():
    x = np.array([[-1.0, -2.0, 3.0], [0.0, 4.0, -5.0]], np.float32)
    slopes = np.array([0.1, 0.2, 0.3], np.float32)
    y, _ = jax.jit(nn.prelu(3).apply)(nn.PReLU(slopes), (), x)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * slopes), rtol=1e-6)
    params, state = nn.prelu(slope=0.5).init(jax.random.key(0))
    assert params.slope.shape == ()
    y, _ = jax.jit(nn.prelu().apply)(params, state, x)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * 0.5), rtol=1e-6)


def test_prelu_slopes_of_another_shape_raise_an_error():
    with pytest.raises(
        ValueError, match=r"prelu\(8\) expected slopes of shape \(8,\), got \(8, 1\)"
    ):
        nn.prelu(8).apply(nn.PReLU(np.ones((8, 1))), (), np.ones(8, np.float32))


def test_prelu_has_the_right_derivatives_at_zero_and_at_infinity():
    def y(slope, x):
        return nn.prelu().apply(nn.PReLU(slope), (), x)[0]

    gradients = jax.jit(jax.vmap(jax.grad(y, argnums=(0, 1)), in_axes=(None, 0)))
    by_slope, by_x = gradients(0.25, np.array([0.0, np.inf, -np.inf, -3.0], np.float32))
    np.testing.assert_array_equal(by_x[:3], [0.25, 1, 0.25])
    np.testing.assert_array_equal(by_slope, [0, 0, -np.inf, -3])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("activation", [nn.gelu, partial(nn.gelu, approximate=False), nn.silu])
def test_gelu_and_silu_and_their_slopes_have_their_limits_far_from_zero(activation, dtype):
    largest = jnp.finfo(dtype).max
    points = [-np.inf, -largest, -200, 0, 200, largest, np.inf, np.nan]
    x = np.array(points).astype(jnp.dtype(dtype))
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(activation)))(x)
    values, limits = np.asarray(values, np.float32), np.maximum(x, 0).astype(np.float32)
    np.testing.assert_array_equal(values, limits)
    np.testing.assert_array_equal(slopes[:-1], np.array([0, 0, 0, 0.5, 1, 1, 1]))


@pytest.mark.parametrize("activation", [nn.softmax, nn.log_softmax])
def test_softmax_of_integers_raises_an_error(activation):
    with pytest.raises(TypeError, match=r"softmax expected a floating-point input, got int32"):
        activation(np.arange(3, dtype=np.int32))
