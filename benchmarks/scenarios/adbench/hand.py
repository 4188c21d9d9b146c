"""HAND: the vertices of a posed hand against measured points, a Jacobian of few inputs.

Skinning is linear in the bones' transforms. So the tangents of all 26 parameters become one matrix
product, and the Jacobian of the transforms, in which no finger depends on another, needs 10
directions: 6 of the whole hand, and one for each of the 4 angles of all five fingers together.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .rotation import rotation_matrix

FINGERS, BONES, ANGLES, GLOBAL = 5, 3, 4, 6
#: Parameters: a rotation (angle-axis) and a translation of the whole hand, and the fingers' angles.
THETA = GLOBAL + FINGERS * ANGLES


class Model(NamedTuple):
    """A hand as artists give it: 22 bones, and vertices that hang on them by weights."""

    parents: np.ndarray  # [22] the bone each bone hangs on, -1 for none
    relative: np.ndarray  # [22, 4, 4] a bone's transform in its parent's frame, at rest
    inverse: np.ndarray  # [22, 4, 4] from the model's frame into the bone's
    positions: np.ndarray  # [vertices, 3]
    weights: np.ndarray  # [vertices, 22]
    triangles: np.ndarray  # [triangles, 3] vertices


class Hand(NamedTuple):
    """A hand made ready: what depends on the pose is linear in `skin`."""

    skin: jax.Array  # [vertices, 1 + 15, 4] weighted positions in the palm's and each bone's frame
    joints: jax.Array  # [5, 3, 3, 4] each moving bone's transform in its parent's frame, at rest


def prepare(model: Model) -> Hand:
    """Folds all that does not move into the palm: 15 bones with angles are left.

    Finger f owns the bones 4f + 1 to 4f + 4, of which the first has no angle.

    Raises:
        ValueError: If the bones are not linked so.

    Example:
        >>> still = np.broadcast_to(np.eye(4), (22, 4, 4))
        >>> parents = [-1, *(0 if bone % 4 == 1 else bone - 1 for bone in range(1, 22))]
        >>> weights = np.eye(1, 22)  # one vertex, on the wrist
        >>> one, corners = np.ones((1, 3)), np.zeros((1, 3), int)
        >>> model = Model(np.array(parents), still, still, one, weights, corners)
        >>> prepare(model).skin[0, 0]  # in homogeneous coordinates
        Array([1., 1., 1., 1.], dtype=float32)
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
    own = np.einsum("vb,bij,vj->vbi", model.weights, model.inverse, homogeneous)
    moving = chain[:, 1:].ravel()
    fixed = np.setdiff1d(np.arange(len(model.parents)), moving)
    palm = np.einsum("vbi,bji->vj", own[:, fixed], absolute[fixed])
    palm[:, 3] = 1 - own[:, moving, 3].sum(axis=1)  # so that all is translated once
    joints = np.array(model.relative[chain[:, 1:]])
    joints[:, 0] = absolute[chain[:, 0]] @ joints[:, 0]
    skin = np.concatenate([palm[:, None], own[:, moving]], axis=1)
    return Hand(jnp.asarray(skin), jnp.asarray(joints[:, :, :3]))


def transforms(theta: jax.Array, hand: Hand) -> jax.Array:
    """The palm's and the 15 moving bones' transforms `[16, 3, 4]` at the pose `theta` `[26]`.

    A bone's rotation from (flexion x, spread z) is Rz(z) Rx(x); only first joints spread.

    Example:
        >>> rest = Hand(jnp.zeros((1, 16, 4)), jnp.broadcast_to(jnp.eye(3, 4), (5, 3, 3, 4)))
        >>> bool(jnp.all(transforms(jnp.zeros(26), rest) == jnp.eye(3, 4)))
        True
    """
    angles = theta[GLOBAL:].reshape(FINGERS, ANGLES)
    flexion, spread = angles[:, np.array([0, 2, 3])], angles[:, 1:2]
    turns = _turn(flexion, jnp.pad(spread, ((0, 0), (0, BONES - 1))))
    joints = jnp.concatenate([hand.joints[..., :3] @ turns, hand.joints[..., 3:]], axis=-1)
    chain = [joints[:, 0]]
    for bone in range(1, BONES):
        chain.append(_compose(chain[-1], joints[:, bone]))
    fingers = jnp.stack(chain, axis=1).reshape(FINGERS * BONES, 3, 4)
    palm = jnp.concatenate([jnp.array(rotation_matrix(theta[:3])), theta[3:GLOBAL, None]], axis=1)
    return jnp.concatenate([palm[None], _compose(palm, fingers)])


def vertices(theta: jax.Array, hand: Hand) -> jax.Array:
    """The posed vertices `[vertices, 3]`: a weighted sum over bones, linear in the transforms.

    Example:
        >>> hand = Hand(jnp.zeros((1, 16, 4)).at[0, 0].set(1.0), jnp.ones((5, 3, 3, 4)))
        >>> vertices(jnp.zeros(26).at[3].set(5.0), hand)  # on the palm, moved by 5
        Array([[6., 1., 1.]], dtype=float32)
    """
    return jnp.einsum("vbj,bij->vi", hand.skin, transforms(theta, hand))


def vertices_jacobian(theta: jax.Array, hand: Hand) -> jax.Array:
    """The Jacobian of `vertices`, `[vertices, 3, 26]`, from 10 directions instead of 26.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> jax.eval_shape(vertices_jacobian, jnp.zeros(26), hand).shape
        (2, 3, 26)
    """
    colours = np.zeros((GLOBAL + ANGLES, THETA))
    colours[:GLOBAL, :GLOBAL] = np.eye(GLOBAL)
    colours[GLOBAL:, GLOBAL:] = np.tile(np.eye(ANGLES), (1, FINGERS))

    def along(colour: jax.Array) -> jax.Array:
        return jax.jvp(lambda theta: transforms(theta, hand), (theta,), (colour,))[1]

    columns = jax.vmap(along, out_axes=-1)(jnp.asarray(colours, theta.dtype))
    whole = jnp.einsum("vbj,bijt->vit", hand.skin, columns[..., :GLOBAL])
    skin = hand.skin[:, 1:].reshape(-1, FINGERS, BONES, 4)
    own = columns[1:, ..., GLOBAL:].reshape(FINGERS, BONES, 3, 4, ANGLES)
    fingers = jnp.einsum("vfbj,fbija->vifa", skin, own)
    return jnp.concatenate([whole, fingers.reshape(*whole.shape[:2], FINGERS * ANGLES)], axis=2)


def simple(theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array) -> jax.Array:
    """Residuals `[N, 3]` of points `[N, 3]` from the vertices `index` `[N]` at the pose `theta`.

    Example:
        >>> hand = Hand(jnp.zeros((1, 16, 4)).at[0, 0].set(1.0), jnp.ones((5, 3, 3, 4)))
        >>> simple(jnp.zeros(26), hand, jnp.array([0]), jnp.full((1, 3), 4.0))
        Array([[3., 3., 3.]], dtype=float32)
    """
    return points - vertices(theta, hand)[index]


def simple_jacobian(
    theta: jax.Array, hand: Hand, index: jax.Array, points: jax.Array
) -> tuple[jax.Array]:
    """The Jacobian `[N, 3, 26]` of `simple`, as `jax.jacfwd` gives it, from 10 directions.

    Example:
        >>> hand = Hand(jnp.zeros((1, 16, 4)).at[0, 0].set(1.0), jnp.ones((5, 3, 3, 4)))
        >>> (jacobian,) = simple_jacobian(jnp.zeros(26), hand, jnp.array([0]), jnp.zeros((1, 3)))
        >>> jacobian[0, :, 3:6]  # by the translation
        Array([[-1., -0., -0.],
               [-0., -1., -0.],
               [-0., -0., -1.]], dtype=float32)
    """
    del points  # they are constants
    return (-vertices_jacobian(theta, hand)[index],)


def complicated(
    theta: jax.Array, uv: jax.Array, hand: Hand, corners: jax.Array, points: jax.Array
) -> jax.Array:
    """Residuals `[N, 3]` of points `[N, 3]` from u a + v b + (1 - u - v) c in triangles (a, b, c).

    Args:
        theta: `[26]` the pose.
        uv: `[N, 2]` where in its triangle each point lies.
        hand: The hand.
        corners: `[N, 3]` the vertices a, b, c of each point's triangle.
        points: `[N, 3]` the measured points.

    Example:
        >>> hand = Hand(jnp.zeros((1, 16, 4)).at[0, 0].set(1.0), jnp.ones((5, 3, 3, 4)))
        >>> where = jnp.ones((1, 2)), hand, jnp.zeros((1, 3), int)
        >>> complicated(jnp.zeros(26), *where, jnp.full((1, 3), 4.0))
        Array([[3., 3., 3.]], dtype=float32)
    """
    return points - _blend(vertices(theta, hand), uv, corners)


def complicated_jacobian(
    theta: jax.Array, uv: jax.Array, hand: Hand, corners: jax.Array, points: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The Jacobian of `complicated`, compressed: `[N, 3, 26]` by `theta`, `[N, 3, 2]` by `uv`.

    Each point owns its u and v, so that two directions serve for all 2 N of them.

    Example:
        >>> hand = Hand(jnp.ones((2, 16, 4)), jnp.ones((5, 3, 3, 4)))
        >>> where = jnp.ones((4, 2)), hand, jnp.zeros((4, 3), int)
        >>> found = jax.eval_shape(complicated_jacobian, jnp.zeros(26), *where, jnp.zeros((4, 3)))
        >>> [part.shape for part in found]
        [(4, 3, 26), (4, 3, 2)]
    """
    del points
    posed = vertices(theta, hand)
    a, b, c = (posed[corners[:, corner]] for corner in range(3))
    by_theta = -_blend(vertices_jacobian(theta, hand), uv, corners)
    return by_theta, -jnp.stack([a - c, b - c], axis=2)


def apply_compressed(
    jacobian: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> jax.Array:
    """The compressed Jacobian of `complicated` times a tangent `(theta, uv)`: `[N, 3]`.

    Example:
        >>> jacobian = jnp.ones((4, 3, 26)), jnp.ones((4, 3, 2))
        >>> apply_compressed(jacobian, (jnp.ones(26), jnp.ones((4, 2))))[0]
        Array([28., 28., 28.], dtype=float32)
    """
    by_theta, by_uv = jacobian
    theta, uv = tangents
    return by_theta @ theta + jnp.einsum("nik,nk->ni", by_uv, uv)


def _blend(values: jax.Array, uv: jax.Array, corners: jax.Array) -> jax.Array:
    """The values `[vertices, ...]` at the points `[N, ...]` inside their triangles."""
    u, v = (uv[:, k].reshape(-1, *[1] * (values.ndim - 1)) for k in range(2))
    a, b, c = (values[corners[:, corner]] for corner in range(3))
    return u * a + v * b + (1 - u - v) * c


def _compose(outer: jax.Array, inner: jax.Array) -> jax.Array:
    """The affine transform `[..., 3, 4]` that applies `inner` first, then `outer`."""
    translation = outer * np.array([0.0, 0.0, 0.0, 1.0])
    return outer[..., :3] @ inner + translation


def _turn(x: jax.Array, z: jax.Array) -> jax.Array:
    """The rotations Rz(z) Rx(x), `[..., 3, 3]`."""
    cx, sx, cz, sz = jnp.cos(x), jnp.sin(x), jnp.cos(z), jnp.sin(z)
    entries = [cz, -sz * cx, sz * sx, sz, cz * cx, -cz * sx, jnp.zeros_like(x), sx, cx]
    return jnp.stack(entries, axis=-1).reshape(*x.shape, 3, 3)
