"""The contract of all losses in one place, and the arithmetic that is right at infinity."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._checks import Kind, check_pair, check_where

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
        return rule(predictions, targets).astype(predictions.dtype)
    where = jnp.asarray(where)
    check_where(name, where, predictions.shape[:-1])
    predictions = jnp.where(where[..., None], predictions, 0)
    targets = jnp.where(where if kind == "labels" else where[..., None], targets, 0)
    return jnp.where(where, rule(predictions, targets).astype(predictions.dtype), 0)


def times(weight: float | jax.Array, value: float | jax.Array) -> jax.Array:
    """`weight * value`, where a weight of 0 wins over an infinite value."""
    return weight * jnp.where(jnp.isinf(value) & (weight == 0), 0, value)


def unit(shares: jax.Array) -> jax.Array:
    """The shares themselves, or NaN for those that are not in [0, 1].

    What rounding alone has carried out of the range is brought back, and keeps its slope.
    """
    inside = (shares >= -_SLACK) & (shares <= 1 + _SLACK)
    excess = jax.lax.stop_gradient(shares - jnp.clip(shares, 0, 1))
    return (shares - excess) * jnp.where(inside, 1, jnp.nan)


def surprisal(probabilities: jax.Array, floor: float) -> jax.Array:
    """-log p, and below `floor` its tangent there: finite at 0, with the slope -1 / floor."""
    above = probabilities > floor
    logarithm = jnp.log(jnp.where(above, probabilities, floor))
    return jnp.where(above, 0, 1 - probabilities / floor) - logarithm


def probability_floor(probabilities: jax.Array) -> float:
    """The smallest probability whose -1 / p is safe: finite in float16, its square in float32."""
    return 2.0**-15 if jnp.result_type(probabilities) == jnp.float16 else 2.0**-56


def absolute(x: jax.Array) -> jax.Array:
    """|x| with the derivative 0 at 0, where `jnp.abs` has 1."""
    return x * jnp.sign(x)


def sigmoid_surprisals(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """-log sigmoid(z) and -log sigmoid(-z), from one exponential that never overflows.

    Plain differentiation of this form keeps its precision in both tails, at 0, at infinity, and in
    the second derivative.
    """
    positive = logits >= 0
    tail = jnp.log1p(jnp.exp(jnp.where(positive, -logits, logits)))
    return jnp.where(positive, 0, -logits) + tail, jnp.where(positive, logits, 0) + tail


def shifted_logits(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Logits `[..., classes]` less their maximum, and the log of their summed exponentials `[...]`.

    The second less the first is -log softmax(logits). Infinite logits that tie share evenly.
    """
    shifted = _shift(logits)
    return shifted, jnp.log(jnp.sum(jnp.exp(shifted), axis=-1))


@jax.custom_jvp
def _shift(logits: jax.Array) -> jax.Array:
    top = jnp.max(logits, axis=-1, keepdims=True)
    return jnp.where(logits == top, 0, logits - top)  # inf - inf is 0 here


@_shift.defjvp
def _shift_jvp(primals, tangents):
    # A softmax does not change when all logits move together, so the shift has no derivative of
    # its own; with the identity here the gradient is softmax minus target at infinity as well.
    return _shift(*primals), tangents[0]
