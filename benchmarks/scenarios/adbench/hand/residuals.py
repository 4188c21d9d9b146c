"""HAND's residuals: measured points against vertices of the hand, or positions in its triangles."""

from collections.abc import Callable

import jax

from .model import Hand
from .posing import skinned, transforms


def simple(theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array) -> jax.Array:
    """Subtract from points `[N, 3]` the posed vertices of the indices `index` `[N]`: `[N, 3]`.

    Example:
        >>> import jax.numpy as jnp
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(simple, jnp.zeros(26), hand, jnp.zeros(7, int), jnp.ones((7, 3))).shape
        (7, 3)
    """
    return points - chosen(lambda values: values[index], len(index), hand, transforms(theta, hand))


def complicated(
    theta: jax.Array, uv: jax.Array, hand: Hand, corners: jax.Array, points: jax.Array
) -> jax.Array:
    """Compute the residuals `[N, 3]` of points from positions in the hand's triangles.

    The position in a triangle (a, b, c) is u a + v b + (1 - u - v) c.

    Args:
        theta: `[26]` the pose.
        uv: `[N, 2]` the coordinates u and v of each point.
        hand: The hand.
        corners: `[N, 3]` the vertices a, b, c of each point's triangle.
        points: `[N, 3]` the measured points.

    Example:
        >>> import jax.numpy as jnp
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), jnp.ones((4, 2)), hand, jnp.zeros((4, 3), int), jnp.ones((4, 3))
        >>> jax.eval_shape(complicated, *inputs).shape
        (4, 3)
    """
    transform = transforms(theta, hand)
    return points - chosen(lambda v: blend(v, uv, corners), len(corners), hand, transform)


def chosen(
    choose: Callable[[jax.Array], jax.Array], count: int, hand: Hand, transform: jax.Array
) -> jax.Array:
    """Skin `count` points, linear in the vertices: rows `[vertices, k]` are chosen `[count, k]`.

    Example:
        >>> import jax.numpy as jnp
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> chosen(lambda rows: rows[:1], 1, hand, jnp.ones((16, 3, 4))).shape
        (1, 3)
    """
    if count < len(hand.skin):
        return skinned(choose(hand.skin.reshape(len(hand.skin), -1)), transform)
    every = skinned(hand.skin, transform)
    return choose(every.reshape(len(every), -1)).reshape(count, *every.shape[1:])


def blend(values: jax.Array, uv: jax.Array, corners: jax.Array) -> jax.Array:
    """Interpolate the vertices' values `[vertices, k]` at points inside triangles, `[N, k]`.

    Example:
        >>> import jax.numpy as jnp
        >>> corners = jnp.array([[0, 1, 2]])
        >>> blend(jnp.array([[0.0], [4.0], [8.0]]), jnp.array([[0.25, 0.25]]), corners)
        Array([[5.]], dtype=float32)
    """
    u, v = uv[:, :1], uv[:, 1:]
    a, b, c = (values[corners[:, corner]] for corner in range(3))
    return u * a + v * b + (1 - u - v) * c
