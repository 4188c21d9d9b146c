"""The format of a checkpoint file: safetensors, with a checksum over all that it holds."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
from collections.abc import Mapping, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._extras import import_extra
from .._files import user_path, write_whole
from .._record_file import damage_told
from .._records import to_json
from .._text import excerpt

_FORMAT = "gradwise checkpoint 1"
#: How safetensors names NumPy's kinds of numbers, before their bits.
_LETTERS = {"f": "F", "i": "I", "u": "U"}
_LARGE = 1 << 20  # bytes of an array that has pages of its own
_DTYPES = {
    f"{_LETTERS[kind]}{8 * size}": f"{kind}{size}" for kind in _LETTERS for size in (1, 2, 4, 8)
} | {"BOOL": "?"}


def write(path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, object]) -> None:
    """Write arrays and a JSON header to a file, atomically.

    Any safetensors reader opens the file; an array of a dtype that the format does not know is
    kept as bytes.

    Raises:
        ImportError: If safetensors is missing.
        TypeError: If an array is of Python's objects or of texts.
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "file.safetensors"
        >>> write(path, {"weight": np.eye(2)}, {"epoch": 3})
        >>> arrays, header = read(path)
        >>> arrays["weight"].tolist(), header
        ([[1.0, 0.0], [0.0, 1.0]], {'epoch': 3})
    """
    import_extra("safetensors.numpy", "train")  # nobody should save what he cannot read
    arrays = {name: _native(array) for name, array in arrays.items()}
    text = to_json({"header": header, "dtypes": {n: a.dtype.name for n, a in arrays.items()}})
    stored = {name: _storable(name, array) for name, array in arrays.items()}
    metadata = {"format": _FORMAT, "json": text, "sha256": _digest(text, stored)}
    write_whole(path, _laid_out(stored, metadata))


def read(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays and the header that `write` wrote; nothing is unpickled.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder; the message names the newest checkpoint in it.
        ValueError: If the file is damaged, or is no checkpoint.
        ImportError: If safetensors is missing.
    """
    safetensors = import_extra("safetensors", "train")
    path = user_path(path)
    if path.is_dir():
        newest = max(path.glob("epoch-*.safetensors"), default=None)
        holds = "no checkpoint is in it" if newest is None else f"the newest in it is {newest}"
        raise IsADirectoryError(f"{path} is a folder: name one checkpoint; {holds}")
    with path.open("rb") as file:
        try:
            # It checks the head: that the arrays' places fit their shapes, and fill the file.
            with safetensors.safe_open(path, framework="numpy") as head:
                metadata = dict(head.metadata() or {})
            stored = _arrays_of(file) if metadata.get("format") == _FORMAT else {}
        except Exception as error:  # the parser's errors have no class in common
            raise ValueError(
                f"{path} is damaged or no safetensors file: {excerpt(error)}: take the checkpoint "
                "before it, or a copy"
            ) from error
    if metadata.get("format") != _FORMAT:
        found = excerpt(repr(metadata.get("format")), most=40)
        raise ValueError(
            f"{path} is not a {_FORMAT!r} file, its format is {found}: it was written by another "
            "tool, or by a newer gradwise"
        )
    text = metadata.get("json", "")
    if metadata.get("sha256") != _digest(text, stored):
        raise ValueError(
            f"{path} is damaged: its checksum does not match: take the checkpoint before it, or a "
            "copy"
        )
    with damage_told(path):  # the checksum is right, but anybody can compute one
        fields = json.loads(text)
        arrays = {name: _restored(stored[name], dtype) for name, dtype in fields["dtypes"].items()}
        return arrays, dict(fields["header"])


def _arrays_of(file: BufferedIOBase) -> dict[str, np.ndarray]:
    """Return the arrays of a file whose head is sound, each read to where it stays."""
    size = int.from_bytes(file.read(8), "little")
    entries = json.loads(file.read(size))
    entries.pop("__metadata__", None)
    arrays = {}
    for name in sorted(entries, key=lambda name: entries[name]["data_offsets"]):
        array = memory(entries[name]["shape"], np.dtype(_DTYPES[entries[name]["dtype"]]))
        file.seek(8 + size + entries[name]["data_offsets"][0])
        if file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
            raise ValueError(f"{name} is cut off")
        arrays[name] = array
    return arrays


def memory(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return memory for an array, which JAX takes over on a CPU uncopied where it is large.

    That needs whole pages. They also go back to the system when nobody holds them, while the heap
    of a process that has read a large file may keep a tenth more than there was.

    Example:
        >>> memory((3, 4), np.dtype("f4")).shape
        (3, 4)
    """
    size = math.prod(shape) * dtype.itemsize
    if size < _LARGE:
        return np.empty(shape, dtype)
    return np.frombuffer(_pages(size), dtype).reshape(shape)


def _pages(size: int) -> mmap.mmap:
    """Return pages of memory, all at once where the system can.

    To be given each page by a fault of its own when it is first written to takes as long as three
    copies of it.
    """
    if not hasattr(mmap, "MAP_POPULATE"):
        return mmap.mmap(-1, size)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    return mmap.mmap(-1, size, flags=flags)


def _laid_out(
    stored: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> list[bytes | memoryview]:
    """Return the parts of a safetensors file: the size of its head, the head, and the arrays.

    The arrays are written from where they are. safetensors' own `save` would copy them twice on the
    way, which takes as long as the checksum.
    """
    entries: dict[str, object] = {"__metadata__": dict(metadata)}
    # The longest numbers first, so that each array begins at a multiple of its number's length.
    names = sorted(stored, key=lambda name: (-stored[name].itemsize, name))
    end = 0
    for name in names:
        array, begin = stored[name], end
        end += array.nbytes
        kind = array.dtype.kind
        entries[name] = {
            "dtype": "BOOL" if kind == "b" else f"{_LETTERS[kind]}{8 * array.itemsize}",
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    head = json.dumps(entries, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return [len(head).to_bytes(8, "little"), head, *(stored[name].data for name in names)]


def _digest(text: str, stored: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(stored):
        array = stored[name]
        digest.update(f"{name} {array.dtype.name} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _native(array: np.ndarray) -> np.ndarray:
    """Return the array in the machine's own order of bytes."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array, or its bytes along one more axis where the format lacks its dtype."""
    if array.dtype.hasobject or array.dtype.kind in "SUMm":
        raise TypeError(
            f"a checkpoint holds numbers, got {name} of type {array.dtype}: keep it elsewhere"
        )
    array = np.ascontiguousarray(array).reshape(array.shape)
    # NumPy's own types are "built in"; those that ml_dtypes adds may call themselves floats too.
    if array.dtype.isbuiltin == 1 and array.dtype.kind in "fiub":
        return array
    return array[..., None].view(np.uint8)


def _restored(stored: np.ndarray, dtype: str) -> np.ndarray:
    if stored.dtype.name == dtype:
        return stored
    return stored.view(jnp.dtype(dtype))[..., 0]  # JAX knows bfloat16 by its name, NumPy does not
