"""Data sets: read them, split and scale them, and shuffle them on the device.

A data set is a pytree of arrays `[rows, ...]` with the same rows, usually `(x, y)`.

Example:
    >>> import jax, numpy as np
    >>> from gradwise import train
    >>> x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    >>> (train_x, train_y), (test_x, test_y) = train.data.split(
    ...     jax.random.key(0), (x, y), test=0.3
    ... )
    >>> train_x, test_x = train.data.standardize(train_x, test_x)
    >>> train_x.shape, test_x.shape
    ((7, 2), (3, 2))
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ._sharding import row_sharding
from ._text import excerpt
from ._types import Tree

T = TypeVar("T")

# What is folded into a run's key for shuffling. A step folds in its number, an int32 that counts
# from 0, so no step draws from the same key.
_SHUFFLE = 0xFFFFFFFF


def shuffle(
    key: jax.Array, epoch: int | jax.Array, rows: int, batch_size: int
) -> tuple[jax.Array, jax.Array]:
    """Return the batches of an epoch, in an order that the key and the epoch's number decide.

    Args:
        key: The key of the whole run.
        epoch: The epoch's number, counted from 0.
        rows: How many rows the data set has.
        batch_size: How many rows a batch has.

    Returns:
        `(indices, mask)`, both `[steps, batch_size]`: the rows of each batch, and which of these
        entries are real. The last batch is padded with row 0, masked out.

    Example:
        >>> import jax
        >>> from gradwise import train
        >>> indices, mask = train.data.shuffle(jax.random.key(0), epoch=0, rows=5, batch_size=2)
        >>> sorted(indices[mask].tolist()), mask.sum(axis=1).tolist()
        ([0, 1, 2, 3, 4], [2, 2, 1])
    """
    steps = -(-rows // batch_size)
    epoch_key = jax.random.fold_in(jax.random.fold_in(key, _SHUFFLE), epoch)
    order = jax.random.permutation(epoch_key, rows)
    indices = jnp.pad(order, (0, steps * batch_size - rows))
    mask = jnp.arange(steps * batch_size) < rows
    return indices.reshape(steps, batch_size), mask.reshape(steps, batch_size)


def split(key: jax.Array, data: T, *, test: float) -> tuple[T, T]:
    """Split a data set at random into `(training part, test part)`.

    Args:
        key: Decides which row goes to which part.
        data: A pytree of arrays `[rows, ...]`, usually `(x, y)`.
        test: The share of the rows that goes to the test part, between 0 and 1. Each part gets at
            least one row.

    Raises:
        ValueError: If `test` is not between 0 and 1, or if there are fewer than two rows.

    Example:
        >>> import jax, numpy as np
        >>> from gradwise import train
        >>> data = np.eye(5), np.arange(5)
        >>> train_part, test_part = train.data.split(jax.random.key(0), data, test=0.4)
        >>> train_part[0].shape, sorted([*train_part[1].tolist(), *test_part[1].tolist()])
        ((3, 5), [0, 1, 2, 3, 4])
    """
    if not 0 < test < 1:
        raise ValueError(f"split needs a test share between 0 and 1, got {test}")
    rows = length(data)
    if rows < 2:
        raise ValueError(f"split needs at least two rows, got {rows}")
    test_rows = min(max(round(test * rows), 1), rows - 1)
    order = np.asarray(jax.random.permutation(key, rows))
    return take(data, order[test_rows:]), take(data, order[:test_rows])


def standardize(train_x: ArrayLike, *others: ArrayLike) -> tuple[np.ndarray, ...]:
    """Shift and scale features `[rows, ...]` to mean 0 and deviation 1 over the training rows.

    All parts are shifted and scaled by the figures of the training part, so that nothing of the
    others leaks into training. A feature that is constant there is only shifted. The results are
    float32.

    Args:
        train_x: The features of the training part.
        others: The features of further parts, such as validation and test.

    Returns:
        The parts in the same order.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train_x, test_x = train.data.standardize(np.array([[1.0], [3.0]]), np.array([[5.0]]))
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
    """Read an array from an IDX file, the format of MNIST (LeCun et al., 1998), gzipped or not.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not IDX, or is shorter or longer than its head says.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gradwise import train
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        >>> train.data.read_idx(path).tolist()
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
    except ValueError as error:  # more axes than NumPy has, or sizes beyond any memory beside a 0
        raise ValueError(f"{path} is damaged: {error}") from error


def _gunzip(path: str | Path, raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from error


def length(data: Tree) -> int:
    """Return the number of rows that all arrays of a data set have.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same number of rows.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train.data.length((np.zeros((3, 4)), np.zeros(3)))
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


def take(data: T, indices: jax.Array | np.ndarray) -> T:
    """Return the rows `indices` of every array of a data set.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train.data.take((np.eye(3), np.arange(3)), np.array([2]))[1].tolist()
        [2]
    """
    return jax.tree.map(lambda leaf: _take(leaf, indices), data)


def _take(leaf: np.ndarray | jax.Array, indices: jax.Array | np.ndarray) -> np.ndarray | jax.Array:
    sharding = None if isinstance(leaf, np.ndarray) else row_sharding(leaf, len(indices))
    if sharding is None:
        return leaf[indices]
    return jnp.asarray(leaf).at[indices].get(out_sharding=sharding)
