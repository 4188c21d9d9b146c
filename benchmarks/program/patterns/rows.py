"""Operations that write or read a few rows of an array, at an index that is one integer.

A row is what is left of an array where one axis is cut to `size` entries.
"""

import math
from typing import NamedTuple

import jax
import numpy as np

from .counters import Counters
from .scope import Step, Value


class Access(NamedTuple):
    """A row that a step writes or reads.

    Attributes:
        step: The step.
        axis: The axis that is cut.
        size: To how many entries.
        starts: `[turns]` the first of them in each turn of the loop.
        row: The operand of the step that is written; `None` for one that reads.
    """

    step: Step
    axis: int
    size: int
    starts: np.ndarray
    row: int | None = None


def write_of(step: Step | None, counters: Counters) -> Access | None:
    """Return what a step writes into its first operand; `None` unless that is a row."""
    match step.name if step else "":
        case "dynamic_update_slice":
            assert step is not None
            array, row, *starts = step.inputs
            return _sliced(step, array, row.shape, starts, counters, row=1)
        case "scatter":
            assert step is not None
            return _scattered(step, counters)
    return None


def read_of(step: Step, counters: Counters) -> Access | None:
    """Return what a step reads of its first operand; `None` unless that is a row."""
    match step.name:
        case "dynamic_slice":
            array, *starts = step.inputs
            return _sliced(step, array, step.eqn.params["slice_sizes"], starts, counters)
        case "gather":
            return _gathered(step, counters)
    return None


def _sliced(
    step: Step,
    array: Value,
    sizes: tuple[int, ...],
    starts: list[Value],
    counters: Counters,
    row: int | None = None,
) -> Access | None:
    cut = [axis for axis, size in enumerate(sizes) if size != array.shape[axis]]
    if len(cut) != 1:
        return None
    (axis,) = cut
    places = counters.of(starts[axis])
    if places is None:
        return None
    # Such a slice is moved until it is inside of the array.
    inside = np.clip(places, 0, array.shape[axis] - sizes[axis])
    return Access(step, axis, sizes[axis], inside, row)


def _scattered(step: Step, counters: Counters) -> Access | None:
    array, indices, row = step.inputs
    numbers = step.eqn.params["dimension_numbers"]
    if numbers.operand_batching_dims or len(indices.shape) != 1:
        return None
    windows = iter(row.shape)
    dropped = numbers.inserted_window_dims
    sizes = tuple(1 if axis in dropped else next(windows) for axis in range(len(array.shape)))
    return _at(step, sizes, numbers.scatter_dims_to_operand_dims, counters, row=2)


def _gathered(step: Step, counters: Counters) -> Access | None:
    numbers = step.eqn.params["dimension_numbers"]
    if numbers.operand_batching_dims or len(step.inputs[1].shape) != 1:
        return None
    sizes = tuple(step.eqn.params["slice_sizes"])
    return _at(step, sizes, numbers.start_index_map, counters)


def _at(
    step: Step,
    sizes: tuple[int, ...],
    indexed: tuple[int, ...],
    counters: Counters,
    row: int | None = None,
) -> Access | None:
    """Return the access to a window of some sizes, whose place a vector of integers says.

    Args:
        step: The step, whose operands are the array and the vector.
        sizes: The sizes of the window.
        indexed: The axes that the entries of the vector are for.
        counters: What integers are.
        row: The operand that is written.
    """
    array, indices = step.inputs[:2]
    cut = [axis for axis, size in enumerate(sizes) if size != array.shape[axis]]
    places = counters.of(indices)
    if len(cut) != 1 or cut[0] not in indexed or places is None:
        return None
    most = np.array([array.shape[axis] - sizes[axis] for axis in indexed])
    inside = np.clip(places, 0, most)
    # In the other modes nothing is written, and another value read, where a window is outside.
    if step.eqn.params["mode"] != jax.lax.GatherScatterMode.CLIP and np.any(inside != places):
        return None
    return Access(step, cut[0], sizes[cut[0]], inside[:, list(indexed).index(cut[0])], row)


def row_shape(array: Value, access: Access) -> tuple[int, ...]:
    """Return the shape of a row, the axis that is cut included."""
    return (*array.shape[: access.axis], access.size, *array.shape[access.axis + 1 :])


def row_bytes(array: Value, access: Access) -> int:
    """Return the bytes of a row."""
    return math.prod(row_shape(array, access)) * array.dtype.itemsize


def cut_out(array: jax.Array, access: Access, starts: np.ndarray) -> jax.Array:
    """Return the rows at some starts, `[starts, ...]`, each with the axis that is cut."""
    places = starts[:, None] + np.arange(access.size)
    rows = jax.numpy.take(array, places.ravel(), axis=access.axis, unique_indices=False)
    before, after = array.shape[: access.axis], array.shape[access.axis + 1 :]
    split = rows.reshape(*before, len(starts), access.size, *after)
    return jax.numpy.moveaxis(split, access.axis, 0)
