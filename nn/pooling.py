"""Max and mean pooling over spatial axes, and `flatten`, the step from images to vectors."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ._checks import check_array, check_floating, hide, real_entries
from ._precision import at_least_float32
from ._window import Padding, check_fits, check_padding, check_rank, check_window, per_axis
from .layer import Layer, hiding, masked

Combine = Callable[[jax.Array, jax.Array], jax.Array]  # such as lax.max or lax.add
Reduce = Callable[[jax.Array, float, Combine], jax.Array]


def max_pool(
    window: Sequence[int],
    *,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Layer[tuple[()], tuple[()]]:
    """Return the layer that takes the maximum of each window of `[batch, *spatial, channels]`.

    Padding is never the maximum, nor is a step that the mask hides; a window without a real step
    gives 0. If several entries of a window are the maximum, the first of them receives the
    gradient.

    Args:
        window: Extent of the window along each of the one to three spatial axes.
        strides: Step between windows, one for all axes or one for each; by default the window.
        padding: `"SAME"`, `"VALID"`, or a pair `(before, after)` for each spatial axis.

    Raises:
        ValueError: If sizes do not fit each other, or the input has another rank.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.max_pool((2, 2))
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.arange(16.0).reshape(1, 4, 4, 1))[0].ravel()
        Array([ 5.,  7., 13., 15.], dtype=float32)
    """
    who = f"max_pool({window})"
    reduce = _over_windows(who, window, strides, padding)

    def largest(_: tuple[()], x: jax.Array, mask: jax.Array | None) -> jax.Array:
        if mask is None:
            return reduce(x, -jnp.inf, lax.max)
        real = real_entries(who, x, mask)
        y = reduce(jnp.where(real, x, np.asarray(-np.inf, x.dtype)), -jnp.inf, lax.max)
        counts = reduce(_ones(x, mask, who), 0, lax.add)
        return jnp.where(counts > 0, y, jnp.zeros((), y.dtype))

    return masked(who, lambda _: (), largest)


def avg_pool(
    window: Sequence[int],
    *,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Layer[tuple[()], tuple[()]]:
    """Return the layer that takes the mean of each window of `[batch, *spatial, channels]`.

    Neither padding nor a step that the mask hides counts towards the mean; a window without a real
    step gives 0. It is computed in float32 or better and returned in the input's dtype.

    Args:
        window: Extent of the window along each of the one to three spatial axes.
        strides: Step between windows, one for all axes or one for each; by default the window.
        padding: `"SAME"`, `"VALID"`, or a pair `(before, after)` for each spatial axis.

    Raises:
        ValueError: If sizes do not fit each other, or the input has another rank.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.avg_pool((2, 2))
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.arange(16.0).reshape(1, 4, 4, 1))[0].ravel()
        Array([ 2.5,  4.5, 10.5, 12.5], dtype=float32)
    """
    who = f"avg_pool({window})"
    reduce = _over_windows(who, window, strides, padding)

    def mean(_: tuple[()], x: jax.Array, mask: jax.Array | None) -> jax.Array:
        check_floating(who, x)  # the mean of integers would be cut off
        wide = at_least_float32(hide(who, x, mask))
        counts = reduce(_ones(wide, mask, who), 0, lax.add)
        counts = counts if mask is None else jnp.maximum(counts, 1)
        return (reduce(wide, 0, lax.add) / counts).astype(x.dtype)

    return masked(who, lambda _: (), mean)


def _ones(x: jax.Array, mask: jax.Array | None, who: str) -> jax.Array:
    """Return 1 for each place of `x` that is real, and 0 for others, with one channel."""
    if mask is None:
        return jnp.ones((1, *x.shape[1:-1], 1), x.dtype)
    real = real_entries(who, x, mask)
    return jnp.broadcast_to(real, (*x.shape[:-1], 1)).astype(at_least_float32(x).dtype)


def _over_windows(
    who: str, window: Sequence[int], strides: int | Sequence[int] | None, padding: Padding
) -> Reduce:
    """Check the arguments of a pooling layer; return `reduce(x, start, combine)`."""
    window = check_window(who, window)
    strides = window if strides is None else per_axis(who, "strides", strides, window)
    padding = check_padding(who, padding, window)
    if not isinstance(padding, str) and any(
        max(pair) >= size for pair, size in zip(padding, window, strict=True)
    ):
        raise ValueError(f"{who} expected less padding than window, got padding={padding}")
    pairs = padding if isinstance(padding, str) else ((0, 0), *padding, (0, 0))

    def reduce(x: jax.Array, start: float, combine: Combine) -> jax.Array:
        check_rank(who, x, window)
        check_floating(who, x)
        y = lax.reduce_window(
            x, np.asarray(start, x.dtype), combine, (1, *window, 1), (1, *strides, 1), pairs
        )
        check_fits(who, x, y)
        return y

    return reduce


def flatten() -> Layer[tuple[()], tuple[()]]:
    """Return the layer that joins all axes but the first, `[batch, ...]` to `[batch, size]`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.flatten()
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((5, 4, 3)))[0].shape
        (5, 12)
    """

    def fn(_: tuple[()], x: jax.Array) -> jax.Array:
        check_array("flatten", x)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    return hiding("flatten", lambda _: (), fn)
