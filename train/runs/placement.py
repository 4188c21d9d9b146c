"""Where the host batches of a run lie: on one device, or by rows over those of all processes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .._global_arrays import on_all
from .._processes import several
from .._sharding import check_on_mesh, check_sharding, free_axes
from .._types import Tree
from ..steps import Batch, TrainState
from .plan import Plan

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where batches go, and how many of their rows this process brings.

    Attributes:
        rows_sharding: How the rows lie over the devices, or None: all of them on the default one.
        batch_size: The rows of a step.
        total: The same, up to a number that the devices divide.
        own: How many of those are on devices of this process.
    """

    rows_sharding: NamedSharding | None
    batch_size: int
    total: int
    own: int

    @property
    def most(self) -> int:
        """The most rows that a batch of this process may have."""
        return -(-self.batch_size * self.own // self.total)

    def pad(self, x: Tree, y: Tree) -> Batch:
        """Return the batch of this process's rows; those that are missing are zero and masked.

        Raises:
            ValueError: If there are more rows than it may have.

        Example:
            >>> of_four = Placement(rows_sharding=None, batch_size=4, total=4, own=4)
            >>> of_four.pad(np.ones((2, 3)), np.ones(2)).mask
            array([ True,  True, False, False])
        """
        leaf = jax.tree.leaves(x)[0]
        is_global = not getattr(leaf, "is_fully_addressable", True)
        most, size = (self.batch_size, self.total) if is_global else (self.most, self.own)
        rows = len(leaf)
        if rows > most:
            each = f", of which each process gives at most {most}" if most < self.batch_size else ""
            raise ValueError(
                f"batch_size={self.batch_size}{each}, but the source gave a batch of {rows} rows"
            )
        longer = _longer_everywhere if is_global else _longer
        x, y = jax.tree.map(lambda leaf: longer(leaf, size), (x, y))
        mask: Tree = np.arange(size) < rows  # NumPy's until it is copied to the device
        return Batch(x, y, mask)

    def put(self, batch: Batch) -> Batch:
        """Return a padded batch on the devices, `[total, ...]`."""
        if self.rows_sharding is None:
            return jax.device_put(batch)
        return jax.tree.map(self._put, batch)

    def _put(self, leaf: np.ndarray | jax.Array) -> jax.Array:
        sharding = self.rows_sharding
        assert sharding is not None
        spec = PartitionSpec(*sharding.spec[: leaf.ndim])
        placed = NamedSharding(sharding.mesh, spec)
        if not getattr(leaf, "is_fully_addressable", True):
            return jax.device_put(leaf, placed)
        leaf = np.asarray(leaf, jax.dtypes.canonicalize_dtype(leaf.dtype))
        if len(leaf) == self.total:  # all of them, as the mask is where a source has global arrays
            return jax.make_array_from_callback(leaf.shape, placed, leaf.__getitem__)
        shape = (self.total, *leaf.shape[1:])
        return jax.make_array_from_process_local_data(placed, leaf, shape)

    def replicate(self, tree: T) -> T:
        """Return a tree whose uncommitted leaves are on every device that batches lie on."""
        if self.rows_sharding is None:
            return tree
        everywhere = NamedSharding(self.rows_sharding.mesh, PartitionSpec())
        return jax.tree.map(lambda leaf: leaf if leaf.committed else on_all(leaf, everywhere), tree)


def placement(plan: Plan, sharding: NamedSharding | None, train_state: TrainState) -> Placement:
    """Return where host batches go: as `sharding` says, else where the train state lies.

    Without either, several processes spread the rows over all of their devices.

    Raises:
        TypeError: If `sharding` is none of a mesh.
        ValueError: If the train state takes every axis of its mesh.
    """
    check_sharding("a batch", sharding)
    found = sharding or _of_state(train_state)
    if found is None and several():
        found = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))
    size = plan.batch_size
    if found is not None:
        check_on_mesh(found.mesh, "a batch", train_state)
    if found is None:
        return Placement(rows_sharding=None, batch_size=size, total=size, own=size)
    parts = _parts(found)
    whole = parts * plan.accumulate  # each part of a step has rows of every device
    total = -(-size // whole) * whole
    devices = found.addressable_devices_indices_map((total,))
    own = len({index[0].start or 0 for index in devices.values() if index}) * (total // parts)
    return Placement(rows_sharding=found, batch_size=size, total=total, own=own)


def _of_state(train_state: TrainState) -> NamedSharding | None:
    """Return how rows lie on the mesh of the train state: over the axes that its leaves leave."""
    found = free_axes(train_state)
    return None if found is None else NamedSharding(found[0], PartitionSpec(found[1]))


def _parts(sharding: NamedSharding) -> int:
    """Return how many parts the rows are in."""
    first = sharding.spec[0] if sharding.spec else None
    axes = first if isinstance(first, tuple) else (first,)
    return math.prod(sharding.mesh.shape[axis] for axis in axes if axis is not None)


def _longer(leaf: np.ndarray | jax.Array, rows: int) -> np.ndarray:
    return np.pad(leaf, [(0, rows - len(leaf))] + [(0, 0)] * (leaf.ndim - 1))


def _longer_everywhere(leaf: jax.Array, rows: int) -> jax.Array:
    """Return a longer array that several processes hold together."""
    if len(leaf) == rows:
        return leaf
    return jnp.pad(leaf, [(0, rows - len(leaf))] + [(0, 0)] * (leaf.ndim - 1))
