"""Save everything that a run needs to go on as if it had never stopped, and restore it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import jax

from .._equality import same
from .._process_errors import shared_errors
from ..curves import History
from ..steps import TrainState
from . import format as file_format
from .matching import Matched, match
from .trees import (
    another_structure,
    decoded,
    differences,
    named_leaves,
    place,
    read_tree,
    write_tree,
)

#: What `restore` can take alone from a file, by the name of the train state's field.
Part: TypeAlias = Literal["params", "state"]


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
    any moment, `path` is the file from before or the whole new one. Several processes call it
    together, on a disk that they share: the first writes the file, and of leaves that are spread
    over them each writes what it holds to a file beside it, `shards-...`.

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
    with shared_errors():
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
    leaves = decoded(path, arrays, header)
    named = dict(named_leaves({"train_state": like}))
    expected, found = (
        {_short(name): leaf for name, leaf in tree.items() if _is_of(_short(name), parts)}
        for tree in (named, leaves)
    )
    matched = match(found, expected)
    if not matched.complete and (strict or not matched.restored):
        raise another_structure(path, differences(found, expected))
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
        place(leaves[name], leaf) if _short(name) in taken else leaf for name, leaf in named.items()
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
