"""Several processes that train one model together: what they tell each other, and who does what."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ._records import is_key
from ._text import excerpt
from ._types import Tree

# What the errors of a collective look like whose other end is gone: a status, and one of the words.
_STATUS = re.compile(
    r"(UNKNOWN|UNAVAILABLE|ABORTED|INTERNAL|CANCELLED|DEADLINE_EXCEEDED|FAILED_PRECONDITION): "
)
_LOST = re.compile(r"gloo|nccl|rccl|connection|socket|peer|heartbeat|coordination", re.IGNORECASE)
_MOST = 300  # characters of an error that the other processes are told


class ProcessError(RuntimeError):
    """Another process of this training was lost, or has failed, so that this one cannot go on.

    JAX cannot replace a process: end all of them, and start all again with `resume=True`.

    Attributes:
        lost: Whether the other one is gone; else it has raised an error, which this one repeats.

    Example:
        >>> from gradwise import train
        >>> train.ProcessError("process 1 has failed").lost
        False
    """

    lost: bool = False


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


def check_global(name: str, *trees: Tree) -> None:
    """Check that data that several processes pass are arrays that they hold together.

    Each would train on what it has alone, and the models would differ without a word.

    Raises:
        ValueError: If one is an array of this process.

    Example:
        >>> check_global("the data", np.ones(3))  # there is one process
    """
    if not several():
        return
    for leaf in jax.tree.leaves(trees):
        if not isinstance(leaf, Tracer) and getattr(leaf, "is_fully_addressable", True):
            kind = "a JAX array" if isinstance(leaf, jax.Array) else "a NumPy array"
            raise ValueError(
                f"{name} must be global arrays, which the {jax.process_count()} processes hold "
                f"together, got {kind} {np.shape(leaf)} of process {jax.process_index()} alone: "
                "make one of the rows of all with jax.make_array_from_process_local_data("
                "sharding, own_rows), or train on host batches, of which each process gives its "
                "own rows"
            )


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


def on_all(leaf: jax.Array | np.ndarray, sharding: jax.sharding.Sharding) -> jax.Array:
    """Return an array that every process has as one that all of them hold together.

    `jax.device_put` would gather the arrays of all to compare them.
    """
    if sharding.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if is_key(leaf):
        data = on_all(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    array = np.asarray(leaf)
    return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)


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
    with jax.set_mesh(sharding.mesh):
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


def anywhere(ask: Callable[[], object]) -> bool:
    """Return whether the answer is true in any process; an error in one of them is one in all.

    Raises:
        ProcessError: If it has raised an error in another process, which raises its own.

    Example:
        >>> anywhere(lambda: True)
        True
    """
    if not several():
        return bool(ask())
    error, answer = None, False
    try:
        answer = bool(ask())
    except Exception as caught:
        if _all_know(caught):
            raise
        error = lost(caught) or caught
        if isinstance(error, ProcessError):
            raise error from caught
    told = agree(answer, error is not None)
    raise_for(error, told[:, 1])
    return bool(told[:, 0].any())


def raise_for(error: Exception | None, failed: np.ndarray) -> None:
    """Raise this process's error, or one that says which process has failed, if one has.

    Args:
        error: That of this process.
        failed: Which processes have one, as all know, `[processes]`.
    """
    if not failed.any():
        return
    told = texts("" if error is None else f"{type(error).__name__}: {error}"[:_MOST])
    if error is not None:
        vars(error)["all_know"] = True
        raise error
    first = int(np.argmax(failed))
    raise ProcessError(f"process {first} has failed, which ends all of them: {told[first]}")


def _all_know(error: Exception) -> bool:
    """Return whether the processes have told each other of an error already."""
    return isinstance(error, ProcessError) or "all_know" in vars(error)


@contextmanager
def shared_errors() -> Iterator[None]:
    """Let an error within the `with` block of one process end all of them at its end.

    What the block asks the devices of all processes for comes before what can fail in one.

    Raises:
        ProcessError: If the block has failed in another process.
    """
    error = None
    try:
        yield
    except Exception as caught:
        if not several() or _all_know(caught):
            raise
        error = lost(caught) or caught
        if isinstance(error, ProcessError):
            raise error from caught
    if several():
        raise_for(error, agree(error is not None)[:, 0])


def lost(error: Exception) -> ProcessError | None:
    """Return the error that says that another process is gone, if that is what JAX has raised.

    It is printed at once: where process 0 is gone, JAX ends this one within a tenth of a second.
    """
    text = str(error)
    if not (several() and _STATUS.match(text) and _LOST.search(text)):
        return None
    told = (
        f"process {jax.process_index()} has lost another process, which was killed or has failed: "
        f"end all processes, and restart all with resume=True ({excerpt(text)})"
    )
    if not is_first():
        print(f"fit: {told}", file=sys.stderr, flush=True)
    made = ProcessError(told)
    made.lost = True
    return made


@contextmanager
def lost_told() -> Iterator[None]:
    """Raise a `ProcessError` where the `with` block ends because another process is gone."""
    try:
        yield
    except Exception as caught:
        error = lost(caught)
        if error is None:
            raise
        raise error from caught


def own_parts(first: jax.Array | np.ndarray, *others: Tree) -> Iterator[tuple]:
    """Yield the parts of arrays that this process holds: where the first one's begins, and each.

    The arrays have one shape. What one process holds alone is a single part.

    Example:
        >>> [(start, part.tolist()) for start, part in own_parts(np.array([3, 4]))]
        [((0,), [3, 4])]
    """
    arrays: tuple[Tree, ...] = (first, *others)
    if not isinstance(first, jax.Array) or first.is_fully_addressable:
        whole = [None if array is None else np.asarray(array) for array in arrays]
        yield (0,) * np.ndim(first), *whole
        return
    placed = [None if a is None else jax.device_put(a, first.sharding) for a in arrays]
    seen = set()
    for number, shard in enumerate(first.addressable_shards):
        start = tuple(part.start or 0 for part in shard.index)
        if start not in seen:
            seen.add(start)
            shards = (a if a is None else a.addressable_shards[number].data for a in placed)
            yield start, *(None if part is None else np.asarray(part) for part in shards)


def local(tree: Tree) -> Tree:
    """Return a tree with a copy in this process of what several hold together.

    All processes call it together: what is spread over them is gathered.

    Example:
        >>> local({"weight": 3})
        {'weight': 3}
    """
    return jax.tree.map(_local, tree)


def _local(leaf: Tree) -> Tree:
    if getattr(leaf, "is_fully_addressable", True):
        return leaf
    if not leaf.is_fully_replicated:
        mesh = _gathering()[0].mesh
        everywhere = NamedSharding(getattr(leaf.sharding, "mesh", mesh), PartitionSpec())
        leaf = jax.device_put(leaf, everywhere)
    return leaf.addressable_data(0)
