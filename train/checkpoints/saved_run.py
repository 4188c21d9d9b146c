"""Checkpoints: everything that a run needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..curves.history import History
from ..steps.state import TrainState
from . import format as store


class Checkpoint(NamedTuple):
    """What `restore` finds in a file."""

    train_state: TrainState
    key: jax.Array
    history: History


def save(path: str | Path, train_state: TrainState, *, key: jax.Array, history: History) -> None:
    """Saves parameters, batch statistics, optimizer state, step, key and curves to one file.

    The position of the shuffling is the step. The write is atomic: killed at any moment, `path` is
    the file from before or the whole new one.

    Raises:
        ImportError: when safetensors is missing; `pip install "gradwise[train]"` has it.

    Example:
        >>> import optax, tempfile, train
        >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
        >>> train_state = train.init({"weight": jnp.ones((3, 4))}, (), optax.adam(1e-3))
        >>> train.save(path, train_state, key=jax.random.key(7), history=train.History.empty())
        >>> found = train.restore(path, train_state)
        >>> found.key == jax.random.key(7), int(found.train_state.step)
        (Array(True, dtype=bool), 0)
    """
    write_tree(path, {"train_state": train_state, "key": key}, history, made_with={})


def restore(path: str | Path, like: TrainState) -> Checkpoint:
    """Reads what `save` or `fit(checkpoint=...)` wrote.

    Args:
        path: the file.
        like: a train state of the same structure, arrays or `jax.ShapeDtypeStruct`s, for example
            from `train.init`; restored leaves go to where its arrays are.

    Raises:
        ValueError: when the file is damaged or foreign, or when its leaves are not those of `like`:
            the message names every one that differs.

    Example:
        >>> import optax, tempfile, train
        >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
        >>> narrow = train.init({"weight": jnp.ones((3, 4))}, (), optax.sgd(0.1))
        >>> wide = train.init({"weight": jnp.ones((3, 5))}, (), optax.sgd(0.1))
        >>> train.save(path, narrow, key=jax.random.key(7), history=train.History.empty())
        >>> train.restore(path, wide)
        Traceback (most recent call last):
        ValueError: ...digits.safetensors holds another structure than what is asked for:
          train_state.params['weight']: float32 (3, 4) in the file, float32 (3, 5) expected
    """
    sections, history, _ = read_tree(path, {"train_state": like, "key": None})
    return Checkpoint(sections["train_state"], sections["key"], history)


def write_tree(
    path: str | Path,
    sections: Mapping[str, Any],
    history: History,
    *,
    made_with: Mapping[str, int | bool],
) -> None:
    """Saves named pytrees, typed keys included, the curves, and what a run was made with."""
    arrays, keys = {}, {}
    for name, leaf in _named_leaves(sections):
        if _is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            leaf = jax.random.key_data(leaf)
        arrays[name] = np.asarray(leaf)
    store.write(
        path, arrays, {"keys": keys, "history": history.to_dict(), "made_with": dict(made_with)}
    )


def read_tree(
    path: str | Path, like: Mapping[str, Any]
) -> tuple[dict[str, Any], History, dict[str, int | bool]]:
    """Reads the sections that `like` names, whose leaves must be those of the file.

    A section that is None there, such as a key of any kind, is taken as it is.
    """
    arrays, header = store.read(path)
    found = {
        name: jax.random.wrap_key_data(jnp.asarray(array), impl=header["keys"][name])
        if name in header["keys"]
        else array
        for name, array in arrays.items()
        if name.startswith(tuple(like))
    }
    like = {name: found.get(name) if tree is None else tree for name, tree in like.items()}
    expected = dict(_named_leaves(like))
    differences = _differences(found, expected)
    if differences:
        raise ValueError(
            f"{path} holds another structure than what is asked for:\n  " + "\n  ".join(differences)
        )
    leaves = [_place(found[name], leaf) for name, leaf in expected.items()]
    tree = jax.tree.unflatten(jax.tree.structure(like), leaves)
    made_with = header.get("made_with", {})  # files from before there was any have none
    return tree, History.from_dict(header["history"]), made_with


def _named_leaves(sections: Mapping[str, Any]) -> list[tuple[str, Any]]:
    leaves = jax.tree.leaves_with_path(dict(sections))
    return [(path[0].key + jax.tree_util.keystr(path[1:]), leaf) for path, leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in dict.fromkeys([*expected, *found]):
        theirs = _describe(found[name]) if name in found else "nothing"
        ours = _describe(expected[name]) if name in expected else "nothing"
        if ours != theirs:
            lines.append(f"{name}: {theirs} in the file, {ours} expected")
    return lines


def _describe(leaf: Any) -> str:
    leaf = leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)
    return f"{leaf.dtype} {leaf.shape}"


def _place(value: Any, like: Any) -> jax.Array:
    """The value as a device array, where `like` is if that was somebody's choice."""
    if getattr(like, "committed", False):
        return jax.device_put(value, like.sharding)
    return value if _is_key(value) else jnp.asarray(value)
