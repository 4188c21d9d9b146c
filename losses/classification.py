"""Losses for one class out of several, with the classes along the last axis."""

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import (
    as_probability,
    per_example,
    probability_floor,
    shifted_logits,
    surprisal,
    times,
)


def cross_entropy(
    probabilities: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the cross entropy of probabilities, `[..., classes]` and `[..., classes]` to `[...]`.

    `L = -sum_c t_c log p_c`. Below 2^-56 (float16: 2^-15) the logarithm is continued by its
    tangent. So the value at exactly 0 is finite (39.8), and the gradient of a confident wrong
    answer does not vanish. If the model gives logits, `softmax_cross_entropy` is more precise.

    Args:
        probabilities: `[..., classes]` floating point in [0, 1]; outside gives NaN.
        targets: `[..., classes]` floating point, a distribution over the classes.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> print(losses.cross_entropy(jnp.array([[0.25, 0.75]]), jnp.array([[1.0, 0.0]])).round(3))
        [1.386]
    """
    floor = probability_floor(probabilities)

    def rule(p, t):
        return jnp.sum(as_probability(t) * surprisal(as_probability(p), floor), axis=-1)

    return per_example("cross_entropy", rule, probabilities, targets, where, kind="distribution")


def kl_divergence(
    probabilities: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the Kullback-Leibler divergence, `[..., classes]` and `[..., classes]` to `[...]`.

    `KL(t || p) = sum_c t_c (log t_c - log p_c)`: the cross entropy less its smallest value, so 0
    for `p = t`. The logarithms are finite at 0 as in `cross_entropy`. S. Kullback and R. A.
    Leibler, On Information and Sufficiency, 1951.

    Args:
        probabilities: `[..., classes]` floating point in [0, 1]; outside gives NaN.
        targets: `[..., classes]` floating point, a distribution over the classes.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> print(losses.kl_divergence(jnp.array([[0.25, 0.75]]), jnp.array([[0.0, 1.0]])).round(4))
        [0.2877]
    """
    floor = probability_floor(probabilities)

    def rule(p, t):
        t = as_probability(t)
        return jnp.sum(t * (surprisal(as_probability(p), floor) - surprisal(t, floor)), axis=-1)

    return per_example("kl_divergence", rule, probabilities, targets, where, kind="distribution")


def softmax_cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of logits, `[..., classes]` and `[..., classes]` to `[...]`.

    `L = -sum_c t_c log softmax(z)_c`; the gradient is `softmax(z) - t`. For infinite logits the
    loss is 0 if they are right and infinite if they are wrong, never NaN.

    Args:
        logits: `[..., classes]` floating point.
        targets: `[..., classes]` floating point, a distribution over the classes.
        label_smoothing: `s` in [0, 1]; the target becomes `(1 - s) t + s / classes`. C. Szegedy et
            al., Rethinking the Inception Architecture, 2016.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ or `label_smoothing` is not in [0, 1].
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> logits = jnp.log(jnp.array([[0.25, 0.75]]))
        >>> print(losses.softmax_cross_entropy(logits, jnp.array([[1.0, 0.0]])).round(3))
        [1.386]
    """
    who = "softmax_cross_entropy"
    _check_smoothing(who, label_smoothing)

    def rule(z, t):
        t = as_probability(t)
        shifted, log_total = shifted_logits(z)
        values = jnp.sum(t, axis=-1) * log_total - jnp.sum(times(t, shifted), axis=-1)
        return _smoothed(values, shifted, log_total, label_smoothing)

    return per_example(who, rule, logits, targets, where, kind="distribution")


def softmax_cross_entropy_with_integer_labels(
    logits: jax.Array,
    labels: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of logits, `[..., classes]` and class ids `[...]` to `[...]`.

    `L = -log softmax(z)_label`. A label out of range, -1 included, gives NaN in value and gradient;
    it is never taken for another class. `check_labels` finds such labels before training.

    Args:
        logits: `[..., classes]` floating point.
        labels: `[...]` integers from 0 to `classes - 1`.
        label_smoothing: `s` in [0, 1]; the target becomes `(1 - s) one_hot + s / classes`.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes do not fit or `label_smoothing` is not in [0, 1].
        TypeError: If a dtype is of the wrong kind, such as a distribution for labels.

    Example:
        The loss of a label is minus the logarithm of its probability:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import losses
        >>> logits = jnp.array([[1.0, 2.0, 4.0]])
        >>> print(losses.softmax_cross_entropy_with_integer_labels(logits, jnp.array([1])))
        [2.169846]
        >>> print(-jnp.log(jax.nn.softmax(logits)[:, 1]))
        [2.169846]
    """
    who = "softmax_cross_entropy_with_integer_labels"
    _check_smoothing(who, label_smoothing)

    def rule(z, y):
        # int8 labels may be fewer than the classes, whose ids must not overflow.
        y = y.astype(jnp.promote_types(y.dtype, jnp.int32))
        shifted, log_total = shifted_logits(z)
        # Not a gather: the derivative of one raises an error on a mesh with explicit axes.
        is_label = y[..., None] == jnp.arange(z.shape[-1], dtype=y.dtype)
        values = log_total - jnp.sum(jnp.where(is_label, shifted, 0), axis=-1)
        values = values * jnp.where((y >= 0) & (y < z.shape[-1]), 1, jnp.nan)
        return _smoothed(values, shifted, log_total, label_smoothing)

    return per_example(who, rule, logits, labels, where, kind="labels")


def _smoothed(
    values: jax.Array, shifted: jax.Array, log_total: jax.Array, smoothing: float | jax.Array
) -> jax.Array:
    """Return `(1 - s) CE(t) + s CE(uniform)`, which equals `CE((1 - s) t + s / classes)`."""
    if isinstance(smoothing, float | int) and smoothing == 0:
        return values
    uniform = log_total - jnp.mean(shifted, axis=-1)
    return times(1 - smoothing, values) + times(smoothing, uniform)


def _check_smoothing(who: str, smoothing: float | jax.Array) -> None:
    check_number(who, "label_smoothing", smoothing, "in [0, 1]", lambda s: (s >= 0) & (s <= 1))
