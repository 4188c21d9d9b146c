"""The folder of a run: a checkpoint every so many epochs, of which the newest stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import positive
from .._files import user_path
from .._processes import is_first, several, texts
from .._record_file import damage_told
from .._types import Tree
from .._warnings import warn_user
from ..curves import History
from . import format as file_format
from .lock import locked
from .position import Position, header_of, position_from, section_of
from .spread import SECONDS, read_together, remove_orphans, remove_parts
from .trees import on_host, sections_of, write_tree
from .writer import Writer

#: What a run can go on without, but not as it would have: a warning tells of it.
_TOLD = ("shuffle", "matmul_precision", "x64")

Sections: TypeAlias = Mapping[str, Tree]  # the parts of a run by name, each a tree
Resume: TypeAlias = bool | Literal["latest good"]


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder that a run saves its checkpoints to, and goes on from.

    Attributes:
        path: The folder, or None to keep nothing.
        every: Epochs between two checkpoints.
        keep: How many checkpoints stay.
        resume_from: Whether to go on from the newest checkpoint, or from the newest that is whole.
        made_with: The options that a resumed run must have in common with the run before.
        seconds: How long the first of several processes waits for what the others write.
        writer: Writes checkpoints in the background.
    """

    path: Path | None
    every: int
    keep: int
    resume_from: Resume
    made_with: Mapping[str, int | bool | str]
    seconds: float
    writer: Writer = field(default_factory=Writer, compare=False)

    def is_due(self, before: int, now: int) -> bool:
        """Return whether a checkpoint is due after epoch `now`, where `before` was the last."""
        return now // self.every > before // self.every

    def save(
        self, sections: Sections, key: jax.Array, history: History, position: Position
    ) -> Path | None:
        """Save a run, remove the oldest checkpoints, and return the new one's path.

        A single process copies the run and returns; `writer` writes the copy, and raises what
        comes of it when it is asked. Several processes write before they return.

        Args:
            sections: The run.
            key: Its key.
            history: Its curves.
            position: Where it stands within its epoch.

        Raises:
            OSError: If the file, or the one before it, cannot be written.
        """
        if self.path is None:
            return None
        within = f"_batch-{position.batches:08d}" if position.batches else ""
        # The names sort as the moments do: "." is below "_".
        path = self.path / f"epoch-{history.epochs:08d}{within}.safetensors"
        sections = {**sections, "key": key, "position": section_of(position)}
        options = {"made_with": self.made_with, "position": header_of(position)}
        if several():
            write_tree(path, sections, history, **options, seconds=self.seconds)
            self._prune()
            return path
        self.writer.wait()  # so that there are never two copies
        arrays, header, _ = on_host(sections, history, **options, copy=True)
        self.writer.start(partial(self._write, path, arrays, header))
        return path

    def _write(
        self, path: Path, arrays: dict[str, np.ndarray], header: Mapping[str, object]
    ) -> None:
        file_format.write(path, arrays, header)
        self._prune()

    def _prune(self) -> None:
        """Remove all checkpoints but the newest."""
        if is_first():
            for old in self.checkpoints()[: -self.keep]:
                old.unlink(missing_ok=True)
                remove_parts(old, None)

    def has_checkpoints(self) -> bool:
        """Return whether there is something to go on from; several processes call it together."""
        return bool(self._common_checkpoints())

    def resume(self, like: Sections, key: jax.Array) -> tuple[dict[str, Tree], History, Position]:
        """Return the run, its curves and its position by a checkpoint, or `like` if there is none.

        Raises:
            ValueError: If the checkpoint is damaged, or is of a run with another key, other options
                or another structure.
        """
        saved = self._common_checkpoints()
        for path in reversed(saved):
            try:
                arrays, header = read_together(path)
            except ValueError as error:
                if self.resume_from != "latest good":
                    raise ValueError(f"{error}{self._older_than(path)}") from error
                warn_user(f"{error}; the one before it is taken")
                continue
            return self._resumed(path, arrays, header, like, key)
        if saved:
            raise ValueError(
                f"no checkpoint in {self.path} is whole, {len(saved)} are damaged: take a copy, or "
                "train in another folder"
            )
        return dict(like), History.empty(), Position()

    def _resumed(
        self, path: Path, arrays: dict, header: Mapping, like: Sections, key: jax.Array
    ) -> tuple[dict[str, Tree], History, Position]:
        if "watch.best_loss" in arrays:  # beside which the version before wrote less
            of_before = {
                "watch.best_epoch": np.int32(0),  # no epoch is known to be the best one
                "watch.reference": arrays["watch.best_loss"],
            }
            arrays.update({name: of_before[name] for name in of_before.keys() - arrays.keys()})
        with damage_told(path):
            made_with = dict(header.get("made_with", {}))
        _check_made_with(path, made_with, self.made_with)
        sections = sections_of(path, arrays, header, {**like, "key": key})
        if not jnp.array_equal(sections.pop("key"), key):
            raise ValueError(f"{path} is of a run with another key: resume with that key")
        with damage_told(path):
            history = History.from_dict(header["history"])
            if "position" not in header:  # the files of the version before
                return sections, history, Position()
            return sections, history, position_from(header["position"], arrays)

    def _older_than(self, path: Path) -> str:
        """Return which of the checkpoints before `path` is whole, and how to go on from it."""
        saved = self._common_checkpoints()
        for older in reversed(saved[: saved.index(path)]):
            try:
                read_together(older)
            except ValueError:
                continue
            return (
                f'. {older.name} beside it is whole: resume="latest good" goes on from there, or '
                f"remove {path.name}"
            )
        return ". No other checkpoint in the folder is whole"

    def _common_checkpoints(self) -> list[Path]:
        """Return the files that the first of several processes sees, for all of them."""
        if self.path is None:
            return []
        names = texts("\n".join(path.name for path in self.checkpoints()))[0]
        return [self.path / name for name in names.splitlines()]

    def checkpoints(self) -> list[Path]:
        """Return the files in the folder, the oldest first."""
        return [] if self.path is None else sorted(self.path.glob("epoch-*.safetensors"))


def _check_made_with(
    path: Path, saved: Mapping[str, int | bool | str], wanted: Mapping[str, int | bool | str]
) -> None:
    """Raise where a run cannot be gone on with, and warn where it goes on otherwise."""
    differences = {
        name: f"{name}={saved[name]}, got {name}={wanted[name]}"
        for name in wanted
        if saved.get(name, wanted[name]) != wanted[name]
    }
    told = [text for name, text in differences.items() if name in _TOLD]
    if len(told) < len(differences):
        raise ValueError(
            f"{path} is of a run with {'; '.join(differences.values())}: resume with what it was "
            "made with, or train in another folder from train.restore(path, train_state)"
            ".train_state"
        )
    if told and is_first():
        warn_user(
            f"{path} is of a run with {'; '.join(told)}: the run goes on, but not as it would "
            "have, for its rows have another order or its numbers are rounded otherwise"
        )


@contextmanager
def open_folder(
    folder: str | Path | None,
    *,
    every: int,
    keep: int,
    resume: Resume,
    made_with: Mapping[str, int | bool | str],
    seconds: float = SECONDS,
) -> Iterator[RunFolder]:
    """Make the folder, hold its lock, and remove the temporary files that killed writes left.

    Raises:
        ValueError: If it cannot be written to, if another process writes to it, or if it holds
            checkpoints that are not to be resumed.
    """
    every, keep = positive("every", every), positive("keep", keep)
    if not isinstance(resume, bool) and resume != "latest good":
        raise ValueError(f'resume must be True, False or "latest good", got {resume!r}')
    options = {"every": every, "keep": keep, "resume_from": resume, "made_with": made_with}
    options |= {"seconds": seconds}
    if folder is None:
        if resume:
            raise ValueError(f"resume={resume!r} needs checkpoint=, the folder to resume from")
        yield RunFolder(path=None, **options)
        return
    path = user_path(folder)
    with _own(folder) if is_first() else nullcontext():
        opened = RunFolder(path=path, **options)
        if is_first() and opened.checkpoints() and not resume:
            raise ValueError(
                f"checkpoint={folder} already holds checkpoints: pass resume=True to go on from "
                "the newest, or choose another folder"
            )
        with opened.writer:
            yield opened


@contextmanager
def _own(folder: str | Path) -> Iterator[None]:
    """Make a folder and be the one who writes to it within the `with` block."""
    path = user_path(folder)
    with ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path))
            for left_over in path.glob(".epoch-*.part"):
                left_over.unlink(missing_ok=True)
            for left_over in path.glob(".shards-*.part"):
                left_over.unlink(missing_ok=True)
            remove_orphans(path)
        except BlockingIOError as error:
            raise ValueError(
                f"checkpoint={folder} is in use: {error.strerror}: wait for its end, or choose "
                "another folder"
            ) from error
        except OSError as error:
            raise ValueError(f"checkpoint={folder} is not a folder to write to: {error}") from error
        yield
