"""A scan done in another way: rows as its outputs and slices, single numbers as one array."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...program.jaxpr import scan_parts
from ...program.loops import of_scan
from ...program.patterns.buffers import Buffer, Rows, rows_of
from ...program.patterns.rows import Access, cut_out, row_shape
from ...program.patterns.scalars import scalar_carries
from ...program.patterns.scope import Scope, Step
from .replay import Again, Rule, rewritten, run_steps


class _Plan(NamedTuple):
    """How a scan is done.

    Attributes:
        buffers: The arrays whose rows become outputs, by their place among what is handed on.
        stacked: The single numbers that become one array, by their places.
        sliced: The rows that become slices: the step that reads them, the operand, and where.
    """

    buffers: Mapping[int, Buffer]
    stacked: Sequence[int] = ()
    sliced: Sequence[tuple[int, Access]] = ()

    def plain(self, carries: int) -> list[int]:
        """Return the places of what is handed on as it was."""
        return [i for i in range(carries) if i not in self.buffers and i not in self.stacked]


class _State(NamedTuple):
    """What the turns hand on: values as they were, single numbers, and the last rows written."""

    plain: list[Any]
    numbers: jax.Array | None
    rows: dict[int, list[jax.Array]]


def with_outputs(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` with the rows that its scans write as outputs of the scans.

    Example:
        >>> def powers(x):
        ...     rows = jnp.zeros(4).at[0].set(1.0)
        ...     return jax.lax.fori_loop(1, 4, lambda i, y: y.at[i].set(y[i - 1] * x), rows)
        >>> with_outputs(powers)(3.0)
        Array([ 1.,  3.,  9., 27.], dtype=float32)
    """
    return rewritten(fn, partial(_rules, _plan_of_buffers))


def with_slices(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` with the rows that its scans read by a counter as slices of the scans.

    Example:
        >>> def total(x):
        ...     return jax.lax.fori_loop(1, 4, lambda i, y: y + x[i] * x[i - 1], 0.0)
        >>> with_slices(total)(jnp.arange(4.0))
        Array(8., dtype=float32)
    """
    return rewritten(fn, partial(_rules, _plan_of_slices))


def with_stacked_carries(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` with the single numbers that its scans hand on as one array.

    Example:
        >>> def swapped(a, b):
        ...     return jax.lax.fori_loop(0, 3, lambda i, pair: (pair[1], pair[0] + 1), (a, b))
        >>> with_stacked_carries(swapped)(0.0, 10.0)
        (Array(11., dtype=float32, weak_type=True), Array(2., dtype=float32, weak_type=True))
    """
    return rewritten(fn, partial(_rules, _plan_of_numbers))


def _rules(plan_of: Callable[[Step], _Plan | None], program: Scope) -> dict[Step, Rule]:
    """Return how to do the scans of a program that there is a plan for."""
    rules: dict[Step, Rule] = {}
    for scope in program.every():
        for step in scope.steps:
            plan = plan_of(step) if step.name == "scan" and not scope.ruled else None
            if plan is not None:
                rules[step] = partial(_run, step, plan)
    return rules


def _plan_of_buffers(loop: Step) -> _Plan | None:
    found = rows_of(loop)
    if not found.buffers:
        return None
    buffers = {buffer.carry: buffer for buffer in found.buffers}
    return _Plan(buffers, sliced=_unwritten(loop, found))


def _unwritten(loop: Step, found: Rows) -> list[tuple[int, Access]]:
    """Return the reads of buffers that no turn has written before."""
    consts = scan_parts(loop.eqn).consts
    return [
        (consts + buffer.carry, read.access)
        for buffer in found.buffers
        for read in buffer.reads
        if read.turns_ago == 0
    ]


def _plan_of_slices(loop: Step) -> _Plan | None:
    sliced = [(each.const, access) for each in rows_of(loop).gathered for access in each.reads]
    return _Plan({}, sliced=sliced) if sliced else None


def _plan_of_numbers(loop: Step) -> _Plan | None:
    stacked = scalar_carries(loop)
    return _Plan({}, stacked=stacked) if len(stacked) > 1 else None


def _run(loop: Step, plan: _Plan, operands: Sequence[Any], again: Again) -> list[Any]:
    """Do a scan by a plan."""
    params, given = loop.eqn.params, of_scan(loop.eqn, operands)
    backwards, carries = params["reverse"], len(given.carry)

    def turn(state: _State, slices: tuple[list, list]) -> tuple[_State, tuple[list, list]]:
        xs, rows = slices
        read = {access.step: row for (_, access), row in zip(plan.sliced, rows, strict=True)}
        wrote: dict[int, jax.Array] = {}
        do = partial(_do, again, plan, state.rows, read, wrote)
        inputs = [*given.consts, *_handed_on(plan, state, carries), *xs]
        results = run_steps(loop.bodies[0], inputs, do)
        after = _state(plan, results[:carries], _later_rows(state.rows, wrote))
        return after, (results[carries:], [wrote[place] for place in plan.buffers])

    first = {
        place: _first_rows(given.carry[place], buffer) for place, buffer in plan.buffers.items()
    }
    rows = [
        cut_out(operands[place], each, _ordered(each, backwards)) for place, each in plan.sliced
    ]
    last, (ys, written) = jax.lax.scan(
        turn,
        _state(plan, given.carry, first),
        (given.xs, rows),
        length=params["length"],
        reverse=backwards,
        unroll=params["unroll"],
    )
    ends = _handed_on(plan, last, carries)
    for (place, buffer), stacked in zip(plan.buffers.items(), written, strict=True):
        ends[place] = _filled(given.carry[place], buffer, stacked, backwards)
    return [*ends, *ys]


def _state(plan: _Plan, carry: Sequence[Any], rows: dict[int, list[jax.Array]]) -> _State:
    """Return what the scan itself hands on in the form in which its turns do by a plan."""
    numbers = [carry[place] for place in plan.stacked]
    plain = [carry[place] for place in plan.plain(len(carry))]
    return _State(plain, jnp.stack(numbers) if numbers else None, rows)


def _handed_on(plan: _Plan, state: _State, carries: int) -> list[Any]:
    """Return what the scan itself hands on; an array whose rows are outputs is `None`."""
    values = dict(zip(plan.plain(carries), state.plain, strict=True))
    if state.numbers is not None:
        values |= {place: state.numbers[i] for i, place in enumerate(plan.stacked)}
    return [values.get(place) for place in range(carries)]


def _later_rows(
    rows: Mapping[int, list[jax.Array]], wrote: Mapping[int, jax.Array]
) -> dict[int, list[jax.Array]]:
    """Return the last rows of each buffer after a turn, the latest first, as many as before."""
    return {place: [row, *rows[place]][: len(rows[place])] for place, row in wrote.items()}


def _do(
    again: Again,
    plan: _Plan,
    last_rows: Mapping[int, list[jax.Array]],
    sliced: Mapping[Step, jax.Array],
    wrote: dict[int, jax.Array],
    step: Step,
    operands: Sequence[Any],
) -> list[Any]:
    """Do a step of the body; rows are taken from where the plan has put them."""
    if step in sliced:
        return [sliced[step].reshape(step.outputs[0].shape)]
    for place, buffer in plan.buffers.items():
        if step is buffer.write.step:
            assert buffer.write.row is not None
            shape = row_shape(step.outputs[0], buffer.write)
            wrote[place] = jnp.reshape(operands[buffer.write.row], shape)
            return [None]
        for read in buffer.reads:
            if step is read.access.step:
                row = last_rows[place][read.turns_ago - 1]
                return [row.reshape(step.outputs[0].shape)]
    return again(step, operands)


def _first_rows(array: Any, buffer: Buffer) -> list[jax.Array]:
    """Return the rows that count as written before the first turn, the latest first."""
    if not buffer.history:
        return []
    return list(cut_out(array, buffer.write, np.array(buffer.history)))


def _ordered(access: Access, backwards: bool) -> np.ndarray:
    """Return where rows start, in the order of a scan's slices."""
    return access.starts[::-1] if backwards else access.starts


def _filled(array: Any, buffer: Buffer, rows: jax.Array, backwards: bool) -> jax.Array:
    """Return a buffer with the rows of all turns in it."""
    axis, size = buffer.write.axis, buffer.write.size
    starts = _ordered(buffer.write, backwards)
    if len(starts) > 1 and starts[0] > starts[-1]:
        starts, rows = starts[::-1], rows[::-1]
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    block = jnp.moveaxis(rows, 0, axis).reshape(*before, len(starts) * size, *after)
    if np.all(np.diff(starts) == size):
        if block.shape == array.shape:
            return block
        return jax.lax.dynamic_update_slice_in_dim(array, block, int(starts[0]), axis)
    place = (*(slice(None),) * axis, starts)
    return array.at[place].set(block, unique_indices=True)
