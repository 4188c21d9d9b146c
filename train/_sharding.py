"""Where arrays lie when the rows of a data set are spread over several devices."""

from __future__ import annotations

from typing import TypeVar

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ._types import Tree

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


def unspread(leaf: jax.Array) -> NamedSharding | None:
    """Return the sharding of a result that each device of the mesh of `leaf` has.

    It is None where JAX chooses, see `row_sharding`.

    Example:
        >>> import jax.numpy as jnp
        >>> unspread(jnp.ones((4, 2))) is None  # there is no such mesh
        True
    """
    mesh = jax.typeof(leaf).sharding.mesh
    explicit = not mesh.empty and mesh.are_all_axes_explicit
    return NamedSharding(mesh, PartitionSpec()) if explicit else None


def replicate_over_mesh_of(tree: T, data: Tree) -> T:
    """Replicate uncommitted leaves over the mesh of the data.

    Otherwise the first call of a compiled function would move them there, and the second one
    would compile it again for where they are now. Committed leaves stay where they are, and all
    do where the data are not spread over a mesh.

    Example:
        >>> import jax.numpy as jnp
        >>> replicate_over_mesh_of({"weight": jnp.ones(2)}, (jnp.ones((4, 2)), jnp.ones(4)))
        {'weight': Array([1., 1.], dtype=float32)}
    """
    shardings = {getattr(leaf, "sharding", None) for leaf in jax.tree.leaves(data)}
    meshes = [s.mesh for s in shardings if isinstance(s, NamedSharding)]
    if not meshes:
        return tree
    everywhere = NamedSharding(meshes[0], PartitionSpec())
    return jax.tree.map(
        lambda leaf: leaf if leaf.committed else jax.device_put(leaf, everywhere), tree
    )
