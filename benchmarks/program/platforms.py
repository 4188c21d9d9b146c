"""The platform that a program runs on: that of its arguments, whatever the first device is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.core import Tracer


def default_platform() -> str:
    """Return the platform of the device that JAX makes an array on, `jax.default_device` included.

    Example:
        >>> with jax.default_device(jax.devices("cpu")[0]):
        ...     default_platform()
        'cpu'
    """
    device = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


def platform_of(arguments: Any) -> str:
    """Return the platform that arrays were put on; where none was, that of the default device.

    Args:
        arguments: A pytree, in which only concrete arrays count.

    Example:
        >>> platform_of({"x": jax.device_put(1.0, jax.devices("cpu")[0])})
        'cpu'
    """
    device = _device_of(arguments)
    return default_platform() if device is None else device.platform


@contextmanager
def as_on_the_device_of(arguments: Any) -> Iterator[None]:
    """Let the device that arrays were put on be the default one, if they were put on one.

    Example:
        >>> with as_on_the_device_of(jax.device_put(1.0, jax.devices("cpu")[0])):
        ...     default_platform()
        'cpu'
    """
    device = _device_of(arguments)
    if device is None:
        yield
        return
    with jax.default_device(device):
        yield


def _device_of(arguments: Any) -> Any:
    for leaf in jax.tree.leaves(arguments):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and leaf.committed:
            return next(iter(leaf.sharding.device_set))
    return None
