"""What loops and branches make of marks."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array, vstack

from ...program.jaxpr import Atom, Program, bodies, kind, opened, scan_parts, shape
from ...program.loops import branch_taken, of_while, turn_by_turn, turns
from ...program.walk import inside
from .held import OPAQUE
from .marks import (
    MOST_ENTRIES,
    Held,
    Marked,
    TooLargeError,
    Value,
    identity,
    nothing,
    product,
    take_rows,
    union,
)
from .mixing import mixed
from .walking import Loop, Walk

#: Scans of at most so many turns are walked turn by turn, with each turn's own indices,
_MOST_TURNS = 64
#: if their turns are no more than so many operations, those of loops inside counted as often.
_MOST_VISITS = 4000


def _scan(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk a scan turn by turn, or, if it is long, as its body composed with itself."""
    few = eqn.params["length"] <= _MOST_TURNS and _visits(eqn) <= _MOST_VISITS
    return (_turn_by_turn if few else _summarised)(walk, eqn, operands, line)


def _visits(eqn: JaxprEqn) -> int:
    """Count the operations of a loop, turn by turn, or of another operation with programs."""
    inside = sum(_visits(inner) for body in bodies(eqn) for inner in opened(body).eqns)
    return eqn.params["length"] * inside if kind(eqn) == "scan" else 1 + inside


def _turn_by_turn(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> list[Value]:
    def turn(body: Program, inputs: list[Value], place: int) -> Sequence[Value]:
        del place
        return walk.run(body, inputs, line)

    stacked = partial(_stacked, _inputs(operands))
    return turn_by_turn(eqn, operands, turn, row=_slice_of, stacked=stacked)


def _slice_of(stack: Value, turn: int) -> Value:
    if isinstance(stack, Marked):
        return stack.taken(stack.positions[turn])
    if isinstance(stack, Held):
        return stack.at(turn)
    return OPAQUE


def _inputs(values: Sequence[Value]) -> int:
    return next(value.rows.shape[1] for value in values if isinstance(value, Marked))


def _stacked(n: int, results: Sequence[Value], atom: Atom) -> Value:
    """Return the results of all turns as one array."""
    if not any(isinstance(result, Marked) for result in results):
        return OPAQUE
    each = math.prod(shape(atom)[1:])
    rows = [r.rows if isinstance(r, Marked) else nothing(each, n) for r in results]
    return Marked(_joined(rows), shape(atom))


def _joined(rows: Sequence[csr_array]) -> csr_array:
    return csr_array(vstack(list(rows), format="csr"))


class _Body(NamedTuple):
    """The pattern of a scan's body, whose columns are its marked inputs, one after the other.

    Attributes:
        marked: The places of these, among all inputs.
        step: The marked parts of the carry, after a turn.
        ys: For each stacked result its pattern; `None` for one that no mark reaches.
    """

    marked: list[int]
    step: csr_array
    ys: list[csr_array | None]


def _summarised(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> list[Value]:
    """Walk the body once, on marks of its own inputs, and compose its pattern with itself."""
    parts, n = scan_parts(eqn), _inputs(operands)
    body = _body(walk, eqn, operands, line)
    first, stacks_from = parts.consts, parts.consts + parts.carries

    def rows(place: int) -> csr_array:
        value = operands[place]
        if isinstance(value, Marked):
            return value.rows
        return nothing(math.prod(shape(eqn.invars[place])), n)

    held = [rows(p) for p in body.marked if p < first]
    carries = [p for p in body.marked if first <= p < stacks_from]
    stacks = [p for p in body.marked if p >= stacks_from]
    state = _joined([nothing(0, n), *map(rows, carries)])
    found: dict[int, list[csr_array | None]] = {}
    made, before, ys = 0, None, []
    for turn in turns(eqn):
        walk.check_time()
        if stacks or before is None or not _same(state, before):
            given = _joined([*held, state, *(_one_turn(rows(p), turn, eqn, p) for p in stacks)])
            ys = [None if y is None else product(y, given) for y in body.ys]
            before, state = state, product(body.step, given)
        found[turn] = ys  # as before, where nothing comes in and nothing has changed
        made += sum(y.nnz for y in ys if y is not None)
        if made > MOST_ENTRIES:
            raise TooLargeError(f"a loop's results of {made:,} entries")
    results: list[Value] = [OPAQUE] * parts.carries
    for place, own in zip(carries, _cut(state, [eqn.invars[p] for p in carries]), strict=True):
        results[place - first] = Marked(own, shape(eqn.invars[place]))
    for place, atom in enumerate(eqn.outvars[parts.carries :]):
        ordered = [found[turn][place] for turn in range(eqn.params["length"])]
        known = [y for y in ordered if y is not None]
        results.append(Marked(_joined(known), shape(atom)) if known else OPAQUE)
    return results


def _same(one: csr_array, other: csr_array) -> bool:
    if one.nnz != other.nnz:
        return False
    one, other = (pattern.sorted_indices() for pattern in (one, other))
    return np.array_equal(one.indptr, other.indptr) and np.array_equal(one.indices, other.indices)


def _one_turn(rows: csr_array, turn: int, eqn: JaxprEqn, place: int) -> csr_array:
    each = math.prod(shape(eqn.invars[place])[1:])
    return take_rows(rows, np.arange(turn * each, (turn + 1) * each))


def _cut(rows: csr_array, atoms: Sequence[Atom]) -> list[csr_array]:
    ends = np.cumsum([0, *(math.prod(shape(atom)) for atom in atoms)])
    return [take_rows(rows, np.arange(*pair)) for pair in pairwise(ends)]


def _body(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> _Body:
    """Return the pattern of the body; what differs from turn to turn is not known in it."""
    parts, jaxpr = scan_parts(eqn), opened(eqn.params["jaxpr"])
    marked = _marked_inputs(walk, eqn, operands, line)
    every = identity(sum(math.prod(shape(jaxpr.invars[p])) for p in marked))
    own = dict(zip(marked, _cut(every, [jaxpr.invars[p] for p in marked]), strict=True))
    inner: list[Value] = []
    for place, v in enumerate(jaxpr.invars):
        if place in own:
            inner.append(Marked(own[place], shape(v)))
        else:
            inner.append(operands[place] if place < parts.consts else OPAQUE)
    results = walk.run(eqn.params["jaxpr"], inner, line)
    carries = [p - parts.consts for p in marked if 0 <= p - parts.consts < parts.carries]
    step = [_rows_of(results[c], jaxpr.outvars[c], every.shape[1]) for c in carries]
    ys = [y.rows if isinstance(y, Marked) else None for y in results[parts.carries :]]
    return _Body(marked, _joined([nothing(0, every.shape[1]), *step]), ys)


def _rows_of(value: Value, atom: Atom, n: int) -> csr_array:
    return value.rows if isinstance(value, Marked) else nothing(math.prod(shape(atom)), n)


def _marked_inputs(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> list[int]:
    """Return the inputs of the body that a mark ever reaches: a carry may be in a later turn."""
    parts, jaxpr = scan_parts(eqn), opened(eqn.params["jaxpr"])
    marked = {place for place, o in enumerate(operands) if isinstance(o, Marked)}
    while True:
        inner: list[Value] = [
            _one_mark(shape(v)) if place in marked else OPAQUE
            for place, v in enumerate(jaxpr.invars)
        ]
        results = walk.run(eqn.params["jaxpr"], inner, line)[: parts.carries]
        reached = {parts.consts + c for c, r in enumerate(results) if isinstance(r, Marked)}
        if reached <= marked:
            return sorted(marked)
        marked |= reached


def _one_mark(of_shape: tuple[int, ...]) -> Marked:
    return Marked(csr_array(np.ones((math.prod(of_shape), 1), np.int8)), of_shape)


def _while(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk the body until the carry depends on nothing new: it may go round any number of times."""
    tested, held, start = of_while(eqn, operands)
    # What goes into a turn is not what it was before the first one.
    carry = [v if isinstance(v, Marked) else OPAQUE for v in start]
    while True:
        results = walk.run(eqn.params["body_jaxpr"], [*held, *carry], line)
        pairs = zip(carry, results, eqn.outvars, strict=True)
        grown = [_either((before, after), shape(v)) for before, after, v in pairs]
        if all(_entries(a) == _entries(b) for a, b in zip(carry, grown, strict=True)):
            # A custom rule may go on until a cotangent is small: the walk finds that not linear.
            walk.run(eqn.params["cond_jaxpr"], [*tested, *grown], line)
            return grown
        carry = grown


def _either(values: Sequence[Value], of_shape: tuple[int, ...]) -> Value:
    """Return a value that is one of several."""
    marked = [value.rows for value in values if isinstance(value, Marked)]
    return Marked(union(marked), of_shape) if marked else OPAQUE


def _entries(value: Value) -> int:
    return value.rows.nnz if isinstance(value, Marked) else -1


def _cond(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk the branch that is taken, or all of them where nobody knows which it is."""
    branches, index = eqn.params["branches"], operands[0]
    if isinstance(index, Marked):
        walk.curved.append(f"cond{line and f' at {line}'}")
        return mixed(eqn, operands)
    if isinstance(index, Held) and not index.bound:
        branches = _branches_of(eqn, index)
    sides = [walk.run(branch, operands[1:], line) for branch in branches]
    results = zip(zip(*sides, strict=True), eqn.outvars, strict=True)
    return [_either(side, shape(v)) for side, v in results]


def _branches_of(eqn: JaxprEqn, index: Held) -> list[Any]:
    """Return the branches that an index may take, as it is rounded."""
    branches, either = eqn.params["branches"], [index.array]
    for other in (index.rounded(1), index.rounded(2)):
        if not isinstance(other, Held):
            return list(branches)
        either.append(other.array)
    return [branches[k] for k in sorted({branch_taken(eqn, one) for one in either})]


def _solve(walk: Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk the program that solves a system; where it is an iteration, all of the system mixes."""
    call, steps = inside(eqn, operands), len(walk.curved)
    assert call is not None
    results = walk.run(*call, line)
    if len(walk.curved) == steps:
        return results
    del walk.curved[steps:]
    return mixed(eqn, operands)


#: How loops, branches and solves are walked.
LOOPS: dict[str, Loop] = {
    "cond": _cond,
    "custom_linear_solve": _solve,
    "scan": _scan,
    "while": _while,
}
