"""HAND's Jacobians from few directions, and one product of matrices.

Skinning is linear in the bones' transforms. So the Jacobian of the vertices is one matrix product
with the Jacobian of the transforms. In that one no finger depends on another, and 10 directions
suffice: 6 of the whole hand, and one for each of the 4 angles of all five fingers together.
To choose vertices, or positions between them, is linear too: it comes before the product where that
leaves fewer rows, and after it otherwise.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .model import ANGLES, BONES, FINGERS, GLOBAL, Hand
from .posing import attach, finger_transforms, palm_transform, skinned, vertices
from .residuals import blend, chosen


def transforms_jacobian(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the Jacobian of `transforms`, `[16, 3, 4, 26]`, from 10 directions.

    Six directions go through the palm alone and four through the fingers alone.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(transforms_jacobian, jnp.zeros(26), hand).shape
        (16, 3, 4, 26)
    """
    whole, angles = theta[:GLOBAL], theta[GLOBAL:]
    by_own = jnp.einsum("ik,bkjt->bijt", palm_transform(whole)[:, :3], by_own_angles(angles, hand))
    own = np.repeat(np.eye(FINGERS), BONES, axis=0)[:, None, None, :, None]  # each bone's finger
    by_angles = (by_own[..., None, :] * own).reshape(*by_own.shape[:3], FINGERS * ANGLES)
    by_whole = jax.jacfwd(attach)(whole, finger_transforms(angles, hand))
    return jnp.concatenate([by_whole, jnp.pad(by_angles, ((1, 0), *[(0, 0)] * 3))], axis=-1)


def by_own_angles(angles: jax.Array, hand: Hand) -> jax.Array:
    """Compute the derivatives `[15, 3, 4, 4]` of the bones by their finger's own four angles.

    No bone moves with another finger's angles, so that one direction does for all five fingers.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(by_own_angles, jnp.zeros(20), hand).shape
        (15, 3, 4, 4)
    """

    def along(colour: jax.Array) -> jax.Array:
        return jax.jvp(lambda angles: finger_transforms(angles, hand), (angles,), (colour,))[1]

    colours = jnp.asarray(np.tile(np.eye(ANGLES), (1, FINGERS)), angles.dtype)
    return jax.vmap(along, out_axes=-1)(colours)


def vertices_jacobian(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the Jacobian of `vertices`, `[vertices, 3, 26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(vertices_jacobian, jnp.zeros(26), hand).shape
        (2, 3, 26)
    """
    return skinned(hand.skin, transforms_jacobian(theta, hand))


def simple_jacobian(
    theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array
) -> tuple[jax.Array]:
    """Compute the Jacobian `[N, 3, 26]` of `simple`, in the form of `jax.jacfwd`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), hand, jnp.zeros(7, int), jnp.ones((7, 3))
        >>> jax.eval_shape(simple_jacobian, *inputs)[0].shape
        (7, 3, 26)
    """
    del points  # the derivative does not depend on them
    negated = -transforms_jacobian(theta, hand)
    return (chosen(lambda values: values[index], len(index), hand, negated),)


def complicated_jacobian(
    theta: jax.Array, uv: jax.Array, hand: Hand, corners: jax.Array, points: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Compute the compressed Jacobian of `complicated`: `[N, 3, 26]` and `[N, 3, 2]`.

    No other point depends on the u and v of a point, so that two directions give the derivatives by
    all 2 N of them.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), jnp.ones((4, 2)), hand, jnp.zeros((4, 3), int), jnp.ones((4, 3))
        >>> [part.shape for part in jax.eval_shape(complicated_jacobian, *inputs)]
        [(4, 3, 26), (4, 3, 2)]
    """
    del points
    posed = vertices(theta, hand)
    a, b, c = (posed[corners[:, corner]] for corner in range(3))
    negated = -transforms_jacobian(theta, hand)
    by_theta = chosen(lambda v: blend(v, uv, corners), len(corners), hand, negated)
    return by_theta, jnp.stack([c - a, c - b], axis=2)


def apply_compressed(
    jacobian: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> jax.Array:
    """Multiply the compressed Jacobian of `complicated` by a tangent `(theta, uv)`: `[N, 3]`.

    Example:
        >>> jacobian = jnp.ones((4, 3, 26)), jnp.ones((4, 3, 2))
        >>> jax.jit(apply_compressed)(jacobian, (jnp.ones(26), jnp.ones((4, 2))))[0]
        Array([28., 28., 28.], dtype=float32)
    """
    by_theta, by_uv = jacobian
    theta, uv = tangents
    return by_theta @ theta + jnp.einsum("nik,nk->ni", by_uv, uv)
