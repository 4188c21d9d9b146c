"""Spread what is trained over the devices of a mesh: parameters, state, and the optimizer's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ._explicit import names_of
from ._paths import Path, plain_path
from .data.arrays import as_arrays
from .steps import TrainState

T = TypeVar("T")
#: `rule(path, leaf)`: over which axes of a mesh each axis of a leaf is spread.
Rule: TypeAlias = Callable[[Path, jax.Array], PartitionSpec]

# Of attention: its heads are spread, and the map behind them takes spread features. Of a recurrent
# layer: its gates stand side by side, and cut along them they would be sent in every step.
_COLUMNS, _ROWS = ("query", "key", "value"), ("output", "input", "recurrent")


def shard(tree: T, mesh: Mesh, rule: Rule) -> T:
    """Spread a tree over the devices of a mesh, each leaf as a rule says.

    Of a `TrainState` the rule is asked for the parameters and for the layers' state. What the
    optimizer remembers of a parameter lies as that does: a leaf of the optimizer's state whose path
    ends with that of a parameter of the same shape. All else is on every device.

    Args:
        tree: A train state, or any tree of arrays.
        mesh: Its axes may be of the type Auto or Explicit.
        rule: `rule(path, leaf) -> PartitionSpec`: `train.fsdp("data")`, `train.tensor_parallel(
            "model")`, or a function of plain names, such as `(0, "weight")`, and of the leaf.

    Raises:
        ValueError: If a spec has more axes than its leaf, names an axis that the mesh does not
            have, or cuts an axis into parts that are not of one size; the message names the leaf.
        TypeError: If the mesh or the rule is none, or the rule gives no `PartitionSpec`.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> mesh = jax.make_mesh((1,), ("data",))  # of all your devices: (jax.device_count(),)
        >>> train_state = train.init({"weight": jnp.ones((4, 8))}, (), optax.adam(1e-3))
        >>> train_state = train.shard(train_state, mesh, train.fsdp("data"))
        >>> tuple(train_state.params["weight"].sharding.spec)
        (None, 'data')
        >>> tuple(train_state.opt_state[0].mu["weight"].sharding.spec)
        (None, 'data')
    """
    if not isinstance(mesh, Mesh):
        raise TypeError(f"shard needs a jax.sharding.Mesh after the tree, got {mesh!r}")
    if not callable(rule) or rule in (fsdp, tensor_parallel):
        raise TypeError(
            f'shard needs a rule after the mesh, such as train.fsdp("data"), got {rule!r}'
        )
    if not isinstance(tree, TrainState):
        return _sharded("", tree, mesh, rule)
    params = _sharded("params", tree.params, mesh, rule)
    state = _sharded("state", tree.state, mesh, rule)
    specs = {
        plain_path(path): (leaf.shape, leaf.sharding.spec)
        for path, leaf in jax.tree.leaves_with_path(params)
    }

    def as_parameter(path: Path, leaf: jax.Array) -> PartitionSpec:
        for start in range(len(path)):
            shape, spec = specs.get(path[start:], (None, PartitionSpec()))
            if shape == leaf.shape:
                return spec
        alone = specs.get((), (None, PartitionSpec()))  # parameters that are one array
        return alone[1] if alone[0] == leaf.shape else PartitionSpec()

    opt_state = _sharded("opt_state", tree.opt_state, mesh, as_parameter)
    step = _sharded("step", tree.step, mesh, as_parameter)
    return tree._replace(params=params, state=state, opt_state=opt_state, step=step)


def fsdp(axis: str, *, least: int = 0) -> Rule:
    """Return the rule of fully sharded data parallelism: each leaf is cut over the rows' axis.

    A device holds its part of every parameter and of what the optimizer remembers of it. A weight
    is gathered when it is used, and its gradient is summed into the parts. A leaf is cut along its
    last axis, or a weight along the one before it, where the devices divide that; others are on
    every device.

    Rajbhandari, Rasley, Ruwase and He, "ZeRO: Memory Optimizations Toward Training Trillion
    Parameter Models" (2020).

    Args:
        axis: The mesh's axis that the rows of a batch are spread over.
        least: Leaves of fewer entries are on every device.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> rule = train.fsdp("data")
        >>> tuple(rule((0, "weight"), jnp.ones((4, 8)))), tuple(rule((0, "bias"), jnp.ones(8)))
        ((None, 'data'), ('data',))
    """

    def choices(path: Path, leaf: jax.Array) -> list[PartitionSpec]:
        if leaf.size < least:
            return []
        last = [-1, -2] if path and path[-1] == "weight" else [-1]
        return [_cut(leaf, place, axis) for place in last if leaf.ndim >= -place]

    return Choices(choices)


def tensor_parallel(axis: str) -> Rule:
    """Return the rule of tensor parallelism: each weight is cut, and works where it lies.

    A weight is cut along the longer of its last two axes: one with more outputs than inputs gives
    features that are spread (column parallel), one with more inputs takes such (row parallel), and
    the devices' partial sums are added. In attention the heads are spread; on explicit axes a
    recurrent layer gathers its weights once, before it goes over time. Vectors, and weights
    that the devices do not divide, are on every device.

    Shoeybi et al., "Megatron-LM: Training Multi-Billion Parameter Language Models Using Model
    Parallelism" (2019).

    Args:
        axis: An axis of the mesh that the rows of a batch are not spread over.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> rule = train.tensor_parallel("model")
        >>> [tuple(rule((0, "weight"), jnp.ones(shape))) for shape in [(4, 8), (8, 4)]]
        [(None, 'model'), ('model', None)]
    """

    def choices(path: Path, leaf: jax.Array) -> list[PartitionSpec]:
        if leaf.ndim < 2 or not path or path[-1] != "weight":
            return []
        of = path[-2] if len(path) > 1 else None
        is_wide = leaf.shape[-1] >= leaf.shape[-2]
        in_columns = of in _COLUMNS or (of not in _ROWS and is_wide)
        return [_cut(leaf, -1 if in_columns else -2, axis)]

    return Choices(choices)


@dataclass(frozen=True)
class Choices:
    """A rule that has several answers for a leaf, of which `shard` takes the first that divides it.

    Example:
        >>> import jax.numpy as jnp
        >>> rule = fsdp("data")
        >>> [len(rule.choices(path, jnp.ones((4, 8)))) for path in [("weight",), ("bias",)]]
        [2, 1]
    """

    choices: Callable[[Path, jax.Array], list[PartitionSpec]]

    def __call__(self, path: Path, leaf: jax.Array, /) -> PartitionSpec:
        """Return the first answer, without a mesh that it must fit."""
        return (*self.choices(path, leaf), PartitionSpec())[0]


def _cut(leaf: jax.Array, place: int, axis: str) -> PartitionSpec:
    entries: list[str | None] = [None] * leaf.ndim
    entries[place] = axis
    return PartitionSpec(*entries)


def _sharded(name: str, tree: T, mesh: Mesh, rule: Rule) -> T:
    arrays = as_arrays(name or "the tree", tree)
    return jax.tree.map_with_path(lambda path, leaf: _put(name, path, leaf, mesh, rule), arrays)


def _put(tree: str, path: tuple[Any, ...], leaf: jax.Array, mesh: Mesh, rule: Rule) -> jax.Array:
    """Return a leaf on the mesh, where the rule says."""
    name = tree + jax.tree_util.keystr(path)
    if isinstance(rule, Choices):
        specs = rule.choices(plain_path(path), leaf)
        fitting = [spec for spec in specs if not _misfit(spec, leaf, mesh)]
        unknown = [spec for spec in specs if "no axis" in _misfit(spec, leaf, mesh)]
        spec = (*unknown, *fitting, PartitionSpec())[0]
    else:
        spec = rule(plain_path(path), leaf)
    if not isinstance(spec, PartitionSpec):
        raise TypeError(
            f"the rule of shard must give a jax.sharding.PartitionSpec, got {spec!r} for {name}: "
            "PartitionSpec() leaves a leaf on every device"
        )
    if misfit := _misfit(spec, leaf, mesh):
        raise ValueError(f"shard cannot put {name} of shape {leaf.shape} as {spec}: {misfit}")
    return jax.device_put(leaf, NamedSharding(mesh, spec))


def _misfit(spec: PartitionSpec, leaf: jax.Array, mesh: Mesh) -> str:
    """Return why a leaf cannot be spread so, or nothing."""
    every = [name for entry in spec for name in names_of(entry)]
    if twice := {name for name in every if every.count(name) > 1}:
        return f"an axis of the mesh can cut one axis of a leaf, got {twice.pop()!r} twice"
    if len(spec) > leaf.ndim:
        return f"it has {leaf.ndim} axes; pass one entry for each of them, or fewer"
    for size, entry in zip(leaf.shape, spec, strict=False):
        names = names_of(entry)
        for name in names:
            if name not in mesh.axis_names:
                return f"the mesh has no axis {name!r}, only {mesh.axis_names}"
        parts = math.prod(mesh.shape[name] for name in names)
        if size % parts:
            return (
                f"{size} entries do not make {parts} parts of one size; pass PartitionSpec() for "
                "this leaf, or make the layer a multiple of the devices"
            )
    return ""
