"""Pooling over all axes between batch and features: one vector of each sequence or image."""

import jax
import jax.numpy as jnp

from ._checks import check_array, check_floating, hide, real_entries
from ._precision import at_least_float32
from .layer import Layer, masked


def global_avg_pool() -> Layer[tuple[()], tuple[()]]:
    """Return the layer that takes means, `[batch, ..., features]` to `[batch, features]`.

    The mean of a feature is over all axes between the first and the last: the pixels of an image,
    or the steps of a sequence. Under a mask it is the mean of the real steps, and 0 where a
    sequence has none. It is computed in float32 or better and returned in the input's dtype.

    Lin, Chen and Yan, "Network In Network" (2014).

    Raises:
        ValueError: If the input has fewer than 3 axes.
        TypeError: If the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.global_avg_pool()
        >>> x = jnp.array([[[1.0], [3.0], [jnp.nan]], [[4.0], [5.0], [9.0]]])  # [batch, time, 1]
        >>> mask = jnp.array([[True, True, False], [True, True, True]])
        >>> layer.apply((), (), x, mask=mask)[0].ravel()
        Array([2., 6.], dtype=float32)
    """
    who = "global_avg_pool()"

    def mean(_: tuple[()], x: jax.Array, mask: jax.Array | None) -> jax.Array:
        axes = _inner_axes(who, x)
        wide = at_least_float32(hide(who, x, mask))
        if mask is None:
            return jnp.mean(wide, axis=axes).astype(x.dtype)
        real = jnp.broadcast_to(real_entries(who, x, mask), (*x.shape[:-1], 1))
        count = real.astype(wide.dtype).sum(axis=axes)
        return (wide.sum(axis=axes) / jnp.maximum(count, 1)).astype(x.dtype)

    return masked(who, lambda _: (), mean)


def global_max_pool() -> Layer[tuple[()], tuple[()]]:
    """Return the layer that takes maxima, `[batch, ..., features]` to `[batch, features]`.

    The maximum of a feature is over all axes between the first and the last. Under a mask it is
    that of the real steps, and 0 where a sequence has none. Entries that are equally large share
    the gradient.

    Raises:
        ValueError: If the input has fewer than 3 axes.
        TypeError: If the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.global_max_pool()
        >>> x = jnp.array([[[-1.0], [-3.0], [7.0]]])  # [batch, time, features]
        >>> layer.apply((), (), x, mask=jnp.array([[True, True, False]]))[0]
        Array([[-1.]], dtype=float32)
    """
    who = "global_max_pool()"

    def largest(_: tuple[()], x: jax.Array, mask: jax.Array | None) -> jax.Array:
        axes = _inner_axes(who, x)
        if mask is None:
            return jnp.max(x, axis=axes)
        real = real_entries(who, x, mask)
        lowest = jnp.asarray(-jnp.inf, x.dtype)
        y = jnp.max(jnp.where(real, x, lowest), axis=axes)
        # The maximum of a row without a real step is hidden twice: its gradient is 0 divided by the
        # number of entries that share it, and then hidden by the first `where`.
        return jnp.where(real.any(axis=axes), y, jnp.zeros((), x.dtype))

    return masked(who, lambda _: (), largest)


def _inner_axes(who: str, x: jax.Array) -> tuple[int, ...]:
    """Return the axes between the first and the last.

    Raises:
        ValueError: If there are none.
        TypeError: If the input is not floating-point.
    """
    check_array(who, x)
    if jnp.ndim(x) < 3:
        raise ValueError(
            f"{who} expected an input [batch, ..., features] of 3 axes or more, "
            f"got shape {jnp.shape(x)}"
        )
    check_floating(who, x)
    return tuple(range(1, jnp.ndim(x) - 1))
