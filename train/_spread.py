"""Where arrays lie when the rows of a data set are spread over several devices.

Each device has a block of rows of one size. Rows that do not divide are dealt so that two devices
differ by at most one real row; a row of padding is the last one of its block.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec

from ._explicit import names_of, rows_of, unspread

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """The axes of a mesh that rows are spread over.

    Attributes:
        mesh: The mesh, without its devices: a program that is made for it runs on any like it.
        axes: The names of the axes.
    """

    mesh: AbstractMesh
    axes: tuple[str, ...]

    @property
    def devices(self) -> int:
        """How many blocks the rows are cut into.

        Example:
            >>> Spread(AbstractMesh((4, 2), ("data", "model")), ("data",)).devices
            4
        """
        return math.prod(self.mesh.shape[axis] for axis in self.axes)

    def constrained(self, tree: T, axis: int = 0) -> T:
        """Return a tree of arrays whose axis `axis` is spread.

        On axes of the type Auto that is said to the compiler, which divides the work accordingly.
        """
        return jax.tree.map(lambda leaf: self._constrained(leaf, axis), tree)

    def _constrained(self, leaf: jax.Array, axis: int) -> jax.Array:
        if not self._is_explicit:
            spec = PartitionSpec(*(None,) * axis, self.axes)
            return jax.lax.with_sharding_constraint(leaf, NamedSharding(self.mesh, spec))
        spec = self._spec(leaf, axis)
        return jax.sharding.reshard(leaf, NamedSharding(self.mesh, spec))

    def by_device(
        self,
        fn: Callable[..., Any],
        *leaves: jax.Array,
        every: tuple[jax.Array, ...] = (),
        axis: int = 0,
        result: int = 0,
    ) -> Any:
        """Call `fn` with each device's own part of arrays, whose results lie side by side.

        Args:
            fn: `fn(*parts, *every) -> part`; it may change the number of rows, and return a tree.
            leaves: The arrays.
            every: Arrays that each device gets whole.
            axis: Which axis of the first array is spread; it is the first axis of the others.
            result: Which axis of the result is.
        """
        axes = [axis, *(0 for _ in leaves[1:])]
        leaves = tuple(map(self._constrained, leaves, axes))
        specs = tuple(map(self._spec, leaves, axes))
        rest = specs[0][axis + 1 :]
        names = {name for entry in (*rest, self.axes) for name in names_of(entry)}
        while rest and rest[-1] is None:  # for the result may have fewer axes
            rest = rest[:-1]
        out = PartitionSpec(*(None,) * result, self.axes, *rest)
        mapped = jax.shard_map(
            fn,
            mesh=self.mesh,
            in_specs=specs + (PartitionSpec(),) * len(every),
            out_specs=out,
            axis_names=names,
        )
        return mapped(*leaves, *every)

    @property
    def _is_explicit(self) -> bool:
        types = dict(zip(self.mesh.axis_names, self.mesh.axis_types, strict=True))
        return any(types[axis] == AxisType.Explicit for axis in self.axes)

    def _spec(self, leaf: jax.Array, axis: int) -> PartitionSpec:
        """Return how an array is spread, its other axes as they are."""
        entries: list = [None] * jnp.ndim(leaf)
        if self._is_explicit:
            given = jax.typeof(leaf).sharding.spec
            entries = [
                None if set(names_of(entry)) & set(self.axes) else entry
                for entry in (*given, *entries[len(given) :])
            ]
        entries[axis] = self.axes
        return PartitionSpec(*entries)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a data set, and how they are spread.

    Attributes:
        count: How many of them are real.
        spread: Over what; None if each device has all of them.
    """

    count: int
    spread: Spread | None = None

    @property
    def devices(self) -> int:
        """How many blocks there are.

        Example:
            >>> Rows(count=5).devices
            1
        """
        return 1 if self.spread is None else self.spread.devices

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes of the mesh that they are spread over.

        Example:
            >>> Rows(count=5).axes
            ()
        """
        return () if self.spread is None else self.spread.axes

    @property
    def block(self) -> int:
        """How many rows the block of a device has, one of padding included.

        Example:
            >>> Rows(count=5).block
            5
        """
        return -(-self.count // self.devices)

    def real(self) -> np.ndarray:
        """Return how many rows of each block are real, `[devices]`.

        Example:
            >>> Rows(count=5, spread=Spread(AbstractMesh((2,), ("data",)), ("data",))).real()
            array([3, 2])
        """
        return -(-(self.count - np.arange(self.devices)) // self.devices)

    def share(self, batch_size: int, parts: int = 1) -> int:
        """Return how many rows of a batch a device has at most, a multiple of `parts`.

        Example:
            >>> rows = Rows(count=50, spread=Spread(AbstractMesh((4,), ("data",)), ("data",)))
            >>> rows.share(8), rows.share(9), rows.share(9, parts=2)
            (2, 3, 4)
        """
        return -(-batch_size // (self.devices * parts)) * parts

    def take(self, data: T, indices: jax.Array) -> T:
        """Return rows `[devices * rows, ...]` by their places in the devices' own blocks.

        Each device takes its rows from its own block, so that nothing is sent.

        Args:
            data: A tree of arrays `[devices * block, ...]`.
            indices: `[devices * rows]`, spread alike.
        """
        if self.spread is None:
            return jax.tree.map(lambda leaf: rows_of(leaf, indices), data)
        local = self.spread.by_device
        return jax.tree.map(lambda leaf: local(lambda part, at: part[at], leaf, indices), data)

    def window(self, places: jax.Array, since: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the same places `[rows]` of all blocks, as `take` wants them, and a mask of them.

        Masked are places before `since`, and those that hold no real row.

        Example:
            >>> Rows(count=2).window(jnp.arange(3), since=jnp.array(1))[1].tolist()
            [False, True, False]
        """
        held = jnp.minimum(places, self.block - 1)
        if self.spread is None:
            return held, (places >= since) & (places < self.count)

        def own(device: jax.Array, places: jax.Array, since: jax.Array, held: jax.Array) -> Any:
            real = -(-(self.count - device[0]) // self.devices)
            return held + 0 * device, (places >= since) & (places < real)

        return self.spread.by_device(own, jnp.arange(self.devices), every=(places, since, held))

    def constrained(self, tree: T) -> T:
        """Return a tree of arrays `[devices * rows, ...]`, spread as the rows are."""
        return tree if self.spread is None else self.spread.constrained(tree)

    def joined(self, tree: T) -> T:
        """Return the real rows of batches, `[batches, devices * rows, ...]` to `[count, ...]`.

        Args:
            tree: A tree of arrays in which batch i has the rows of each block that come after those
                of batch i - 1; what is left over at the end of a block is cut off.
        """
        return jax.tree.map(self._joined, tree)

    def _joined(self, leaf: jax.Array) -> jax.Array:
        def in_order(part: jax.Array) -> jax.Array:
            return part.reshape(-1, *part.shape[2:])[: self.block]

        if self.spread is None:
            return in_order(leaf)
        leaf = self.spread.by_device(in_order, leaf, axis=1)
        if self.count % self.devices == 0:
            return leaf
        places = jnp.asarray(self.places())  # of fewer rows than the devices divide
        return leaf.at[places].get(out_sharding=unspread(leaf))

    def places(self) -> np.ndarray:
        """Return where each real row lies among the blocks, `[count]`.

        Example:
            >>> Rows(count=5, spread=Spread(AbstractMesh((2,), ("data",)), ("data",))).places()
            array([0, 1, 2, 3, 4])
            >>> Rows(count=3, spread=Spread(AbstractMesh((2,), ("data",)), ("data",))).places()
            array([0, 1, 2])
        """
        real = np.arange(self.block) < self.real()[:, None]
        return np.flatnonzero(real)

    def sources(self) -> np.ndarray:
        """Return which row lies at each place of the blocks, row 0 at that of padding.

        Example:
            >>> Rows(count=3, spread=Spread(AbstractMesh((2,), ("data",)), ("data",))).sources()
            array([0, 1, 2, 0])
        """
        sources = np.zeros(self.devices * self.block, int)
        sources[self.places()] = np.arange(self.count)
        return sources
