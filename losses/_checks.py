"""Checks of what the losses are given: shapes, dtypes and hyperparameters."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

Kind = Literal["real", "counts", "binary", "distribution", "labels"]

# For each kind of targets: the dtypes they may have, what they are, and what to do if they are not.
_KINDS: dict[Kind, tuple[tuple[type, ...], str, str]] = {
    "real": (
        (np.floating, np.integer),
        "real numbers",
        "for classes use a cross entropy",
    ),
    "counts": (
        (np.floating, np.integer),
        "counts of 0 or more",
        "give one count for each output",
    ),
    "binary": (
        (np.floating, np.integer, np.bool_),
        "labels from 0 to 1",
        "give one label for each output",
    ),
    "distribution": (
        (np.floating,),
        "a floating-point distribution over the classes",
        "for class ids use softmax_cross_entropy_with_integer_labels, or jax.nn.one_hot",
    ),
    "labels": (
        (np.integer,),
        "integer class ids",
        "for a distribution over the classes use softmax_cross_entropy",
    ),
}


def check_unpacked(who: str, predictions: object, targets: object) -> None:
    """Check that `predictions` are not the pair that a model's `apply` returns, and nothing misses.

    Raises:
        TypeError: If they are, or if either of both is None.
    """
    for name, given in (("predictions", predictions), ("targets", targets)):
        if given is None:
            raise TypeError(f"{who}: {name} must be an array, got None")
    if isinstance(predictions, tuple):
        raise TypeError(
            f"{who}: predictions must be one array, got a tuple of {len(predictions)}: a model "
            "returns two things, predictions, state = model.apply(params, state, x)"
        )


def as_numbers(who: str, name: str, value: object) -> jax.Array:
    """Return an array of JAX.

    Raises:
        TypeError: If the value is no array of numbers, such as a text or a dictionary.
    """
    try:
        return jnp.asarray(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):  # a list of rows of several lengths, too
        kind = type(value).__name__
        cure = ": take one of its arrays" if isinstance(value, dict) else ""
        raise TypeError(f"{who}: {name} must be one array of numbers, got {kind}{cure}") from None


def check_pair(
    who: str, predictions: jax.Array, targets: jax.Array, kind: Kind, *, per_target: int = 1
) -> None:
    """Check predictions `[..., n]` and the targets of the loss `who` against each other.

    Args:
        who: The loss.
        predictions: What the model gives.
        targets: What it should give.
        kind: What the targets are.
        per_target: How many predictions the last axis has for each target.

    Raises:
        TypeError: If the predictions are not floating-point, or the targets not of this kind.
        ValueError: If the predictions have no axis of outputs, or the shapes do not fit.
    """
    if not jnp.issubdtype(predictions.dtype, np.floating):
        raise TypeError(
            f"{who}: predictions must be floating point, got {predictions.dtype}; "
            "pass what the model returns, not classes or rounded values"
        )
    if predictions.ndim == 0 or predictions.shape[-1] == 0:
        raise ValueError(
            f"{who}: the last axis of the predictions holds the outputs or classes of one "
            f"example, got shape {predictions.shape}; a batch of scalars is x[..., None]"
        )
    types, wanted, fix = _KINDS[kind]
    *batch, outputs = predictions.shape
    if outputs % per_target:
        raise ValueError(
            f"{who}: the last axis of the predictions must be {per_target} for each target, got "
            f"shape {predictions.shape}"
        )
    expected = tuple(batch) if kind == "labels" else (*batch, outputs // per_target)
    if targets.shape != expected:
        raise ValueError(
            f"{who}: predictions {predictions.shape} need targets {expected} ({wanted}), "
            f"got {targets.shape}; {_axis_fix(targets.shape, expected, kind) or fix}"
        )
    if not any(jnp.issubdtype(targets.dtype, type_) for type_ in types):
        ids = "if they are class ids, targets.astype(int); " if kind == "labels" else ""
        raise TypeError(f"{who}: targets must be {wanted}, got {targets.dtype}; {ids}{fix}")


def _axis_fix(shape: tuple[int, ...], expected: tuple[int, ...], kind: Kind) -> str:
    """Return which axis to add or drop, or "" if that would not make the shapes equal."""
    if (*shape, 1) == expected:
        return "add the axis: targets[..., None]"
    if shape == (*expected, 1):
        drop = "drop the axis: targets[..., 0]"
        return drop if kind == "labels" else "a batch of scalars is predictions[..., None]"
    return ""


def check_where(who: str, where: jax.Array, shape: tuple[int, ...]) -> None:
    """Check that `where` holds one bool for each of the values, which have this shape.

    Raises:
        TypeError: If it is not bool.
        ValueError: If it has another shape.
    """
    if where.dtype != np.bool_:
        raise TypeError(
            f"{who}: where must be bool, got {where.dtype}; compare first, or use "
            "losses.mean(values, weights=...) for weights"
        )
    if where.shape != shape:
        raise ValueError(
            f"{who}: where must have one entry for each value, {shape}, got {where.shape}; "
            "it hides whole examples, never single outputs or classes"
        )


def check_class_mask(who: str, class_mask: jax.Array | None, logits: jax.Array) -> jax.Array | None:
    """Return the mask of the classes that are allowed as an array of as many axes as the logits.

    Raises:
        TypeError: If it is not bool.
        ValueError: If it has neither the shape of the logits nor one entry for each class.
    """
    if class_mask is None:
        return None
    class_mask, shape = jnp.asarray(class_mask), jnp.shape(logits)
    if class_mask.dtype != np.bool_:
        raise TypeError(f"{who}: class_mask must be bool, got {class_mask.dtype}; compare first")
    if class_mask.shape not in (shape, shape[-1:]):
        raise ValueError(
            f"{who}: class_mask must have one entry for each logit, {shape}, or for each class, "
            f"{shape[-1:]}, got {class_mask.shape}"
        )
    return class_mask if class_mask.shape == shape else jnp.expand_dims(class_mask, _front(shape))


def _front(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(len(shape) - 1))


def check_number(
    who: str,
    name: str,
    value: float | jax.Array | np.ndarray,
    wanted: str,
    holds: Callable[[np.ndarray], np.ndarray | np.bool_],
    *,
    outputs: int | None = None,
) -> None:
    """Check that a hyperparameter is one number, or one for each output, for which `holds` is true.

    A traced number, as in a search over many values, has no value yet, so only its shape is
    checked.

    Raises:
        ValueError: If it has another shape, or `holds` is false.
        TypeError: If it is not a number.
    """
    shape = np.shape(value)
    if shape not in ((), (outputs,)):
        allowed = "one number" if outputs is None else f"one number or one per output, ({outputs},)"
        raise ValueError(f"{who}: {name} must be {allowed}, got shape {shape}")
    if isinstance(value, Tracer):
        return
    dtype = np.asarray(value).dtype
    if not jnp.issubdtype(dtype, np.floating) and not jnp.issubdtype(dtype, np.integer):
        raise TypeError(f"{who}: {name} must be a number, {wanted}, got {value!r}")
    if not np.all(holds(np.asarray(value))):
        raise ValueError(f"{who}: {name} must be {wanted}, got {value}")
