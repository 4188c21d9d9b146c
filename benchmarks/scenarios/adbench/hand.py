"""HAND: the vertices of a posed hand against measured points, a Jacobian of few inputs.

Skinning is linear in the bones' transforms. So the Jacobian of the vertices is one matrix product
with the Jacobian of the transforms. In that one no finger depends on another, and 10 directions
suffice: 6 of the whole hand, and one for each of the 4 angles of all five fingers together.
To choose vertices, or positions between them, is linear too: it comes before the product where that
leaves fewer rows, and after it otherwise.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .rotation import rotation_matrix

FINGERS, BONES, ANGLES, GLOBAL = 5, 3, 4, 6
#: Parameters: a rotation (angle-axis) and a translation of the whole hand, and the fingers' angles.
THETA = GLOBAL + FINGERS * ANGLES


class Model(NamedTuple):
    """A hand as it is modelled: 22 bones, and vertices that follow several of them by weights.

    Example:
        >>> from benchmarks.scenarios.adbench.data import draw_model
        >>> draw_model(10, 4).parents[:6]  # the wrist, the first finger, the next one
        array([-1,  0,  1,  2,  3,  0])
    """

    parents: np.ndarray  # [22] the bone that each bone is attached to, -1 for none
    relative: np.ndarray  # [22, 4, 4] a bone's transform in its parent's frame, at rest
    inverse: np.ndarray  # [22, 4, 4] from the model's frame into the bone's
    positions: np.ndarray  # [vertices, 3]
    weights: np.ndarray  # [vertices, 22]
    triangles: np.ndarray  # [triangles, 3] vertices


class Hand(NamedTuple):
    """A hand prepared for posing: the vertices are linear in `skin` and in the transforms."""

    skin: jax.Array  # [vertices, 1 + 15, 4] weighted positions in the palm's and each bone's frame
    joints: jax.Array  # [5, 3, 3, 4] each moving bone's transform in its parent's frame, at rest


def prepare(model: Model) -> Hand:
    """Merge all bones that do not move into the palm, which leaves 15 bones with angles.

    Finger f consists of the bones 4f + 1 to 4f + 4, of which the first has no angle.

    Raises:
        ValueError: If the bones are not attached so.

    Example:
        >>> still = np.broadcast_to(np.eye(4), (22, 4, 4))
        >>> parents = [-1, *(0 if bone % 4 == 1 else bone - 1 for bone in range(1, 22))]
        >>> weights = np.eye(1, 22)  # one vertex, on the wrist
        >>> one, corners = np.ones((1, 3)), np.zeros((1, 3), int)
        >>> model = Model(np.array(parents), still, still, one, weights, corners)
        >>> prepare(model).skin[0, 0].tolist()  # in homogeneous coordinates
        [1.0, 1.0, 1.0, 1.0]
    """
    chain = 1 + np.arange(FINGERS * 4).reshape(FINGERS, 4)
    expected = {-1, 0} | set(chain[:, :-1].ravel())
    linked = np.array_equal(model.parents[chain[:, 1:]], chain[:, :-1])
    if not linked or set(model.parents) != expected or np.any(model.parents[chain[:, 0]] != 0):
        raise ValueError(
            "a hand needs a wrist (bone 0) and fingers f = 0 to 4 of bones 4f + 1 to 4f + 4, each "
            f"on the one before and the first on the wrist; got parents {list(model.parents)}"
        )
    absolute = np.array(model.relative)
    for bone, parent in enumerate(model.parents):
        if parent >= 0:
            absolute[bone] = absolute[parent] @ model.relative[bone]
    homogeneous = np.concatenate([model.positions, np.ones((len(model.positions), 1))], axis=1)
    local = np.einsum("vb,bij,vj->vbi", model.weights, model.inverse, homogeneous)
    moving = chain[:, 1:].ravel()
    fixed = np.setdiff1d(np.arange(len(model.parents)), moving)
    palm = np.einsum("vbi,bji->vj", local[:, fixed], absolute[fixed])
    palm[:, 3] = 1 - local[:, moving, 3].sum(axis=1)  # so that a vertex is translated once
    joints = np.array(model.relative[chain[:, 1:]])
    joints[:, 0] = absolute[chain[:, 0]] @ joints[:, 0]
    skin = np.concatenate([palm[:, None], local[:, moving]], axis=1)
    return Hand(jnp.asarray(skin), jnp.asarray(joints[:, :, :3]))


def transforms(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the transforms `[16, 3, 4]` of the palm and the 15 moving bones at a pose `[26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(transforms, jnp.zeros(26), hand).shape
        (16, 3, 4)
    """
    return _attach(theta[:GLOBAL], _fingers(theta[GLOBAL:], hand))


def transforms_jacobian(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the Jacobian of `transforms`, `[16, 3, 4, 26]`, from 10 directions.

    Six directions go through the palm alone and four through the fingers alone.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(transforms_jacobian, jnp.zeros(26), hand).shape
        (16, 3, 4, 26)
    """
    whole, angles = theta[:GLOBAL], theta[GLOBAL:]

    def along(colour: jax.Array) -> jax.Array:
        return jax.jvp(lambda angles: _fingers(angles, hand), (angles,), (colour,))[1]

    colours = jnp.asarray(np.tile(np.eye(ANGLES), (1, FINGERS)), theta.dtype)
    by_own = jnp.einsum("ik,tbkj->bijt", _palm(whole)[:, :3], jax.vmap(along)(colours))
    own = np.repeat(np.eye(FINGERS), BONES, axis=0)[:, None, None, :, None]  # each bone's finger
    by_angles = (by_own[..., None, :] * own).reshape(*by_own.shape[:3], FINGERS * ANGLES)
    by_whole = jax.jacfwd(_attach)(whole, _fingers(angles, hand))
    return jnp.concatenate([by_whole, jnp.pad(by_angles, ((1, 0), *[(0, 0)] * 3))], axis=-1)


def vertices(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the posed vertices `[vertices, 3]`, a weighted sum over the bones.

    Example:
        >>> on_palm = np.ones((1, 16, 4)) * np.eye(16)[0, :, None]
        >>> hand = Hand(on_palm, jnp.ones((5, 3, 3, 4)))
        >>> jax.jit(vertices)(5 * np.eye(26)[3], hand)  # moved by 5 along x
        Array([[6., 1., 1.]], dtype=float32)
    """
    return _skinned(hand.skin, transforms(theta, hand))


def vertices_jacobian(theta: jax.Array, hand: Hand) -> jax.Array:
    """Compute the Jacobian of `vertices`, `[vertices, 3, 26]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(vertices_jacobian, jnp.zeros(26), hand).shape
        (2, 3, 26)
    """
    return _skinned(hand.skin, transforms_jacobian(theta, hand))


def simple(theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array) -> jax.Array:
    """Subtract from points `[N, 3]` the posed vertices of the indices `index` `[N]`: `[N, 3]`.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(simple, jnp.zeros(26), hand, jnp.zeros(7, int), jnp.ones((7, 3))).shape
        (7, 3)
    """
    return points - _chosen(lambda values: values[index], len(index), hand, transforms(theta, hand))


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
    return (_chosen(lambda values: values[index], len(index), hand, negated),)


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
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> inputs = jnp.zeros(26), jnp.ones((4, 2)), hand, jnp.zeros((4, 3), int), jnp.ones((4, 3))
        >>> jax.eval_shape(complicated, *inputs).shape
        (4, 3)
    """
    transform = transforms(theta, hand)
    return points - _chosen(lambda v: _blend(v, uv, corners), len(corners), hand, transform)


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
    by_theta = _chosen(lambda v: _blend(v, uv, corners), len(corners), hand, negated)
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


def _chosen(
    choose: Callable[[jax.Array], jax.Array], count: int, hand: Hand, transform: jax.Array
) -> jax.Array:
    """Skin `count` points, linear in the vertices: rows `[vertices, k]` are chosen `[count, k]`."""
    if count < len(hand.skin):
        return _skinned(choose(hand.skin.reshape(len(hand.skin), -1)), transform)
    every = _skinned(hand.skin, transform)
    return choose(every.reshape(len(every), -1)).reshape(count, *every.shape[1:])


def _skinned(skin: jax.Array, transform: jax.Array) -> jax.Array:
    """Apply `[16, 3, 4, ...]`, transforms or derivatives, to weighted positions: `[n, 3, ...]`."""
    matrix = jnp.moveaxis(transform, 2, 1)  # [bone, coordinate, 3, ...]
    rows, columns = matrix.shape[0] * matrix.shape[1], matrix.shape[2:]
    # One product of matrices, whose result is in its final order.
    return (skin.reshape(-1, rows) @ matrix.reshape(rows, -1)).reshape(-1, *columns)


def _blend(values: jax.Array, uv: jax.Array, corners: jax.Array) -> jax.Array:
    """Interpolate the vertices' values `[vertices, k]` at points inside triangles, `[N, k]`."""
    u, v = uv[:, :1], uv[:, 1:]
    a, b, c = (values[corners[:, corner]] for corner in range(3))
    return u * a + v * b + (1 - u - v) * c


def _palm(whole: jax.Array) -> jax.Array:
    """Compute the transform `[3, 4]` of the palm from a rotation (angle-axis) and a translation."""
    return jnp.concatenate([jnp.array(rotation_matrix(whole[:3])), whole[3:, None]], axis=1)


def _fingers(angles: jax.Array, hand: Hand) -> jax.Array:
    """Compute the transforms `[15, 3, 4]` of the moving bones in the palm's frame.

    A bone's rotation by flexion x and spread z is Rz(z) Rx(x); only first joints spread.
    """
    by_finger = angles.reshape(FINGERS, ANGLES)
    flexion, spread = by_finger[:, np.array([0, 2, 3])], by_finger[:, 1:2]
    joints = _turned(hand.joints, flexion, jnp.pad(spread, ((0, 0), (0, BONES - 1))))
    chain = [joints[:, 0]]
    for bone in range(1, BONES):
        chain.append(_compose(chain[-1], joints[:, bone]))
    return jnp.stack(chain, axis=1).reshape(FINGERS * BONES, 3, 4)


def _attach(whole: jax.Array, fingers: jax.Array) -> jax.Array:
    """Put the palm before the bones `[15, 3, 4]` of the fingers, and move them with it."""
    palm = _palm(whole)
    return jnp.concatenate([palm[None], _compose(palm, fingers)])


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
