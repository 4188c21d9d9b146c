"""Change a batch at random where that leaves its labels true: pure functions, each row by itself.

An augmentation is a function `augment(key, x) -> x` of a batch `[rows, ...]`, whose result has the
same dtype. Each row draws for itself. Options are keywords: fix them with `functools.partial`.

Example:
    >>> from functools import partial
    >>> import jax, jax.numpy as jnp
    >>> from gradwise import train
    >>> augment = train.data.chain(train.data.flip, partial(train.data.shift, most=2))
    >>> images = jnp.ones((16, 28, 28, 1), jnp.uint8)
    >>> augment(jax.random.key(0), images).shape
    (16, 28, 28, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import all_leaves

from .._checks import positive
from .._explicit import row_sharding, unspread
from .._precision import wide_dtype
from .._types import Tree
from .arrays import is_numbers
from .rows import take

#: `augment(key, x) -> x`, of a batch of features.
Augment: TypeAlias = Callable[[jax.Array, Tree], Tree]


def chain(*augments: Augment) -> Augment:
    """Return the augmentation that makes all of them in turn, each with a key of its own.

    Args:
        augments: Functions `augment(key, x) -> x`.

    Raises:
        TypeError: If one is no function.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> twice = train.data.chain(train.data.flip, train.data.flip)
        >>> twice(jax.random.key(0), jnp.ones((3, 4, 5, 2))).shape
        (3, 4, 5, 2)
    """
    for one in augments:
        if not callable(one):
            raise TypeError(f"chain needs functions, such as train.data.flip, got {one!r}")

    def augment(key: jax.Array, x: Tree) -> Tree:
        for number, one in enumerate(augments):
            x = one(jax.random.fold_in(key, number), x)
        return x

    return augment


def flip(key: jax.Array, x: jax.Array, *, axis: int = 2, rate: float = 0.5) -> jax.Array:
    """Reverse an axis of some rows: images `[rows, height, width, channels]` from left to right.

    Args:
        key: Decides which rows.
        x: A batch `[rows, ...]`.
        axis: The axis to reverse, counted in the batch.
        rate: The share of the rows that are reversed, on average.

    Raises:
        ValueError: If there is no such axis, or if it is that of the rows; or if `rate` is not in
            [0, 1].

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> image = jnp.array([[[[1], [2], [3]]]], jnp.uint8)
        >>> train.data.flip(jax.random.key(0), image, rate=1.0).ravel()
        Array([3, 2, 1], dtype=uint8)
    """
    x = _batch("flip", x)
    (axis,) = _axes("flip", x, (axis,))
    if not 0 <= rate <= 1:
        raise ValueError(f"flip rate must be in [0, 1], got {rate}")
    turned = jax.random.bernoulli(key, rate, (len(x),))
    return jnp.where(turned.reshape(-1, *[1] * (x.ndim - 1)), jnp.flip(x, axis), x)


def shift(key: jax.Array, x: jax.Array, *, most: int, axes: tuple[int, ...] = (1, 2)) -> jax.Array:
    """Move each row along some axes by whole steps; what comes in from outside is 0.

    For images this is the random crop after padding of He et al., "Deep Residual Learning for Image
    Recognition" (2016), who move by at most 4.

    Args:
        key: Decides how far, from `-most` to `most` with equal chances, each axis by itself.
        x: A batch `[rows, ...]`.
        most: The most steps.
        axes: The axes, counted in the batch.

    Raises:
        ValueError: If there is no such axis, or if it is that of the rows; or if `most` is below 0.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> signals = jnp.array([[1, 2, 3], [1, 2, 3]])
        >>> train.data.shift(jax.random.key(1), signals, most=1, axes=(1,)).tolist()
        [[1, 2, 3], [2, 3, 0]]
    """
    x = _batch("shift", x)
    axes = _axes("shift", x, axes)
    most = positive("most", most, least=0)
    wide = jnp.pad(x, [(most, most) if axis in axes else (0, 0) for axis in range(x.ndim)])
    return _windows(key, wide, tuple(x.shape[axis] for axis in axes), axes)


def crop(
    key: jax.Array, x: jax.Array, *, size: tuple[int, ...], axes: tuple[int, ...] = (1, 2)
) -> jax.Array:
    """Cut a window out of each row, anywhere with equal chances.

    Args:
        key: Decides where.
        x: A batch `[rows, ...]`.
        size: The length of the window along each axis.
        axes: The axes, counted in the batch.

    Raises:
        ValueError: If there is no such axis, or if it is that of the rows; or if a window does not
            fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> images = jnp.zeros((8, 32, 32, 3), jnp.uint8)
        >>> train.data.crop(jax.random.key(0), images, size=(28, 24)).shape
        (8, 28, 24, 3)
    """
    x = _batch("crop", x)
    axes = _axes("crop", x, axes)
    lengths = tuple(x.shape[axis] for axis in axes)
    fits = len(size) == len(axes) and all(0 < a <= b for a, b in zip(size, lengths, strict=True))
    if not fits:
        raise ValueError(f"crop size must be one within {lengths} for axes {axes}, got {size}")
    return _windows(key, x, size, axes)


def mixup(
    key: jax.Array,
    x: jax.Array,
    y: jax.Array,
    *,
    alpha: float = 0.2,
    where: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Mix each row with another one of the batch, features and targets by the same share.

    `s x + (1 - s) x[partner]` and `s y + (1 - s) y[partner]`, with `s` from Beta(alpha, alpha) for
    each row, and a partner for each row, which is a permutation. Integers are rounded.

    Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization" (2018).

    Args:
        key: Decides shares and partners.
        x: Features `[rows, ...]`.
        y: Targets `[rows, ...]`, floating: for labels their `jax.nn.one_hot`.
        alpha: Near 0 the batch stays almost as it is; the larger it is, the nearer are the shares
            to halves.
        where: `[rows]` bool, such as a batch's mask: only these rows are mixed, with one another.

    Raises:
        ValueError: If `alpha` is not above 0 and finite.
        TypeError: If the targets are not floating.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> x, y = jnp.array([[0.0], [1.0]]), jax.nn.one_hot(jnp.array([0, 1]), 2)
        >>> mixed_x, mixed_y = train.data.mixup(jax.random.key(0), x, y)
        >>> bool(jnp.allclose(mixed_x[:, 0], mixed_y[:, 1]))  # one share for both
        True
        >>> def mixed(key, batch):
        ...     x, y = train.data.mixup(key, batch.x, batch.y, where=batch.mask)
        ...     return batch._replace(x=x, y=y)
        >>> augment = train.OnBatch(mixed)  # for fit(augment=)
    """
    x, y = _batch("mixup", x), _batch("mixup", y)
    if not 0 < alpha < math.inf:
        raise ValueError(f"mixup alpha must be above 0 and finite, got {alpha}")
    if not jnp.issubdtype(y.dtype, jnp.inexact):
        raise TypeError(
            f"mixup needs floating targets, got {y.dtype}: for labels pass jax.nn.one_hot(y, "
            "classes)"
        )
    share_key, partner_key = jax.random.split(key)
    share = jax.random.beta(share_key, alpha, alpha, (len(x),))
    partner = _partners(partner_key, jnp.ones(len(x), bool) if where is None else where)
    return _mixed(x, partner, share), _mixed(y, partner, share)


def _mixed(x: jax.Array, partner: jax.Array, share: jax.Array) -> jax.Array:
    dtype = wide_dtype(x.dtype)
    share = share.reshape(-1, *[1] * (x.ndim - 1)).astype(dtype)
    other = take(x, partner)
    mixed = share * x.astype(dtype) + (1 - share) * other.astype(dtype)
    mixed = mixed if jnp.issubdtype(x.dtype, jnp.inexact) else mixed.round()
    # A row that is its own partner stays as it is, to the last bit, and NaN of others out of it.
    alone = (partner == jnp.arange(len(x))).reshape(share.shape)
    return jnp.where(alone, x, mixed.astype(x.dtype))


def _partners(key: jax.Array, real: jax.Array) -> jax.Array:
    """Return a random permutation of the real rows `[rows]`; the others are their own partners."""
    if (everywhere := unspread(real)) is not None:
        real = jax.sharding.reshard(real, everywhere)
    rows = jnp.arange(len(real))
    shuffled = jax.random.permutation(key, rows)
    order = shuffled[jnp.argsort(~real[shuffled], stable=True)]  # the real ones in front
    return jnp.where(real, order[jnp.cumsum(real) - 1], rows)


def _windows(
    key: jax.Array, x: jax.Array, size: tuple[int, ...], axes: tuple[int, ...]
) -> jax.Array:
    """Return a window of each row along the axes, anywhere with equal chances."""
    room = jnp.array([x.shape[axis] - length for axis, length in zip(axes, size, strict=True)])
    starts = jax.random.randint(key, (len(x), len(axes)), 0, room[None] + 1)
    if (sharding := row_sharding(x, len(x))) is not None:
        rows_alone = PartitionSpec(sharding.spec[0], None)
        starts = jax.sharding.reshard(starts, NamedSharding(sharding.mesh, rows_alone))
    lengths = list(x.shape[1:])
    for axis, length in zip(axes, size, strict=True):
        lengths[axis - 1] = length

    def window(row: jax.Array, start: jax.Array) -> jax.Array:
        whole = jnp.zeros(row.ndim, start.dtype).at[jnp.array(axes) - 1].set(start)
        return jax.lax.dynamic_slice(row, whole, lengths)

    return jax.vmap(window)(x, starts)


def _batch(who: str, x: object) -> jax.Array:
    """Return a batch as JAX's array."""
    if not all_leaves([x], is_leaf=is_numbers):
        raise TypeError(
            f"{who} needs one array [rows, ...], got a tree of {type(x).__name__}: augment a part, "
            'as in lambda key, x: x | {"image": train.data.flip(key, x["image"])}'
        )
    return jnp.asarray(x)


def _axes(who: str, x: jax.Array, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return axes of a batch, counted from its first."""
    counted = tuple(axis + x.ndim if axis < 0 else axis for axis in axes)
    if not all(0 < axis < x.ndim for axis in counted):
        raise ValueError(
            f"{who} needs axes from 1 to {x.ndim - 1} of a batch {x.shape}, whose axis 0 is the "
            f"rows, got {axes}"
        )
    return counted
