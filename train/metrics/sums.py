"""What a metric returns: sums that add over batches and devices, and their ratio at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from .._precision import at_least_float32
from .._types import Tree


class Mean(NamedTuple):
    """A weighted sum and the sum of its weights; `value` is their ratio, and so is `float(mean)`.

    Both may be vectors, such as one entry for each class: then so is the value.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> float(train.metrics.Mean(jnp.array(3.0), jnp.array(4.0)))
        0.75
    """

    total: jax.Array  # [...]
    weight: jax.Array  # [...]

    @property
    def value(self) -> jax.Array:
        """The ratio `total / weight`, NaN where the weight is 0.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import train
            >>> float(train.metrics.Mean(jnp.array(0.0), jnp.array(0.0)).value)
            nan
        """
        # The double where: no division by 0, whose derivative would be NaN behind the selection.
        return jnp.where(
            self.weight == 0, jnp.nan, self.total / jnp.where(self.weight == 0, 1, self.weight)
        )

    def __float__(self) -> float:
        """Return the value as a number of Python, where it is one."""
        return float(self.value)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """Sums that add over batches, and the function that makes the figure of them at the end.

    It is for figures that are no ratio of two sums, such as a median of counts or the F1 score of
    each class. The leaves of `sums` are added, entry by entry; `finish` comes last and is part of
    the type of the tree, so it must be one function, not made anew in each call. A run keeps the
    sums of all steps of an epoch until its end, so they should be small: a confusion matrix of
    1,000 classes takes 4 MB a step.

    Attributes:
        sums: A tree of arrays, of any shapes.
        finish: `finish(sums) -> value`, an array of any shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def root(sums):
        ...     total, count = sums
        ...     return jnp.sqrt(total / count)
        >>> def root_mean_square(predictions, targets, *, where=None):
        ...     squares = train.metrics.mean((predictions - targets) ** 2, where=where)
        ...     return train.metrics.Sums(sums=squares, finish=root)
        >>> first = root_mean_square(jnp.array([3.0]), jnp.array([0.0]))
        >>> second = root_mean_square(jnp.array([1.0, 1.0]), jnp.array([1.0, 1.0]))
        >>> jax.tree.map(jnp.add, first, second).value
        Array(1.7320508, dtype=float32)
    """

    sums: Tree
    finish: Callable[[Any], jax.Array] = field(metadata={"static": True})

    @property
    def value(self) -> jax.Array:
        """The figure, `finish(sums)`.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import train
            >>> float(train.metrics.Sums(sums=jnp.array([3.0, 4.0]), finish=jnp.max).value)
            4.0
        """
        return self.finish(self.sums)


#: What a metric returns.
Figure: TypeAlias = Mean | Sums


def mean(
    values: jax.Array, *, where: jax.Array | None = None, weights: jax.Array | None = None
) -> Mean:
    """Sum `values` `[batch, ...]` where they are shown, in float32 or wider, and the weights.

    What is hidden, NaN included, changes neither the sum nor its gradient.

    Args:
        values: `[batch, ...]`, one for each entry.
        where: `[batch]` bool, the rows that count, or `[batch, ...]` with more of the axes of the
            values, such as the time steps; all of them by default.
        weights: Real numbers of the same shapes, 1 by default. What has the weight 0 is hidden.

    Raises:
        ValueError: If `where` or `weights` do not fit the values.
        TypeError: If `where` is not bool.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> where = jnp.array([True, True, False])
        >>> train.metrics.mean(jnp.array([1.0, 2.0, jnp.nan]), where=where).value
        Array(1.5, dtype=float32)
        >>> train.metrics.mean(jnp.array([1.0, 2.0]), weights=jnp.array([3.0, 1.0])).value
        Array(1.25, dtype=float32)
    """
    values = wide(values)
    if weights is not None:
        weights = rows(wide(weights), values.shape)
        shown = weights != 0
        where = shown if where is None else shown & entries(where, values.shape)
    if where is None:
        return Mean(values.sum(), jnp.full((), values.size, values.dtype))
    real = entries(where, values.shape)
    values = jnp.where(real, values, 0)
    if weights is None:
        return Mean(values.sum(), real.sum(dtype=values.dtype))
    weights = jnp.where(real, weights, 0)
    return Mean((weights * values).sum(), weights.sum())


def entries(where: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
    """Return which values of `shape` `[batch, ...]` count, by the `where` of a metric.

    Raises:
        ValueError: If the mask does not have the first axes of the values.
        TypeError: If it is not bool.

    Example:
        >>> entries(jnp.array([True, False]), (2, 3)).sum(axis=1)
        Array([3, 0], dtype=int32)
    """
    if where is None:
        return jnp.ones(shape, bool)
    where = jnp.asarray(where)
    if where.dtype != bool:
        raise TypeError(
            f"where of a metric must be bool, got {where.dtype}: compare first; weights are for "
            "train.metrics.mean(values, weights=...)"
        )
    return rows(where, shape)


def rows(where: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Broadcast a mask of rows `[batch]`, or of more axes, to values of `shape` `[batch, ...]`.

    Raises:
        ValueError: If the mask does not have the first axes of the values.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> train.metrics.rows(jnp.array([True, False]), (2, 3)).sum(axis=1)
        Array([3, 0], dtype=int32)
    """
    if where.shape != shape[: where.ndim]:
        raise ValueError(
            f"a mask or weights must have the first axes of the values, {shape}, got "
            f"{where.shape}: one entry for each row, or for each value"
        )
    return jnp.broadcast_to(where.reshape(where.shape + (1,) * (len(shape) - where.ndim)), shape)


def wide(values: jax.Array) -> jax.Array:
    """Return numbers as an array of float32 or wider, in which sums are made.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> train.metrics.wide(jnp.ones(2, jnp.bfloat16)).dtype
        dtype('float32')
    """
    values = jnp.asarray(values)
    return at_least_float32(values)
