"""Losses that cannot be told what is hidden, such as those of other libraries."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._types import Tree
from ..metrics import rows


def values_of(
    loss: Callable[..., jax.Array],
    predictions: Tree,
    targets: Tree,
    shown: jax.Array,
    where: jax.Array,
) -> jax.Array:
    """Return the values of a loss `[batch, ...]`, 0 with gradient 0 for what is hidden.

    A loss without a parameter `where` gets numbers in the place of what is hidden, and its values
    there are replaced by 0. So do the losses of optax, whose
    `where` hides classes or features.

    Args:
        loss: `loss(predictions, targets)`, or `loss(predictions, targets, where=where)`.
        predictions: What the model returned, `[batch, ...]`.
        targets: What it should have returned.
        shown: What counts, `[batch]` or `[batch, ...]` bool.
        where: The same, of the values' shape.

    Example:
        >>> def error(predictions, targets):
        ...     return jnp.abs(predictions - targets)
        >>> shown = jnp.array([True, False])
        >>> values_of(error, jnp.array([1.0, 2.0]), jnp.array([3.0, jnp.nan]), shown, shown)
        Array([2., 0.], dtype=float32)
    """
    if _hides(loss):
        return loss(predictions, targets, where=where)
    predictions, targets = (
        jax.tree.map(partial(_replaced, shown, by=by), tree)
        for tree, by in ((predictions, 0.5), (targets, 1.0))
    )
    return jnp.where(where, loss(predictions, targets), 0)


def _hides(loss: Callable[..., jax.Array]) -> bool:
    """Return whether a loss has a parameter `where` that hides values."""
    inner = loss
    while isinstance(inner, partial):
        inner = inner.func
    if str(getattr(inner, "__module__", "")).partition(".")[0] == "optax":
        return False
    try:
        arguments = inspect.signature(loss).parameters
    except (TypeError, ValueError):  # it has none that can be read
        return True
    return "where" in arguments or any(a.kind == a.VAR_KEYWORD for a in arguments.values())


def _replaced(shown: jax.Array, leaf: Any, *, by: float) -> jax.Array:
    """Return an array with other numbers where it is hidden: the label 0, or else `by`.

    At these numbers logarithms, roots and quotients of predictions and targets are finite.
    """
    leaf = jnp.asarray(leaf)
    if shown.shape != leaf.shape[: shown.ndim]:  # of single values: what is hidden in all of them
        shown = shown.any(axis=tuple(range(1, shown.ndim)))
    number = by if jnp.issubdtype(leaf.dtype, jnp.inexact) else 0
    return jnp.where(rows(shown, leaf.shape), leaf, jnp.asarray(number, leaf.dtype))
