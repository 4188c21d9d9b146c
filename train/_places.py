"""Put what is trained on the mesh of the rows, and keep it where it lies.

On axes of the type Auto the compiler chooses where results lie, and might gather in a step what is
spread.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ._explicit import names_of
from ._sharding import mesh_of_rows, sharding_of
from ._types import Tree

T = TypeVar("T")
#: Of each leaf of a tree where it lies, or None; None where no leaf is on such a mesh.
Places: TypeAlias = tuple[NamedSharding | None, ...] | None


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


def on_explicit_mesh_of(tree: T, data: Tree, sharding: NamedSharding | None) -> T:
    """Put what is on no mesh on that of the data, if its axes are of the type Explicit.

    There the type of an array says where it lies, and a gradient must lie where its parameter does.

    Example:
        >>> on_explicit_mesh_of({"a": 1}, jax.numpy.ones(3), None)
        {'a': 1}
    """
    found = mesh_of_rows(data, sharding, tree)
    if found is None or AxisType.Explicit not in found[0].axis_types:
        return tree
    everywhere = NamedSharding(found[0], PartitionSpec())

    def put(leaf: jax.Array) -> jax.Array:
        mesh = jax.typeof(leaf).sharding.mesh
        return jax.sharding.reshard(leaf, everywhere) if mesh.empty else leaf

    return jax.tree.map(put, tree)


def places_of(tree: Tree) -> Places:
    """Return where the leaves of a tree lie on a mesh with axes of the type Auto; None elsewhere.

    Example:
        >>> places_of(jax.numpy.ones(3)) is None
        True
    """
    found = [sharding_of(leaf)[0] for leaf in jax.tree.leaves(tree)]
    places = [s if s is not None and AxisType.Auto in s.mesh.axis_types else None for s in found]
    return tuple(places) if any(places) else None


def whole(places: Places, tree: T, axes: tuple[str, ...]) -> T:
    """Return a tree that is gathered from the axes of the mesh that rows are spread over.

    On axes of the type Auto the compiler might rather gather the rows, and have each device compute
    all of them. On explicit axes the layers gather what they use.

    Args:
        places: Where the first leaves lie, as `places_of` says.
        tree: The parameters and the layers' state.
        axes: The axes of the rows.

    Example:
        >>> whole(None, {"a": 1}, ("data",))
        {'a': 1}
    """
    if places is None:
        return tree

    def gathered(leaf: jax.Array, place: NamedSharding | None) -> jax.Array:
        if place is None:
            return leaf
        entries = [names_of(entry) for entry in place.spec]
        left = [tuple(n for n in names if n not in axes) or None for names in entries]
        if left == [names or None for names in entries]:
            return leaf
        spec = PartitionSpec(*left)
        return jax.lax.with_sharding_constraint(leaf, NamedSharding(place.mesh, spec))

    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten(map(gathered, leaves, places[: len(leaves)]))


def kept_at(places: Places, tree: T) -> T:
    """Return a tree whose leaves lie where `places_of` has found them.

    Example:
        >>> kept_at(None, {"a": 1})
        {'a': 1}
    """
    if places is None:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    pairs = zip(leaves, places, strict=True)
    return structure.unflatten(
        leaf if place is None else jax.lax.with_sharding_constraint(leaf, place)
        for leaf, place in pairs
    )
