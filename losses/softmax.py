"""Losses of logits for one class out of several, with the classes along the last axis.

`class_mask` says which classes are allowed. A hidden class has probability 0 and gradient 0,
whatever its logit is, NaN included; a target that is a hidden class has an infinite loss, since its
probability is 0.
"""

import jax
import jax.numpy as jnp

from ._checks import check_class_mask, check_number
from ._values import (
    along_outputs,
    as_probability,
    focused,
    per_example,
    shifted_logits,
    times,
)


def softmax_cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    class_mask: jax.Array | None = None,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of logits, `[..., classes]` and `[..., classes]` to `[...]`.

    `L = -sum_c t_c log softmax(z)_c`; the gradient is `softmax(z) - t`. For infinite logits the
    loss is 0 if they are right and infinite if they are wrong, never NaN.

    Args:
        logits: `[..., classes]` floating point.
        targets: `[..., classes]` floating point, a distribution over the classes.
        label_smoothing: `s` in [0, 1]; the target becomes `(1 - s) t + s / classes`, with as many
            classes as are allowed. C. Szegedy et al., Rethinking the Inception Architecture, 2016.
        class_mask: `[classes]` or `[..., classes]` bool; where it is False, a class has probability
            and gradient 0. A target above 0 there makes the loss infinite.
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
    allowed = check_class_mask(who, class_mask, logits)

    def rule(z, t):
        t = as_probability(t)
        shifted, log_total = shifted_logits(z, allowed)
        values = jnp.sum(t, axis=-1) * log_total - jnp.sum(times(t, shifted), axis=-1)
        return _smoothed(values, shifted, log_total, label_smoothing, allowed)

    return per_example(who, rule, logits, targets, where, kind="distribution")


def softmax_cross_entropy_with_integer_labels(
    logits: jax.Array,
    labels: jax.Array,
    *,
    label_smoothing: float | jax.Array = 0.0,
    class_mask: jax.Array | None = None,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the cross entropy of logits, `[..., classes]` and class ids `[...]` to `[...]`.

    `L = -log softmax(z)_label`. A label out of range, -1 included, gives NaN in value and gradient;
    it is never taken for another class. `check_labels` finds such labels before training.

    Args:
        logits: `[..., classes]` floating point.
        labels: `[...]` integers from 0 to `classes - 1`.
        label_smoothing: `s` in [0, 1]; the target becomes `(1 - s) one_hot + s / classes`, with as
            many classes as are allowed.
        class_mask: `[classes]` or `[..., classes]` bool; where it is False, a class has probability
            and gradient 0. A label there has an infinite loss.
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

        Of two equal classes that are allowed each has the probability 1/2:

        >>> loss = losses.softmax_cross_entropy_with_integer_labels
        >>> allowed = jnp.array([[False, True, True]])
        >>> jnp.exp(-loss(jnp.array([[9.0, 2.0, 2.0]]), jnp.array([1]), class_mask=allowed))
        Array([0.5], dtype=float32)
    """
    who = "softmax_cross_entropy_with_integer_labels"
    _check_smoothing(who, label_smoothing)
    allowed = check_class_mask(who, class_mask, logits)

    def rule(z, y):
        y = _ids(y)
        shifted, log_total = shifted_logits(z, allowed)
        values = log_total - _of_label(_is_label(y, z), shifted)
        return _smoothed(_known(values, y, z), shifted, log_total, label_smoothing, allowed)

    return per_example(who, rule, logits, labels, where, kind="labels")


def softmax_focal_with_integer_labels(
    logits: jax.Array,
    labels: jax.Array,
    *,
    gamma: float | jax.Array = 2.0,
    alpha: jax.Array | None = None,
    class_mask: jax.Array | None = None,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the focal loss of softmax(logits), `[..., classes]` and class ids `[...]` to `[...]`.

    `L = -a_y (1 - p_y)^gamma log p_y` with `p = softmax(z)`: examples that are classified correctly
    count less. A label out of range gives NaN. `focal` is the same for independent yes-or-no
    outputs. T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017.

    Args:
        logits: `[..., classes]` floating point.
        labels: `[...]` integers from 0 to `classes - 1`.
        gamma: How fast correct answers lose weight; 0 or more, and 0 is the cross entropy.
        alpha: `a`, the weight of each class, `[classes]`, 0 or more; None gives all the weight 1.
        class_mask: `[classes]` or `[..., classes]` bool; where it is False, a class has probability
            and gradient 0. A label there has an infinite loss.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes do not fit or a number is out of its range.
        TypeError: If a dtype is of the wrong kind, such as a distribution for labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> logits = jnp.log(jnp.array([[0.25, 0.5, 0.25]]))
        >>> print(losses.softmax_focal_with_integer_labels(logits, jnp.array([1])).round(4))
        [0.1733]
    """
    who = "softmax_focal_with_integer_labels"
    classes = (jnp.shape(logits) or (None,))[-1]
    check_number(who, "gamma", gamma, "0 or more", lambda value: value >= 0)
    if alpha is not None:
        check_number(who, "alpha", alpha, "0 or more", lambda a: a >= 0, outputs=classes)
    allowed = check_class_mask(who, class_mask, logits)

    def rule(z, y):
        y = _ids(y)
        is_label = _is_label(y, z)
        shifted, log_total = shifted_logits(z, allowed)
        others = jnp.sum(jnp.where(is_label, 0, jnp.exp(shifted)), axis=-1)
        certain = others == 0  # and so no other class has a logarithm
        of_others = jnp.where(certain, jnp.inf, log_total - jnp.log(jnp.where(certain, 1, others)))
        values = focused(log_total - _of_label(is_label, shifted), of_others, gamma)
        if alpha is not None:
            values = times(
                jnp.sum(jnp.where(is_label, along_outputs(alpha, z), 0), axis=-1), values
            )
        return _known(values, y, z)

    return per_example(who, rule, logits, labels, where, kind="labels")


def _ids(labels: jax.Array) -> jax.Array:
    """Return labels in a type that holds all class ids; int8 may hold fewer than there are."""
    return labels.astype(jnp.int32) if labels.dtype.itemsize < 4 else labels


def _is_label(labels: jax.Array, logits: jax.Array) -> jax.Array:
    """Return which class is the label, `[..., classes]` bool."""
    return labels[..., None] == along_outputs(
        jnp.arange(logits.shape[-1], dtype=labels.dtype), logits
    )


def _of_label(is_label: jax.Array, values: jax.Array) -> jax.Array:
    """Return the value of the label's class, `[..., classes]` to `[...]`."""
    # Not a gather: the derivative of one raises an error on a mesh with explicit axes.
    return jnp.sum(jnp.where(is_label, values, 0), axis=-1)


def _known(values: jax.Array, labels: jax.Array, logits: jax.Array) -> jax.Array:
    """Return the values, and NaN where the label is out of range."""
    return values * jnp.where((labels >= 0) & (labels < logits.shape[-1]), 1, jnp.nan)


def _smoothed(
    values: jax.Array,
    shifted: jax.Array,
    log_total: jax.Array,
    smoothing: float | jax.Array,
    allowed: jax.Array | None,
) -> jax.Array:
    """Return `(1 - s) CE(t) + s CE(uniform)`, which equals `CE((1 - s) t + s / classes)`."""
    if isinstance(smoothing, float | int) and smoothing == 0:
        return values
    if allowed is None:
        uniform = log_total - jnp.mean(shifted, axis=-1)
    else:
        count = jnp.maximum(jnp.sum(allowed, axis=-1, dtype=shifted.dtype), 1)
        uniform = log_total - jnp.sum(jnp.where(allowed, shifted, 0), axis=-1) / count
    return times(1 - smoothing, values) + times(smoothing, uniform)


def _check_smoothing(who: str, smoothing: float | jax.Array) -> None:
    check_number(who, "label_smoothing", smoothing, "in [0, 1]", lambda s: (s >= 0) & (s <= 1))
