"""The residuals of bundle adjustment: how far points are from where cameras saw them."""

from typing import Any

import jax
import jax.numpy as jnp

from ..rotation import rotation_matrix
from .vectors import Components, columns, computed_once, dot, gather, subtract


def residuals(
    cameras: jax.Array,
    points: jax.Array,
    weights: jax.Array,
    features: jax.Array,
    camera_index: jax.Array,
    point_index: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Compute the reprojection residuals `[p, 2]` and weight residuals `[p]` of p observations.

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
        >>> camera = jnp.array([[0.0] * 6 + [2.0] + [0.0] * 4])  # looks along z, f = 2
        >>> point, zero = jnp.array([[1.0, 3.0, 2.0]]), jnp.array([0])
        >>> jax.jit(residuals)(camera, point, jnp.ones(1), jnp.zeros((1, 2)), zero, zero)
        (Array([[1., 3.]], dtype=float32), Array([0.], dtype=float32))
    """
    camera = gather(columns(cameras[:, 3:]), camera_index)
    rotation = gather(computed_once(rotation_matrix(cameras[:, :3].T)), camera_index)
    offset = subtract(gather(columns(points), point_index), camera[:3])
    y = tuple(dot(row, offset) for row in rotation)
    reprojection = project(y, camera[3:], weights, columns(features))
    return jnp.stack(reprojection, axis=1), 1 - weights**2


def project(y: Any, intrinsics: Any, weight: Any, feature: Any) -> Components:
    """Compute the two components of a weighted reprojection residual.

    Args:
        y: The point in the camera's frame.
        intrinsics: Focal length, principal point (2) and radial distortion (2) of the camera.
        weight: The weight of the observation.
        feature: Where the point was seen.

    Example:
        >>> project((1.0, 3.0, 2.0), (2.0, 0.0, 0.0, 0.0, 0.0), 1.0, (0.0, 0.0))
        (1.0, 3.0)
    """
    focal, *principal, k1, k2 = intrinsics
    u = y[0] / y[2], y[1] / y[2]
    s = u[0] ** 2 + u[1] ** 2
    scale = focal * (1 + s * (k1 + s * k2))
    return tuple(weight * (scale * u[i] + principal[i] - feature[i]) for i in range(2))
