"""HAND's residuals and Jacobians together, from a fifth of the compressed form's products.

A vertex is the sum of parts that belong to the palm and to each finger, and only the 4 angles of a
finger move its part. So the derivatives by angles are five small products of matrices, one a
finger, where the compressed form multiplies by as many zeros as there are other fingers.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..rotation import rotation_matrix
from .compressed import by_own_angles
from .model import ANGLES, BONES, FINGERS, GLOBAL, THETA, Hand
from .posing import finger_transforms
from .residuals import blend

#: Numbers of a vertex's row of `skin`: homogeneous positions in the frames of a finger's bones.
_FINGER = BONES * 4


class Pose(NamedTuple):
    """What a pose says of all vertices alike.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> pose(jnp.zeros(26), hand).skinning.shape
        (64, 3)
    """

    rotation: jax.Array  # [3, 3] of the palm
    by_rotation: jax.Array  # [3, 3, 3] the derivative of `rotation` by its 3 parameters
    translation: jax.Array  # [3] of the palm
    skinning: jax.Array  # [64, 3] from a row of `skin` to the vertex in the palm's frame
    by_angles: jax.Array  # [5, 12, 3, 4] from a finger's part of the row to its derivatives


def pose(theta: jax.Array, hand: Hand) -> Pose:
    """Compute what `linearized` needs of a pose `[26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> pose(jnp.zeros(26), hand).by_angles.shape
        (5, 12, 3, 4)
    """

    def turned(r: jax.Array) -> jax.Array:
        return jnp.array(rotation_matrix(r))

    (r, translation), angles = jnp.split(theta[:GLOBAL], 2), theta[GLOBAL:]
    rotation, by_rotation = turned(r), jax.jacfwd(turned)(r)
    bones = finger_transforms(angles, hand).transpose(0, 2, 1).reshape(-1, 3)
    skinning = jnp.concatenate([jnp.eye(4, 3, dtype=theta.dtype), bones])
    in_palm = by_own_angles(angles, hand).transpose(0, 2, 1, 3)  # [bone, coordinate, 3, angle]
    # Products of numbers are fused with what is around them; those of tiny matrices are not.
    by_angles = sum(rotation[:, k, None] * in_palm[:, :, k : k + 1] for k in range(3))
    by_angles = jnp.reshape(by_angles, (FINGERS, _FINGER, 3, ANGLES))
    return Pose(rotation, by_rotation, translation, skinning, by_angles)


def linearized(pose: Pose, skin: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Compute vertices `[n, 3]` from rows of `skin` `[n, 64]`, and their Jacobian `[n, 3, 26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> posed, jacobian = linearized(pose(jnp.zeros(26), hand), jnp.ones((7, 64)))
        >>> posed.shape, jacobian.shape
        ((7, 3), (7, 3, 26))
    """
    count = len(skin)
    in_palm = skin @ pose.skinning
    by_rotation = in_palm @ pose.by_rotation.transpose(1, 0, 2).reshape(3, 9)
    parts = skin[:, 4:].reshape(count, FINGERS, _FINGER)
    by_angles = jnp.einsum("nfk,fkj->fnj", parts, pose.by_angles.reshape(FINGERS, _FINGER, -1))
    by_angles = by_angles.reshape(FINGERS, count, 3, ANGLES).transpose(1, 2, 0, 3)
    by_translation = jnp.eye(3, THETA, k=3, dtype=skin.dtype)  # all other columns are set below
    jacobian = jnp.broadcast_to(by_translation, (count, 3, THETA))
    jacobian = jacobian.at[..., GLOBAL:].set(by_angles.reshape(count, 3, -1))
    jacobian = jacobian.at[..., :3].set(by_rotation.reshape(count, 3, 3))
    return in_palm @ pose.rotation.T + pose.translation, jacobian


def value_and_simple(
    theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array
) -> tuple[jax.Array, tuple[jax.Array]]:
    """Compute `simple` `[N, 3]` and its Jacobian `[N, 3, 26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), hand, jnp.zeros(7, int), jnp.ones((7, 3))
        >>> [part.shape for part in jax.tree.leaves(jax.eval_shape(value_and_simple, *inputs))]
        [(7, 3), (7, 3, 26)]
    """
    skin = hand.skin.reshape(len(hand.skin), -1)
    posed, by_theta = _chosen(pose(theta, hand), skin, lambda values: values[index], len(index))
    return points - posed, (-by_theta,)


def value_and_complicated(
    theta: jax.Array, uv: jax.Array, hand: Hand, corners: jax.Array, points: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Compute `complicated` `[N, 3]` and its compressed Jacobian, `[N, 3, 26]` and `[N, 3, 2]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), jnp.ones((4, 2)), hand, jnp.zeros((4, 3), int), jnp.ones((4, 3))
        >>> outputs = jax.eval_shape(value_and_complicated, *inputs)
        >>> [part.shape for part in jax.tree.leaves(outputs)]
        [(4, 3), (4, 3, 26), (4, 3, 2)]
    """
    skin, here = hand.skin.reshape(len(hand.skin), -1), pose(theta, hand)
    posed, by_theta = _chosen(here, skin, lambda v: blend(v, uv, corners), len(corners))
    every = linearized(here, skin)[0]
    a, b, c = (every[corners[:, corner]] for corner in range(3))
    return points - posed, (-by_theta, jnp.stack([c - a, c - b], axis=2))


def _chosen(
    pose: Pose, skin: jax.Array, choose: Callable[[jax.Array], jax.Array], count: int
) -> tuple[jax.Array, jax.Array]:
    """Linearize `count` points, linear in vertices, which are chosen first if they are fewer."""
    if count < len(skin):
        return linearized(pose, choose(skin))
    posed, jacobian = linearized(pose, skin)
    rows = choose(jacobian.reshape(len(skin), -1))
    return choose(posed), rows.reshape(count, 3, THETA)
