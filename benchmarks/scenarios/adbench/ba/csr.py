"""The Jacobian of bundle adjustment as one sparse matrix."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .blocks import CAMERA, POINT, WIDTH, BlockJacobian, linearize
from .chunks import in_chunks


class Csr(NamedTuple):
    """A sparse matrix of `rows` rows as SciPy has it: `csr_matrix((data, indices, indptr))`.

    Example:
        >>> diagonal = Csr(jnp.ones(3), jnp.arange(3), jnp.arange(4))
        >>> diagonal.indptr.tolist()
        [0, 1, 2, 3]
    """

    data: jax.Array  # [entries]
    indices: jax.Array  # [entries] columns
    indptr: jax.Array  # [rows + 1] where each row starts in `data`


def csr_jacobian(
    jacobian: BlockJacobian,
    camera_index: jax.Array,
    point_index: jax.Array,
    *,
    cameras: int,
    points: int,
) -> Csr:
    """Assemble the whole Jacobian `[3p, 11 n + 3 m + p]` in compressed sparse rows.

    Rows are the reprojection residuals, two for each observation, then the weight residuals;
    columns the cameras' parameters, the points', then the weights.

    Args:
        jacobian: The blocks.
        camera_index: `[p]` the camera of each observation.
        point_index: `[p]` the point of each observation.
        cameras: The number n of cameras.
        points: The number m of points.

    Example:
        >>> from functools import partial
        >>> blocks = BlockJacobian(jnp.ones((1, 2, 15)), jnp.ones(1))
        >>> assemble = jax.jit(partial(csr_jacobian, cameras=1, points=2))
        >>> _, indices, indptr = assemble(blocks, jnp.array([0]), jnp.array([1]))
        >>> indices.tolist()[15:], indptr.tolist()
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 17], [0, 15, 30, 31])
    """
    data = jnp.concatenate([jacobian.reprojection.ravel(), jacobian.weight])
    return Csr(data, *csr_places(camera_index, point_index, cameras=cameras, points=points))


def csr_places(
    camera_index: jax.Array, point_index: jax.Array, *, cameras: int, points: int
) -> tuple[jax.Array, jax.Array]:
    """Return `indices` and `indptr` of the Jacobian, which no parameter changes: call it once.

    Args:
        camera_index: `[p]` the camera of each observation.
        point_index: `[p]` the point of each observation.
        cameras: The number n of cameras.
        points: The number m of points.

    Example:
        >>> one = jnp.array([0])
        >>> indices, indptr = csr_places(one, one, cameras=1, points=1)
        >>> indices.shape, indptr.tolist()
        ((31,), [0, 15, 30, 31])
    """
    count = len(camera_index)
    columns = _columns(jnp.int32(0), camera_index, point_index, cameras=cameras, points=points)
    weight = columns[WIDTH - 1 :: 2 * WIDTH]
    return jnp.concatenate([columns, weight]), _row_starts(count)


def csr_values(into: jax.Array, *inputs: jax.Array) -> jax.Array:
    """Compute `data` of the Jacobian, each number once and in its place: `[31 p]`.

    Under `jax.jit(csr_values, donate_argnums=0)` the memory of `into`, such as the numbers of the
    step before, is used again, as a program in C++ does. New memory of tens of megabytes costs more
    than the numbers in it.

    Args:
        into: `[31 p]`, of any numbers.
        *inputs: The six arguments of `residuals`.

    Example:
        >>> inputs = jnp.ones((2, 11)), jnp.ones((3, 3)), jnp.full(7, 0.5), jnp.zeros((7, 2))
        >>> index = jnp.zeros(7, int)
        >>> jax.jit(csr_values)(jnp.empty(217), *inputs, index, index)[-7:].tolist()
        [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]
    """
    cameras, points, weights, *others = inputs
    count, linearized = len(weights), linearize(cameras, points)
    observations = weights, *others
    blocks = in_chunks(lambda _, *chunk: linearized(*chunk)[1], into, count, observations)
    return lax.dynamic_update_slice(blocks, -2 * weights, (2 * WIDTH * count,))


def value_and_csr(into: Csr, *inputs: jax.Array) -> tuple[tuple[jax.Array, jax.Array], Csr]:
    """Compute `residuals` and their whole Jacobian in one pass over the observations.

    That is the work of ADBench's programs in C++: the value, the Jacobian's numbers and their
    places. Where the cameras and points of the observations stay as they are, `csr_places` once and
    `csr_values` at each step are less work.

    Args:
        into: A matrix of the Jacobian's sizes, whose memory is used again if it is donated.
        *inputs: The six arguments of `residuals`.

    Example:
        >>> inputs = jnp.ones((2, 11)), jnp.ones((3, 3)), jnp.full(7, 0.5), jnp.zeros((7, 2))
        >>> index = jnp.zeros(7, jnp.int32)
        >>> into = Csr(jnp.empty(217), jnp.empty(217, jnp.int32), jnp.empty(22, jnp.int32))
        >>> (reprojection, weight), jacobian = jax.jit(value_and_csr)(into, *inputs, index, index)
        >>> reprojection.shape, weight.tolist()[:2], jacobian.indptr.tolist()[-2:]
        ((7, 2), [0.75, 0.75], [216, 217])
    """
    cameras, points, weights, *others = inputs
    count, linearized = len(weights), linearize(cameras, points)
    sizes = {"cameras": len(cameras), "points": len(points)}

    def piece(start: jax.Array, *chunk: jax.Array) -> Any:
        return *linearized(*chunk), _columns(start, *chunk[2:], **sizes)

    places = jnp.zeros((count, 2), weights.dtype), into.data, into.indices
    reprojection, data, indices = in_chunks(piece, places, count, (weights, *others))
    first = CAMERA * len(cameras) + POINT * len(points)
    columns = first + jnp.arange(count, dtype=jnp.int32)
    end = (2 * WIDTH * count,)
    data = lax.dynamic_update_slice(data, -2 * weights, end)
    indices = lax.dynamic_update_slice(indices, columns, end)
    return (reprojection, 1 - weights**2), Csr(data, indices, _row_starts(count))


def _columns(
    start: jax.Array, camera_index: jax.Array, point_index: jax.Array, *, cameras: int, points: int
) -> jax.Array:
    """Return the columns of the blocks of observations from number `start` on: `[2 * 15 p]`."""
    count = len(camera_index)
    camera = CAMERA * camera_index[:, None] + np.arange(CAMERA, dtype=np.int32)
    point = CAMERA * cameras + POINT * point_index[:, None] + np.arange(POINT, dtype=np.int32)
    weight = CAMERA * cameras + POINT * points + start + np.arange(count, dtype=np.int32)
    columns = jnp.concatenate([camera, point, weight[:, None]], axis=1).astype(jnp.int32)
    return jnp.broadcast_to(columns[:, None], (count, 2, WIDTH)).ravel()


def _row_starts(count: int) -> jax.Array:
    """Return where the Jacobian's rows of `count` observations start: `[3 count + 1]`."""
    row = jnp.arange(3 * count + 1, dtype=jnp.int32)
    return jnp.where(row < 2 * count, WIDTH * row, 2 * WIDTH * count + row - 2 * count)
