"""Whose line it is: the user's is told, not JAX's, NumPy's, the standard library's or ours."""

import sysconfig
from pathlib import Path

import jax
import jaxlib
import numpy as np

_LIBRARIES = tuple(str(Path(str(module.__file__)).parent) for module in (jax, jaxlib, np))
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_OURS = str(Path(__file__).parents[1])
_SCENARIOS = str(Path(__file__).parents[1] / "scenarios")


def is_users(path: str) -> bool:
    """Whether a file is the user's; the scenarios of this package count as the user's."""
    if path.startswith(_OURS):
        return path.startswith(_SCENARIOS)
    installed = path.startswith(_STANDARD_LIBRARY) and "site-packages" not in path
    return not installed and not path.startswith((*_LIBRARIES, "<frozen"))


def shown(path: str, line: int | str | None, function: str) -> str:
    """A line as it is told: `file.py:12 (function)`."""
    return f"{Path(path).name}:{line} ({function})"
