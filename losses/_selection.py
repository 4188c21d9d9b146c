"""Which leaves of the parameters a penalty applies to."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

#: One array, or a tuple, list, dictionary, NamedTuple... of arrays. JAX has no type for it.
PyTree = object
#: Where a leaf is: names of fields and keys as strings, positions in sequences as ints.
Path = tuple[str | int, ...]
Select = Callable[[Path, jax.Array], bool]


def selected_leaves(who: str, params: PyTree, select: Select) -> list[tuple[Path, jax.Array]]:
    """Return the leaves for which `select(path, leaf)` is true, with paths, in float32 or better.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf does not hold real numbers.
    """
    leaves = [
        (tuple(map(_plain, path)), jnp.asarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    ]
    selected = [(path, leaf) for path, leaf in leaves if select(path, leaf)]
    if not selected:
        raise ValueError(
            f"{who}: no leaf is selected; by default those named 'weight' are, and the "
            f"parameters have {[path for path, _ in leaves]}; say which with "
            "select=lambda path, leaf: ..."
        )
    for path, leaf in selected:
        if not jnp.issubdtype(leaf.dtype, jnp.number) or jnp.iscomplexobj(leaf):
            raise TypeError(f"{who}: {path} must hold real numbers, got {leaf.dtype}")
    return [
        (path, leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))) for path, leaf in selected
    ]


def _plain(entry: object) -> str | int:
    """Return an entry of JAX's path as the name or the position that it stands for."""
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)
