"""The Jacobian of bundle adjustment's residuals, as a block of numbers for each observation.

The straightforward way, `vmap(jacrev)` over observations, works on rows: one camera, one point. The
fast way has one array per *component* instead, over all observations, so that every operation is
elementwise and contiguous. It works on chunks of observations whose arrays fit into a core's cache.
Forward mode differentiates the rotations, which depend on cameras alone, once per camera; reverse
mode differentiates the rest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..rotation import rotation_matrix
from .chunks import in_chunks
from .projection import project
from .vectors import Components, columns, computed_once, cross, dot, gather, subtract

#: Columns of an observation's block: rotation, centre, intrinsics of its camera; point; weight.
CAMERA, POINT = 11, 3
WIDTH = CAMERA + POINT + 1
#: Columns that are joined at a time: to join k of them, XLA tries k places for each number.
_JOINED_AT_ONCE = 10


class BlockJacobian(NamedTuple):
    """The non-zeros of the Jacobian of `residuals`, observation by observation.

    Example:
        >>> BlockJacobian(jnp.ones((7, 2, 15)), jnp.ones(7)).weight.shape
        (7,)
    """

    reprojection: jax.Array  # [p, 2, 15] by 11 camera, 3 point parameters and the weight
    weight: jax.Array  # [p] of the weight residual, by the weight


def block_jacobian(*inputs: jax.Array) -> BlockJacobian:
    """Compute the Jacobian of `residuals` as a block of 2 x 15 numbers for each observation.

    Args:
        *inputs: The six arguments of `residuals`.

    Example:
        >>> inputs = jnp.ones((2, 11)), jnp.ones((3, 3)), jnp.ones(7), jnp.zeros((7, 2))
        >>> index = jnp.zeros(7, int)
        >>> jax.eval_shape(block_jacobian, *inputs, index, index).reprojection.shape
        (7, 2, 15)
    """
    cameras, points, weights, *others = inputs
    count, linearized = len(weights), linearize(cameras, points)
    blocks = in_chunks(
        lambda _, *observations: linearized(*observations)[1],
        jnp.zeros(2 * WIDTH * count, weights.dtype),
        count,
        (weights, *others),
    )
    return BlockJacobian(blocks.reshape(count, 2, WIDTH), -2 * weights)


def linearize(cameras: jax.Array, points: jax.Array) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """Return what computes the reprojection residuals `[p, 2]` and blocks `[2 * 15 p]`.

    It takes those arguments of `residuals` that belong to observations, of a few or of all. What
    belongs to cameras is computed here, once.

    Args:
        cameras: `[n, 11]`.
        points: `[m, 3]`.

    Example:
        >>> of = linearize(jnp.ones((2, 11)), jnp.ones((3, 3)))
        >>> index = jnp.zeros(7, int)
        >>> residuals, blocks = jax.eval_shape(of, jnp.ones(7), jnp.zeros((7, 2)), index, index)
        >>> residuals.shape, blocks.shape
        ((7, 2), (210,))
    """
    by_axis = [jax.jvp(rotation_matrix, (cameras[:, :3].T,), (axis,)) for axis in _axes(cameras)]
    rotation = by_axis[0][0]
    spins = [_spin(rotation, derivative) for _, derivative in by_axis]
    tables = computed_once((columns(cameras[:, 3:]), rotation, spins, columns(points)))

    def linearized(
        weights: jax.Array, features: jax.Array, camera_index: jax.Array, point_index: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        camera, turned, spun = gather(tables[:3], camera_index)
        point = gather(tables[3], point_index)
        image, block = _blocks(camera, turned, spun, point, weights, columns(features))
        return jnp.stack(image, axis=1), block.ravel()

    return linearized


def per_observation(*inputs: jax.Array) -> BlockJacobian:
    """Compute what `block_jacobian` computes in the straightforward way: `vmap(jacrev)`.

    Args:
        *inputs: The six arguments of `residuals`.

    Example:
        >>> camera = jnp.array([[0.0] * 6 + [2.0] + [0.0] * 4])  # looks along z, f = 2
        >>> point, zero = jnp.array([[1.0, 3.0, 2.0]]), jnp.array([0])
        >>> inputs = camera, point, jnp.ones(1), jnp.zeros((1, 2)), zero, zero
        >>> jax.jit(per_observation)(*inputs).reprojection[0, :, 11:14]  # f/z, and -f x/z^2
        Array([[ 1. ,  0. , -0.5],
               [ 0. ,  1. , -1.5]], dtype=float32)
    """
    cameras, points, weights, features, camera_index, point_index = inputs

    def observation(camera: Any, point: Any, weight: Any, feature: Any) -> jax.Array:
        offset = subtract(point, camera[3:6])
        y = tuple(dot(row, offset) for row in rotation_matrix(camera[:3]))
        return jnp.stack(project(y, camera[6:], weight, feature))

    by_camera, by_point, by_weight = jax.vmap(jax.jacrev(observation, argnums=(0, 1, 2)))(
        cameras[camera_index], points[point_index], weights, features
    )
    blocks = jnp.concatenate([by_camera, by_point, by_weight[..., None]], axis=2)
    return BlockJacobian(blocks, -2 * weights)


def apply_blocks(
    jacobian: BlockJacobian, tangents: tuple, camera_index: jax.Array, point_index: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Multiply the Jacobian by a tangent `(cameras, points, weights)`.

    Returns:
        The product in the shape of `residuals`.

    Example:
        >>> blocks = BlockJacobian(jnp.ones((1, 2, 15)), jnp.ones(1))
        >>> tangents = jnp.ones((1, 11)), jnp.ones((1, 3)), jnp.full(1, 5.0)
        >>> jax.jit(apply_blocks)(blocks, tangents, *jnp.array([[0], [0]]))
        (Array([[19., 19.]], dtype=float32), Array([5.], dtype=float32))
    """
    cameras, points, weights = tangents
    rows = [cameras[camera_index], points[point_index], weights[:, None]]
    tangent = jnp.concatenate(rows, axis=1)
    return jnp.einsum("pij,pj->pi", jacobian.reprojection, tangent), jacobian.weight * weights


def _blocks(
    camera: Components,
    rotation: Any,
    spins: list[Components],
    point: Components,
    weights: jax.Array,
    features: Components,
) -> tuple[Components, jax.Array]:
    """Compute the residuals and the blocks `[p, 2 * 15]` of p observations.

    Reverse mode with two cotangents of ones gives the derivatives of all observations at once, as
    no two share a residual. It goes back to y, the point in the camera's frame; from there the
    chain rule needs R, and R's derivatives, of which there are only as many as cameras.
    """
    offset = subtract(point, camera[:3])
    y = tuple(dot(row, offset) for row in rotation)
    y_by_rotation = [cross(spin, y) for spin in spins]
    y, y_by_rotation = computed_once((y, y_by_rotation))  # many of the 30 columns need them
    image, pullback = jax.vjp(
        lambda y, intrinsics, weight: project(y, intrinsics, weight, features),
        *(y, camera[3:], weights),
    )
    ones, zeros = jnp.ones_like(image[0]), jnp.zeros_like(image[0])
    block = []
    for cotangent in ((ones, zeros), (zeros, ones)):
        by_y, by_intrinsics, by_weight = computed_once(pullback(cotangent))
        by_rotation = [dot(by_y, direction) for direction in y_by_rotation]
        by_point = [dot(by_y, column) for column in zip(*rotation, strict=True)]
        by_centre = [-derivative for derivative in by_point]
        block += [*by_rotation, *by_centre, *by_intrinsics, *by_point, by_weight]
    return image, _joined(block)


def _spin(rotation: Any, derivative: Any) -> Components:
    """Return the vector a for which a rotation's derivative is dR = [a]x R.

    The matrix dR R' of the cross product by a has three numbers, where dR has nine.
    """
    return tuple(dot(derivative[i], rotation[j]) for i, j in ((2, 1), (0, 2), (1, 0)))


def _joined(block: list[jax.Array]) -> jax.Array:
    """Stack columns `[p]` into `[p, columns]`, a few at a time."""
    parts = [block[k : k + _JOINED_AT_ONCE] for k in range(0, len(block), _JOINED_AT_ONCE)]
    stacked = [jnp.stack(computed_once(part), axis=1) for part in parts]
    return jnp.concatenate(computed_once(stacked), axis=1)


def _axes(cameras: jax.Array) -> list[jax.Array]:
    """Return for each of the 3 rotation parameters a tangent `[3, n]`, equal for every camera."""
    return [jnp.zeros((3, len(cameras)), cameras.dtype).at[k].set(1) for k in range(3)]
