"""Where in a forward pass the first number that is not finite is made, and by which layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import jax

from .._types import Tree
from ..steps import TrainState

_LIBRARIES = ("jax", "jaxlib", "numpy", "optax")
_BESIDE = ("nn", "losses")  # whose lines are told where no line of the user's own is between


def in_forward_pass(train_state: TrainState, compute: Callable[[], object]) -> str:
    """Say at which line of code, and for which parameters, the first NaN or infinity is made.

    The code runs operation by operation, and JAX raises an error where it finds one.
    """
    for check, word in ((jax.debug_nans, "NaN"), (jax.debug_infs, "infinity")):
        try:
            with jax.disable_jit(), check(True):
                compute()
        except FloatingPointError as error:
            frames = [frame for frame in _frames(error.__traceback__) if _is_users(frame[0])]
            if not frames:
                return ""
            own = [frame for frame in frames if not _is_beside(frame[0])]
            path, line, function, _ = (own or frames)[-1]
            layer = _layer_of(train_state.params, [found for *_, found in frames])
            of_layer = f" by the layer with the parameters {layer}" if layer else ""
            return (
                f"The first {word} of the forward pass is made{of_layer}, at "
                f"{_file_name(path)}:{line} ({function})."
            )
    return ""


def _frames(
    traceback: TracebackType | None,
) -> Iterator[tuple[str, int, str, dict[str, object]]]:
    while traceback is not None:
        frame = traceback.tb_frame
        yield frame.f_code.co_filename, traceback.tb_lineno, frame.f_code.co_name, frame.f_locals
        traceback = traceback.tb_next


def _file_name(path: str) -> str:
    """Return a file's name; a cell of a notebook is in a file that no reader has seen.

    Example:
        >>> _file_name("/home/me/fit.py"), _file_name("/tmp/ipykernel_12/3456.py")
        ('fit.py', 'notebook')
    """
    return "notebook" if "ipykernel" in path or "ipython-input" in path else Path(path).name


def _is_users(path: str) -> bool:
    """Return whether a file is neither of the libraries below nor of this package."""
    parts = Path(path).parts
    ours = Path(__file__).resolve().parent.parent
    installed = {"site-packages", "dist-packages"} & set(parts)
    of_library = installed and {*_LIBRARIES} & set(parts)
    return not of_library and ours not in Path(path).resolve().parents


def _is_beside(path: str) -> bool:
    """Return whether a file is of the layers or the losses that lie beside this package."""
    root, parents = Path(__file__).resolve().parents[2], Path(path).resolve().parents
    return any(root / name in parents for name in _BESIDE)


def _layer_of(params: Tree, frames: list[dict[str, object]]) -> str:
    """Return the path of the smallest part of the parameters that a function had as a variable."""
    paths = {id(part): path for path, part in _parts(params)}
    for variables in reversed(frames):
        for value in variables.values():
            if id(value) in paths:
                return paths[id(value)]
    return ""


def _parts(tree: Tree, path: str = "") -> Iterator[tuple[str, Tree]]:
    """Yield the parts of a tree that hold arrays, below the whole of it, with their paths."""
    for keys, part in jax.tree.leaves_with_path(tree, is_leaf=lambda node: node is not tree):
        if part is not tree and jax.tree.leaves(part):
            name = path + jax.tree_util.keystr(keys)
            yield name, part
            yield from _parts(part, name)
