"""Losses for independent yes-or-no outputs along the last axis.

Labels are 0 or 1 (bool, integer or float) for every loss here, the hinge included. A label in
between is the probability of a 1, and the loss is linear in it. A label outside [0, 1] gives NaN.
"""

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import (
    along_outputs,
    as_probability,
    focused,
    per_example,
    probability_floor,
    sigmoid_surprisals,
    surprisal,
    times,
)


def binary_cross_entropy(
    probabilities: jax.Array,
    labels: jax.Array,
    *,
    pos_weight: float | jax.Array = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of probabilities, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = -w y log p - (1 - y) log(1 - p)`, summed over the outputs. Below 2^-56 (float16: 2^-15) a
    logarithm is continued by its tangent. So the value at exactly 0 and 1 is finite (39.8), and the
    gradient of a confident wrong answer does not vanish. If the model gives logits,
    `binary_cross_entropy_with_logits` is more precise.

    Args:
        probabilities: `[..., outputs]` floating point in [0, 1]; outside gives NaN.
        labels: `[..., outputs]`, from 0 to 1.
        pos_weight: `w`, the weight of the label 1, one number or `[outputs]`; 0 or more.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ or `pos_weight` is negative.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> print(losses.binary_cross_entropy(jnp.array([[0.5], [1.0]]), jnp.ones((2, 1))).round(3))
        [0.693 0.   ]
    """
    who = "binary_cross_entropy"
    _check_pos_weight(who, pos_weight, probabilities)
    floor = probability_floor(probabilities)

    def rule(p, y):
        p = as_probability(p)
        return _expected(y, surprisal(p, floor), surprisal(1 - p, floor), pos_weight)

    return per_example(who, rule, probabilities, labels, where, kind="binary")


def binary_cross_entropy_with_logits(
    logits: jax.Array,
    labels: jax.Array,
    *,
    pos_weight: float | jax.Array = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of logits, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = -w y log sigmoid(z) - (1 - y) log sigmoid(-z)`, summed over the outputs; with `w = 1` the
    gradient is `sigmoid(z) - y`. Exact for any logit, infinite ones included.

    Args:
        logits: `[..., outputs]` floating point.
        labels: `[..., outputs]`, from 0 to 1.
        pos_weight: `w`, the weight of the label 1, one number or `[outputs]`; 0 or more.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ or `pos_weight` is negative.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> logits = jnp.array([[0.0], [jnp.inf], [-1e4]])
        >>> print(losses.binary_cross_entropy_with_logits(logits, jnp.ones((3, 1))))
        [6.931472e-01 0.000000e+00 1.000000e+04]
    """
    who = "binary_cross_entropy_with_logits"
    _check_pos_weight(who, pos_weight, logits)

    def rule(z, y):
        return _expected(y, *sigmoid_surprisals(z), pos_weight)

    return per_example(who, rule, logits, labels, where, kind="binary")


def hinge(scores: jax.Array, labels: jax.Array, *, where: jax.Array | None = None) -> jax.Array:
    """Return the hinge loss, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = max(0, 1 - s)` for the label 1 and `max(0, 1 + s)` for the label 0, summed over the
    outputs; the derivative where `s` is exactly 1 or -1 is 0. C. Cortes and V. Vapnik,
    Support-Vector Networks, 1995.

    Args:
        scores: `[..., outputs]` floating point.
        labels: `[..., outputs]`, from 0 to 1 (not -1 and 1).
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
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
    """Return the focal loss of sigmoid(logits), `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = -a (1 - p)^gamma log p` with `p = sigmoid(z)` for the label 1, and the same with `1 - p`
    and `1 - a` for the label 0, summed over the outputs. The factor makes examples that are
    classified correctly count less. For one class out of several there is
    `softmax_focal_with_integer_labels`. T.-Y. Lin et al., Focal Loss for Dense Object Detection,
    2017.

    Args:
        logits: `[..., outputs]` floating point.
        labels: `[..., outputs]`, from 0 to 1.
        gamma: How fast correct answers lose weight; 0 or more, and 0 is the cross entropy.
        alpha: `a` in [0, 1], the weight of the label 1; the label 0 has `1 - a`. None gives both
            the weight 1.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ or a number is out of its range.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> print(losses.focal(jnp.array([[0.0], [10.0]]), jnp.array([[1], [1]])).round(4))
        [0.1733 0.    ]
    """
    check_number("focal", "gamma", gamma, "0 or more", lambda value: value >= 0)
    if alpha is not None:
        check_number("focal", "alpha", alpha, "in [0, 1]", lambda v: (v >= 0) & (v <= 1))
    weights = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)

    def rule(z, y):
        one, zero = sigmoid_surprisals(z)
        return _expected(y, focused(one, zero, gamma), focused(zero, one, gamma), *weights)

    return per_example("focal", rule, logits, labels, where, kind="binary")


def _expected(
    labels: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    positive_weight: float | jax.Array = 1.0,
    negative_weight: float | jax.Array = 1.0,
) -> jax.Array:
    """Return the loss of a 1 and that of a 0, weighted by the labels, summed over the outputs."""
    labels = as_probability(labels)
    ones = along_outputs(positive_weight, labels) * labels
    zeros = along_outputs(negative_weight, labels) * (1 - labels)
    return jnp.sum(times(ones, positive) + times(zeros, negative), axis=-1)


def _check_pos_weight(who: str, pos_weight: float | jax.Array, predictions: jax.Array) -> None:
    outputs = (jnp.shape(predictions) or (None,))[-1]
    check_number(who, "pos_weight", pos_weight, "0 or more", lambda w: w >= 0, outputs=outputs)
