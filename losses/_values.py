"""The contract of all losses in one place, and the arithmetic that is right at infinity."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._checks import Kind, check_pair, check_where

# Added to a probability before its logarithm is taken. 1 + 2^-56 is 1 in every precision, so that
# log 1 stays 0; and 2^56, the slope at 0, can be squared and summed in float32.
_TINY = 2.0**-56
# How far rounding may carry a probability out of [0, 1]: the spacing of bfloat16 at 1.
_SLACK = 2.0**-7


def per_example(
    name: str,
    rule: Callable[[jax.Array, jax.Array], jax.Array],
    predictions: jax.Array,
    targets: jax.Array,
    where: jax.Array | None,
    *,
    kind: Kind,
) -> jax.Array:
    """Applies `rule`, `[..., n]` and targets to `[...]`, under the contract of all losses.

    Shapes and dtypes are checked, the arithmetic is in the predictions' dtype or float32 if that
    is shorter, and what `where` hides is replaced before the rule and after it, so that neither
    its value nor its gradient can be anything but 0.
    """
    predictions, targets = jnp.asarray(predictions), jnp.asarray(targets)
    check_pair(name, predictions, targets, kind)
    predictions = predictions.astype(jnp.promote_types(predictions.dtype, jnp.float32))
    if kind != "labels":
        targets = targets.astype(predictions.dtype)
    if where is None:
        return rule(predictions, targets)
    where = jnp.asarray(where)
    check_where(name, where, predictions.shape[:-1])
    predictions = jnp.where(where[..., None], predictions, 0)
    targets = jnp.where(where if kind == "labels" else where[..., None], targets, 0)
    return jnp.where(where, rule(predictions, targets), 0)


def times(weight: jax.Array, value: jax.Array) -> jax.Array:
    """`weight * value`, where a weight of 0 wins over an infinite value."""
    return weight * jnp.where((weight == 0) & jnp.isinf(value), 0, value)


def unit(shares: jax.Array) -> jax.Array:
    """The shares themselves, or NaN for those that are not in [0, 1], rounding forgiven."""
    inside = (shares >= -_SLACK) & (shares <= 1 + _SLACK)
    return shares * jnp.where(inside, 1, jnp.nan)


def safe_log(probabilities: jax.Array) -> jax.Array:
    """The logarithm, finite at 0 (-38.8) and with a finite slope there (2^56)."""
    # What rounding has left below 0 counts as 0, and keeps its slope.
    below = jax.lax.stop_gradient(jnp.minimum(probabilities, 0))
    return jnp.log(probabilities - below + _TINY)


def softplus(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)), whose derivatives keep their precision in both tails and at infinity."""
    positive = x >= 0
    return jnp.where(positive, x, 0) + jnp.log1p(jnp.exp(jnp.where(positive, -x, x)))


def log_softmax(logits: jax.Array) -> jax.Array:
    """The logarithm of the softmax over the last axis; infinite logits that tie share evenly."""
    shifted = _shift(logits)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))


@jax.custom_jvp
def _shift(logits: jax.Array) -> jax.Array:
    top = jnp.max(logits, axis=-1, keepdims=True)
    at_infinity = jnp.where(logits == top, 0, -jnp.inf)
    return jnp.where(jnp.isinf(top), at_infinity, logits - top)


@_shift.defjvp
def _shift_jvp(primals, tangents):
    # A softmax does not change when all logits move together, so the shift has no derivative of
    # its own; with the identity here the gradient is softmax minus target at infinity as well.
    return _shift(*primals), tangents[0]


def one_hot(labels: jax.Array, classes: int, dtype: jnp.dtype) -> jax.Array:
    """One-hot rows `[..., classes]`; a label out of range is a row of NaN, never a class.

    A comparison and no gather: its derivative works on any sharding of logits and labels.
    """
    labels = labels.astype(jnp.promote_types(labels.dtype, jnp.int32))
    inside = (labels >= 0) & (labels < classes)
    hot = labels[..., None] == jnp.arange(classes, dtype=labels.dtype)
    return jnp.where(inside[..., None], hot.astype(dtype), jnp.nan)
