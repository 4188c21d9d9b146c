"""Named trees of a run in a file, and how they differ from what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._files import user_path
from .._global_arrays import on_all
from .._processes import is_first
from .._record_file import damage_told
from .._records import is_key
from .._types import Tree
from ..curves import History
from ..data.arrays import converted
from . import format as file_format
from .matching import agree, described, mismatch
from .spread import (
    SECONDS,
    Spread,
    index_of,
    is_spread,
    own_pieces,
    remove_parts,
    spread_leaves,
    write_part,
)

T = TypeVar("T")
_SHOWN = 20  # leaves that differ, in a message


def write_tree(
    path: str | Path,
    sections: Mapping[str, Tree],
    history: History,
    *,
    made_with: Mapping[str, int | bool | str],
    position: Mapping[str, object] | None = None,
    seconds: float = SECONDS,
) -> None:
    """Save named pytrees, whose leaves may be typed keys, the curves, and the run's options.

    The `position` is what the header is to hold of a run over host batches. All processes call it
    together; of what all have the first one writes the file, and of what they hold in parts each
    writes its own, for which the first one waits so many `seconds`.
    """
    path = user_path(path)  # before anything is copied
    arrays, header, spread = on_host(sections, history, made_with=made_with, position=position)
    if spread:
        header["spread"] = index_of(path, spread)
        write_part(path, header["spread"], own_pieces(spread), seconds)
    if is_first():
        file_format.write(path, arrays, header)
        if spread:  # those of an older checkpoint of this name
            remove_parts(path, header["spread"])


def on_host(
    sections: Mapping[str, Tree],
    history: History,
    *,
    made_with: Mapping[str, int | bool | str],
    position: Mapping[str, object] | None = None,
    copy: bool = False,
) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, jax.Array]]:
    """Return the arrays of a file, its header, and the leaves that no process has whole.

    On a CPU the arrays are the memory of the leaves themselves, unless `copy` asks for another,
    which stays as it is when the training goes on.
    """
    arrays, keys, spread = {}, {}, {}
    for name, leaf in named_leaves(converted(dict(sections), _leaf_name)):
        if is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            leaf = jax.random.key_data(leaf)
        if is_spread(leaf):
            spread[name] = leaf
        elif is_first():
            array = np.asarray(leaf, jax.dtypes.canonicalize_dtype(leaf.dtype))
            arrays[name] = _copied(array) if copy else array
    header = {"keys": keys, "history": history.to_dict(), "made_with": dict(made_with)}
    if position is not None:
        header["position"] = dict(position)
    return arrays, header, spread


def _copied(array: np.ndarray) -> np.ndarray:
    """Return a copy; the training waits for it."""
    copy = file_format.memory(array.shape, array.dtype)
    copy[...] = array
    return copy


def read_tree(
    path: str | Path, like: Mapping[str, Tree]
) -> tuple[dict[str, Tree], History, dict[str, int | bool | str]]:
    """Read the sections that `like` names, the curves, and the run's options.

    Args:
        path: The file.
        like: A tree for each section, whose leaves must be those of the file; or None for a section
            of one leaf, such as a key, that may be of any kind.

    Raises:
        ValueError: If a leaf is missing, is too many, or differs in shape or dtype.
    """
    arrays, header = file_format.read(path)
    sections = sections_of(path, arrays, header, like)
    with damage_told(path):
        made_with = header.get("made_with", {})  # the first version's files have none
        return sections, History.from_dict(header["history"]), dict(made_with)


def sections_of(
    path: str | Path,
    arrays: dict[str, np.ndarray],
    header: Mapping[str, Any],
    like: Mapping[str, Tree],
) -> dict[str, Tree]:
    """Return the sections that `like` names out of the arrays and the header of a file.

    What is returned is taken out of `arrays`, leaf by leaf, so that the file is not held twice.

    Raises:
        ValueError: If a leaf is missing, is too many, or differs in shape or dtype.
    """
    leaves = {
        name: leaf
        for name, leaf in decoded(path, arrays, header).items()
        if name.startswith(tuple(like))
    }
    like = {name: leaves.get(name) if tree is None else tree for name, tree in like.items()}
    expected = dict(named_leaves(like))
    lines = differences(leaves, expected)
    if lines:
        raise another_structure(path, lines)
    structure, placed = jax.tree.structure(like), []
    for name, leaf in expected.items():
        arrays.pop(name, None)
        placed.append(place(leaves.pop(name), leaf))
    return jax.tree.unflatten(structure, placed)


def another_structure(path: str | Path, lines: Sequence[str]) -> ValueError:
    """Return the error that a file has other leaves than those asked for, a line for each."""
    more = len(lines) - _SHOWN
    return ValueError(
        f"{path} holds another structure than what is asked for:\n  "
        + "\n  ".join(lines[:_SHOWN])
        + (f"\n  and {more} more" if more > 0 else "")
        + _fix(lines)
    )


def _fix(lines: Sequence[str]) -> str:
    """Return what to do where nothing but the optimizer's state differs."""
    if not all(".opt_state" in line.partition(":")[0] for line in lines):
        return ""
    return (
        "\nit was saved with another optimizer: pass a train state that was made with that one, or "
        'take the weights alone, train.restore(path, like, only=("params", "state"))'
    )


def decoded(
    path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> dict[str, Tree]:
    """Return the arrays of a file, keys as typed keys."""
    with damage_told(path):
        whole = {
            name: jax.random.wrap_key_data(jnp.asarray(array), impl=header["keys"][name])
            if name in header["keys"]
            else array
            for name, array in arrays.items()
        }
        return whole | spread_leaves(user_path(path), header.get("spread"))


def named_leaves(sections: Mapping[str, Tree]) -> list[tuple[str, jax.Array]]:
    """Return the leaves of all sections, each with its name in a file.

    Example:
        >>> [name for name, _ in named_leaves({"key": 1, "train_state": {"w": 2}})]
        ['key', "train_state['w']"]
    """
    leaves = jax.tree.leaves_with_path(dict(sections))
    return [(_leaf_name(path), leaf) for path, leaf in leaves]


def _leaf_name(path: tuple) -> str:
    return path[0].key + jax.tree_util.keystr(path[1:])


def differences(leaves: Mapping[str, Tree], expected: Mapping[str, Tree]) -> list[str]:
    """Return a line for each leaf of a file that is not what is expected, by name.

    Example:
        >>> differences({"a": np.ones(2, np.float32)}, {"a": np.ones(3, np.float32)})
        ['a: float32 (2,) in the file, float32 (3,) expected']
    """
    lines = []
    for name in dict.fromkeys([*expected, *leaves]):
        if name not in expected:
            lines.append(f"{name}: {described(leaves[name])} in the file, nothing expected")
        elif name not in leaves:
            wanted = described(expected[name], in_jax=True)
            lines.append(f"{name}: nothing in the file, {wanted} expected")
        elif not agree(leaves[name], expected[name]):
            lines.append(mismatch(name, leaves[name], expected[name]))
    return lines


def place(value: np.ndarray | jax.Array | Spread, like: Tree) -> jax.Array:
    """Return the value as an array of the devices of `like`, if somebody has chosen them.

    Of what is spread over several processes, each reads the pieces that it will hold.
    """
    chosen = getattr(like, "committed", isinstance(like, jax.ShapeDtypeStruct))
    sharding = getattr(like, "sharding", None) if chosen else None
    if sharding is None:
        return jnp.asarray(value.region() if isinstance(value, Spread) else value)
    if isinstance(value, Spread):
        return jax.make_array_from_callback(value.shape, sharding, value.region)
    return on_all(value, sharding)
