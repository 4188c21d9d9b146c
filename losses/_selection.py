"""Which leaves of the parameters a penalty or a mask applies to."""

from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp

from ._precision import at_least_float32

#: One array, or a tuple, list, dictionary, NamedTuple... of arrays. JAX has no type for it.
PyTree = object
#: Where a leaf is: names of fields and keys as strings, positions in sequences as ints.
Path = tuple[str | int, ...]
Select = Callable[[Path, jax.Array], bool]


def selected_leaves(who: str, params: PyTree, select: Select) -> list[tuple[Path, jax.Array]]:
    """Return the leaves for which `select(path, leaf)` is true, with paths, in float32 or better.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf does not hold real numbers, or `select` is no function.
    """
    check_select(who, select)
    leaves = list(leaves_with_path(params))
    chosen = [(path, leaf) for path, leaf in leaves if select(path, leaf)]
    if not chosen:
        raise nothing_selected(who, [path for path, _ in leaves])
    return [(path, _real_numbers(who, path, leaf)) for path, leaf in chosen]


def check_select(who: str, select: object) -> None:
    """Check that what selects leaves is a function, and not the name of one.

    Raises:
        TypeError: If it is none.
    """
    if not callable(select):
        raise TypeError(
            f"{who}: select must be a function, such as lambda path, leaf: path[0] == 0, got "
            f"{select!r}"
        )


def leaves_with_path(params: PyTree) -> Iterator[tuple[Path, jax.Array]]:
    """Yield the leaves with their paths; a Python number comes as an array."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        number = isinstance(leaf, bool | int | float)
        yield plain_path(path), jnp.asarray(leaf) if number else leaf


def nothing_selected(who: str, paths: Sequence[Path]) -> ValueError:
    """Return the error of a selection that no leaf is in."""
    return ValueError(
        f"{who}: no leaf is selected; by default those named 'weight', 'kernel' or 'w' are, and "
        f"the parameters have {list(paths)}; say which with select=lambda path, leaf: ..."
    )


def plain_path(path: Sequence[object]) -> Path:
    """Return a path of JAX's keys, or of plain names, as plain names and positions."""
    return tuple(map(_plain, path))


def _plain(entry: object) -> str | int:
    """Return an entry of a path as the name or the position that it stands for."""
    if isinstance(entry, str | int):
        return entry
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)


def _real_numbers(who: str, path: Path, leaf: jax.Array) -> jax.Array:
    dtype = getattr(leaf, "dtype", type(leaf).__name__)
    if (
        not hasattr(leaf, "dtype")
        or not jnp.issubdtype(dtype, jnp.number)
        or jnp.iscomplexobj(leaf)
    ):
        raise TypeError(f"{who}: {path} must hold real numbers, got {dtype}")
    return at_least_float32(jnp.asarray(leaf))
