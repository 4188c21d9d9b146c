"""A hand in a pose: the transforms of its bones, and its vertices, which are linear in them."""

import jax
import jax.numpy as jnp
import numpy as np

from ..rotation import rotation_matrix
from .model import ANGLES, BONES, FINGERS, GLOBAL, Hand


def transforms(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the transforms `[16, 3, 4]` of the palm and the 15 moving bones at a pose `[26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(transforms, jnp.zeros(26), hand).shape
        (16, 3, 4)
    """
    return attach(theta[:GLOBAL], finger_transforms(theta[GLOBAL:], hand))


def vertices(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the posed vertices `[vertices, 3]`, a weighted sum over the bones.

    Example:
        >>> on_palm = np.ones((1, 16, 4)) * np.eye(16)[0, :, None]
        >>> hand = Hand(on_palm, jnp.ones((5, 3, 3, 4)))
        >>> jax.jit(vertices)(5 * np.eye(26)[3], hand)  # moved by 5 along x
        Array([[6., 1., 1.]], dtype=float32)
    """
    return skinned(hand.skin, transforms(theta, hand))


def palm_transform(whole: jax.Array) -> jax.Array:
    """Compute the transform `[3, 4]` of the palm from a rotation (angle-axis) and a translation.

    Example:
        >>> jax.eval_shape(palm_transform, jnp.zeros(6)).shape
        (3, 4)
    """
    return jnp.concatenate([jnp.array(rotation_matrix(whole[:3])), whole[3:, None]], axis=1)


def finger_transforms(angles: jax.Array, hand: Hand) -> jax.Array:
    """Compute the transforms `[15, 3, 4]` of the moving bones in the palm's frame.

    A bone's rotation by flexion x and spread z is Rz(z) Rx(x); only first joints spread.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(finger_transforms, jnp.zeros(20), hand).shape
        (15, 3, 4)
    """
    by_finger = angles.reshape(FINGERS, ANGLES)
    flexion, spread = by_finger[:, np.array([0, 2, 3])], by_finger[:, 1:2]
    joints = _turned(hand.joints, flexion, jnp.pad(spread, ((0, 0), (0, BONES - 1))))
    chain = [joints[:, 0]]
    for bone in range(1, BONES):
        chain.append(_compose(chain[-1], joints[:, bone]))
    return jnp.stack(chain, axis=1).reshape(FINGERS * BONES, 3, 4)


def attach(whole: jax.Array, fingers: jax.Array) -> jax.Array:
    """Put the palm before the bones `[15, 3, 4]` of the fingers, and move them with it.

    Example:
        >>> jax.eval_shape(attach, jnp.zeros(6), jnp.zeros((15, 3, 4))).shape
        (16, 3, 4)
    """
    palm = palm_transform(whole)
    return jnp.concatenate([palm[None], _compose(palm, fingers)])


def skinned(skin: jax.Array, transform: jax.Array) -> jax.Array:
    """Apply `[16, 3, 4, ...]`, transforms or derivatives, to weighted positions: `[n, 3, ...]`.

    Example:
        >>> jax.eval_shape(skinned, jnp.ones((2, 16, 4)), jnp.ones((16, 3, 4, 26))).shape
        (2, 3, 26)
    """
    matrix = jnp.moveaxis(transform, 2, 1)  # [bone, coordinate, 3, ...]
    rows, columns = matrix.shape[0] * matrix.shape[1], matrix.shape[2:]
    # One product of matrices, whose result is in its final order.
    return (skin.reshape(-1, rows) @ matrix.reshape(rows, -1)).reshape(-1, *columns)


def _compose(outer: jax.Array, inner: jax.Array) -> jax.Array:
    """Return the affine transform `[..., 3, 4]` that applies `inner` first, then `outer`."""
    translation = outer * np.array([0.0, 0.0, 0.0, 1.0])
    # Products of numbers are fused with what is around them; those of tiny matrices are not.
    return translation + sum(outer[..., k : k + 1] * inner[..., k : k + 1, :] for k in range(3))


def _turned(transform: jax.Array, x: jax.Array, z: jax.Array) -> jax.Array:
    """Return the affine transform `[..., 3, 4]` that applies Rz(z) Rx(x) before `transform`."""
    cx, sx, cz, sz = (v[..., None] for v in (jnp.cos(x), jnp.sin(x), jnp.cos(z), jnp.sin(z)))
    a, b, c, origin = (transform[..., k] for k in range(4))
    a, b = cz * a + sz * b, cz * b - sz * a
    b, c = cx * b + sx * c, cx * c - sx * b
    return jnp.stack([a, b, c, origin], axis=-1)
