"""What a layer tells JAX of its results on a mesh of explicit axes; elsewhere nothing is said.

There the type of an array says over which axes it is spread. Rows of a batch stay spread. A
parameter that is spread over the axes of the rows (FSDP) is gathered where it is used, and its
gradient is spread again; one that is spread over other axes (tensor parallelism) is used as it is.
"""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec

Tree = TypeVar("Tree")
Spec = tuple[tuple[str, ...], ...]  # of each axis of an array the axes of the mesh


def explicit_mesh(*arrays: Any) -> AbstractMesh | None:
    """Return the mesh of explicit axes that one of the arrays is on, or None."""
    for array in arrays:
        mesh = jax.typeof(array).sharding.mesh
        if not mesh.empty and AxisType.Explicit in mesh.axis_types:
            return mesh
    return None


def spec_of(array: Any) -> Spec:
    """Return over which axes of the mesh each axis of an array is spread."""
    aval = jax.typeof(array)
    entries = (*aval.sharding.spec, *(None,) * aval.ndim)[: aval.ndim]
    return tuple(
        () if entry is None else (entry if isinstance(entry, tuple) else (entry,))
        for entry in entries
    )


def spread(mesh: AbstractMesh, spec: Spec) -> NamedSharding:
    """Return the sharding of an array that is spread so."""
    return NamedSharding(mesh, PartitionSpec(*(names or None for names in spec)))


def put(array: Any, mesh: AbstractMesh, spec: Spec) -> jax.Array:
    """Return an array that is spread so; one that is already stays as it is."""
    there = not jax.typeof(array).sharding.mesh.empty
    if there and spec_of(array) == spec:
        return array
    return jax.sharding.reshard(array, spread(mesh, spec))


def product(x: jax.Array, weight: jax.Array) -> jax.Array:
    """Return `x @ weight`, `[..., in]` by `[in, out]`, of features that stay spread as the weight.

    A weight that is spread over its outputs gives spread features (column parallel). One that is
    spread over its inputs takes spread features, and the partial sums of the devices are added (row
    parallel): Shoeybi et al., "Megatron-LM: Training Multi-Billion Parameter Language Models Using
    Model Parallelism" (2019).
    """
    mesh = explicit_mesh(x, weight)
    if mesh is None:
        return x @ weight
    rows = spec_of(x)[:-1]
    weight = out_of_rows(x, weight)
    inputs, outputs = spec_of(weight)
    x = put(x, mesh, (*rows, inputs))
    return jnp.matmul(x, weight, out_sharding=spread(mesh, (*rows, outputs)))


def out_of_rows(x: jax.Array, parameter: jax.Array, *, features: bool = True) -> jax.Array:
    """Return a parameter that is gathered from the axes of the mesh that the rows of `x` are on.

    Those of the last axis do not count if that is one of `features`.
    """
    mesh = explicit_mesh(x, parameter)
    if mesh is None:
        return parameter
    rows = spec_of(x)[:-1] if features else spec_of(x)
    taken = {name for names in rows for name in names}
    spec = tuple(tuple(n for n in names if n not in taken) for names in spec_of(parameter))
    return put(parameter, mesh, spec)


def beside(x: jax.Array, parameter: jax.Array) -> jax.Array:
    """Return a parameter `[..., features]` that can be added to `x`, or multiplied with it.

    It has as many axes as `x`. One that is spread as the features of `x` are stays so; any other is
    gathered.
    """
    mesh = explicit_mesh(x, parameter)
    if mesh is None:
        return with_axes(parameter, jnp.ndim(x))
    spec = spec_of(parameter)
    is_alike = spec[-1] == spec_of(x)[-1] and not any(spec[:-1])
    parameter = put(parameter, mesh, spec if is_alike else ((),) * len(spec))
    return with_axes(parameter, jnp.ndim(x))


def with_axes(array: jax.Array, axes: int) -> jax.Array:
    """Return an array with so many axes, of which those in front are of length 1.

    JAX would add them itself, unless a user has set `jax_numpy_rank_promotion`.
    """
    return jnp.expand_dims(array, tuple(range(axes - jnp.ndim(array))))


def gathered(x: jax.Array, tree: Tree) -> Tree:
    """Return a tree of parameters, each of them whole on all devices of the mesh of `x`."""

    def whole(leaf: jax.Array) -> jax.Array:
        mesh = explicit_mesh(x, leaf)
        return leaf if mesh is None else put(leaf, mesh, ((),) * leaf.ndim)

    return jax.tree.map(whole, tree)


def rows_alone(x: jax.Array) -> jax.Array:
    """Return `x`, whose features are gathered: only its other axes stay spread."""
    mesh = explicit_mesh(x)
    return x if mesh is None else put(x, mesh, (*spec_of(x)[:-1], ()))


def like(old: jax.Array, new: jax.Array) -> jax.Array:
    """Return `new`, spread as `old` is."""
    mesh = explicit_mesh(old, new)
    return new if mesh is None else put(new, mesh, spec_of(old))


def split_features(x: jax.Array, heads: int) -> jax.Array:
    """Return `x` `[..., heads * size]` as `[..., heads, size]`, its heads spread as its features.

    Features that are spread over devices that do not divide the heads are gathered.
    """
    shape = (*x.shape[:-1], heads, x.shape[-1] // heads)
    mesh = explicit_mesh(x)
    if mesh is None:
        return x.reshape(shape)
    *rows, names = spec_of(x)
    devices = 1
    for name in names:
        devices *= mesh.shape[name]
    if heads % devices:
        x, names = rows_alone(x), ()
    return jax.lax.reshape(x, shape, out_sharding=spread(mesh, (*rows, names, ())))


def join_features(x: jax.Array) -> jax.Array:
    """Return `x` `[..., heads, size]` as `[..., heads * size]`, spread as its heads are."""
    shape = (*x.shape[:-2], x.shape[-2] * x.shape[-1])
    mesh = explicit_mesh(x)
    if mesh is None:
        return x.reshape(shape)
    return jax.lax.reshape(x, shape, out_sharding=spread(mesh, spec_of(x)[:-1]))
