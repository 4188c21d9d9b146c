"""Arrays that several processes hold together: how they are made, checked and read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ._processes import several
from ._records import is_key
from ._types import Tree


def check_global(name: str, *trees: Tree) -> None:
    """Check that data that several processes pass are arrays that they hold together.

    Each would train on what it has alone, and the models would differ without a word.

    Raises:
        ValueError: If one is an array of this process.

    Example:
        >>> check_global("the data", np.ones(3))  # there is one process
    """
    if not several():
        return
    for leaf in jax.tree.leaves(trees):
        if not isinstance(leaf, Tracer) and getattr(leaf, "is_fully_addressable", True):
            kind = "a JAX array" if isinstance(leaf, jax.Array) else "a NumPy array"
            raise ValueError(
                f"{name} must be global arrays, which the {jax.process_count()} processes hold "
                f"together, got {kind} {np.shape(leaf)} of process {jax.process_index()} alone: "
                "make one of the rows of all with jax.make_array_from_process_local_data("
                "sharding, own_rows), or train on host batches, of which each process gives its "
                "own rows"
            )


def on_all(leaf: jax.Array | np.ndarray, sharding: jax.sharding.Sharding) -> jax.Array:
    """Return an array that every process has as one that all of them hold together.

    `jax.device_put` would gather the arrays of all to compare them.
    """
    if sharding.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if is_key(leaf):
        data = on_all(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    array = np.asarray(leaf)
    return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)


def own_parts(first: jax.Array | np.ndarray, *others: Tree) -> Iterator[tuple]:
    """Yield the parts of arrays that this process holds: where the first one's begins, and each.

    The arrays have one shape. What one process holds alone is a single part.

    Example:
        >>> [(start, part.tolist()) for start, part in own_parts(np.array([3, 4]))]
        [((0,), [3, 4])]
    """
    arrays: tuple[Tree, ...] = (first, *others)
    if not isinstance(first, jax.Array) or first.is_fully_addressable:
        whole = [None if array is None else np.asarray(array) for array in arrays]
        yield (0,) * np.ndim(first), *whole
        return
    placed = [None if a is None else jax.device_put(a, first.sharding) for a in arrays]
    seen = set()
    for number, shard in enumerate(first.addressable_shards):
        start = tuple(part.start or 0 for part in shard.index)
        if start not in seen:
            seen.add(start)
            shards = (a if a is None else a.addressable_shards[number].data for a in placed)
            yield start, *(None if part is None else np.asarray(part) for part in shards)


def local(tree: Tree) -> Tree:
    """Return a tree with a copy in this process of what several hold together.

    All processes call it together: what is spread over them is gathered.

    Example:
        >>> local({"weight": 3})
        {'weight': 3}
    """
    return jax.tree.map(_local, tree)


def _local(leaf: Any) -> Any:
    if getattr(leaf, "is_fully_addressable", True):
        return leaf
    if not leaf.is_fully_replicated:
        on_mesh = isinstance(leaf.sharding, NamedSharding)
        mesh = leaf.sharding.mesh if on_mesh else Mesh(np.array(jax.devices()), ("device",))
        everywhere = NamedSharding(mesh, PartitionSpec())
        leaf = jax.device_put(leaf, everywhere)
    return leaf.addressable_data(0)
