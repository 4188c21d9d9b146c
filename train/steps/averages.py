"""Moving averages of the weights."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.core import Tracer

from .._checks import is_number
from .._precision import wide_dtype
from .._types import Tree

T = TypeVar("T")


class Average(NamedTuple):
    """A moving average of a tree, as `Ema` keeps it.

    Example:
        >>> average = ema(0.9).init({"weight": jnp.ones(2, jnp.bfloat16)})
        >>> average.mean["weight"].dtype.name
        'float32'
    """

    mean: Tree  # a tree like the one that is averaged, in float32 or wider
    weight: jax.Array  # [], the sum of the weights of the trees that were averaged, at most 1


class Ema(NamedTuple):
    """An exponential moving average of trees, as `ema` makes it."""

    decay: float | jax.Array  # [], what a tree's weight is multiplied by in each step

    def init(self, tree: Tree) -> Average:
        """Return the average of no tree yet, whose value is this one.

        Example:
            >>> from gradwise import train
            >>> float(train.ema(0.9).init(jnp.ones(2)).weight)
            0.0
        """
        mean = jax.tree.map(lambda leaf: jnp.array(leaf, _wide(leaf), copy=True), tree)
        return Average(mean, jnp.zeros((), float))

    def update(self, average: Average, tree: Tree) -> Average:
        """Return the average with one tree more; what is not floating is that of the newest tree.

        Example:
            >>> from gradwise import train
            >>> ema = train.ema(0.5)
            >>> average = ema.update(ema.init(0.0), 1.0)
            >>> float(ema.update(average, 4.0).mean)  # (0.5 * 1 + 1 * 4) / 1.5
            3.0
        """
        rate = (1 - self.decay) + 0 * average.weight
        weight = average.weight + rate * (1 - average.weight)
        # The weighted mean itself, not a sum that is yet to be divided: where nothing moves it
        # stays what it is, to the bit.
        share = rate / weight

        def moved(mean: jax.Array, leaf: jax.Array) -> jax.Array:
            if not jnp.issubdtype(mean.dtype, jnp.inexact):
                return jnp.asarray(leaf)
            leaf = jnp.asarray(leaf, mean.dtype)
            towards = (mean + share * (leaf - mean)).astype(mean.dtype)
            return jnp.where(average.weight == 0, leaf, towards)

        return Average(jax.tree.map(moved, average.mean, tree), weight)

    def value(self, average: Average, like: T) -> T:
        """Return the averaged tree, in the types of `like`.

        Example:
            >>> from gradwise import train
            >>> ema = train.ema(0.9)
            >>> average = ema.update(ema.init(jnp.zeros(2)), jnp.array([1.0, 2.0]))
            >>> ema.value(average, like=jnp.zeros(2, jnp.bfloat16))
            Array([1, 2], dtype=bfloat16)
        """
        return averaged(average, like)


def averaged(average: Average, like: T) -> T:
    """Return an averaged tree, in the types of `like`."""

    def narrow(mean: jax.Array, leaf: jax.Array) -> jax.Array:
        floating = jnp.issubdtype(mean.dtype, jnp.inexact)
        return mean.astype(jnp.result_type(leaf)) if floating else mean

    return jax.tree.map(narrow, average.mean, like)


def _wide(leaf: Tree) -> Tree:
    dtype = jnp.result_type(leaf)
    return wide_dtype(dtype) if jnp.issubdtype(dtype, jnp.inexact) else dtype


def ema(decay: float | jax.Array) -> Ema:
    """Make an exponential moving average of the weights, for `fit(average=...)` and own loops.

    After t steps it is the mean of the weights of all of them, those of step k with the weight
    `decay^(t - k)`, so that the first steps are not drawn to where the training began (Kingma and
    Ba, 2015). Averages of the iterates have less of the gradient's noise than the last one
    (Polyak and Juditsky, 1992). They are made in float32 or wider, whatever the weights are.

    Args:
        decay: At least 0 and below 1; about `1 / (1 - decay)` steps count.

    Returns:
        An `Ema` with the pure functions `init(tree) -> average`, `update(average, tree) -> average`
        and `value(average, like) -> tree`.

    Raises:
        ValueError: If the decay is not in `[0, 1)`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> ema = train.ema(0.5)
        >>> average = ema.init({"weight": jnp.array(0.0)})
        >>> for weight in (1.0, 4.0):
        ...     average = ema.update(average, {"weight": jnp.array(weight)})
        >>> ema.value(average, like={"weight": jnp.array(0.0)})
        {'weight': Array(3., dtype=float32)}
    """
    if not is_number(decay) or (not isinstance(decay, Tracer) and not 0 <= decay < 1):
        raise ValueError(f"ema needs a decay of at least 0 and below 1, got {decay!r}")
    return Ema(decay)
