"""Vectors as tuples of components, each an array over all observations or under `vmap` a number.

An operation on them is elementwise over contiguous arrays, where one on rows `[observations, 3]`
would not be.
"""

from typing import Any

import jax
from jax import lax

#: One array for each component of a vector.
Components = tuple[jax.Array, ...]


def columns(table: jax.Array) -> Components:
    """Split a table `[n, k]` into its k columns `[n]`.

    Example:
        >>> import numpy as np
        >>> [column.tolist() for column in columns(np.array([[1, 2], [3, 4]]))]
        [[1, 3], [2, 4]]
    """
    return tuple(table[:, k] for k in range(table.shape[1]))


def gather(vectors: Any, index: jax.Array) -> Any:
    """Take the entries `index` of every array in a pytree.

    Example:
        >>> import numpy as np
        >>> gather((np.array([5, 7]), np.array([6, 8])), np.array([1, 1]))
        (array([7, 7]), array([8, 8]))
    """
    return jax.tree.map(lambda vector: vector[index], vectors)


def subtract(a: Any, b: Any) -> Components:
    """Subtract two vectors of any number of components.

    Example:
        >>> subtract((5, 7), (1, 2))
        (4, 5)
    """
    return tuple(x - y for x, y in zip(a, b, strict=True))


def dot(a: Any, b: Any) -> jax.Array:
    """Compute the dot product of two vectors of three components.

    Example:
        >>> dot((1, 2, 3), (1, 10, 100))
        321
    """
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Any, b: Any) -> Components:
    """Compute the cross product of two vectors of three components.

    Example:
        >>> cross((1, 0, 0), (0, 1, 0))
        (0, 0, 1)
    """
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def computed_once(values: Any) -> Any:
    """Put a barrier behind values; without it, XLA computes them anew wherever they are read.

    Example:
        >>> int(computed_once(3))
        3
    """
    return lax.optimization_barrier(values)
