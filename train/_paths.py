"""Where a leaf of a tree is, in plain names.

`losses` names leaves in the same way; a test holds that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax

#: Fields and keys as strings, positions in sequences as ints: `(2, "weight")`.
Path: TypeAlias = tuple[str | int, ...]
#: `select(path, leaf)`: whether a leaf is meant.
Select: TypeAlias = Callable[[Path, jax.Array], bool]


def plain_path(path: Sequence[object]) -> Path:
    """Return a path of JAX's keys as plain names and positions.

    Example:
        >>> tree = [{"weight": 1.0}]
        >>> [plain_path(path) for path, _ in jax.tree.leaves_with_path(tree)]
        [(0, 'weight')]
    """
    return tuple(map(_plain, path))


def _plain(entry: object) -> str | int:
    if isinstance(entry, str | int):
        return entry
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)
