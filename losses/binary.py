"""Losses for yes-or-no outputs: each output of the last axis is a question of its own.

Labels are 0 or 1 (bool, integer or float) for every loss here, the hinge included; one in between
is the share of 1s, and a loss is linear in it. A label outside [0, 1] gives NaN.
"""

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import per_example, probability_floor, sigmoid_surprisals, surprisal, times, unit


def binary_cross_entropy(
    probabilities: jax.Array,
    labels: jax.Array,
    *,
    pos_weight: float | jax.Array = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """The cross entropy of probabilities, `[..., outputs]` and `[..., outputs]` to `[...]`.

    L = -w y log p - (1 - y) log(1 - p), summed over the outputs. Below 2^-56 (float16: 2^-15) the
    logarithms go on as their tangents, so that at exactly 0 and 1 the value is finite (39.8) and a
    confident wrong answer keeps its gradient. With logits at hand
    `binary_cross_entropy_with_logits` is more precise.

    Args:
        probabilities: `[..., outputs]` floating point in [0, 1]; outside gives NaN.
        labels: `[..., outputs]`, 0 or 1 or between.
        pos_weight: w, the weight of the label 1, one number or `[outputs]`.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ or `pos_weight` is negative.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> print(losses.binary_cross_entropy(jnp.array([[0.5], [1.0]]), jnp.ones((2, 1))).round(3))
        [0.693 0.   ]
    """
    name = "binary_cross_entropy"
    _check_pos_weight(name, pos_weight, probabilities)
    floor = probability_floor(probabilities)

    def rule(p, y):
        p = unit(p)
        return _expected(y, surprisal(p, floor), surprisal(1 - p, floor), pos_weight)

    return per_example(name, rule, probabilities, labels, where, kind="binary")


def binary_cross_entropy_with_logits(
    logits: jax.Array,
    labels: jax.Array,
    *,
    pos_weight: float | jax.Array = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """The cross entropy of sigmoid(logits), `[..., outputs]` and `[..., outputs]` to `[...]`.

    L = -w y log sigmoid(z) - (1 - y) log sigmoid(-z), summed over the outputs; with w = 1 the
    gradient is sigmoid(z) - y. Exact for any logit, infinite ones included.

    Args:
        logits: `[..., outputs]` floating point.
        labels: `[..., outputs]`, 0 or 1 or between.
        pos_weight: w, the weight of the label 1, one number or `[outputs]`.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ or `pos_weight` is negative.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> logits = jnp.array([[0.0], [jnp.inf], [-1e4]])
        >>> print(losses.binary_cross_entropy_with_logits(logits, jnp.ones((3, 1))))
        [6.931472e-01 0.000000e+00 1.000000e+04]
    """
    name = "binary_cross_entropy_with_logits"
    _check_pos_weight(name, pos_weight, logits)

    def rule(z, y):
        return _expected(y, *sigmoid_surprisals(z), pos_weight)

    return per_example(name, rule, logits, labels, where, kind="binary")


def hinge(scores: jax.Array, labels: jax.Array, *, where: jax.Array | None = None) -> jax.Array:
    """The hinge loss, `[..., outputs]` and `[..., outputs]` to `[...]`.

    L = max(0, 1 - s) for the label 1 and max(0, 1 + s) for the label 0, summed over the outputs;
    the derivative at the margin itself is 0. C. Cortes and V. Vapnik, Support-Vector Networks,
    1995.

    Args:
        scores: `[..., outputs]` floating point.
        labels: `[..., outputs]`, 0 or 1 or between (not -1 and 1).
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> losses.hinge(jnp.array([[0.25], [-3.0]]), jnp.array([[1], [0]])).tolist()
        [0.75, 0.0]
    """

    def rule(s, y):
        return _expected(y, jax.nn.relu(1 - s), jax.nn.relu(1 + s))

    return per_example("hinge", rule, scores, labels, where, kind="binary")


def focal(
    logits: jax.Array,
    labels: jax.Array,
    *,
    gamma: float | jax.Array = 2.0,
    alpha: float | jax.Array | None = None,
    where: jax.Array | None = None,
) -> jax.Array:
    """The focal loss of sigmoid(logits), `[..., outputs]` and `[..., outputs]` to `[...]`.

    L = -a (1 - p)^gamma log p with p = sigmoid(z) for the label 1, and the same with 1 - p and
    1 - a for the label 0, summed over the outputs: examples that are right already count little.
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017.

    Args:
        logits: `[..., outputs]` floating point.
        labels: `[..., outputs]`, 0 or 1 or between.
        gamma: How much less a right answer counts; 0 or more, 0 is the cross entropy.
        alpha: The weight of the label 1 in [0, 1], that of the label 0 being the rest; None
            weighs both by 1.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ or a number is out of its range.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> print(losses.focal(jnp.array([[0.0], [10.0]]), jnp.array([[1], [1]])).round(4))
        [0.1733 0.    ]
    """
    check_number("focal", "gamma", gamma, "0 or more", lambda value: value >= 0)
    if alpha is not None:
        check_number("focal", "alpha", alpha, "in [0, 1]", lambda v: (v >= 0) & (v <= 1))
    weights = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)

    def side(surprise, other):  # of the label that is there and of the other one
        lost = jnp.isinf(surprise)  # the factor is 1 there, but its derivative meets 0 * inf
        factor = jnp.exp(-times(gamma, other))
        return jnp.where(lost, surprise, factor * jnp.where(lost, 1, surprise))

    def rule(z, y):
        one, zero = sigmoid_surprisals(z)
        return _expected(y, side(one, zero), side(zero, one), *weights)

    return per_example("focal", rule, logits, labels, where, kind="binary")


def _expected(
    labels: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    positive_weight: float | jax.Array = 1.0,
    negative_weight: float | jax.Array = 1.0,
) -> jax.Array:
    """The loss that the labels expect of those of a 1 and of a 0, summed over the outputs."""
    labels = unit(labels)
    ones, zeros = positive_weight * labels, negative_weight * (1 - labels)
    return jnp.sum(times(ones, positive) + times(zeros, negative), axis=-1)


def _check_pos_weight(name: str, pos_weight: float | jax.Array, predictions: jax.Array) -> None:
    outputs = (jnp.shape(predictions) or (None,))[-1]
    check_number(name, "pos_weight", pos_weight, "0 or more", lambda w: w >= 0, outputs=outputs)
