"""Shuffle the rows of a data set: a permutation of which each entry is computed by itself.

To sort random numbers costs about a second for a million rows, on each device, in each epoch. So
the order of many rows comes from a cipher on the numbers below `rows`: a Feistel network on pairs
`(left, right)`, `left < width`, `right < height`, whose rounds add a hash of one side to the other
one modulo its size, and which is applied again where it leaves the rows (cycle walking).

Black, Rogaway (2002). Ciphers with Arbitrary Finite Domains. CT-RSA; their generalized Feistel.
Mitchell, Stokes, Frank, Holmes (2022). Bandwidth-Optimal Random Shuffling for GPUs. ACM TOPC 9(1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

#: `entry(positions) -> rows`, of any shape, int32.
Order: TypeAlias = Callable[[jax.Array], jax.Array]

# What is folded into a run's key for shuffling. A step folds in its number, an int32 that counts
# from 0, so no step draws from the same key.
_SHUFFLE = 0xFFFFFFFF

FEW = 1024  # below, sorting is cheap, and every permutation is as likely as another one
# With four of them 20,000 orders of 1,024 rows are told from uniform ones by their rising runs and
# by what comes side by side; with six they are not.
_ROUNDS = 8


def batches(
    key: jax.Array, epoch: int | jax.Array, rows: int, batch_size: int
) -> Callable[[int | jax.Array], tuple[jax.Array, jax.Array]]:
    """Return `batch(step) -> (indices, mask)`, a batch of an epoch by its place in it.

    Nothing of the size of the data is held. What all batches share is computed here: call it
    outside the loop over the steps.

    Example:
        >>> batch = batches(jax.random.key(0), epoch=0, rows=5, batch_size=2)
        >>> batch(2)[1].tolist()
        [True, False]
    """
    order = permutation(epoch_key(key, epoch), rows)

    def batch(step: int | jax.Array) -> tuple[jax.Array, jax.Array]:
        positions = along(jnp.asarray(step) * batch_size, batch_size)
        mask = positions < rows
        return jnp.where(mask, order(jnp.where(mask, positions, 0)), 0), mask

    return batch


def along(first: jax.Array, count: int) -> jax.Array:
    """Return the numbers `first`, `first + 1`, ..., along the last axis, of length 1 or missing.

    Example:
        >>> along(jnp.array([[2], [5]]), 3).tolist(), along(jnp.array(2), 3).tolist()
        ([[2, 3, 4], [5, 6, 7]], [2, 3, 4])
    """
    numbers = jnp.arange(count, dtype=first.dtype)
    return first + jnp.expand_dims(numbers, tuple(range(first.ndim - 1)))


def epoch_key(key: jax.Array, epoch: int | jax.Array) -> jax.Array:
    """Return the key that the order of an epoch is drawn from."""
    return jax.random.fold_in(jax.random.fold_in(key, _SHUFFLE), epoch)


def permutation(key: jax.Array, rows: int) -> Order:
    """Return a random permutation of the numbers below `rows`, as a function of the position.

    It is a pure function of the key, the same in each program and on each device; under `vmap` each
    key has its own.

    Below 1,024 rows it is that of `jax.random.permutation`: all orders are equally likely. Above it
    is one of at most `2 ** 512` orders, as many as the eight rounds have keys. Statistics of 20,000
    of them do not differ from those of uniform ones: where a row comes, how far apart two rows
    come, how many places rise, how many cycles there are and how many rows stay. It is made to
    shuffle, not to keep secrets.

    Args:
        key: Decides the order.
        rows: How many, at most `2 ** 31 - 1`.

    Example:
        >>> order = permutation(jax.random.key(0), 10_000)
        >>> sorted(order(jnp.arange(10_000)).tolist()) == list(range(10_000))
        True
    """
    if rows < FEW:
        table = jax.random.permutation(key, rows)
        return lambda positions: table[positions]
    keys = jax.random.bits(key, (_ROUNDS, 2), jnp.uint32)  # with x64 too
    width, height = _sides(rows)

    def entry(positions: jax.Array) -> jax.Array:
        place = _encrypted(keys, positions.astype(jnp.uint32), width, height)
        if width * height > rows:  # by less than `width`, so that hardly an entry walks on
            place = jax.lax.while_loop(
                lambda place: (place >= rows).any(),
                lambda place: jnp.where(
                    place >= rows, _encrypted(keys, place, width, height), place
                ),
                place,
            )
        return place.astype(jnp.int32)

    return entry


def _sides(rows: int) -> tuple[int, int]:
    """Return the sides of the rectangle of cells that numbers `rows` with the fewest left over.

    Example:
        >>> _sides(1_000_000), _sides(999_983)
        ((1000, 1000), (996, 1004))
    """
    root = math.isqrt(rows)
    narrowest = max(root // 2, rows // 0xFFFF) + 1  # the other side then stays below 2 ** 16
    width = min(range(narrowest, root + 1), key=lambda width: (-rows % width, -width))
    return width, -(-rows // width)


def _encrypted(keys: jax.Array, place: jax.Array, width: int, height: int) -> jax.Array:
    """Permute the numbers below `width * height`, uint32."""
    left, right = place % width, place // width
    for number in range(_ROUNDS):
        size = height if number % 2 else width
        moved = left + _below(size, _hash(keys[number], right))
        left, right = right, jnp.where(moved < size, moved, moved - size)
    return left + right * width  # for so it is after an even number of rounds


def _hash(key: jax.Array, value: jax.Array) -> jax.Array:
    """Mix numbers below `2 ** 16` with a key `[2]`, all uint32.

    The multipliers and shifts are those of Wellons' lowbias32, in which the change of one bit turns
    each bit of the result in nearly half the cases.
    """
    mixed = value + key[0]
    mixed = (mixed ^ (mixed >> 16)) * jnp.uint32(0x7FEB352D) ^ key[1]
    mixed = (mixed ^ (mixed >> 15)) * jnp.uint32(0x846CA68B)
    return mixed ^ (mixed >> 16)


def _below(size: int, bits: jax.Array) -> jax.Array:
    """Return `floor(bits * size / 2 ** 32)`, of uint32 alone, for sizes below `2 ** 16`."""
    n = jnp.uint32(size)
    return ((bits >> 16) * n + (((bits & 0xFFFF) * n) >> 16)) >> 16
