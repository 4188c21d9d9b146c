"""Arrays in a file that is either whole or an error: safetensors with a checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._need import need

_FORMAT = "gradwise checkpoint 1"


def write(path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Writes arrays and a JSON header to `path`, so that a reader sees the old file or the new one.

    The bytes go to a file beside it, to the disk, and only then to its name. Any safetensors reader
    opens the file; a dtype that the format does not know is kept as bytes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "file.safetensors"
        >>> write(path, {"weight": np.eye(2)}, {"epoch": 3})
        >>> arrays, header = read(path)
        >>> arrays["weight"].tolist(), header
        ([[1.0, 0.0], [0.0, 1.0]], {'epoch': 3})
    """
    numpy = need("safetensors.numpy", "train")
    text = json.dumps({"header": header, "dtypes": {n: a.dtype.name for n, a in arrays.items()}})
    stored = {name: _native(array) for name, array in arrays.items()}
    metadata = {"format": _FORMAT, "json": text, "sha256": _digest(text, stored)}
    _replace(Path(path), numpy.save(stored, metadata))


def read(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what `write` wrote; no pickle is involved.

    Raises:
        ValueError: when the file is damaged or not one of ours; it names the file.
    """
    raw = Path(path).read_bytes()
    numpy = need("safetensors.numpy", "train")
    try:
        stored = numpy.load(raw)
        size = int.from_bytes(raw[:8], "little")
        metadata = json.loads(raw[8 : 8 + size]).get("__metadata__", {})
    except Exception as error:  # the parser's errors have no common class
        raise ValueError(f"{path} is damaged or no safetensors file: {error}") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} is not a {_FORMAT!r} file")
    text = metadata.get("json", "")
    if metadata.get("sha256") != _digest(text, stored):
        raise ValueError(f"{path} is damaged: its checksum does not match")
    fields = json.loads(text)
    arrays = {name: _typed(stored[name], dtype) for name, dtype in fields["dtypes"].items()}
    return arrays, fields["header"]


def _digest(text: str, stored: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(stored):
        array = stored[name]
        digest.update(f"{name} {array.dtype.name} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _native(array: np.ndarray) -> np.ndarray:
    """The array, or its bytes along one more axis where the format has no word for its dtype."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.dtype.kind in "fiub":
        return array
    return array[..., None].view(np.uint8)


def _typed(stored: np.ndarray, dtype: str) -> np.ndarray:
    if stored.dtype.name == dtype:
        return stored
    return stored.view(jnp.dtype(dtype))[..., 0]  # which knows bfloat16


def _replace(path: Path, raw: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must survive a power cut
    finally:
        os.close(folder)
