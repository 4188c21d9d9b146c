"""Jacobians of three diagonals, from three directions: the smallest example of colouring.

Columns that are three apart share no row, so that one direction gives a third of them (Curtis,
Powell and Reid, 1974). A periodic Jacobian, whose first and last inputs are neighbours too, must
have a multiple of three columns.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def compressed(product: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Compute the Jacobian times the direction of each of the three colours, `[3, n]`.

    Args:
        product: `product(direction)` returns the Jacobian at `x` times a direction `[n]`.
        x: `[n]` the inputs.

    Example:
        >>> compressed(lambda t: 2 * t, jnp.ones(4))
        Array([[2., 0., 0., 2.],
               [0., 2., 0., 0.],
               [0., 0., 2., 0.]], dtype=float32)
    """
    colours = jnp.arange(len(x)) % 3
    return jax.vmap(product)((colours == jnp.arange(3)[:, None]).astype(x.dtype))


def apply(jacobian: jax.Array, tangents: tuple[jax.Array]) -> jax.Array:
    """Compute a compressed Jacobian times a tangent `(direction,)`: `[n]`.

    Example:
        >>> diagonal_of_2 = jnp.array([[2.0, 0, 0, 2], [0, 2, 0, 0], [0, 0, 2, 0]])
        >>> jax.jit(apply)(diagonal_of_2, (jnp.arange(4.0),))
        Array([0., 2., 4., 6.], dtype=float32)
    """
    (direction,) = tangents
    rows = jnp.arange(len(direction))
    diagonals = [
        jacobian[(rows + offset) % 3, rows] * jnp.roll(direction, -offset) for offset in (-1, 0, 1)
    ]
    return jnp.sum(jnp.array(diagonals), axis=0)
