"""The Jacobian of bundle adjustment as one sparse matrix."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .blocks import CAMERA, POINT, WIDTH, BlockJacobian


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
    count = len(jacobian.weight)
    camera = CAMERA * camera_index[:, None] + jnp.arange(CAMERA)
    point = CAMERA * cameras + POINT * point_index[:, None] + jnp.arange(POINT)
    weight = CAMERA * cameras + POINT * points + jnp.arange(count)
    columns = jnp.concatenate([camera, point, weight[:, None]], axis=1)
    reprojection = jnp.broadcast_to(columns[:, None], jacobian.reprojection.shape)
    starts = WIDTH * jnp.arange(2 * count), 2 * WIDTH * count + jnp.arange(count + 1)
    return Csr(
        jnp.concatenate([jacobian.reprojection.ravel(), jacobian.weight]),
        jnp.concatenate([reprojection.ravel(), weight]).astype(jnp.int32),
        jnp.concatenate(starts).astype(jnp.int32),
    )
