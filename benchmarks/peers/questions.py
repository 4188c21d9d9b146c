"""The questions about edge cases, one entry each; nothing else lists them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .edges import Question

_ROWS, _FEATURES = 64, 3
_NOISE = np.random.default_rng(0).normal(size=(_ROWS, _FEATURES))
_ERROR = "an error"


def _batch_norm_error(mean: float, dtype: Any = np.float32) -> Callable[[Callable], Any]:
    """Return a question's `ask`: the largest error of a training output, against float64."""
    x = (mean + _NOISE).astype(dtype)
    exact = x.astype(np.float64) - x.astype(np.float64).mean(axis=0)
    exact /= np.sqrt((exact**2).mean(axis=0) + 1e-5)

    def ask(batch_norm):
        y = np.asarray(batch_norm((jnp.asarray(x),)), np.float64)
        return np.max(np.abs(y - exact))

    return ask


def _inference_error(batch_norm):
    x = (5 + 2 * _NOISE).astype(np.float32)
    exact = (x - x.mean(axis=0)) / x.std(axis=0)
    y = batch_norm((jnp.asarray(x),), jnp.asarray(x[:4]))
    return np.max(np.abs(np.asarray(y) - exact[:4]))


def _batch_norm_of_a_constant(batch_norm):
    return jnp.max(jnp.abs(batch_norm((jnp.full((_ROWS, _FEATURES), 0.1),))))


def _batch_norm_of_one_row(batch_norm):
    return jnp.max(batch_norm((jnp.ones((1, _FEATURES)),)))


def _masked_batch_norm_gradient(masked_batch_norm):
    x, mask = jnp.asarray(_NOISE, jnp.float32).at[-1].set(jnp.nan), jnp.arange(_ROWS) < _ROWS - 1

    def total(x):
        return jnp.sum(jnp.where(mask[:, None], masked_batch_norm(x, mask), 0))

    return jax.jit(jax.grad(total))(x)[0, 0]


def _dropout_of_rate_1_5(dropout):
    return jnp.max(dropout(1.5, jnp.ones(8), jax.random.key(0)))


def _dropout_of_rate_1_gradient(dropout):
    gradient = jax.grad(lambda x: jnp.sum(dropout(1.0, x, jax.random.key(0))))
    return jnp.sum(jax.jit(gradient)(jnp.ones(8)))


def _sigmoid_derivative_ratio(sigmoid):
    exact = np.exp(-20.0) / (1 + np.exp(-20.0)) ** 2
    return jax.grad(sigmoid)(20.0) / exact


def _label_gradient(label: int) -> Callable[[Callable], Any]:
    """Return a question's `ask`: the gradient of the first of three logits at a class id."""

    def ask(cross_entropy):
        logits, labels = jnp.array([[0.0, 1.0, 2.0]]), jnp.array([label])
        gradient = jax.grad(lambda z: jnp.sum(cross_entropy(z, labels)))
        return jax.jit(gradient)(logits)[0, 0]

    return ask


def _many_classes(cross_entropy):
    return jax.jit(cross_entropy)(jnp.zeros((1, 70_000), jnp.float16), jnp.array([3]))[0]


def _class_ids_for_a_distribution(cross_entropy):
    return jnp.max(cross_entropy(jnp.eye(3), jnp.arange(3)))


def _infinite_logit(cross_entropy):
    return jax.jit(cross_entropy)(jnp.array([[jnp.inf, 0.0]]), jnp.array([[1.0, 0.0]]))[0]


def _shape_of_mismatched_labels(binary_cross_entropy):
    return jnp.shape(binary_cross_entropy(jnp.ones(4), jnp.ones((4, 1))))


def _binary_label_2(binary_cross_entropy):
    return jnp.sum(jax.jit(binary_cross_entropy)(jnp.array([[30.0]]), jnp.array([[2.0]])))


def _masked_cross_entropy_gradient(masked_cross_entropy):
    logits, shown = jnp.array([[0.0, 1.0], [jnp.nan, 0.0]]), jnp.array([True, False])
    gradient = jax.grad(lambda z: masked_cross_entropy(z, jnp.eye(2), shown))
    return jnp.sum(jax.jit(gradient)(logits))


def _mean_of_nothing(masked_cross_entropy):
    return jax.jit(masked_cross_entropy)(jnp.zeros((2, 2)), jnp.eye(2), jnp.zeros(2, bool))


def _decay_of_a_bias(decay):
    return decay({"weight": jnp.ones(2), "bias": jnp.ones(2)})["bias"][0]


def _norm_gradient_at_zero(norm):
    return jax.grad(norm)({"weight": jnp.zeros(3)})["weight"][0]


def _near(expected: float, tolerance: float) -> Callable[[Any], Any]:
    return lambda returned: abs(returned - expected) < tolerance


def _is_zero(returned: Any) -> Any:
    return returned == 0


def _question(
    function: str,
    name: str,
    ask: Callable[[Callable], Any],
    expected: str,
    is_right: Callable[[Any], Any] | None = None,
) -> Question:
    return Question(name=name, function=function, ask=ask, expected=expected, is_right=is_right)


#: A little more than the spacing of float16 between 2 and 4, where the largest outputs lie.
_FLOAT16_SPACING = 2e-3

# fmt: off
#             function, name, ask, expected, is_right (none: only an exception is right)
QUESTIONS = (
    _question("batch_norm", "batch norm of 1e4 + N(0, 1): error",
              _batch_norm_error(1e4), "0", _near(0, 1e-5)),
    _question("batch_norm", "batch norm of 1e6 + N(0, 1): error",
              _batch_norm_error(1e6), "0", _near(0, 1e-5)),
    _question("batch_norm", "batch norm, float16, 200 + N(0, 1): error",
              _batch_norm_error(200, np.float16), "0", _near(0, _FLOAT16_SPACING)),
    _question("batch_norm", "batch norm of a constant 0.1",
              _batch_norm_of_a_constant, "0", _is_zero),
    _question("batch_norm", "inference after one step: error",
              _inference_error, "0", _near(0, 0.05)),
    _question("batch_norm", "batch norm of one row, training",
              _batch_norm_of_one_row, _ERROR),
    _question("masked_batch_norm", "batch norm, NaN behind the mask: gradient",
              _masked_batch_norm_gradient, "0", _near(0, 1e-4)),
    _question("dropout", "dropout of rate 1.5",
              _dropout_of_rate_1_5, _ERROR),
    _question("dropout", "dropout of rate 1: gradient",
              _dropout_of_rate_1_gradient, "0", _is_zero),
    _question("sigmoid", "sigmoid'(20), over the true one",
              _sigmoid_derivative_ratio, "1", _near(1, 1e-5)),
    _question("cross_entropy", "class id = classes: gradient",
              _label_gradient(3), "NaN", np.isnan),
    _question("cross_entropy", "class id -1: gradient",
              _label_gradient(-1), "NaN", np.isnan),
    _question("cross_entropy", "float16, 70,000 equal logits",
              _many_classes, "11.2", _near(np.log(70_000), 1e-2)),
    _question("distribution_cross_entropy", "class ids for a distribution",
              _class_ids_for_a_distribution, _ERROR),
    _question("distribution_cross_entropy", "infinite logit of the right class",
              _infinite_logit, "0", _is_zero),
    _question("binary_cross_entropy", "4 predictions, labels of shape (4, 1)",
              _shape_of_mismatched_labels, _ERROR),
    _question("binary_cross_entropy", "binary label 2",
              _binary_label_2, "NaN", np.isnan),
    _question("masked_cross_entropy", "NaN behind where: gradient",
              _masked_cross_entropy_gradient, "0", _near(0, 1e-6)),
    _question("masked_cross_entropy", "mean of nothing",
              _mean_of_nothing, "0", _is_zero),
    _question("decay", "weight decay of a bias",
              _decay_of_a_bias, "0", _is_zero),
    _question("norm", "size of weights, gradient at 0",
              _norm_gradient_at_zero, "0", _is_zero),
)
# fmt: on
