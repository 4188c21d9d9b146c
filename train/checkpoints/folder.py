"""The folder of a run: a checkpoint every so many epochs, of which the newest stay."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp

from .._checks import positive
from .._types import Tree
from ..curves import History
from .saved_run import read_tree, write_tree

Sections = Mapping[str, Tree]  # the parts of a run by name, each a tree


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder that a run saves its checkpoints to, and goes on from.

    Attributes:
        path: The folder, or None to keep nothing.
        every: Epochs between two checkpoints.
        keep: How many checkpoints stay.
        made_with: The options that a resumed run must have in common with the run before.
    """

    path: Path | None
    every: int
    keep: int
    made_with: Mapping[str, int | bool]

    def save(
        self, sections: Sections, key: jax.Array, history: History, *, before: int, last: bool
    ) -> None:
        """Save when `every` epochs are over since epoch `before`, and at the `last` time.

        Args:
            sections: The run.
            key: Its key.
            history: Its curves.
            before: The epochs that were made at the last call.
            last: Whether the run ends here.
        """
        due = history.epochs // self.every > before // self.every
        if self.path is None or not (due or last):
            return
        path = self.path / f"epoch-{history.epochs:08d}.safetensors"  # names sort as epochs do
        write_tree(path, {**sections, "key": key}, history, made_with=self.made_with)
        for old in self.checkpoints()[: -self.keep]:
            old.unlink()

    def resume(self, like: Sections, key: jax.Array) -> tuple[dict[str, Tree], History]:
        """Return the run and the curves of the newest checkpoint, or `like` if there is none.

        Raises:
            ValueError: If the checkpoint is of a run with another key, other options or another
                structure.
        """
        saved = self.checkpoints()
        if not saved:
            return dict(like), History.empty()
        sections, history, made_with = read_tree(saved[-1], {**like, "key": key})
        if not jnp.array_equal(sections.pop("key"), key):
            raise ValueError(f"{saved[-1]} is of a run with another key: resume with that key")
        _check_made_with(saved[-1], made_with, self.made_with)
        return sections, history

    def checkpoints(self) -> list[Path]:
        """Return the files in the folder, the oldest first."""
        return [] if self.path is None else sorted(self.path.glob("epoch-*.safetensors"))


def _check_made_with(
    path: Path, saved: Mapping[str, int | bool], wanted: Mapping[str, int | bool]
) -> None:
    others = [name for name in wanted if saved.get(name, wanted[name]) != wanted[name]]
    if others:
        differences = (f"{name}={saved[name]}, got {name}={wanted[name]}" for name in others)
        raise ValueError(
            f"{path} is of a run with {'; '.join(differences)}: resume with what it was made with, "
            "or train in another folder from train.restore(path, train_state).train_state"
        )


def open_folder(
    folder: str | Path | None,
    *,
    every: int,
    keep: int,
    resume: bool,
    made_with: Mapping[str, int | bool],
) -> RunFolder:
    """Make the folder, and remove the temporary files that killed writes left in it.

    Raises:
        ValueError: If it cannot be written to, or holds checkpoints that are not to be resumed.
    """
    every, keep = positive("every", every), positive("keep", keep)
    if folder is None:
        if resume:
            raise ValueError("resume=True needs checkpoint=, the folder to resume from")
        return RunFolder(path=None, every=every, keep=keep, made_with=made_with)
    path = Path(folder)
    probe = path / f".epoch-probe.{os.getpid()}.part"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        for left_over in path.glob(".epoch-*.part"):
            left_over.unlink()
    except OSError as error:
        raise ValueError(f"checkpoint={folder} is not a folder to write to: {error}") from error
    opened = RunFolder(path=path, every=every, keep=keep, made_with=made_with)
    if opened.checkpoints() and not resume:
        raise ValueError(
            f"checkpoint={folder} already holds checkpoints: pass resume=True to go on from the "
            "newest, or choose another folder"
        )
    return opened
