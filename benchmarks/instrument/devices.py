"""The devices that a program runs on: those that its arguments lie on, whatever the default is."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

#: One of `jax.devices()`; `jax.Device` is a variable to a type checker.
Device: TypeAlias = Any


def devices_of(arguments: Any = ()) -> tuple[Device, ...]:
    """Return the devices that arrays lie on; where there is none, that on which JAX makes one.

    An array that was put nowhere lies on the default device, and goes with those that were put
    somewhere.

    Args:
        arguments: A pytree of arrays.

    Example:
        >>> last = jax.devices()[-1]
        >>> devices_of([jax.device_put(jnp.ones(2), last), jnp.ones(3)]) == (last,)
        True
    """
    leaves = [leaf for leaf in jax.tree.leaves(arguments) if isinstance(leaf, jax.Array)]
    put = [leaf for leaf in leaves if leaf.committed] or leaves or [jnp.zeros(())]
    found = {device for leaf in put for device in leaf.devices()}
    return tuple(sorted(found, key=lambda device: device.id))


def mesh_of(arguments: Any) -> dict[str, int] | None:
    """Return the axes of the mesh that arrays lie on, and their sizes; `None` without one.

    Example:
        >>> mesh_of([jnp.ones(2)])
    """
    for leaf in jax.tree.leaves(arguments):
        mesh = getattr(getattr(leaf, "sharding", None), "mesh", None)
        shape = getattr(mesh, "shape", None)
        if isinstance(shape, Mapping) and shape:
            return {str(axis): int(size) for axis, size in shape.items()}
    return None


def on_one_device(arguments: Any, like: Any) -> Any:
    """Return arrays where some others were put, if those were put on one device.

    A program whose arguments lie on two devices moves them in each of its calls.

    Args:
        arguments: A pytree of arrays.
        like: The others.

    Example:
        >>> last = jax.devices()[-1]
        >>> moved = on_one_device(jnp.ones(2), jax.device_put(jnp.ones(3), last))
        >>> moved.devices() == {last}
        True
    """
    leaves = [leaf for leaf in jax.tree.leaves(like) if isinstance(leaf, jax.Array)]
    devices = devices_of(like)
    if len(devices) > 1 or not any(leaf.committed for leaf in leaves):
        return arguments
    return jax.device_put(arguments, next(iter(devices)))


def available_memory(devices: Sequence[Device] = ()) -> int | None:
    """Return the bytes that the fullest of some devices has left, or the machine, of CPUs.

    `None` if nobody tells.

    Args:
        devices: The devices; JAX's default without any.
    """
    told = [device.memory_stats() or {} for device in (devices or devices_of())]
    left = [one["bytes_limit"] - one.get("bytes_in_use", 0) for one in told if "bytes_limit" in one]
    if left:
        return min(left)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
