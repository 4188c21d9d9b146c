"""The lecture: its networks on real data, and each of its operations and losses alone."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.special import expit, log_softmax, softmax

from gradwise import losses, nn

from . import real_data
from .scenario import Scenario, Suite

_METHODS = ("jvp", "vjp", "value_and_grad", "numerical", "symbolic", "forward", "reverse")
_PENALTY = 1e-3


class Sizes(NamedTuple):
    """Rows of a batch, hidden units of a network, and features of an operation alone."""

    rows: int
    hidden: int
    features: int


SIZES = {"small": Sizes(8, 4, 3), "medium": Sizes(64, 16, 16), "large": Sizes(256, 256, 128)}


def scenarios(size: str) -> Suite:
    """The lecture's networks, then its operations and losses, at a size."""
    sizes = SIZES[size]
    builders = {name: partial(build, sizes) for name, build in _NETWORKS.items()}
    builders |= {name: partial(_alone, name, sizes) for name in OPERATIONS}
    return {f"lecture/{name}": build for name, build in builders.items()}


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
        methods=_METHODS,
        oracle=oracle,
    )


def _prelu_penalty(sizes: Sizes) -> Scenario:
    x, y = real_data.diabetes(sizes.rows)
    layer = nn.serial(nn.dense(10, 1), nn.prelu(1))

    def loss(params, x, y):
        predictions, _ = layer.apply(params, ((), ()), x)
        fit = losses.mean(losses.squared_error(predictions, y))
        return fit + _PENALTY * losses.l2(params)

    def oracle(params, x, y):
        (weight, bias), (slope,) = params
        z = x @ weight + bias
        fit = np.mean(np.sum((y - np.where(z > 0, z, slope * z)) ** 2, axis=-1))
        return fit + _PENALTY * np.sum(weight**2)

    return Scenario(
        name="lecture/prelu_penalty",
        fn=loss,
        inputs=(jax.jit(layer.init)(jax.random.key(1))[0], x, y),
        purpose="One PReLU layer and an L2 penalty: the lecture's graph, on diabetes.",
        argnums=(0,),
        methods=_METHODS,
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
        methods=_METHODS,
    )


def _two_layers(
    name: str,
    why: str,
    data: Callable[[int], tuple[np.ndarray, np.ndarray]],
    loss: Callable[..., jax.Array],
    oracle_loss: Callable[..., Any],
    sizes: Sizes,
) -> Scenario:
    """A hidden layer of tanh units and one output, under a loss."""
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
        purpose=why,
        argnums=(0,),
        methods=_METHODS,
        oracle=oracle,
    )


_NETWORKS: dict[str, Callable[[Sizes], Scenario]] = {
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


class Operation(NamedTuple):
    """An operation alone, an oracle, and what it shows.

    `make(rows, features)` gives the function and the shape of the input that is differentiated;
    `fixed(random, rows, features)` the inputs that follow it.
    """

    make: Callable[[int, int], tuple[Callable[..., Any], tuple[int, ...]]]
    oracle: Callable[..., Any]
    why: str
    fixed: Callable[[np.random.Generator, int, int], tuple] = lambda random, rows, features: ()


def _elementwise(fn: Callable) -> Callable:
    return lambda rows, features: (fn, (features,))


def _layer(build: Callable[[int], nn.Layer]) -> Callable:
    """A layer as a function of its input, its parameters as `init` draws them."""

    def make(rows: int, features: int) -> tuple:
        layer = build(features)
        params, state = jax.tree.map(np.asarray, layer.init(jax.random.key(4)))
        return lambda x: layer.apply(params, state, x, train=True)[0], (rows, features)

    return make


def _loss(loss: Callable) -> Callable:
    return lambda rows, features: (lambda z, y: losses.mean(loss(z, y)), (rows, features))


def _penalty(penalty: Callable) -> Callable:
    return lambda rows, features: (penalty, (rows, features))


def _normal(random: np.random.Generator, rows: int, features: int) -> tuple:
    return (random.standard_normal((rows, features), np.float32),)


def _bits(random: np.random.Generator, rows: int, features: int) -> tuple:
    return (random.integers(0, 2, (rows, features)).astype(np.float32),)


def _classes(random: np.random.Generator, rows: int, features: int) -> tuple:
    return (random.integers(0, features, rows).astype(np.int32),)


def _huber(z: np.ndarray) -> np.ndarray:
    return np.where(np.abs(z) <= 1, z**2 / 2, np.abs(z) - 0.5)


def _batch_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


OPERATIONS: dict[str, Operation] = {
    "sigmoid": Operation(_elementwise(nn.sigmoid), expit, "A diagonal Jacobian: n passes for n."),
    "tanh": Operation(_elementwise(nn.tanh), np.tanh, "Saturates: its derivative fades to 0."),
    "relu": Operation(
        _elementwise(nn.relu), lambda x: np.maximum(x, 0), "A kink, and a derivative of 0 or 1."
    ),
    "softmax": Operation(
        _elementwise(nn.softmax), softmax, "A full Jacobian from an elementwise-looking function."
    ),
    "batch_norm": Operation(
        _layer(nn.batch_norm), _batch_norm, "Rows depend on one another through the statistics."
    ),
    "squared_error": Operation(
        _loss(losses.squared_error),
        lambda z, y: np.mean(np.sum((y - z) ** 2, axis=-1)),
        "The regression loss alone.",
        _normal,
    ),
    "huber": Operation(
        _loss(losses.huber),
        lambda z, y: np.mean(np.sum(_huber(y - z), axis=-1)),
        "A loss with a bounded gradient.",
        _normal,
    ),
    "binary_cross_entropy": Operation(
        _loss(losses.binary_cross_entropy_with_logits),
        lambda z, y: np.mean(np.sum(np.logaddexp(0, z) - y * z, axis=-1)),
        "The binary loss alone: its gradient is the error of the probability.",
        _bits,
    ),
    "softmax_cross_entropy": Operation(
        _loss(losses.softmax_cross_entropy_with_integer_labels),
        lambda z, y: np.mean(-log_softmax(z, axis=-1)[np.arange(len(y)), y]),
        "The multiclass loss alone: its gradient can cost less than its value.",
        _classes,
    ),
    "l1": Operation(_penalty(losses.l1), lambda w: np.sum(np.abs(w)), "A kink at every 0."),
    "l2": Operation(_penalty(losses.l2), lambda w: np.sum(w**2), "A gradient of 2 w, no more."),
}


def _alone(name: str, sizes: Sizes) -> Scenario:
    """An operation at seeded normal inputs."""
    operation = OPERATIONS[name]
    random = np.random.default_rng(5)
    rows, features = sizes.rows // 4, sizes.features
    fn, shape = operation.make(rows, features)
    x = random.standard_normal(shape, np.float32)
    return Scenario(
        name=f"lecture/{name}",
        fn=fn,
        inputs=(x, *operation.fixed(random, rows, features)),
        purpose=operation.why,
        argnums=(0,),
        methods=_METHODS,
        oracle=operation.oracle,
    )
