"""Mean and variance over random draws, a few draws at a time.

`nn` and `train` import nothing of one another, so both have this file; a test holds that the two
are one text.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._precision import wide_dtype


class _Sums(NamedTuple):
    """What is known of one output after some draws, each `[...]`, of distances from the first."""

    first: jax.Array
    mean: jax.Array
    squares: jax.Array  # the sum of squared distances from the mean


def sample_moments(
    draw: Callable[[jax.Array], Any], keys: jax.Array, *, chunk: int
) -> tuple[Any, Any]:
    """Return mean and variance of `draw(key)` over all keys `[samples]`, in float32 or wider.

    `chunk` draws at a time are computed together under `vmap`, and no more of them are held: the
    moments of a chunk are merged with those of the draws before it. They are those of the distances
    from the first draw, so that the variance of equal draws is exactly 0, infinite ones included.

    Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).

    Args:
        draw: A function of a key that returns a pytree of arrays.
        keys: The keys, `[samples]`.
        chunk: How many draws are held at a time.

    Returns:
        Two trees like that of a draw: the mean, and the mean squared distance from it.

    Example:
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> mean, variance = sample_moments(lambda key: {"y": jnp.ones(2)}, keys, chunk=2)
        >>> print(mean["y"], variance["y"])
        [1. 1.] [0. 0.]
    """
    samples = len(keys)
    chunk = min(chunk, samples)
    index = jnp.arange(-(-samples // chunk) * chunk).reshape(-1, chunk)
    draw = jax.jit(draw)  # the two calls below then share one trace

    def zeros(leaf: jax.ShapeDtypeStruct) -> _Sums:
        dtype = wide_dtype(leaf.dtype)
        # Only on a mesh of explicit axes does a shape have a sharding, which a sum has to share.
        nothing = jnp.zeros(leaf.shape, dtype, out_sharding=leaf.sharding)
        return _Sums(nothing, nothing, nothing)

    def add(sums: Any, part: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
        index, keys = part
        draws = jax.vmap(draw)(keys)
        return jax.tree.map(
            lambda leaf, sums: _merged(sums, leaf, index[0], index < samples), draws, sums
        ), None

    key = jax.ShapeDtypeStruct(keys.shape[1:], keys.dtype)
    start = jax.tree.map(zeros, jax.eval_shape(draw, key))
    # The last chunk repeats the last key until it is whole.
    sums, _ = jax.lax.scan(add, start, (index, keys[jnp.minimum(index, samples - 1)]))
    is_sums = {"is_leaf": lambda node: isinstance(node, _Sums)}
    mean = jax.tree.map(lambda sums: sums.first + sums.mean, sums, **is_sums)
    return mean, jax.tree.map(lambda sums: sums.squares / samples, sums, **is_sums)


def _merged(sums: _Sums, draws: jax.Array, before: jax.Array, real: jax.Array) -> _Sums:
    """Add the real ones of some draws `[chunk, ...]` to what is known of the `before` earlier."""
    draws = draws.astype(sums.first.dtype)
    first = jnp.where(before == 0, draws[0], sums.first)
    of_first = jnp.expand_dims(first, 0)
    distance = jnp.where(draws == of_first, 0, draws - of_first)  # infinity minus itself is 0 here
    real = real.reshape(-1, *[1] * first.ndim)
    count, before = real.sum(dtype=first.dtype), before.astype(first.dtype)
    mean = jnp.where(real, distance, 0).sum(axis=0) / count
    squares = jnp.where(real, (distance - jnp.expand_dims(mean, 0)) ** 2, 0).sum(axis=0)
    apart, after = mean - sums.mean, before + count
    return _Sums(
        first,
        sums.mean + apart * (count / after),
        sums.squares + squares + apart**2 * (before * count / after),
    )
