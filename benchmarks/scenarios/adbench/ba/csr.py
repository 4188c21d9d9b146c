"""The Jacobian of bundle adjustment as one sparse matrix."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .blocks import CAMERA, POINT, WIDTH, BlockJacobian, write_blocks


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
    camera = CAMERA * camera_index[:, None] + jnp.arange(CAMERA)
    point = CAMERA * cameras + POINT * point_index[:, None] + jnp.arange(POINT)
    weight = CAMERA * cameras + POINT * points + jnp.arange(count)
    columns = jnp.concatenate([camera, point, weight[:, None]], axis=1)
    reprojection = jnp.broadcast_to(columns[:, None], (count, 2, WIDTH))
    starts = WIDTH * jnp.arange(2 * count), 2 * WIDTH * count + jnp.arange(count + 1)
    indices = jnp.concatenate([reprojection.ravel(), weight]).astype(jnp.int32)
    return indices, jnp.concatenate(starts).astype(jnp.int32)


def csr_values(
    into: jax.Array,
    cameras: jax.Array,
    points: jax.Array,
    weights: jax.Array,
    features: jax.Array,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> jax.Array:
    """Compute `data` of the Jacobian, each number once and in its place: `[31 p]`.

    Under `jax.jit(csr_values, donate_argnums=0)` the memory of `into`, such as the numbers of the
    step before, is used again, as a program in C++ does. New memory of tens of megabytes costs more
    than the numbers in it.

    Args:
        into: `[31 p]`, of any numbers.
        cameras: `[n, 11]`; these and the others are those of `residuals`.
        points: `[m, 3]`.
        weights: `[p]`.
        features: `[p, 2]`.
        camera_index: `[p]`.
        point_index: `[p]`.

    Example:
        >>> inputs = jnp.ones((2, 11)), jnp.ones((3, 3)), jnp.full(7, 0.5), jnp.zeros((7, 2))
        >>> index = jnp.zeros(7, int)
        >>> jax.jit(csr_values)(jnp.empty(217), *inputs, index, index)[-7:].tolist()
        [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]
    """
    inputs = cameras, points, weights, features, camera_index, point_index
    start = 2 * WIDTH * len(weights)
    return lax.dynamic_update_slice(write_blocks(into, *inputs), -2 * weights, (start,))
