"""Scans that write or read an array row by row, and what to write instead."""

from collections.abc import Iterator

from ..advice import Advice
from ..jaxpr import scan_parts
from .buffers import Buffer, Gathered, rows_of
from .rows import row_bytes
from .scope import Scope, Step, Value, moved_bytes
from .words import argument_names, shaped, times

#: Fewer turns are not worth a word.
_FEW_TURNS = 16
#: A longer name of the user's makes lines too long.
_LONGEST = 8


def find_buffers(program: Scope) -> Iterator[Advice]:
    """Find scans that write the rows of a buffer, which could be outputs of the scan."""
    for loop in _loops(program):
        body, (consts, *_) = loop.bodies[0], scan_parts(loop.eqn)
        for buffer in rows_of(loop).buffers:
            array = body.inputs[consts + buffer.carry]
            if array.active and array.floats:
                yield _advice_on_buffer(loop, array, buffer)


def find_gathered(program: Scope) -> Iterator[Advice]:
    """Find scans that read several rows of one array by a counter, which could be slices."""
    for loop in _loops(program):
        body = loop.bodies[0]
        for each in rows_of(loop).gathered:
            if len(each.reads) > 1:  # the derivative of one read alone is added in place
                yield _advice_on_gathered(loop, body.inputs[each.const], each)


def _loops(program: Scope) -> Iterator[Step]:
    for scope in program.every():
        for step in scope.steps:
            long = step.name == "scan" and (step.bodies[0].turns or 0) >= _FEW_TURNS
            if long and not scope.ruled:
                yield step


def _advice_on_buffer(loop: Step, array: Value, buffer: Buffer) -> Advice:
    turns, row = loop.bodies[0].turns or 0, row_bytes(array, buffer.write)
    work = moved_bytes(loop.bodies[0]) - array.bytes + row
    factor = 1 + array.bytes / max(work, row)
    ago = {read.turns_ago for read in buffer.reads}
    names = argument_names(loop.bodies[0].program)
    name = names[scan_parts(loop.eqn).consts + buffer.carry - len(loop.bodies[0].inputs)] or "rows"
    name = name if len(name) <= _LONGEST else "rows"
    code = _CODE_OF_BUFFER if ago - {0} else _CODE_OF_OUTPUTS if not ago else _CODE_IN_PLACE
    return Advice(
        pattern="carried buffer",
        what=f"a loop of {turns:,} turns writes a row of the array {shaped(array)} that it hands "
        "on, and its derivative copies all of that in every turn",
        line=buffer.write.step.line or loop.line,
        cure="return the rows as the outputs of lax.scan",
        code=code.replace("rows", name),
        saves=f"{times(factor)} the memory traffic, by count",
        factor=factor,
    )


_CODE_OF_OUTPUTS = """\
def body(carry, x):
    ...
    return carry, row        # in place of writing it into rows
carry, rows = jax.lax.scan(body, carry, xs)"""
_CODE_OF_BUFFER = """\
def body(last, x):           # hand on the last row alone
    row = ...                # made of last
    return row, row
_, rows = jax.lax.scan(body, first_row, xs)"""
_CODE_IN_PLACE = """\
def body(carry, row):        # take row by row, and give it back
    ...
    return carry, new_row
carry, rows = jax.lax.scan(body, carry, rows)"""


def _advice_on_gathered(loop: Step, array: Value, each: Gathered) -> Advice:
    work = max(2 * moved_bytes(loop.bodies[0]), 1)
    factor = 1 + len(each.reads) * array.bytes / work
    return Advice(
        pattern="gather in a loop",
        what=f"a loop of {loop.bodies[0].turns:,} turns reads {len(each.reads)} rows of the array "
        f"{shaped(array)} by its counter, and the derivative copies all of that in every turn",
        line=each.reads[0].step.line or loop.line,
        cure="hand the rows to lax.scan as its slices",
        code=_CODE_OF_SLICES,
        saves=f"{times(factor)} the memory traffic, by count",
        factor=factor,
    )


_CODE_OF_SLICES = """\
def body(carry, rows):       # in place of x[i] and x[i - 1]
    row, last = rows
    ...
carry, ys = jax.lax.scan(body, carry, (x[1:], x[:-1]))"""
