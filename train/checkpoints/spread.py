"""Leaves that several processes hold in parts: each writes its own, beside a file that lists them.

The checkpoint itself, which process 0 writes when all parts are there, holds what every process
has, and an index of the parts: so it is there whole or not at all, whoever is killed. The parts'
names have a token of their own for each time they are saved, so that no part stands for another.
"""

from __future__ import annotations

import errno
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np

from .._processes import agree, is_first, several, texts
from . import format as file_format

#: Which part has a piece, where the piece begins in the leaf, and its shape.
Piece: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...]]
#: The names of the parts, and of each leaf its shape, its dtype and its pieces; as JSON has it.
Index: TypeAlias = dict[str, Any]

SECONDS = 600.0  # that process 0 waits for the others' parts
_PAUSE = 0.02  # seconds between two looks


def is_spread(leaf: object) -> bool:
    """Return whether no single process has all of a leaf.

    Example:
        >>> is_spread(jax.numpy.ones(3))
        False
    """
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return False
    return not leaf.is_fully_replicated


def pieces_of(leaf: jax.Array) -> list[Piece]:
    """Return the pieces that a leaf is in, each with the first of the processes that hold it.

    Example:
        >>> pieces_of(jax.numpy.ones((2, 3)))
        [(0, (0, 0), (2, 3))]
    """
    pieces: dict[tuple[int, ...], Piece] = {}
    for device, index in leaf.sharding.devices_indices_map(leaf.shape).items():
        start, shape = _extent(index, leaf.shape)
        pieces.setdefault(start, (device.process_index, start, shape))
    return list(pieces.values())


def _extent(
    index: tuple[slice, ...], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where a part of an array begins, and its shape."""
    ends = [part.indices(size)[:2] for part, size in zip(index, shape, strict=True)]
    return tuple(start for start, _ in ends), tuple(stop - start for start, stop in ends)


def index_of(path: Path, leaves: Mapping[str, jax.Array]) -> Index:
    """Return the index of leaves that are saved to a file; all processes call it together."""
    token = "".join(f"{number:08x}" for number in agree(*_drawn())[0])
    count = jax.process_count()
    numbers = [f"{number + 1}-of-{count}" for number in range(count)]
    return {
        "files": [f"shards-{path.stem}-{token}-{number}.safetensors" for number in numbers],
        "leaves": {
            name: {"shape": leaf.shape, "dtype": leaf.dtype.name, "pieces": pieces_of(leaf)}
            for name, leaf in leaves.items()
        },
    }


def _drawn() -> tuple[int, int]:
    bits = uuid.uuid4().int
    return bits & 0x7FFFFFFF, bits >> 97


def own_pieces(leaves: Mapping[str, jax.Array]) -> dict[str, np.ndarray]:
    """Return the pieces that this process is to save, by their names in its part."""
    own: dict[str, np.ndarray] = {}
    for name, leaf in leaves.items():
        held = {_extent(s.index, leaf.shape)[0]: s.data for s in leaf.addressable_shards}
        for process, start, _ in pieces_of(leaf):
            if process == jax.process_index():
                own[_piece_name(name, start)] = np.asarray(held[start])
    return own


def _piece_name(name: str, start: Sequence[int]) -> str:
    return f"{name}@{','.join(map(str, start))}"


def write_part(path: Path, index: Index, own: Mapping[str, np.ndarray], seconds: float) -> None:
    """Write this process's part; process 0 then waits for the others'.

    Raises:
        OSError: If it cannot be written.
        TimeoutError: If a part is not there in time; it names the process.
    """
    files = [path.parent / name for name in index["files"]]
    file_format.write(files[jax.process_index()], own, {"of": path.name})
    if not is_first():
        return
    until = time.monotonic() + seconds
    while late := [number for number, file in enumerate(files) if not file.exists()]:
        if time.monotonic() > until:
            raise TimeoutError(
                errno.ETIMEDOUT,
                f"process {', '.join(map(str, late))} of {len(files)} has not written its part "
                f"within {seconds:g} s: it hangs, or the folder is on no disk that all share",
                str(files[late[0]]),
            )
        time.sleep(_PAUSE)


def remove_parts(path: Path, index: Index | None) -> None:
    """Remove the parts of a checkpoint, but for those of the index."""
    keep = set() if index is None else set(index["files"])
    for part in path.parent.glob("shards-*.safetensors"):
        if _stem_of(part) == path.stem and part.name not in keep:
            part.unlink(missing_ok=True)


def remove_orphans(folder: Path) -> None:
    """Remove the parts that killed writes have left, of which there is no checkpoint."""
    for part in folder.glob("shards-*.safetensors"):
        if not (folder / f"{_stem_of(part)}.safetensors").exists():
            part.unlink(missing_ok=True)


def _stem_of(part: Path) -> str:
    """Return the name of the checkpoint that a part is of.

    Example:
        >>> _stem_of(Path("shards-epoch-00000003-0a1b2c3d-1-of-4.safetensors"))
        'epoch-00000003'
    """
    return part.name.removeprefix("shards-").rsplit("-", 4)[0]


@dataclass(kw_only=True)
class Spread:
    """A leaf of a checkpoint that is read piece by piece, by whoever needs a piece.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype.
        pieces: Where it is.
        parts: The files.
        read: The arrays of the files that were read.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    pieces: list[Piece]
    parts: Sequence[Path]
    read: dict[Path, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def region(self, index: tuple[slice, ...] | None = None) -> np.ndarray:
        """Return a part of the leaf, or all of it, out of all pieces that it touches.

        Raises:
            ValueError: If a part is damaged.
        """
        begin, shape = _extent(index or (slice(None),) * len(self.shape), self.shape)
        region = np.empty(shape, self.dtype)
        for part, start, piece_shape in self.pieces:
            low = np.maximum(begin, start)
            high = np.minimum(np.add(begin, shape), np.add(start, piece_shape))
            if (low < high).all():
                there = tuple(map(slice, low - begin, high - begin))
                here = tuple(map(slice, low - start, high - start))
                region[there] = self._part(part)[_piece_name(self.name, start)][here]
        return region

    def _part(self, number: int) -> Mapping[str, np.ndarray]:
        path = self.parts[number]
        if path not in self.read:
            self.read[path] = file_format.read(path)[0]
        return self.read[path]


def spread_leaves(path: Path, index: Index | None) -> dict[str, Spread]:
    """Return the leaves that are in the parts of a checkpoint."""
    if index is None:
        return {}
    parts = [path.parent / name for name in index["files"]]
    read: dict[Path, Mapping[str, np.ndarray]] = {}
    return {
        name: Spread(
            name=name,
            shape=tuple(entry["shape"]),
            dtype=jax.numpy.dtype(entry["dtype"]),
            pieces=[(part, tuple(start), tuple(shape)) for part, start, shape in entry["pieces"]],
            parts=parts,
            read=read,
        )
        for name, entry in index["leaves"].items()
    }


def read_together(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a checkpoint, and check its parts; what is damaged for one process is so for all.

    Raises:
        ValueError: If it is damaged, or if a process does not see it.
    """
    error: Exception | None = None
    arrays: dict[str, np.ndarray] = {}
    header: dict[str, Any] = {}
    try:
        arrays, header = file_format.read(path)
        files = header.get("spread", {}).get("files", [])
        for name in files[jax.process_index() :: jax.process_count()]:
            file_format.read(path.parent / name)
    except (ValueError, OSError) as caught:
        error = caught
    if not several():
        if isinstance(error, FileNotFoundError):
            raise ValueError(f"{path} is damaged: {error.filename} is missing") from error
        if error is not None:
            raise error
        return arrays, header
    failed = agree(error is not None)[:, 0]
    if failed.any():
        told = texts(f"{type(error).__name__}: {error}" if error else "")
        first = int(np.argmax(failed))
        raise ValueError(
            f"{path} is damaged, or not on a disk that all processes share: process {first} finds "
            f"{told[first]}"
        ) from error
    return arrays, header
