"""Losses for one class out of several; the classes are the last axis."""

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import (
    per_example,
    probability_floor,
    shifted_logits,
    surprisal,
    times,
    unit,
)


def cross_entropy(
    probabilities: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """The cross entropy of probabilities, `[..., classes]` and `[..., classes]` to `[...]`.

    L = -sum_c t_c log p_c. Below 2^-56 (float16: 2^-15) the logarithm goes on as its tangent, so
    that at exactly 0 the value is finite (39.8) and a confident wrong answer keeps its gradient.
    With logits at hand `softmax_cross_entropy` is more precise.

    Args:
        probabilities: `[..., classes]` floating point in [0, 1]; outside gives NaN.
        targets: `[..., classes]` floating point, a distribution per example.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> print(losses.cross_entropy(jnp.array([[0.25, 0.75]]), jnp.array([[1.0, 0.0]])).round(3))
        [1.386]
    """
    floor = probability_floor(probabilities)

    def rule(p, t):
        return jnp.sum(unit(t) * surprisal(unit(p), floor), axis=-1)

    return per_example("cross_entropy", rule, probabilities, targets, where, kind="distribution")


def kl_divergence(
    probabilities: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """How far probabilities are from a target distribution, `[..., classes]` to `[...]`.

    KL(t || p) = sum_c t_c (log t_c - log p_c): the cross entropy less its smallest value, so 0
    for p = t. The logarithms are finite at 0 as in `cross_entropy`. S. Kullback and R. A. Leibler,
    On Information and Sufficiency, 1951.

    Args:
        probabilities: `[..., classes]` floating point in [0, 1]; outside gives NaN.
        targets: `[..., classes]` floating point, a distribution per example.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> print(losses.kl_divergence(jnp.array([[0.25, 0.75]]), jnp.array([[0.0, 1.0]])).round(4))
        [0.2877]
    """
    floor = probability_floor(probabilities)

    def rule(p, t):
        t = unit(t)
        return jnp.sum(t * (surprisal(unit(p), floor) - surprisal(t, floor)), axis=-1)

    return per_example("kl_divergence", rule, probabilities, targets, where, kind="distribution")


def softmax_cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """The cross entropy of softmax(logits), `[..., classes]` and `[..., classes]` to `[...]`.

    L = -sum_c t_c log softmax(z)_c; the gradient is softmax(z) - t. Infinite logits are a
    certainty: 0 where it is right, infinite where it is wrong, never NaN.

    Args:
        logits: `[..., classes]` floating point.
        targets: `[..., classes]` floating point, a distribution per example.
        label_smoothing: s in [0, 1]; the target becomes (1 - s) t + s / classes. C. Szegedy et
            al., Rethinking the Inception Architecture, 2016.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes differ or `label_smoothing` is not in [0, 1].
        TypeError: If a dtype is of the wrong kind, such as class ids for targets.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> logits = jnp.log(jnp.array([[0.25, 0.75]]))
        >>> print(losses.softmax_cross_entropy(logits, jnp.array([[1.0, 0.0]])).round(3))
        [1.386]
    """
    name = "softmax_cross_entropy"
    _check_smoothing(name, label_smoothing)

    def rule(z, t):
        t = unit(t)
        shifted, log_total = shifted_logits(z)
        values = jnp.sum(t, axis=-1) * log_total - jnp.sum(times(t, shifted), axis=-1)
        return _smoothed(values, shifted, log_total, label_smoothing)

    return per_example(name, rule, logits, targets, where, kind="distribution")


def softmax_cross_entropy_with_integer_labels(
    logits: jax.Array,
    labels: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """The cross entropy of softmax(logits), `[..., classes]` and class ids `[...]` to `[...]`.

    L = -log softmax(z)_label. A label out of range, -1 included, gives NaN in value and gradient
    and never another class; `check_labels` finds such labels before training.

    Args:
        logits: `[..., classes]` floating point.
        labels: `[...]` integers, 0 to classes - 1.
        label_smoothing: s in [0, 1]; the target becomes (1 - s) one_hot + s / classes.
        where: `[...]` bool; what it hides has value 0 and gradient 0, whatever it holds.

    Raises:
        ValueError: If the shapes do not fit or `label_smoothing` is not in [0, 1].
        TypeError: If a dtype is of the wrong kind, such as a distribution for labels.

    Example:
        The loss of a single label is minus the logarithm of its probability.

        >>> import jax
        >>> import jax.numpy as jnp
        >>> import losses
        >>> logits = jnp.array([[1.0, 2.0, 4.0]])
        >>> print(losses.softmax_cross_entropy_with_integer_labels(logits, jnp.array([1])))
        [2.169846]
        >>> print(-jnp.log(jax.nn.softmax(logits)[:, 1]))
        [2.169846]
    """
    name = "softmax_cross_entropy_with_integer_labels"
    _check_smoothing(name, label_smoothing)

    def rule(z, y):
        y = y.astype(jnp.promote_types(y.dtype, jnp.int32))  # wide enough to count the classes
        shifted, log_total = shifted_logits(z)
        # A comparison and no gather, whose derivative fails on a mesh with explicit axes.
        own = y[..., None] == jnp.arange(z.shape[-1], dtype=y.dtype)
        values = log_total - jnp.sum(jnp.where(own, shifted, 0), axis=-1)
        values = values * jnp.where((y >= 0) & (y < z.shape[-1]), 1, jnp.nan)
        return _smoothed(values, shifted, log_total, label_smoothing)

    return per_example(name, rule, logits, labels, where, kind="labels")


def _smoothed(
    values: jax.Array, shifted: jax.Array, log_total: jax.Array, smoothing: float | jax.Array
) -> jax.Array:
    """The values (1 - s) CE(t) + s CE(uniform), which are CE((1 - s) t + s / classes)."""
    if isinstance(smoothing, float | int) and smoothing == 0:
        return values
    uniform = log_total - jnp.mean(shifted, axis=-1)
    return times(1 - smoothing, values) + times(smoothing, uniform)


def _check_smoothing(name: str, smoothing: float | jax.Array) -> None:
    check_number(name, "label_smoothing", smoothing, "in [0, 1]", lambda s: (s >= 0) & (s <= 1))
