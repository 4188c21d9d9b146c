"""The folder that a run keeps its checkpoints in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._checks import positive
from ..curves.history import History
from ..runs.carry import Carry
from .saved_run import read_tree, write_tree


class Keeper(NamedTuple):
    """Saves a run every so many epochs, and finds where it stopped."""

    folder: Path | None  # None: keep nothing
    every: int
    keep: int
    made_with: Mapping[str, int | bool]  # what a resumed run must be made with, too

    def save(
        self, carry: Carry, key: jax.Array, history: History, *, before: int, last: bool
    ) -> None:
        """Saves when `every` epochs are over since epoch `before`, or for the `last` time.

        A carry that stopped in the middle of an epoch is not saved: nothing can go on from there.
        """
        due = history.epochs // self.every > before // self.every
        if self.folder is None or not (due or last) or carry.watch.bad.any():
            return
        path = self.folder / f"epoch-{history.epochs:08d}.safetensors"  # names sort as epochs do
        sections = {**carry._asdict(), "key": key}
        write_tree(path, sections, history, made_with=self.made_with)
        for old in self._saved()[: -self.keep]:
            old.unlink()

    def resume(self, carry: Carry, key: jax.Array) -> tuple[Carry, History]:
        """The carry and the curves of the newest checkpoint, or those of a run's start."""
        saved = self._saved()
        if not saved:
            return carry, History.empty()
        sections: dict[str, Any] = {**carry._asdict(), "key": key}
        sections, history, made_with = read_tree(saved[-1], sections)
        if not jnp.array_equal(sections.pop("key"), key):
            raise ValueError(f"{saved[-1]} is of a run with another key: resume with that key")
        _check_same(saved[-1], made_with, self.made_with)
        return Carry(**sections), history

    def _saved(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob("epoch-*.safetensors"))


def _check_same(path: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    others = [name for name in ours if theirs.get(name, ours[name]) != ours[name]]
    if others:
        differences = (f"{name}={theirs[name]}, got {name}={ours[name]}" for name in others)
        raise ValueError(
            f"{path} is of a run with {'; '.join(differences)}: resume with what it was made with, "
            "or train in another folder from train.restore(path, train_state).train_state"
        )


def make_keeper(
    folder: str | Path | None,
    *,
    every: int,
    keep: int,
    resume: bool,
    made_with: Mapping[str, int | bool],
) -> Keeper:
    """Makes the folder, and clears what a killed write left in it.

    Raises:
        ValueError: when it cannot be written to, or holds checkpoints that are not to be resumed.
    """
    every, keep = positive("every", every), positive("keep", keep)
    if folder is None:
        if resume:
            raise ValueError("resume=True needs checkpoint=, the folder to resume from")
        return Keeper(None, every, keep, made_with)
    folder = Path(folder)
    probe = folder / f".epoch-probe.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        for left_over in folder.glob(".epoch-*.part"):
            left_over.unlink()
    except OSError as error:
        raise ValueError(f"checkpoint={folder} is not a folder to write to: {error}") from error
    keeper = Keeper(folder, every, keep, made_with)
    if keeper._saved() and not resume:
        raise ValueError(
            f"checkpoint={folder} already holds checkpoints: pass resume=True to go on from the "
            "newest, or choose another folder"
        )
    return keeper
