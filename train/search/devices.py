"""Over which devices the runs of a search are spread, and how a call is made on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from .._sharding import mesh_of_rows, rows_sharding
from .._types import Device, Tree

T = TypeVar("T")
_AXIS = "settings"


def devices_of(data: Tree, given: Sequence[Device] | None) -> tuple[Device, ...]:
    """Return the devices that make runs beside one another; none where one is enough.

    Raises:
        ValueError: If devices are given, and the data are spread over some.
        TypeError: If what is given is not a sequence of devices.

    Example:
        >>> import numpy as np
        >>> len(devices_of(np.ones(3), jax.devices()[:1]))
        1
    """
    spread = mesh_of_rows(data, None, ()) is not None
    if given is not None:
        if not all(isinstance(device, jax.Device) for device in given) or not len(given):
            raise TypeError(f"devices must be a list such as jax.devices(), got {given!r}")
        if spread:
            raise ValueError(
                "devices= spreads settings, and the rows of the data are spread already: pass "
                "arrays that are not, or leave devices= out"
            )
        return tuple(given)
    if spread or jax.process_count() > 1:
        return ()
    sharding = rows_sharding(data, None, ())
    if sharding is not None and isinstance(sharding.mesh, Mesh):
        return tuple(sharding.mesh.devices.flat)
    # A device that the data are on, or that a user has set, is the one that is meant.
    chosen = jax.config.values["jax_default_device"] is not None or any(
        map(_is_put, jax.tree.leaves(data))
    )
    if chosen or platform_of(data) == "cpu":
        return ()
    return tuple(jax.local_devices())


def platform_of(data: Tree) -> str:
    """Return the platform that data are on; where they were put on none, JAX's default.

    Example:
        >>> platform_of(jax.device_put(np.ones(3), jax.devices("cpu")[0]))
        'cpu'
    """
    put = [leaf for leaf in jax.tree.leaves(data) if _is_put(leaf)]
    if put:
        return next(iter(put[0].devices())).platform
    default = jax.config.values["jax_default_device"]  # a device, or a platform's name
    if default is None:
        return jax.default_backend()
    return default if isinstance(default, str) else default.platform


def _is_put(leaf: Any) -> bool:
    """Return whether an array was put where it is, and goes nowhere else."""
    return getattr(leaf, "committed", False)


def spread_call(one: Callable[..., Tree], devices: Sequence[Device]) -> Callable[..., Tree]:
    """Return a function that makes a call on every device, each with its part of the lanes.

    Args:
        one: `one(key, lanes, folds, sets) -> results`, of lanes and results `[lanes, ...]`.
        devices: As many as divide the lanes of a call.

    Example:
        >>> import jax.numpy as jnp
        >>> def double(key, lanes, folds, sets):
        ...     return lanes * sets
        >>> call = spread_call(double, jax.devices()[:1])
        >>> call(None, jnp.arange(3), None, jnp.array(2)).tolist()
        [0, 2, 4]
    """
    whole, lanes = PartitionSpec(), PartitionSpec(_AXIS)
    # What a run begins with is the same on all devices, and its results are not, which a check of
    # that would take for a mistake in a user's loops.
    options: dict[str, Any] = {"mesh": _mesh(devices), "out_specs": lanes, "check_vma": False}
    return jax.jit(jax.shard_map(one, in_specs=(whole, lanes, whole, whole), **options))


def on_each(devices: Sequence[Device], sets: T) -> T:
    """Return arrays of which each of several devices has a copy."""
    if len(devices) < 2:
        return sets
    return jax.device_put(sets, NamedSharding(_mesh(devices), PartitionSpec()))


def _mesh(devices: Sequence[Device]) -> Mesh:
    return Mesh(np.array(devices), (_AXIS,), axis_types=(AxisType.Auto,))
