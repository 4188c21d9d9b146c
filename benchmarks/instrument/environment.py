"""Where figures were taken: without it they cannot be compared."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import jax

from .clock import now
from .devices import devices_of, mesh_of

_PACKAGES = ("gradwise", "jax", "jaxlib", "numpy", "optax")


def environment(arguments: Any = ()) -> dict[str, Any]:
    """Return versions, devices, cores, load and flags, as plain JSON values.

    Args:
        arguments: What is measured, a pytree of arrays: told are the devices that it lies on, and
            its mesh. Without any, the default device is.

    Example:
        >>> here = environment()
        >>> here["packages"]["jax"] == jax.__version__, here["cores"] >= 1
        (True, True)
    """
    device, *others = devices_of(arguments)
    return {
        "time": now().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "load": _load(),
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.device_count(),
        "devices_used": 1 + len(others),
        "mesh": mesh_of(arguments),
        "processes": jax.process_count(),
        "matmul_precision": matmul_precision(),
        "x64": jax.config.jax_enable_x64,  # pyright: ignore[reportAttributeAccessIssue]
        "flags": {
            name: os.environ[name]
            for name in sorted(os.environ)
            if name.startswith(("XLA_", "JAX_")) or name.endswith("_NUM_THREADS")
        },
    }


def matmul_precision() -> str:
    """Return the precision of matrix products that JAX is set to, `"default"` if to none.

    Example:
        >>> with jax.default_matmul_precision("bfloat16"):
        ...     matmul_precision()
        'bfloat16'
    """
    return jax.config.jax_default_matmul_precision or "default"  # pyright: ignore[reportAttributeAccessIssue]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def _cores() -> int:
    """Count the cores that this process may use: in a container fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    """Return the load average of the last minute, where the system keeps one."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
