"""Losses of probabilities for one class out of several, with the classes along the last axis."""

import jax
import jax.numpy as jnp

from ._values import as_probability, per_example, probability_floor, surprisal


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
