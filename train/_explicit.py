"""What JAX wants to be told of arrays on a mesh of explicit axes, and nothing elsewhere."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

T = TypeVar("T")


def row_sharding(leaf: jax.Array, rows: int, *, parts: bool = False) -> NamedSharding | None:
    """Return the sharding to request for an operation that makes `rows` rows from `leaf`.

    It is None where JAX chooses.

    On a mesh of explicit axes, and only there, JAX wants to be told: the rows are spread over the
    devices as those of `leaf` if the devices divide them, else every device has all of them.
    Elsewhere the answer is None, and JAX decides.

    Args:
        leaf: An array `[n, ...]`.
        rows: How many rows the result has.
        parts: Whether the result is `[parts, rows, ...]`, several of so many rows.

    Example:
        >>> import jax.numpy as jnp
        >>> row_sharding(jnp.ones((4, 2)), 2) is None  # there is no such mesh
        True
    """
    sharding = jax.typeof(leaf).sharding
    if sharding.mesh.empty or not sharding.mesh.are_all_axes_explicit:
        return None
    axes, *others = sharding.spec
    devices = np.prod([sharding.mesh.shape[axis] for axis in np.atleast_1d(axes or ())], dtype=int)
    spec = (axes if rows % devices == 0 else None, *others)
    return NamedSharding(sharding.mesh, PartitionSpec(*((None,) if parts else ()), *spec))


def rows_of(leaf: np.ndarray | jax.Array, indices: jax.Array | np.ndarray) -> Any:
    """Return the rows `indices` of an array, NumPy's of NumPy's.

    Example:
        >>> rows_of(np.arange(3), np.array([2]))
        array([2])
    """
    sharding = None if isinstance(leaf, np.ndarray) else row_sharding(leaf, len(indices))
    if sharding is None:
        return leaf[indices]
    return jnp.asarray(leaf).at[indices].get(out_sharding=sharding)


def names_of(entry: Any) -> tuple[str, ...]:
    """Return the names of an entry of a PartitionSpec.

    Example:
        >>> names_of("data"), names_of(("data", "model")), names_of(None)
        (('data',), ('data', 'model'), ())
    """
    if entry is None:
        return ()
    return entry if isinstance(entry, tuple) else (entry,)


def with_rows_alone(tree: T) -> T:
    """Return a tree of arrays `[rows, ...]` that are spread by rows alone, their features gathered.

    Example:
        >>> with_rows_alone({"a": jnp.ones(2)})
        {'a': Array([1., 1.], dtype=float32)}
    """

    def gathered(leaf: jax.Array) -> jax.Array:
        sharding = jax.typeof(leaf).sharding
        if not any(sharding.spec[1:]):
            return leaf
        return jax.sharding.reshard(
            leaf, NamedSharding(sharding.mesh, PartitionSpec(sharding.spec[0]))
        )

    return jax.tree.map(gathered, tree)


def unspread(leaf: jax.Array) -> NamedSharding | None:
    """Return the sharding of a result that each device of the mesh of `leaf` has.

    On a mesh of explicit axes, and only there, JAX wants to be told; elsewhere it is None.

    Example:
        >>> unspread(jnp.ones((4, 2))) is None  # there is no such mesh
        True
    """
    mesh = jax.typeof(leaf).sharding.mesh
    explicit = not mesh.empty and mesh.are_all_axes_explicit
    return NamedSharding(mesh, PartitionSpec()) if explicit else None
