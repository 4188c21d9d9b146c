"""Save everything that a run needs to go on as if it had never stopped, and restore it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import jax
import jax.numpy as jnp
import numpy as np

from .._equality import same
from .._record_file import damage_told
from .._records import is_key
from .._types import Tree
from ..curves import History
from ..data.arrays import converted
from ..steps import TrainState
from . import format as file_format
from .matching import Matched, agree, described, match, mismatch

T = TypeVar("T")
#: What `restore` can take alone from a file, by the name of the train state's field.
Part: TypeAlias = Literal["params", "state"]
_SHOWN = 20  # leaves that differ, in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """What `restore` reads from a file.

    Attributes:
        train_state: Parameters, the layers' and the optimizer's state, and the step.
        key: The key of the run.
        history: Its curves.
        matched: With `restore(only=...)`, which leaves were taken from the file; else None.

    Example:
        >>> import jax, optax
        >>> from gradwise import train
        >>> train_state = train.init((), (), optax.sgd(0.1))
        >>> train.Checkpoint(
        ...     train_state=train_state, key=jax.random.key(0), history=train.History.empty()
        ... )
        Checkpoint(step 0, History(0 epochs))
    """

    train_state: TrainState
    key: jax.Array
    history: History
    matched: Matched | None = field(default=None)

    def __eq__(self, other: object) -> bool:
        """Compare the structure of the train states, and all numbers; NaN equals NaN."""
        if not isinstance(other, Checkpoint):
            return False
        states = self.train_state, other.train_state
        return (
            jax.tree.structure(states[0]) == jax.tree.structure(states[1])
            and same(*(jax.tree.leaves(state) for state in states))
            and same(self.key, other.key)
            and self.history == other.history
        )

    def __repr__(self) -> str:
        """Return one line: the step and the history, no arrays."""
        return f"Checkpoint(step {self.train_state.step}, {self.history!r})"


def save(path: str | Path, train_state: TrainState, *, key: jax.Array, history: History) -> None:
    """Save parameters, batch statistics, optimizer state, step, key and curves to one file.

    With the step and the key the shuffling goes on where it was. The write is atomic: killed at
    any moment, `path` is the file from before or the whole new one.

    Args:
        path: The file; any safetensors reader opens it.
        train_state: What to save.
        key: The key of the run.
        history: The curves so far.

    Raises:
        ImportError: If safetensors is missing; `pip install "gradwise[train]"` has it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
        >>> train_state = train.init({"weight": jnp.ones((3, 4))}, (), optax.adam(1e-3))
        >>> train.save(path, train_state, key=jax.random.key(7), history=train.History.empty())
        >>> checkpoint = train.restore(path, train_state)
        >>> checkpoint.key == jax.random.key(7), int(checkpoint.train_state.step)
        (Array(True, dtype=bool), 0)
    """
    write_tree(path, {"train_state": train_state, "key": key}, history, made_with={})


def restore(
    path: str | Path,
    like: TrainState,
    *,
    only: Part | Sequence[Part] | None = None,
    strict: bool = True,
) -> Checkpoint:
    """Read what `save` or `fit(checkpoint=...)` wrote: all of it, or the weights alone.

    With `only="params"`, or `only=("params", "state")` for a model whose layers remember something,
    the rest of the train state is that of `like`: another optimizer's fresh state for fine-tuning,
    or none for inference, `train.init(params, state, optax.identity())`.

    Args:
        path: The file.
        like: A train state of the same structure, of arrays or of `jax.ShapeDtypeStruct`s, for
            example from `train.init`. Each restored leaf goes to where the array of `like` is.
        only: What to take, "params", "state" or both; None takes everything.
        strict: Whether every leaf of what is taken must be in the file, and no other one. False, of
            use with `only`, takes the leaves that agree in path, shape and dtype, and leaves the
            others as they are in `like`, such as a new output layer's; `matched` lists them.

    Returns:
        The train state, and the file's key and history.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is no checkpoint, or if its leaves are not those of
            `like`: the message names each one that differs. With `strict=False`, if no leaf agrees.
        ImportError: If safetensors is missing.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
        >>> narrow = train.init({"weight": jnp.ones((3, 4))}, (), optax.sgd(0.1))
        >>> wide = train.init({"weight": jnp.ones((3, 5))}, (), optax.sgd(0.1))
        >>> train.save(path, narrow, key=jax.random.key(7), history=train.History.empty())
        >>> train.restore(path, wide)
        Traceback (most recent call last):
        ValueError: ...digits.safetensors holds another structure than what is asked for:
          train_state.params['weight']: float32 (3, 4) in the file, float32 (3, 5) expected

        The weights alone, for another optimizer:

        >>> like = train.init({"weight": jnp.zeros((3, 4))}, (), optax.adam(1e-3))
        >>> checkpoint = train.restore(path, like, only="params")
        >>> checkpoint.matched, float(checkpoint.train_state.params["weight"].sum())
        (Matched(1 restored), 12.0)
    """
    if only is not None:
        return _restore_parts(path, like, _checked_parts(only), strict)
    if not strict:
        raise ValueError('strict=False needs only=, such as only="params": a run goes on whole')
    sections, history, _ = read_tree(path, {"train_state": like, "key": None})
    return Checkpoint(train_state=sections["train_state"], key=sections["key"], history=history)


def _checked_parts(only: Part | Sequence[Part]) -> tuple[Part, ...]:
    parts = (only,) if isinstance(only, str) else tuple(only)
    if not parts or not set(parts) <= set(get_args(Part)):
        raise ValueError(f'only must be "params", "state" or both of them, got {only!r}')
    return parts


def _restore_parts(
    path: str | Path, like: TrainState, parts: Sequence[Part], strict: bool
) -> Checkpoint:
    """Return `like` with the parts of it that are in a file."""
    arrays, header = file_format.read(path)
    leaves = _decoded(path, arrays, header)
    named = dict(_named_leaves({"train_state": like}))
    expected, found = (
        {_short(name): leaf for name, leaf in tree.items() if _is_of(_short(name), parts)}
        for tree in (named, leaves)
    )
    matched = match(found, expected)
    if not matched.complete and (strict or not matched.restored):
        raise _another_structure(path, _differences(found, expected))
    taken = set(matched.restored)
    unknown = [
        name
        for name, leaf in expected.items()
        if name not in taken and isinstance(leaf, jax.ShapeDtypeStruct)
    ]
    if unknown:
        raise ValueError(
            f"{path} lacks {', '.join(unknown)}, and like has no values for it: pass arrays, such "
            "as from train.init"
        )
    placed = [
        _place(leaves[name], leaf) if _short(name) in taken else leaf
        for name, leaf in named.items()
    ]
    return Checkpoint(
        train_state=jax.tree.unflatten(jax.tree.structure(like), placed),
        key=leaves["key"],
        history=History.from_dict(header["history"]),
        matched=matched,
    )


def _short(name: str) -> str:
    return name.removeprefix("train_state.")


def _is_of(name: str, parts: Sequence[Part]) -> bool:
    """Return whether the name of a leaf, such as `params[0].weight`, is one of these parts."""
    return any(name == part or name.startswith((f"{part}.", f"{part}[")) for part in parts)


def write_tree(
    path: str | Path,
    sections: Mapping[str, Tree],
    history: History,
    *,
    made_with: Mapping[str, int | bool | str],
    position: Mapping[str, object] | None = None,
) -> None:
    """Save named pytrees, whose leaves may be typed keys, the curves, and the run's options.

    The `position` is what the header is to hold of a run over host batches.
    """
    arrays, keys = {}, {}
    for name, leaf in _named_leaves(converted(dict(sections), _leaf_name)):
        if is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            leaf = jax.random.key_data(leaf)
        arrays[name] = np.asarray(leaf, jax.dtypes.canonicalize_dtype(leaf.dtype))
    header = {"keys": keys, "history": history.to_dict(), "made_with": dict(made_with)}
    if position is not None:
        header["position"] = dict(position)
    file_format.write(path, arrays, header)


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
    arrays: Mapping[str, np.ndarray],
    header: Mapping[str, Any],
    like: Mapping[str, Tree],
) -> dict[str, Tree]:
    """Return the sections that `like` names out of the arrays and the header of a file.

    Raises:
        ValueError: If a leaf is missing, is too many, or differs in shape or dtype.
    """
    leaves = {
        name: leaf
        for name, leaf in _decoded(path, arrays, header).items()
        if name.startswith(tuple(like))
    }
    like = {name: leaves.get(name) if tree is None else tree for name, tree in like.items()}
    expected = dict(_named_leaves(like))
    differences = _differences(leaves, expected)
    if differences:
        raise _another_structure(path, differences)
    placed = [_place(leaves[name], leaf) for name, leaf in expected.items()]
    return jax.tree.unflatten(jax.tree.structure(like), placed)


def _another_structure(path: str | Path, differences: Sequence[str]) -> ValueError:
    more = len(differences) - _SHOWN
    return ValueError(
        f"{path} holds another structure than what is asked for:\n  "
        + "\n  ".join(differences[:_SHOWN])
        + (f"\n  and {more} more" if more > 0 else "")
        + _fix(differences)
    )


def _fix(differences: Sequence[str]) -> str:
    """Return what to do where nothing but the optimizer's state differs."""
    if not all(".opt_state" in line.partition(":")[0] for line in differences):
        return ""
    return (
        "\nit was saved with another optimizer: pass a train state that was made with that one, or "
        'take the weights alone, train.restore(path, like, only=("params", "state"))'
    )


def _decoded(
    path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> dict[str, Tree]:
    """Return the arrays of a file, keys as typed keys."""
    with damage_told(path):
        return {
            name: jax.random.wrap_key_data(jnp.asarray(array), impl=header["keys"][name])
            if name in header["keys"]
            else array
            for name, array in arrays.items()
        }


def _named_leaves(sections: Mapping[str, Tree]) -> list[tuple[str, jax.Array]]:
    leaves = jax.tree.leaves_with_path(dict(sections))
    return [(_leaf_name(path), leaf) for path, leaf in leaves]


def _leaf_name(path: tuple) -> str:
    return path[0].key + jax.tree_util.keystr(path[1:])


def _differences(leaves: Mapping[str, Tree], expected: Mapping[str, Tree]) -> list[str]:
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


def _place(value: np.ndarray | jax.Array, like: Tree) -> jax.Array:
    """Return the value as an array of a device: that of `like` if somebody has chosen it."""
    if getattr(like, "committed", False):
        return jax.device_put(value, like.sharding)
    return jnp.asarray(value)
