"""`gradwise doctor`: what is installed, where it runs, and what is missing.

It needs none of the extras: it is the command that says which are missing.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from gradwise import __version__

from ..instrument.text import filled, terminal_width

#: The packages of each extra, by the module that each is imported as.
EXTRAS: Mapping[str, Mapping[str, str]] = {
    "train": {"matplotlib": "matplotlib", "rich": "rich", "safetensors": "safetensors"},
    "tensorboard": {"tensorboardX": "tensorboardX"},
    "suite": {
        "jinja2": "jinja2",
        "markupsafe": "markupsafe",
        "matplotlib": "matplotlib",
        "rich": "rich",
        "scikit-learn": "sklearn",
        "scipy": "scipy",
        "sympy": "sympy",
        "typer": "typer",
    },
    "peers": {"dm-haiku": "haiku", "equinox": "equinox", "flax": "flax"},
}
#: Work that waits for a core, as a share of the cores, from which on times are noisy.
_BUSY = 0.5


def main() -> None:
    """Print what is found."""
    try:
        print("\n".join(diagnosis()), flush=True)
    except BrokenPipeError:  # whoever read has read enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def diagnosis() -> list[str]:
    """Return what is found, in lines of the terminal's width.

    Example:
        >>> diagnosis()[0].startswith("gradwise      ")
        True
    """
    pairs = [("gradwise", __version__), *_of_jax(), *_of_extras()]
    indent, width = " " * 14, terminal_width()
    lines = [filled(f"{name:<13} {text}", indent, width) for name, text in pairs]
    return "\n".join(lines).splitlines()


def _of_jax() -> list[tuple[str, str]]:
    """Tell versions, devices, load and precision; or why JAX does not even start."""
    try:
        from ..instrument.environment import environment

        here = environment()
    except Exception as error:  # a driver that is missing, say; the rest is worth telling
        return [("jax", f"does not start: {type(error).__name__}: {error}")]
    versions = [f"{name} {version}" for name, version in here["packages"].items() if version]
    libraries = ", ".join(one for one in versions if not one.startswith("gradwise "))
    of = "" if here["device"] == here["platform"] else f" ({here['platform']})"
    devices = f"{here['devices']} x {here['device']}{of}"
    flags = ", ".join(f"{name}={value}" for name, value in here["flags"].items())
    return [
        ("python", f"{here['python']}, {here['system']}"),
        ("libraries", libraries),
        ("devices", devices),
        ("processor", f"{here['processor']}, {here['cores']} cores"),
        ("load", _load(here)),
        ("precision", f"matrix products: {here['matmul_precision']}; {_types(here)}"),
        *([("flags", flags)] if flags else []),
    ]


def _types(here: Mapping[str, Any]) -> str:
    return f"64-bit mode: {'on' if here['x64'] else 'off (jax_enable_x64 turns it on)'}"


def _load(here: Mapping[str, Any]) -> str:
    """Say how busy the machine is, and what that means for times."""
    load, cores = here["load"], here["cores"]
    if load is None:
        return "not known on this system"
    free = "quiet enough to measure" if load <= _BUSY * cores else "busy: times will be noisy"
    return f"{load:g} on {cores} cores, {free}"


def _of_extras() -> list[tuple[str, str]]:
    """Tell which extras are there, and what installs the others."""
    pairs = []
    for extra, packages in EXTRAS.items():
        missing = [name for name, module in packages.items() if not _is_there(module)]
        there = "all there"
        needs = f'needs {", ".join(missing)}: pip install "gradwise[{extra}]"'
        pairs.append((f"[{extra}]", needs if missing else there))
    return pairs


def _is_there(module: str) -> bool:
    """Whether a module could be imported; it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module without a spec is loaded already
        return True
