"""The lecture's networks: a loss on a batch of real data, differentiated in the parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from scipy.special import expit

from gradwise import losses, nn

from ..scenario import Scenario
from . import real_data
from .sizes import METHODS, Sizes

#: The weight of the L2 penalty.
_PENALTY = 1e-3


def _dense_sigmoid(sizes: Sizes) -> Scenario:
    x, labels = real_data.digits(sizes.rows)
    y = np.eye(10, dtype=np.float32)[labels]
    layer = nn.serial(nn.dense(64, 10), nn.activation(nn.sigmoid))

    def loss(params, x, y):
        predictions, _ = layer.apply(params, ((), ()), x)
        return losses.mean(losses.squared_error(predictions, y))

    def oracle(params, x, y):
        weight, bias = params[0]
        return np.mean(np.sum((y - expit(x @ weight + bias)) ** 2, axis=-1))

    return Scenario(
        name="lecture/dense_sigmoid",
        fn=loss,
        inputs=(jax.jit(layer.init)(jax.random.key(0))[0], x, y),
        purpose="One dense layer and a sigmoid: the first network of the lecture, on digits.",
        argnums=(0,),
        methods=METHODS,
        oracle=oracle,
    )


def _prelu_penalty(sizes: Sizes) -> Scenario:
    x, y = real_data.diabetes(sizes.rows)
    layer = nn.serial(nn.dense(10, 1), nn.prelu(1))

    def loss(params, x, y):
        predictions, _ = layer.apply(params, ((), ()), x)
        error = losses.mean(losses.squared_error(predictions, y))
        return error + _PENALTY * losses.l2(params)

    def oracle(params, x, y):
        (weight, bias), (slope,) = params
        z = x @ weight + bias
        error = np.mean(np.sum((y - np.where(z > 0, z, slope * z)) ** 2, axis=-1))
        return error + _PENALTY * np.sum(weight**2)

    return Scenario(
        name="lecture/prelu_penalty",
        fn=loss,
        inputs=(jax.jit(layer.init)(jax.random.key(1))[0], x, y),
        purpose="One PReLU layer and an L2 penalty: the lecture's graph, on diabetes.",
        argnums=(0,),
        methods=METHODS,
        oracle=oracle,
    )


def _mlp_digits(sizes: Sizes) -> Scenario:
    x, labels = real_data.digits(sizes.rows)
    model = nn.mlp((64, sizes.hidden, 10), batch_norm=True, dropout=0.1)
    init_key, mask_key = jax.random.split(jax.random.key(2))
    params, state = jax.jit(model.init)(init_key)

    def loss(params, state, x, labels, key):
        logits, _ = model.apply(params, state, x, key=key, train=True)
        return losses.mean(losses.softmax_cross_entropy_with_integer_labels(logits, labels))

    return Scenario(
        name="lecture/mlp_digits",
        fn=loss,
        inputs=(params, state, x, labels, mask_key),
        purpose="Batch norm, dropout, the multiclass loss: a training step's function, on digits.",
        argnums=(0,),
        methods=METHODS,
    )


def _two_layers(
    name: str,
    purpose: str,
    data: Callable[[int], tuple[np.ndarray, np.ndarray]],
    loss: Callable[..., jax.Array],
    oracle_loss: Callable[..., Any],
    sizes: Sizes,
) -> Scenario:
    """Build a network of one hidden layer of tanh units and one output, under a loss.

    Args:
        name: The scenario's name, without that of the suite.
        purpose: What the scenario shows.
        data: `data(rows)` returns `x` and `y`.
        loss: `loss(predictions, y)`, one value for each row.
        oracle_loss: The same in NumPy.
        sizes: The sizes.
    """
    x, y = data(sizes.rows)
    model = nn.mlp((x.shape[1], sizes.hidden, 1), activation=nn.tanh)
    params, state = jax.jit(model.init)(jax.random.key(3))

    def objective(params, x, y):
        predictions, _ = model.apply(params, state, x)
        return losses.mean(loss(predictions, y))

    def oracle(params, x, y):
        (first, bias), _, (second, offset) = params
        return np.mean(oracle_loss(np.tanh(x @ first + bias) @ second + offset, y))

    return Scenario(
        name=f"lecture/{name}",
        fn=objective,
        inputs=(params, x, y),
        purpose=purpose,
        argnums=(0,),
        methods=METHODS,
        oracle=oracle,
    )


#: What builds each network at the given sizes.
NETWORKS: dict[str, Callable[[Sizes], Scenario]] = {
    "dense_sigmoid": _dense_sigmoid,
    "prelu_penalty": _prelu_penalty,
    "mlp_digits": _mlp_digits,
    "mlp_diabetes": partial(
        _two_layers,
        "mlp_diabetes",
        "The regression loss, on diabetes.",
        real_data.diabetes,
        losses.squared_error,
        lambda z, y: np.sum((y - z) ** 2, axis=-1),
    ),
    "mlp_breast_cancer": partial(
        _two_layers,
        "mlp_breast_cancer",
        "The binary loss, on breast cancer.",
        real_data.breast_cancer,
        losses.binary_cross_entropy_with_logits,
        lambda z, y: np.sum(np.logaddexp(0, z) - y * z, axis=-1),
    ),
}
