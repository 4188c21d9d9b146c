"""The hand: its bones and vertices, and what posing needs of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

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
