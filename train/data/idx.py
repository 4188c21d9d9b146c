"""Read the files that image data sets come in."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from .._files import user_path


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
    raw = user_path(path).read_bytes()
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
