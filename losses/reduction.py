"""The mean that turns one value for each example into the number that is differentiated."""

from typing import Protocol

import jax
import jax.numpy as jnp

from ._checks import as_numbers, check_where
from ._precision import at_least_float32


class Loss(Protocol):
    """A loss of predictions and targets of one shape, with one value for each example."""

    def __call__(
        self, predictions: jax.Array, targets: jax.Array, /, *, where: jax.Array | None = None
    ) -> jax.Array:
        """Return the values, `[..., outputs]` to `[...]`."""
        ...


def per_output(loss: Loss) -> Loss:
    """Return the loss that has a value for each output, `[..., outputs]` to `[..., outputs]`.

    Its `where`, and the weights of its mean, have an entry for each output, so that a target may
    be missing alone.

    Args:
        loss: A loss that adds up the outputs, with as many predictions as targets.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> predictions, targets = jnp.array([[1.0, 2.0]]), jnp.array([[jnp.nan, 5.0]])
        >>> known = ~jnp.isnan(targets)
        >>> losses.per_output(losses.squared_error)(predictions, targets, where=known)
        Array([[0., 9.]], dtype=float32)
    """

    def values(
        predictions: jax.Array, targets: jax.Array, /, *, where: jax.Array | None = None
    ) -> jax.Array:
        predictions, targets = jnp.asarray(predictions), jnp.asarray(targets)
        return loss(predictions[..., None], targets[..., None], where=where)

    return values


def mean(
    values: jax.Array, *, where: jax.Array | None = None, weights: jax.Array | None = None
) -> jax.Array:
    """Return the weighted mean of the values for which `where` is True, `[...]` to a scalar.

    `sum w v / sum w`; if no value counts, or the weights add up to 0, it is 0 with gradient 0. The
    sums and the result are in float32 or better.

    Args:
        values: `[...]` real numbers; a bool counts as 0 or 1, so the mean of hits is the accuracy.
        where: `[...]` bool; a value that is False does not count, whatever it holds.
        weights: `[...]` real numbers; weights for each class are `class_weights[labels]`. A NaN
            with weight 0 still makes the mean NaN; hide it with `where`.

    Raises:
        ValueError: If `where` or `weights` do not have the shape of the values.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> values = jnp.array([1.0, 3.0, jnp.nan])
        >>> shown = jnp.array([True, True, False])
        >>> float(losses.mean(values, where=shown))
        2.0
        >>> labels, class_weights = jnp.array([0, 1, 1]), jnp.array([3.0, 1.0])
        >>> float(losses.mean(values, where=shown, weights=class_weights[labels]))
        1.5
        >>> float(losses.mean(values, where=jnp.zeros(3, bool)))
        0.0
    """
    values = _real("values", values)
    weights = _real("weights", jnp.ones_like(values) if weights is None else weights)
    if weights.shape != values.shape:
        raise ValueError(
            f"mean: weights must have one entry for each value, {values.shape}, got "
            f"{weights.shape}; weights per class are class_weights[labels]"
        )
    if where is not None:
        where = as_numbers("mean", "where", where)
        check_where("mean", where, values.shape)
        # Replaced before the product: 0 times a NaN, or times its derivative, would be NaN.
        values, weights = jnp.where(where, values, 0), jnp.where(where, weights, 0)
    total = jnp.sum(weights)
    return jnp.where(total == 0, 0, jnp.sum(weights * values) / jnp.where(total == 0, 1, total))


def _real(name: str, x: jax.Array) -> jax.Array:
    """Return the array in float32 or better."""
    x = as_numbers("mean", name, x)
    if not (jnp.issubdtype(x.dtype, jnp.number) or x.dtype == bool) or jnp.iscomplexobj(x):
        raise TypeError(f"mean: {name} must be real numbers, got {x.dtype}")
    return at_least_float32(x)
