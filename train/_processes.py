"""Several processes that train one model together: who they are, and what they tell each other."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ._records import is_key
from ._types import Tree


def several() -> bool:
    """Return whether this process trains together with others, by `jax.distributed`.

    Example:
        >>> several()
        False
    """
    return jax.process_count() > 1


def is_first() -> bool:
    """Return whether this is the process that prints, logs and writes what all of them share.

    Example:
        >>> is_first()
        True
    """
    return jax.process_index() == 0


def check_same(trees: Mapping[str, Tree]) -> None:
    """Check that all processes were given the same arrays of their own, and the same numbers.

    Raises:
        ValueError: If one differs; the message has its name.

    Example:
        >>> check_same({"epochs": 3})  # there is one process
    """
    if not several() or any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees)):
        return
    told = agree(*map(fingerprint, trees.values()))
    same = (told == told[0]).all(axis=0)
    differ = [name for name, is_same in zip(trees, same, strict=True) if not is_same]
    if differ:
        raise ValueError(
            f"all processes need the same {' and '.join(differ)}, and some were given others: make "
            "them of the same key, by the same program"
        )


def fingerprint(tree: Tree) -> int:
    """Return a number by which equal trees are known, of 31 bits; what is global is left out.

    Example:
        >>> fingerprint({"a": 1}) == fingerprint({"a": 1}), fingerprint("a") == fingerprint("b")
        (True, False)
    """
    number = zlib.crc32(str(jax.tree.structure(tree)).encode())
    for leaf in jax.tree.leaves(tree):
        if getattr(leaf, "is_fully_addressable", True):
            array = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
            number = zlib.crc32(f"{array.shape} {array.dtype}".encode(), number)
            number = zlib.crc32(np.ravel(array).tobytes(), number)
    return number >> 1


@cache
def _gathering() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array], np.ndarray]:
    """Return where each device's row lies, the program that gathers them, and a row a process."""
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    mesh = Mesh(np.array(devices), ("device",))
    gather = jax.jit(lambda rows: rows, out_shardings=NamedSharding(mesh, PartitionSpec()))
    owners = [device.process_index for device in devices]
    firsts = np.unique(owners, return_index=True)[1]
    return NamedSharding(mesh, PartitionSpec("device")), gather, firsts


def send(values: Sequence[int] | np.ndarray) -> jax.Array:
    """Tell all processes some numbers, as many in each, without waiting for theirs.

    Every process must call it in the same order among all that it asks its devices for.
    """
    sharding, gather, _ = _gathering()
    row = np.asarray(values, getattr(values, "dtype", np.int32))
    rows = np.tile(row, (jax.local_device_count(), 1))
    with jax.set_mesh(sharding.mesh):  # pyright: ignore[reportArgumentType]
        sent = jax.make_array_from_process_local_data(
            sharding, rows, (sharding.mesh.size, len(row))
        )
        return gather(sent)


def read(sent: jax.Array) -> np.ndarray:
    """Wait for what `send` has sent and return it, `[processes, numbers]`."""
    return np.asarray(sent.addressable_data(0))[_gathering()[2]]


def agree(*values: int) -> np.ndarray:
    """Return the numbers of all processes, `[processes, numbers]`, once they have told them.

    Example:
        >>> agree(3, 4)
        array([[3, 4]], dtype=int32)
    """
    return read(send(values)) if several() else np.array([values], np.int32)


def texts(text: str) -> list[str]:
    """Return the texts of all processes.

    Example:
        >>> texts("I am alone")
        ['I am alone']
    """
    if not several():
        return [text]
    encoded = np.frombuffer(text.encode(), np.uint8)
    sizes = agree(len(encoded))[:, 0]
    longest = 1 << int(sizes.max()).bit_length()  # few lengths, as each is a program
    rows = read(send(np.pad(encoded, (0, longest - len(encoded)))))
    return [row[:size].tobytes().decode() for row, size in zip(rows, sizes, strict=True)]
