"""The lecture's operations and losses, each alone at random inputs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.special import expit, log_softmax, softmax

from gradwise import losses, nn

from ..scenario import Scenario
from .sizes import METHODS, Sizes


class Operation(NamedTuple):
    """An operation, and the same in NumPy.

    Attributes:
        make: `make(rows, features)` returns the function, and the shape of the input that is
            differentiated.
        oracle: The function in NumPy.
        purpose: What the operation shows.
        draw_fixed: `draw_fixed(random, rows, features)` returns the inputs that follow the
            differentiated one.

    Example:
        >>> float(OPERATIONS["l2"].oracle(np.array([3.0, 4.0])))
        25.0
    """

    make: Callable[[int, int], tuple[Callable[..., Any], tuple[int, ...]]]
    oracle: Callable[..., Any]
    purpose: str
    draw_fixed: Callable[[np.random.Generator, int, int], tuple] = lambda random, rows, features: ()


def _elementwise(fn: Callable) -> Callable:
    return lambda rows, features: (fn, (features,))


def _layer(build: Callable[[int], nn.Layer]) -> Callable:
    """Return the `make` of a layer with its initial parameters, as a function of its input."""

    def make(rows: int, features: int) -> tuple:
        layer = build(features)
        params, state = jax.tree.map(np.asarray, layer.init(jax.random.key(4)))
        return lambda x: layer.apply(params, state, x, train=True)[0], (rows, features)

    return make


def _loss(loss: Callable) -> Callable:
    return lambda rows, features: (lambda z, y: losses.mean(loss(z, y)), (rows, features))


def _penalty(penalty: Callable) -> Callable:
    return lambda rows, features: (penalty, (rows, features))


def _draw_normal(random: np.random.Generator, rows: int, features: int) -> tuple:
    return (random.standard_normal((rows, features), np.float32),)


def _draw_bits(random: np.random.Generator, rows: int, features: int) -> tuple:
    return (random.integers(0, 2, (rows, features)).astype(np.float32),)


def _draw_classes(random: np.random.Generator, rows: int, features: int) -> tuple:
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
        _draw_normal,
    ),
    "huber": Operation(
        _loss(losses.huber),
        lambda z, y: np.mean(np.sum(_huber(y - z), axis=-1)),
        "A loss with a bounded gradient.",
        _draw_normal,
    ),
    "binary_cross_entropy": Operation(
        _loss(losses.binary_cross_entropy_with_logits),
        lambda z, y: np.mean(np.sum(np.logaddexp(0, z) - y * z, axis=-1)),
        "The binary loss alone: its gradient is the error of the probability.",
        _draw_bits,
    ),
    "softmax_cross_entropy": Operation(
        _loss(losses.softmax_cross_entropy_with_integer_labels),
        lambda z, y: np.mean(-log_softmax(z, axis=-1)[np.arange(len(y)), y]),
        "The multiclass loss alone: its gradient can cost less than its value.",
        _draw_classes,
    ),
    "l1": Operation(_penalty(losses.l1), lambda w: np.sum(np.abs(w)), "A kink at every 0."),
    "l2": Operation(_penalty(losses.l2), lambda w: np.sum(w**2), "A gradient of 2 w, no more."),
}


def operation_scenario(name: str, sizes: Sizes) -> Scenario:
    """Build the scenario of an operation at normal inputs that are drawn from a seed.

    Example:
        >>> operation_scenario("l1", Sizes(rows=8, hidden=4, features=3)).inputs[0].shape
        (2, 3)
    """
    operation = OPERATIONS[name]
    random = np.random.default_rng(5)
    rows, features = sizes.rows // 4, sizes.features
    fn, shape = operation.make(rows, features)
    x = random.standard_normal(shape, np.float32)
    return Scenario(
        name=f"lecture/{name}",
        fn=fn,
        inputs=(x, *operation.draw_fixed(random, rows, features)),
        purpose=operation.purpose,
        argnums=(0,),
        methods=METHODS,
        oracle=operation.oracle,
    )
