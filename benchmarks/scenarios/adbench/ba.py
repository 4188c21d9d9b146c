"""BA: bundle adjustment's residuals, whose Jacobian is sparse: 31 non-zeros an observation.

The straightforward form, `vmap(jacrev)` over observations, works on rows: one camera, one point.
The fast form has one vector per *variable* instead, over all observations, so that every operation
is elementwise and contiguous. It does once per camera, by forward mode, what depends on the camera
alone (the rotation and its three derivatives), and by reverse mode only the rest. And it takes as
many observations at a time as a core's cache holds the vectors of.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .rotation import rotation_matrix

#: Columns of an observation's block: rotation, centre, intrinsics of its camera; point; weight.
CAMERA, POINT = 11, 3
WIDTH = CAMERA + POINT + 1
#: Observations of a chunk: a hundred vectors of this length are 3 MB.
_CHUNK = 4096
#: Columns that are joined at a time: to join k, XLA looks through k places for each number.
_JOINED = 10

#: One array for each component of a vector; under `vmap` the arrays are numbers.
Components = tuple[jax.Array, ...]


class Csr(NamedTuple):
    """A sparse matrix of `rows` rows as SciPy has it: `csr_matrix((data, indices, indptr))`."""

    data: jax.Array  # [entries]
    indices: jax.Array  # [entries] columns
    indptr: jax.Array  # [rows + 1] where each row starts in `data`


class BlockJacobian(NamedTuple):
    """The non-zeros of the Jacobian of `residuals`, observation by observation."""

    reprojection: jax.Array  # [p, 2, 15] by 11 camera, 3 point parameters and the weight
    weight: jax.Array  # [p] of the weight residual, by the weight


def residuals(
    cameras: jax.Array,
    points: jax.Array,
    weights: jax.Array,
    features: jax.Array,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Reprojection residuals `[p, 2]` and weight residuals `[p]` of p observations.

        y = R(r) (point - centre);  u = (y1, y2) / y3;  s = |u|^2
        residual = w (f u (1 + k1 s + k2 s^2) + x0 - feature),  weight residual = 1 - w^2

    Args:
        cameras: `[n, 11]` rotation r (angle-axis), centre (3), focal length f, principal point x0
            (2), radial distortion k1, k2.
        points: `[m, 3]` points in space.
        weights: `[p]` weights of the observations.
        features: `[p, 2]` where the points were seen.
        camera_index: `[p]` which camera saw it.
        point_index: `[p]` which point was seen.

    Example:
        >>> camera = jnp.zeros((1, 11)).at[0, 6].set(2.0)  # looks along z, f = 2
        >>> point, zero = jnp.array([[1.0, 3.0, 2.0]]), jnp.zeros(1, int)
        >>> residuals(camera, point, jnp.ones(1), jnp.zeros((1, 2)), zero, zero)
        (Array([[1., 3.]], dtype=float32), Array([0.], dtype=float32))
    """
    seen = _gather(_columns(cameras[:, 3:]), camera_index)
    rotation = _gather(_once(rotation_matrix(cameras[:, :3].T)), camera_index)
    offset = _subtract(_gather(_columns(points), point_index), seen[:3])
    y = tuple(_dot(row, offset) for row in rotation)
    return jnp.stack(_project(y, seen[3:], weights, _columns(features)), axis=1), 1 - weights**2


def block_jacobian(
    cameras: jax.Array,
    points: jax.Array,
    weights: jax.Array,
    features: jax.Array,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> BlockJacobian:
    """The Jacobian of `residuals` as a block of 2 x 15 numbers for each observation.

    The blocks are made chunk by chunk, and written in place into the whole.

    Example:
        >>> camera = jnp.zeros((1, 11)).at[0, 6].set(2.0)
        >>> point, zero = jnp.array([[1.0, 3.0, 2.0]]), jnp.zeros(1, int)
        >>> found = block_jacobian(camera, point, jnp.ones(1), jnp.zeros((1, 2)), zero, zero)
        >>> found.reprojection[0, :, 11:14]  # by the point: f/z, and -f x/z^2
        Array([[ 1. ,  0. , -0.5],
               [ 0. ,  1. , -1.5]], dtype=float32)
    """
    by_axis = [jax.jvp(rotation_matrix, (cameras[:, :3].T,), (axis,)) for axis in _axes(cameras)]
    rotation, turns = by_axis[0][0], [derivative for _, derivative in by_axis]
    tables = _once((_columns(cameras[:, 3:]), rotation, turns, _columns(points)))
    observations = weights, _columns(features), camera_index, point_index
    count = len(weights)
    length = min(count, _CHUNK)

    def write(chunk: jax.Array, blocks: jax.Array) -> jax.Array:
        start = jnp.minimum(chunk * length, count - length)  # the last one overlaps the one before
        own = jax.tree.map(lambda v: lax.dynamic_slice_in_dim(v, start, length), observations)
        return lax.dynamic_update_slice_in_dim(blocks, _chunk(*tables, *own), start, axis=0)

    empty = jnp.zeros((count, 2 * WIDTH), weights.dtype)
    blocks = lax.fori_loop(0, -(-count // length), write, empty)
    return BlockJacobian(blocks.reshape(count, 2, WIDTH), -2 * weights)


def per_observation(
    cameras: jax.Array,
    points: jax.Array,
    weights: jax.Array,
    features: jax.Array,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> BlockJacobian:
    """The same as `block_jacobian` in the straightforward way: `vmap(jacrev)`, one row at a time.

    Example:
        >>> inputs = jnp.ones((1, 11)), jnp.ones((1, 3)) * 5, jnp.ones(1), jnp.zeros((1, 2))
        >>> zero = jnp.zeros(1, int)
        >>> jax.eval_shape(per_observation, *inputs, zero, zero).reprojection.shape
        (1, 2, 15)
    """

    def observation(camera: Any, point: Any, weight: Any, feature: Any) -> jax.Array:
        offset = _subtract(point, camera[3:6])
        y = tuple(_dot(row, offset) for row in rotation_matrix(camera[:3]))
        return jnp.stack(_project(y, camera[6:], weight, feature))

    by_camera, by_point, by_weight = jax.vmap(jax.jacrev(observation, argnums=(0, 1, 2)))(
        cameras[camera_index], points[point_index], weights, features
    )
    blocks = jnp.concatenate([by_camera, by_point, by_weight[..., None]], axis=2)
    return BlockJacobian(blocks, -2 * weights)


def csr_jacobian(
    jacobian: BlockJacobian,
    camera_index: jax.Array,
    point_index: jax.Array,
    *,
    cameras: int,
    points: int,
) -> Csr:
    """The whole Jacobian `[3p, 11 n + 3 m + p]` in compressed sparse rows.

    Rows are the reprojection residuals, two for each observation, then the weight residuals;
    columns the cameras' parameters, the points', then the weights.

    Args:
        jacobian: The blocks.
        camera_index: `[p]` the camera of each observation.
        point_index: `[p]` the point of each observation.
        cameras: The number n of cameras.
        points: The number m of points.

    Example:
        >>> blocks = BlockJacobian(jnp.ones((1, 2, 15)), jnp.ones(1))
        >>> first, second = jnp.array([0]), jnp.array([1])
        >>> _, indices, indptr = csr_jacobian(blocks, first, second, cameras=1, points=2)
        >>> indices[15:], indptr
        (Array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 14, 15, 16, 17, 17],      dtype=int32),
        Array([ 0, 15, 30, 31], dtype=int32))
    """
    count = len(jacobian.weight)
    camera = CAMERA * camera_index[:, None] + jnp.arange(CAMERA)
    point = CAMERA * cameras + POINT * point_index[:, None] + jnp.arange(POINT)
    weight = CAMERA * cameras + POINT * points + jnp.arange(count)
    columns = jnp.concatenate([camera, point, weight[:, None]], axis=1)
    both = jnp.broadcast_to(columns[:, None], jacobian.reprojection.shape)
    starts = WIDTH * jnp.arange(2 * count), 2 * WIDTH * count + jnp.arange(count + 1)
    return Csr(
        jnp.concatenate([jacobian.reprojection.ravel(), jacobian.weight]),
        jnp.concatenate([both.ravel(), weight]).astype(jnp.int32),
        jnp.concatenate(starts).astype(jnp.int32),
    )


def apply_blocks(
    jacobian: BlockJacobian, tangents: tuple, camera_index: jax.Array, point_index: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The Jacobian times a tangent `(cameras, points, weights)`, in the shape of `residuals`.

    Example:
        >>> blocks = BlockJacobian(jnp.ones((1, 2, 15)), jnp.ones(1))
        >>> tangents = jnp.ones((1, 11)), jnp.ones((1, 3)), jnp.full(1, 5.0)
        >>> apply_blocks(blocks, tangents, *jnp.array([[0], [0]]))
        (Array([[19., 19.]], dtype=float32), Array([5.], dtype=float32))
    """
    cameras, points, weights = tangents
    rows = [cameras[camera_index], points[point_index], weights[:, None]]
    own = jnp.concatenate(rows, axis=1)
    return jnp.einsum("pij,pj->pi", jacobian.reprojection, own), jacobian.weight * weights


def _chunk(
    cameras: Components,
    rotations: Any,
    turns: Any,
    points: Components,
    weights: jax.Array,
    features: Components,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> jax.Array:
    """The blocks `[p, 2 * 15]` of p observations, from tables of all cameras and points.

    Reverse mode with two cotangents of ones gives the derivatives of all observations at once, as
    no two share a residual. It stops at y, the point as the camera sees it; from there the chain
    rule goes on with R, and with R's derivatives, of which there are only as many as cameras.
    """
    seen, rotation, turns = _gather((cameras, rotations, turns), camera_index)
    offset = _subtract(_gather(points, point_index), seen[:3])
    y = tuple(_dot(row, offset) for row in rotation)
    turned = [tuple(_dot(row, offset) for row in turn) for turn in turns]
    y, turned = _once((y, turned))  # many of the 30 vectors below need them
    image, pullback = jax.vjp(
        lambda y, intrinsics, weight: _project(y, intrinsics, weight, features),
        *(y, seen[3:], weights),
    )
    ones, zeros = jnp.ones_like(image[0]), jnp.zeros_like(image[0])
    rows = []
    for cotangent in ((ones, zeros), (zeros, ones)):
        by_y, by_intrinsics, by_weight = _once(pullback(cotangent))
        by_rotation = [_dot(by_y, direction) for direction in turned]
        by_point = [_dot(by_y, column) for column in zip(*rotation, strict=True)]
        by_centre = [-derivative for derivative in by_point]
        rows += [*by_rotation, *by_centre, *by_intrinsics, *by_point, by_weight]
    joined = [jnp.stack(_once(rows[k : k + _JOINED]), axis=1) for k in range(0, len(rows), _JOINED)]
    return jnp.concatenate(_once(joined), axis=1)


def _project(y: Any, intrinsics: Any, weight: Any, feature: Any) -> Components:
    """The weighted reprojection residual's two components, of a point as the camera sees it."""
    focal, *centre, k1, k2 = intrinsics
    u = y[0] / y[2], y[1] / y[2]
    s = u[0] ** 2 + u[1] ** 2
    scale = focal * (1 + s * (k1 + s * k2))
    return tuple(weight * (scale * u[i] + centre[i] - feature[i]) for i in range(2))


def _axes(cameras: jax.Array) -> list[jax.Array]:
    """For each of the 3 rotation parameters a tangent `[3, n]`, the same for every camera."""
    return [jnp.zeros((3, len(cameras)), cameras.dtype).at[k].set(1) for k in range(3)]


def _columns(table: jax.Array) -> Components:
    return tuple(table[:, k] for k in range(table.shape[1]))


def _gather(vectors: Any, index: jax.Array) -> Any:
    return jax.tree.map(lambda vector: vector[index], vectors)


def _once(values: Any) -> Any:
    """The values, computed here and kept: XLA would compute them again wherever they are read."""
    return lax.optimization_barrier(values)


def _subtract(a: Any, b: Any) -> Components:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _dot(a: Any, b: Any) -> jax.Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
