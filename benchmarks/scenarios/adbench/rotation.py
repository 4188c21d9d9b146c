"""Rotations from angle-axis vectors, differentiable at the zero angle too."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

#: Below this squared angle the series is exact to the last bit, and the quotient is not.
_SMALL = 1e-2


def rotation_matrix(r: Sequence[jax.Array] | jax.Array) -> tuple[tuple[jax.Array, ...], ...]:
    """Compute the rotation by |r| radians about r.

    Rodrigues' formula (1840), with t = |r| and K the matrix of the cross product by r:

        R = cos(t) I + sin(t)/t K + (1 - cos(t))/t^2 r r'

    Both quotients are smooth functions of t^2, and are computed from t^2.

    Args:
        r: The three components, each an array of one shape.

    Returns:
        The rows of R, each a tuple of three components of that shape.

    Example:
        >>> quarter_turn = jax.jit(rotation_matrix)(jnp.array([0.0, 0.0, jnp.pi / 2]))
        >>> [[abs(round(float(entry))) for entry in row] for row in quarter_turn]
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    """
    x, y, z = r
    squared = x * x + y * y + z * z
    a = sinc_of_root(squared)
    b = sinc_of_root(squared / 4) ** 2 / 2  # 1 - cos(t) = 2 sin(t/2)^2, without cancellation
    cosine = 1 - b * squared
    return (
        (cosine + b * x * x, b * x * y - a * z, b * x * z + a * y),
        (b * x * y + a * z, cosine + b * y * y, b * y * z - a * x),
        (b * x * z - a * y, b * y * z + a * x, cosine + b * z * z),
    )


def sinc_of_root(s: jax.Array) -> jax.Array:
    """Compute sin(sqrt(s)) / sqrt(s), an analytic function of `s >= 0`: `[...]`.

    Example:
        >>> jax.jit(jax.value_and_grad(sinc_of_root))(0.0)  # 1 - s/6 + ...
        (Array(1., dtype=float32...), Array(-0.16666667, dtype=float32...))
    """
    small = s < _SMALL
    # Double-where: the gradient of the branch that is not taken must not be NaN.
    root = jnp.sqrt(jnp.where(small, 1.0, s))
    series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)))
    return jnp.where(small, series, jnp.sin(root) / root)
