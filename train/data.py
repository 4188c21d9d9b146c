"""Data sets: who is in which part, on what scale, and in what order."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ._text import excerpt

_SHUFFLE = 0xFFFFFFFF  # a fold that no step of the run can take: steps are int32


def shuffle(
    key: jax.Array, epoch: int | jax.Array, rows: int, batch_size: int
) -> tuple[jax.Array, jax.Array]:
    """The order of an epoch, from the run's key and the epoch's number alone.

    Returns `(indices, mask)`, both `[steps, batch_size]`: the rows of every batch, and which of
    them are real. The last batch is padded with row 0, masked.

    Example:
        >>> indices, mask = shuffle(jax.random.key(0), 0, 5, 2)
        >>> sorted(indices[mask].tolist()), mask.sum(axis=1).tolist()
        ([0, 1, 2, 3, 4], [2, 2, 1])
    """
    steps = -(-rows // batch_size)
    epoch_key = jax.random.fold_in(jax.random.fold_in(key, _SHUFFLE), epoch)
    order = jax.random.permutation(epoch_key, rows)
    indices = jnp.pad(order, (0, steps * batch_size - rows))
    mask = jnp.arange(steps * batch_size) < rows
    return indices.reshape(steps, batch_size), mask.reshape(steps, batch_size)


def split(key: jax.Array, data: Any, *, test: float) -> tuple[Any, Any]:
    """Splits arrays `[rows, ...]` at random into `(training part, test part)`.

    Args:
        key: decides who goes where.
        data: a pytree of arrays of one length, usually `(x, y)`.
        test: the share of the rows that goes to the test part, in (0, 1); each part gets at least
            one.

    Raises:
        ValueError: when `test` is not a share, or there are fewer than two rows.

    Example:
        >>> train_part, test_part = split(jax.random.key(0), (np.eye(5), np.arange(5)), test=0.4)
        >>> train_part[0].shape, sorted([*train_part[1].tolist(), *test_part[1].tolist()])
        ((3, 5), [0, 1, 2, 3, 4])
    """
    if not 0 < test < 1:
        raise ValueError(f"split needs a test share between 0 and 1, got {test}")
    rows = length(data)
    if rows < 2:
        raise ValueError(f"split needs at least two rows, got {rows}")
    held_out = min(max(round(test * rows), 1), rows - 1)
    order = np.asarray(jax.random.permutation(key, rows))
    return take(data, order[held_out:]), take(data, order[:held_out])


def standardize(train_x: Any, *others: Any) -> tuple[Any, ...]:
    """Shifts and scales features `[rows, ...]` to mean 0 and deviation 1 over the training rows.

    The others are moved by the training part's figures, so that nothing of them leaks into
    training. A feature that is constant there is only shifted. The result is float32.

    Example:
        >>> train_x, test_x = standardize(np.array([[1.0], [3.0]]), np.array([[5.0]]))
        >>> train_x.ravel().tolist(), test_x.ravel().tolist()
        ([-1.0, 1.0], [3.0])
    """
    train_x = np.asarray(train_x, np.float64)
    center, scale = train_x.mean(axis=0), train_x.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(center), scale, 1.0)
    return tuple(
        ((np.asarray(x, np.float64) - center) / scale).astype(np.float32)
        for x in (train_x, *others)
    )


def read_idx(path: str | Path) -> np.ndarray:
    """Reads an array in IDX, the format of MNIST's files, gzipped or not.

    Raises:
        ValueError: when the file is not IDX, or is shorter or longer than it says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        >>> read_idx(path).tolist()
        [7, 2, 1]
    """
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = _gunzip(path, raw)
    kinds = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in kinds or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"{path} is not an IDX file: it must start with 0, 0, a type and a rank")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", raw[3], offset=4))
    dtype = np.dtype(kinds[raw[2]])
    expected = 4 + 4 * raw[3] + dtype.itemsize * math.prod(shape)
    if len(raw) != expected:
        raise ValueError(f"{path} is damaged: shape {shape} needs {expected} bytes, got {len(raw)}")
    values = np.frombuffer(raw, dtype, offset=4 + 4 * raw[3])
    try:
        return values.reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:  # of too many axes, or an empty one beside ones beyond any memory
        raise ValueError(f"{path} is damaged: {error}") from error


def _gunzip(path: str | Path, raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from error


def length(data: Any) -> int:
    """The number of rows that all arrays of `data` share.

    Raises:
        ValueError: when there are none, or they differ.

    Example:
        >>> length((np.zeros((3, 4)), np.zeros(3)))
        3
    """
    shapes = list(dict.fromkeys(np.shape(leaf) for leaf in jax.tree.leaves(data)))
    lengths = {shape[0] if shape else None for shape in shapes}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(
            f"arrays of a data set need one length, got shapes {excerpt(shapes)}: give each "
            "the same rows, and make lists of numbers arrays with np.asarray"
        )
    rows = lengths.pop()
    if not rows:
        raise ValueError(f"a data set needs at least one row, got shapes {excerpt(shapes)}")
    return rows


def take(data: Any, indices: jax.Array | np.ndarray) -> Any:
    """The rows `indices` of every array of `data`.

    Example:
        >>> take((np.eye(3), np.arange(3)), np.array([2]))[1].tolist()
        [2]
    """
    return jax.tree.map(lambda leaf: _take(leaf, indices), data)


def _take(leaf: Any, indices: jax.Array | np.ndarray) -> Any:
    where = None if isinstance(leaf, np.ndarray) else spread(leaf, len(indices))
    return leaf[indices] if where is None else jnp.asarray(leaf).at[indices].get(out_sharding=where)


def spread(leaf: jax.Array, rows: int, *, parts: bool = False) -> NamedSharding | None:
    """Where `rows` of the rows of `leaf` lie, or `parts` of so many, on a mesh of explicit axes.

    There, and only there, an operation on rows must be told: over the devices as those of `leaf`,
    if they divide, else on all of them.

    Example:
        >>> spread(jnp.ones((4, 2)), 2) is None  # no such mesh
        True
    """
    sharding = jax.typeof(leaf).sharding
    if sharding.mesh.empty or not sharding.mesh.are_all_axes_explicit:
        return None
    axes, *others = sharding.spec
    devices = np.prod([sharding.mesh.shape[axis] for axis in np.atleast_1d(axes or ())], dtype=int)
    own = (axes if rows % devices == 0 else None, *others)
    return NamedSharding(sharding.mesh, PartitionSpec(*((None,) if parts else ()), *own))
