"""A scan that hands on a whole array and touches a row of it in each turn.

Reverse mode runs the turns backwards, and where a row is written there, or two rows are read, XLA
copies the whole array in each turn: T turns on T rows take T^2. As outputs and slices of the scan
the same rows take T.
"""

from typing import NamedTuple

import numpy as np

from ..jaxpr import scan_parts
from .counters import Counters
from .rows import Access, read_of, write_of
from .scope import Scope, Step, Value

#: A row that was written more turns ago is not looked for.
_MOST_TURNS_AGO = 4


class Read(NamedTuple):
    """A row that is read.

    Attributes:
        access: Where.
        turns_ago: In which turn it was written; 0 for a row that nobody has written before.
    """

    access: Access
    turns_ago: int


class Buffer(NamedTuple):
    """An array that is handed on, with one row written in each turn.

    Attributes:
        carry: Its place among what is handed on.
        write: What is written.
        reads: What is read of it.
        history: The starts of the rows that count as written before the first turn, last first.
    """

    carry: int
    write: Access
    reads: tuple[Read, ...]
    history: tuple[int, ...]


class Gathered(NamedTuple):
    """An array that stays the same, of which rows are read that no turn decides.

    Attributes:
        const: Its place among the operands.
        reads: What is read of it.
    """

    const: int
    reads: tuple[Access, ...]


class Rows(NamedTuple):
    """The arrays of a scan that are touched by rows alone."""

    buffers: tuple[Buffer, ...]
    gathered: tuple[Gathered, ...]


def rows_of(loop: Step) -> Rows:
    """Find the arrays that a scan touches by rows alone.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def powers(x):
        ...     def step(i, y):
        ...         return y.at[i].set(y[i - 1] * x)
        ...     return jax.lax.fori_loop(1, 5, step, jnp.ones(5))
        >>> scan = read_scopes(jax.make_jaxpr(powers)(2.0), [True]).steps[-1]
        >>> (rows,) = rows_of(scan).buffers
        >>> rows.carry, rows.write.starts.tolist(), rows.reads[0].turns_ago
        (1, [1, 2, 3, 4], 1)
    """
    body, counters = loop.bodies[0], Counters(loop.bodies[0])
    consts, carries, _, _ = scan_parts(loop.eqn)
    buffers = [_buffer(body, consts, carry, counters) for carry in range(carries)]
    gathered = [_gathered(body, const, counters) for const in range(consts)]
    return Rows(
        tuple(buffer for buffer in buffers if buffer),
        tuple(each for each in gathered if each),
    )


def _buffer(body: Scope, consts: int, carry: int, counters: Counters) -> Buffer | None:
    before, after = body.inputs[consts + carry], body.outputs[carry]
    used_once = sum(value is after for value in body.outputs) == 1 and not after.readers
    if before.inner or before.returned or after.inner or not used_once or before is after:
        return None
    if after.maker is None or after.maker.scope is not body:
        return None
    write = write_of(after.maker, counters)
    if write is None or after.maker.inputs[0] is not before or not _can_be_stacked(write):
        return None
    if any(value is before for value in after.maker.inputs[1:]):
        return None
    readers = [step for step in before.readers if step is not write.step]
    accesses = [_read(step, before, body, counters) for step in readers]
    reads = [_dated(access, write) for access in accesses]
    if any(read is None for read in reads):
        return None
    told = tuple(read for read in reads if read is not None)
    history = _history(told)
    return None if history is None else Buffer(carry, write, told, history)


def _read(step: Step, array: Value, body: Scope, counters: Counters) -> Access | None:
    """Return what a step of the body reads of an array, and of nothing else of it."""
    alone = step.scope is body and [value is array for value in step.inputs].count(True) == 1
    return read_of(step, counters) if alone and step.inputs[0] is array else None


def _can_be_stacked(write: Access) -> bool:
    """Whether no entry is written twice, and long rows follow one another."""
    starts, size = write.starts, write.size
    if size == 1:
        return len(set(starts.tolist())) == len(starts)
    return bool(np.all(np.diff(starts) == size))


def _dated(access: Access | None, write: Access) -> Read | None:
    """Find out when a row that is read was written; `None` if that changes from turn to turn."""
    if access is None or (access.axis, access.size) != (write.axis, write.size):
        return None
    written: dict[int, int] = {}
    ages = []
    for turn, (read, wrote) in enumerate(
        zip(access.starts.tolist(), write.starts.tolist(), strict=True)
    ):
        touched = [written[entry] for entry in range(read, read + access.size) if entry in written]
        if touched and (len(touched) < access.size or len(set(touched)) > 1):
            return None  # a part of one row and a part of another
        ages.append(turn - touched[0] if touched else 0)
        written |= dict.fromkeys(range(wrote, wrote + write.size), turn)
    if not any(ages):
        return Read(access, 0)
    ago = max(ages)
    settled = all(age == (ago if turn >= ago else 0) for turn, age in enumerate(ages))
    whole = np.array_equal(access.starts[ago:], write.starts[: len(access.starts) - ago])
    return Read(access, ago) if settled and whole and ago <= _MOST_TURNS_AGO else None


def _history(reads: tuple[Read, ...]) -> tuple[int, ...] | None:
    """Return where the rows are that are read before any is written, the latest first.

    It is `None` if two reads take different rows for the same one.
    """
    starts: dict[int, int] = {}
    for access, ago in reads:
        for turn in range(min(ago, len(access.starts))):
            start = int(access.starts[turn])
            if starts.setdefault(ago - turn, start) != start:
                return None
    deepest = max(starts, default=0)
    return tuple(starts.get(ago, 0) for ago in range(1, deepest + 1))


def _gathered(body: Scope, const: int, counters: Counters) -> Gathered | None:
    array = body.inputs[const]
    if array.inner or array.returned or not (array.active and array.floats):
        return None
    reads = [_read(step, array, body, counters) for step in array.readers]
    if not reads or any(read is None for read in reads):
        return None
    return Gathered(const, tuple(read for read in reads if read is not None))
