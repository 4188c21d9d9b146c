"""What all losses share: their contract, and arithmetic that is right at zero and at infinity."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._checks import Kind, as_numbers, check_pair, check_unpacked, check_where
from ._host_targets import check_host_targets
from ._precision import at_least_float32

# Rounding may carry a probability this far out of [0, 1]: the spacing of bfloat16 at 1.
_SLACK = 2.0**-7


def per_example(
    who: str,
    rule: Callable[[jax.Array, jax.Array], jax.Array],
    predictions: jax.Array,
    targets: jax.Array,
    where: jax.Array | None,
    *,
    kind: Kind,
    per_target: int = 1,
) -> jax.Array:
    """Return `rule(predictions, targets)`, `[..., n]` to `[...]`, under the contract of all losses.

    Shapes and dtypes are checked. Predictions shorter than float32 are converted to it, and real
    targets to the dtype of the predictions. What `where` hides is replaced by 0 before the rule and
    after it, so that its value and its gradient are 0 even where the rule would give NaN. There are
    `per_target` predictions for each target.

    Raises:
        ValueError: If the shapes do not fit, or NumPy's targets are out of their range.
        TypeError: If a dtype is of the wrong kind.
    """
    check_unpacked(who, predictions, targets)
    given, shown = targets, where
    predictions, targets = (
        as_numbers(who, name, value)
        for name, value in (("predictions", predictions), ("targets", targets))
    )
    check_pair(who, predictions, targets, kind, per_target=per_target)
    predictions = at_least_float32(predictions)
    if kind != "labels":
        targets = targets.astype(predictions.dtype)
    if where is not None:
        where = as_numbers(who, "where", where)
        check_where(who, where, predictions.shape[:-1])
    check_host_targets(who, kind, given, shown, predictions.shape[-1])
    if where is None:
        return rule(predictions, targets).astype(predictions.dtype)
    predictions = jnp.where(where[..., None], predictions, 0)
    targets = jnp.where(where if kind == "labels" else where[..., None], targets, 0)
    return jnp.where(where, rule(predictions, targets).astype(predictions.dtype), 0)


def times(weight: float | jax.Array, value: float | jax.Array) -> jax.Array:
    """Return `weight * value`, and 0 where the weight is 0 and the value infinite."""
    return weight * jnp.where(jnp.isinf(value) & (weight == 0), 0, value)


def along_outputs(weight: float | jax.Array, values: jax.Array) -> float | jax.Array:
    """Return a number, or one for each output `[outputs]`, with as many axes as the values have.

    JAX would add them itself, unless a user has set `jax_numpy_rank_promotion`.
    """
    if not jnp.ndim(weight):
        return weight
    return jnp.expand_dims(jnp.asarray(weight), tuple(range(values.ndim - jnp.ndim(weight))))


def as_probability(values: jax.Array) -> jax.Array:
    """Return the values, clipped to [0, 1] if rounding carried them out, NaN if they are outside.

    The derivative is 1 also where a value is clipped.
    """
    inside = (values >= -_SLACK) & (values <= 1 + _SLACK)
    excess = jax.lax.stop_gradient(values - jnp.clip(values, 0, 1))
    return (values - excess) * jnp.where(inside, 1, jnp.nan)


def surprisal(probabilities: jax.Array, floor: float) -> jax.Array:
    """Return `-log p`, and below `floor` its tangent there: finite at 0, with slope -1 / floor."""
    above = probabilities > floor
    logarithm = jnp.log(jnp.where(above, probabilities, floor))
    return jnp.where(above, 0, 1 - probabilities / floor) - logarithm


def probability_floor(probabilities: jax.Array) -> float:
    """Return the smallest p at which -1 / p is finite in float16, or 1 / p^2 in float32."""
    return 2.0**-15 if jnp.result_type(probabilities) == jnp.float16 else 2.0**-56


def absolute(x: jax.Array) -> jax.Array:
    """Return `|x|` with the derivative 0 at 0, where `jnp.abs` has 1."""
    return x * jnp.sign(x)


def sigmoid_surprisals(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return `-log sigmoid(z)` and `-log sigmoid(-z)`, from one exponential that cannot overflow.

    Plain differentiation of this form keeps its precision in both tails, at 0 and at infinity, also
    in the second derivative.
    """
    positive = logits >= 0
    tail = jnp.log1p(jnp.exp(jnp.where(positive, -logits, logits)))
    return jnp.where(positive, 0, -logits) + tail, jnp.where(positive, logits, 0) + tail


def shifted_logits(
    logits: jax.Array, class_mask: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """Return logits `[..., classes]` less their maximum, and the log of their exponentials' sum.

    The second, `[...]`, less the first is `-log softmax(logits)`. Infinite logits that tie for the
    maximum share the probability evenly. Where `class_mask` is False the first is -inf, whatever
    the logit is, and no gradient comes to it.
    """
    if class_mask is None:
        shifted = _shift(logits)
        return shifted, jnp.log(jnp.sum(jnp.exp(shifted), axis=-1))
    shifted = _shift(jnp.where(class_mask, logits, -jnp.inf))
    # Where all shown logits are -inf the hidden ones tie with them, so they are left out here.
    total = jnp.sum(jnp.where(class_mask, jnp.exp(shifted), 0), axis=-1)
    none = ~jnp.any(class_mask, axis=-1)
    return jnp.where(class_mask, shifted, -jnp.inf), jnp.log(jnp.where(none, 1, total))


def focused(of_label: jax.Array, of_others: jax.Array, gamma: float | jax.Array) -> jax.Array:
    """Return `(1 - p)^gamma log(1 / p)`, from the surprisals of `p` and of `1 - p`."""
    # The factor is 1 there, but its derivative would be 0 times infinity.
    huge = of_label > 2.0**100
    factor = jnp.exp(-times(gamma, of_others))
    return jnp.where(huge, of_label, factor * jnp.where(huge, 1, of_label))


@jax.custom_jvp
def _shift(logits: jax.Array) -> jax.Array:
    top = jnp.max(logits, axis=-1, keepdims=True)
    return jnp.where(logits == top, 0, logits - top)  # the plain difference inf - inf is NaN


@_shift.defjvp
def _shift_jvp(primals, tangents):
    # Adding a constant to all logits does not change a softmax, so the derivative of the maximum
    # cancels in every loss and can be left out. At infinity, where it would be NaN, the gradient
    # of the loss is then still softmax minus target.
    return _shift(*primals), tangents[0]
