"""Where arrays lie when the rows of a data set are spread over several devices."""

from __future__ import annotations

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from ._explicit import names_of
from ._spread import Rows, Spread
from ._types import Tree

T = TypeVar("T")


def placed(
    name: str, data: T, rows: int, sharding: NamedSharding | None = None, state: Tree = ()
) -> tuple[T, Rows]:
    """Return a data set on the devices, and how its rows are spread over them.

    They are spread as `sharding` says, else as they are. What is not on a mesh yet, next to a train
    state that is, and what `jit` hides on axes of the type Auto, is spread over the mesh's first
    axis. Rows that do not divide get rows of padding between them, as `Rows` says.

    Args:
        name: What the data are, for messages.
        data: A tree of NumPy's and JAX's arrays `[rows, ...]`.
        rows: How many.
        sharding: Of which the first axis counts.
        state: What is trained, which may be on a mesh.

    Raises:
        TypeError: If `sharding` is no `NamedSharding`.
        ValueError: If what is trained lies on other devices.

    Example:
        >>> placed("the data", np.arange(3.0), 3)
        (Array([0., 1., 2.], dtype=float32), Rows(count=3, spread=None))
    """
    check_sharding(name, sharding)
    found = mesh_of_rows(data, sharding, state)
    if found is None:
        return jax.tree.map(jnp.asarray, data), Rows(count=rows)
    mesh, axes = found
    check_on_mesh(mesh, name, state)
    layout = Rows(count=rows, spread=Spread(_abstract(mesh), axes))
    places = None if rows % layout.devices == 0 else layout.sources()

    def place(leaf: np.ndarray | jax.Array) -> jax.Array:
        if places is not None:
            leaf = leaf[places]
        if isinstance(leaf, Tracer) or isinstance(mesh, AbstractMesh) or _lies(leaf, mesh, axes):
            return jnp.asarray(leaf)
        return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(axes)))

    return jax.tree.map(place, data), layout


def check_sharding(name: str, sharding: object) -> None:
    """Raise a TypeError where a sharding is not one of rows over a mesh.

    Example:
        >>> check_sharding("a batch", "data")
        Traceback (most recent call last):
        TypeError: sharding must be a jax.sharding.NamedSharding of the rows of a batch, ... got str
    """
    if sharding is not None and not isinstance(sharding, NamedSharding):
        raise TypeError(
            f"sharding must be a jax.sharding.NamedSharding of the rows of {name}, such as "
            f'NamedSharding(mesh, PartitionSpec("data")), got {type(sharding).__name__}'
        )


def check_on_mesh(mesh: Mesh | AbstractMesh, name: str, state: Tree) -> None:
    """Raise a ValueError where a train state does not lie on the mesh of the rows of `name`.

    Example:
        >>> check_on_mesh(jax.make_mesh((1,), ("data",)), "a batch", jnp.ones(3))
    """
    for leaf in jax.tree.leaves(state):
        if isinstance(leaf, Tracer) or isinstance(mesh, AbstractMesh):
            return
        if not getattr(leaf, "committed", False):
            continue
        other = getattr(leaf.sharding, "mesh", mesh)
        is_explicit = AxisType.Explicit in (*mesh.axis_types, *other.axis_types)
        if leaf.sharding.device_set != set(mesh.devices.flat) or (is_explicit and other != mesh):
            raise ValueError(
                f"the train state lies as {leaf.sharding}, and the rows of {name} on {mesh}: "
                "spread both over one mesh, such as by train.shard(train_state, mesh, "
                "lambda path, leaf: jax.P())"
            )


def rows_sharding(data: Tree, sharding: NamedSharding | None, state: Tree) -> NamedSharding | None:
    """Return the sharding of the rows as `placed` decides it; None where there is no mesh.

    Example:
        >>> rows_sharding(jnp.ones(3), None, ()) is None
        True
    """
    if sharding is not None:
        return sharding
    found = mesh_of_rows(data, sharding, state)
    if found is None:
        meshes = [s.mesh for s, _ in map(sharding_of, jax.tree.leaves(data)) if s is not None]
        return NamedSharding(meshes[0], PartitionSpec()) if meshes else None
    return NamedSharding(found[0], PartitionSpec(found[1]))


def axes_of_rows(sharding: NamedSharding | None) -> tuple[str, ...]:
    """Return the axes of a mesh that rows are spread over by a sharding.

    Example:
        >>> axes_of_rows(None)
        ()
    """
    found = None if sharding is None else _of_rows(sharding)
    return () if found is None else found[1]


def spread_of(data: Tree, sharding: NamedSharding | None, state: Tree) -> Spread | None:
    """Return over what the rows of a data set are spread, as `placed` decides it.

    Example:
        >>> spread_of(jnp.ones(3), None, ()) is None
        True
    """
    found = mesh_of_rows(data, sharding, state)
    return None if found is None else Spread(_abstract(found[0]), found[1])


def mesh_of_rows(
    data: Tree, sharding: NamedSharding | None, state: Tree
) -> tuple[Mesh | AbstractMesh, tuple[str, ...]] | None:
    """Return the mesh and the axes that the rows of a data set lie on, or are to lie on.

    Example:
        >>> mesh_of_rows(jnp.ones(3), None, ()) is None
        True
    """
    if sharding is not None:
        return _of_rows(sharding)
    shardings = [sharding_of(leaf) for leaf in jax.tree.leaves(data)]
    on_mesh = [(sharding, known) for sharding, known in shardings if sharding is not None]
    for sharding, _ in on_mesh:
        if (found := _of_rows(sharding)) is not None:
            return found
    if any(known for _, known in on_mesh):
        return None  # each device has all rows, for so they were put
    if not on_mesh and (free := free_axes(state)) is not None:
        return free
    for sharding, _ in on_mesh:
        mesh = sharding.mesh
        usable = [axis for axis in mesh.axis_names if _divides(mesh, axis)]
        return (mesh, (usable[0],)) if usable else None
    return None


def free_axes(state: Tree) -> tuple[Mesh | AbstractMesh, tuple[str, ...]] | None:
    """Return the mesh of a train state, and the axes that no leaf is spread over; None: no mesh.

    The one axis of a mesh that has no other is for the rows, too.

    Raises:
        ValueError: If the train state takes every axis of its mesh.

    Example:
        >>> free_axes(jnp.ones(3)) is None
        True
    """
    found = [sharding_of(leaf)[0] for leaf in jax.tree.leaves(state)]
    shardings = [sharding for sharding in found if sharding is not None]
    if not shardings:
        return None
    mesh = shardings[0].mesh
    taken = {name for s in shardings for entry in s.spec for name in names_of(entry)}
    axes = tuple(axis for axis in mesh.axis_names if _divides(mesh, axis))
    free = axes if len(axes) == 1 else tuple(axis for axis in axes if axis not in taken)
    if not free:
        raise ValueError(
            f"the train state is spread over all axes {axes} of its mesh: say which of them the "
            f"rows of a batch go over, sharding=NamedSharding(mesh, jax.P({axes[0]!r}))"
        )
    return mesh, free


def sharding_of(leaf: Tree) -> tuple[NamedSharding | None, bool]:
    """Return the sharding of an array on a mesh of several devices, and whether it is all known.

    A traced array tells its mesh, and how it is spread over axes of the type Explicit alone.

    Example:
        >>> sharding_of(jnp.ones(3))
        (None, False)
    """
    if not isinstance(leaf, jax.Array):
        return None, False
    traced = isinstance(leaf, Tracer)
    sharding = jax.typeof(leaf).sharding if traced else leaf.sharding
    if not isinstance(sharding, NamedSharding) or not any(
        _divides(sharding.mesh, axis) for axis in sharding.mesh.axis_names
    ):
        return None, False
    if not (traced or leaf.committed):
        return None, False
    return sharding, not traced or AxisType.Auto not in sharding.mesh.axis_types


def _of_rows(sharding: NamedSharding) -> tuple[Mesh | AbstractMesh, tuple[str, ...]] | None:
    axes = names_of((*sharding.spec, None)[0])
    mesh = sharding.mesh
    axes = tuple(axis for axis in axes if _divides(mesh, axis))
    return (mesh, axes) if axes else None


def _divides(mesh: Mesh | AbstractMesh, axis: str) -> bool:
    """Return whether arrays may be spread over an axis, so that it matters.

    An axis of one device divides nothing. But where it is Explicit it stands in the types of
    arrays, and what is made of them has to say where it lies.
    """
    kind = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))[axis]
    return kind == AxisType.Explicit or (kind != AxisType.Manual and mesh.shape[axis] > 1)


def _lies(leaf: np.ndarray | jax.Array, mesh: Mesh, axes: tuple[str, ...]) -> bool:
    """Return whether the rows of an array are spread over the axes of a mesh."""
    if not isinstance(leaf, jax.Array) or not isinstance(leaf.sharding, NamedSharding):
        return False
    return leaf.sharding.mesh == mesh and names_of((*leaf.sharding.spec, None)[0]) == axes


def _abstract(mesh: Mesh | AbstractMesh) -> AbstractMesh:
    return mesh if isinstance(mesh, AbstractMesh) else mesh.abstract_mesh
