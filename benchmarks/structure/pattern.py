"""Which outputs of a function may depend on which inputs, for every x, read off its JVP's program.

The JVP is linear in the tangent, custom rules are written out in it, and what has no slope is not
in it; so some thirty rules say how marks pass (cf. A. H. Gebremedhin, F. Manne, A. Pothen, What
Color Is Your Jacobian?, 2005; A. Griewank and A. Walther, Evaluating Derivatives, 2008, ch. 7).
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn
from scipy.sparse import csr_array, vstack

from ..program.jaxpr import Program, kind, opened, scan_parts, shape, trace
from ..program.walk import bind, interpret
from .marks import (
    OPAQUE,
    Held,
    Marked,
    TooLargeError,
    Value,
    identity,
    nothing,
    pattern_of,
    product,
    take_rows,
    union,
)
from .rules import mixed, results_of

#: Scans of at most so many turns are walked turn by turn; longer ones are summarised.
_MOST_TURNS = 64
#: Seconds that looking may take.
_LIMIT = 5.0


class Pattern(NamedTuple):
    """Which outputs may depend on which inputs.

    Attributes:
        rows: `[m, n]`, an entry for each number that may be other than zero at some x.
        unknown: Operations that no rule is known for, with their lines; they mix everything.
        bound: Which of the fixed arguments' values it depends on, by their places.
    """

    rows: csr_array
    unknown: tuple[str, ...] = ()
    bound: frozenset[int] = frozenset()


def find_pattern(
    fn: Callable[[Sequence[jax.Array], Sequence[jax.Array]], Sequence[jax.Array]],
    x: Sequence[Any],
    fixed: Sequence[Any] = (),
    *,
    limit: float = _LIMIT,
) -> Pattern:
    """Return the pattern of the Jacobian of `fn(x, fixed)` by `x`; nothing is run.

    Args:
        fn: A function of two sequences of arrays to a sequence of float arrays.
        x: What is differentiated: arrays or `ShapeDtypeStruct`s of floats.
        fixed: What is not. Integer arrays among them that have values are bound: the pattern holds
            for these.
        limit: Seconds that this may take.

    Raises:
        TooLargeError: If the pattern, or looking for it, outgrows the limits.

    Example:
        >>> import jax.numpy as jnp
        >>> pattern = find_pattern(lambda x, _: [x[0][1:] * x[0][:-1]], [jnp.ones(4)])
        >>> pattern.rows.toarray()
        array([[1, 1, 0, 0],
               [0, 1, 1, 0],
               [0, 0, 1, 1]], dtype=int8)
    """
    values = [_argument(place, leaf) for place, leaf in enumerate(fixed)]
    try:
        program = trace(lambda x, t, f: jax.jvp(lambda x: fn(x, f), (x,), (t,))[1], x, x, fixed)
        backward = any(kind(eqn) == "custom_lin" for eqn in program.jaxpr.eqns)
    except TypeError:  # a rule that only says how to go backwards
        backward = True
    walk = _Walk(time.monotonic() + limit)
    if not backward:
        marked = _identity_of(x)
        results = walk.run(program, [*[OPAQUE] * len(x), *marked, *values])
        rows = _joined(results, program, marked)
    else:
        outputs = jax.eval_shape(fn, x, fixed)
        program = trace(lambda x, t, f: jax.vjp(lambda x: fn(x, f), x)[1](t)[0], x, outputs, fixed)
        marked = _identity_of(outputs)
        results = walk.run(program, [*[OPAQUE] * len(x), *marked, *values])
        rows = csr_array(_joined(results, program, marked).T.tocsr())
    return Pattern(rows, tuple(dict.fromkeys(walk.unknown)), frozenset(walk.bound))


def _argument(place: int, leaf: Any) -> Value:
    """Bind the values of an array of integers or truth values; of floats nothing is assumed."""
    if isinstance(leaf, jax.ShapeDtypeStruct) or not (
        np.issubdtype(leaf.dtype, np.integer) or leaf.dtype == bool
    ):
        return OPAQUE
    return Held(lambda: leaf, frozenset({place}))


def _identity_of(leaves: Sequence[Any]) -> list[Marked]:
    sizes = [math.prod(leaf.shape) for leaf in leaves]
    every, start, marked = identity(sum(sizes)), 0, []
    for leaf, size in zip(leaves, sizes, strict=True):
        marked.append(Marked(csr_array(every[start : start + size]), leaf.shape))
        start += size
    return marked


def _joined(results: Sequence[Value], program: ClosedJaxpr, marked: Sequence[Marked]) -> csr_array:
    """Return the rows of all results; what is not marked depends on nothing."""
    n = marked[0].rows.shape[1]
    atoms = program.jaxpr.outvars
    parts = [
        r.rows if isinstance(r, Marked) else nothing(math.prod(shape(atom)), n)
        for r, atom in zip(results, atoms, strict=True)
    ]
    return csr_array(vstack(parts, format="csr"))


class _Walk:
    """One walk through a program on marks."""

    def __init__(self, deadline: float) -> None:
        """Start a walk that ends by a time."""
        self.deadline = deadline
        self.unknown: list[str] = []
        self.bound: set[int] = set()

    def run(self, program: Program, inputs: Sequence[Value], line: str = "") -> list[Value]:
        """Walk a program."""
        lifted: Callable[[object], Value] = lambda value: Held(lambda: value)  # noqa: E731
        return interpret(program, list(inputs), self.visit, lift=lifted, caller=line)

    def visit(self, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
        """Pass marks through one equation."""
        if time.monotonic() > self.deadline:
            raise TooLargeError("looking for the pattern took too long")
        if not any(isinstance(operand, Marked) for operand in operands):
            return self.unmarked(eqn, operands, line)
        if kind(eqn) in _LOOPS:
            return _LOOPS[kind(eqn)](self, eqn, operands, line)
        for operand in operands:
            if isinstance(operand, Held):
                self.bound |= operand.bound
        results, known = results_of(eqn, operands)
        if not known:
            self.unknown.append(f"{kind(eqn)}{line and f' at {line}'}")
        return results

    def unmarked(self, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
        """Hold what is made of held values alone, to be computed when it is asked for."""
        del line
        held = [operand for operand in operands if isinstance(operand, Held)]
        if len(held) < len(operands) or kind(eqn) in _NEVER_HELD:
            return [OPAQUE] * len(eqn.outvars)
        results: list[list] = []

        def result(place: int) -> object:
            if not results:
                results.append(bind(eqn, [operand.array for operand in held]))
            return results[0][place]

        bound = frozenset().union(*(operand.bound for operand in held))
        return [Held(lambda place=place: result(place), bound) for place in range(len(eqn.outvars))]


def _scan(walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk a scan turn by turn, or, if it is long, as its body composed with itself."""
    parts, length = scan_parts(eqn), eqn.params["length"]
    if length <= _MOST_TURNS:
        return _turn_by_turn(walk, eqn, operands, line)
    inputs = _inputs_of_body(operands, parts.consts + parts.carries)
    del inputs
    return _summarised(walk, eqn, operands, line)


def _inputs_of_body(operands: list[Value], leading: int) -> list[Value]:
    return operands[:leading]


def _turn_by_turn(walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> list[Value]:
    parts, length = scan_parts(eqn), eqn.params["length"]
    held = operands[: parts.consts]
    carry = operands[parts.consts : parts.consts + parts.carries]
    stacks = operands[parts.consts + parts.carries :]
    turns = range(length)[::-1] if eqn.params["reverse"] else range(length)
    rows: dict[int, list[Value]] = {}
    for turn in turns:
        slices = [_slice_of(stack, turn) for stack in stacks]
        results = walk.run(eqn.params["jaxpr"], [*held, *carry, *slices], line)
        carry, rows[turn] = results[: parts.carries], results[parts.carries :]
    n = next(o.rows.shape[1] for o in operands if isinstance(o, Marked))
    columns = [[rows[turn][place] for turn in range(length)] for place in range(parts.ys)]
    atoms = eqn.outvars[parts.carries :]
    return [*carry, *(_stacked(c, shape(v), n) for c, v in zip(columns, atoms, strict=True))]


def _slice_of(stack: Value, turn: int) -> Value:
    if isinstance(stack, Marked):
        return stack.taken(stack.positions[turn])
    if isinstance(stack, Held):
        return Held(lambda: stack.array[turn], stack.bound)
    return OPAQUE


def _stacked(turns: Sequence[Value], of_shape: tuple[int, ...], n: int) -> Value:
    """Return the results of all turns as one array."""
    if not any(isinstance(turn, Marked) for turn in turns):
        return OPAQUE
    each = math.prod(of_shape[1:])
    rows = [t.rows if isinstance(t, Marked) else nothing(each, n) for t in turns]
    return Marked(csr_array(vstack(rows, format="csr")), of_shape)


def _summarised(walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> list[Value]:
    """Walk the body once, on marks of its own inputs, and compose its pattern with itself."""
    parts, length = scan_parts(eqn), eqn.params["length"]
    body = opened(eqn.params["jaxpr"])
    live = _live_carries(walk, eqn, operands, line)
    marks = [
        isinstance(o, Marked) or (0 <= place - parts.consts < parts.carries and live[place - parts.consts])
        for place, o in enumerate(operands)
    ]
    sizes = [math.prod(shape(v)) if m else 0 for v, m in zip(body.invars, marks, strict=True)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    every = identity(int(starts[-1]))
    inner: list[Value] = []
    for place, (v, marked) in enumerate(zip(body.invars, marks, strict=True)):
        if marked:
            own = csr_array(every[int(starts[place]) : int(starts[place + 1])])
            inner.append(Marked(own, shape(v)))
        else:  # what differs from turn to turn is not known
            changes = place >= parts.consts
            inner.append(OPAQUE if changes else operands[place])
    results = walk.run(eqn.params["jaxpr"], inner, line)
    n = next(o.rows.shape[1] for o in operands if isinstance(o, Marked))

    def outer(place: int) -> csr_array:
        operand = operands[place]
        if isinstance(operand, Marked):
            return operand.rows
        return nothing(math.prod(shape(eqn.invars[place])), n)

    def body_rows(values: Sequence[Value], atoms: Sequence) -> csr_array:
        whole = [
            v.rows if isinstance(v, Marked) else nothing(math.prod(shape(a)), int(starts[-1]))
            for v, a in zip(values, atoms, strict=True)
        ]
        return csr_array(vstack(whole, format="csr"))

    marked_carries = [p for p in range(parts.carries) if marks[parts.consts + p]]
    out_carries = [results[p] for p in marked_carries]
    carry_atoms = [body.outvars[p] for p in marked_carries]
    step = body_rows(out_carries, carry_atoms) if marked_carries else nothing(0, int(starts[-1]))
    ys = results[parts.carries :]
    y_rows = [
        v.rows if isinstance(v, Marked) else None for v in ys
    ]
    consts = [outer(p) for p in range(parts.consts) if marks[p]]
    carry = [outer(parts.consts + p) for p in marked_carries]
    stacks = [p for p in range(parts.consts + parts.carries, len(operands)) if marks[p]]
    collected: dict[int, list[csr_array | None]] = {}
    turns = range(length)[::-1] if eqn.params["reverse"] else range(length)
    carry_sizes = [c.shape[0] for c in carry]
    state = csr_array(vstack(carry, format="csr")) if carry else nothing(0, n)
    for turn in turns:
        if time.monotonic() > walk.deadline:
            raise TooLargeError("looking for the pattern took too long")
        slices = [
            take_rows(outer(p), np.arange(turn * sizes[p], (turn + 1) * sizes[p])) for p in stacks
        ]
        given = csr_array(vstack([*consts, state, *slices], format="csr"))
        collected[turn] = [None if rows is None else product(rows, given) for rows in y_rows]
        state = product(step, given)
    final: list[Value] = [OPAQUE] * parts.carries
    start = 0
    for p, size in zip(marked_carries, carry_sizes, strict=True):
        final[p] = Marked(
            take_rows(state, np.arange(start, start + size)), shape(eqn.outvars[p])
        )
        start += size
    stacked: list[Value] = []
    for place, atom in enumerate(eqn.outvars[parts.carries :]):
        if y_rows[place] is None:
            stacked.append(OPAQUE)
        else:
            rows = [collected[turn][place] for turn in range(length)]
            stacked.append(Marked(csr_array(vstack(rows, format="csr")), shape(atom)))
    return [*final, *stacked]


def _live_carries(
    walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str
) -> list[bool]:
    """Return which parts of the carry a mark ever reaches."""
    parts, body = scan_parts(eqn), opened(eqn.params["jaxpr"])
    carry = operands[parts.consts : parts.consts + parts.carries]
    live = [isinstance(one, Marked) for one in carry]
    while True:
        inner: list[Value] = []
        for place, v in enumerate(body.invars):
            turn = place - parts.consts
            marked = isinstance(operands[place], Marked) or (0 <= turn < parts.carries and live[turn])
            inner.append(_one_mark(shape(v)) if marked else OPAQUE)
        results = walk.run(eqn.params["jaxpr"], inner, line)
        grown = [
            was or isinstance(r, Marked)
            for was, r in zip(live, results[: parts.carries], strict=True)
        ]
        if grown == live:
            return live
        live = grown


def _one_mark(of_shape: tuple[int, ...]) -> Marked:
    return Marked(csr_array(np.ones((math.prod(of_shape), 1), np.int8)), of_shape)


def _while(walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk the body until the carry depends on nothing new: it may go round as often as it likes."""
    tested, looped = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    held = operands[tested : tested + looped]
    carry = operands[tested + looped :]
    n = next(o.rows.shape[1] for o in operands if isinstance(o, Marked))
    # What goes into a turn is never what it was before the first one.
    carry = [one if isinstance(one, Marked) else OPAQUE for one in carry]
    while True:
        results = walk.run(eqn.params["body_jaxpr"], [*held, *carry], line)
        grown = [_either(pair, shape(v), n) for *pair, v in zip(carry, results, eqn.outvars, strict=True)]
        if all(_entries(a) == _entries(b) for a, b in zip(carry, grown, strict=True)):
            return grown
        carry = grown


def _either(values: Sequence[Value], of_shape: tuple[int, ...], n: int) -> Value:
    """Return what a value may depend on that is one of several."""
    marked = [v.rows for v in values if isinstance(v, Marked)]
    return Marked(union(marked), of_shape) if marked else OPAQUE


def _entries(value: Value) -> int:
    return value.rows.nnz if isinstance(value, Marked) else -1


def _cond(walk: _Walk, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
    """Walk all branches: any of them may be taken."""
    n = next(o.rows.shape[1] for o in operands if isinstance(o, Marked))
    branches = eqn.params["branches"]
    if isinstance(operands[0], Held):
        walk.bound |= operands[0].bound
        branches = branches[min(max(int(operands[0].array), 0), len(branches) - 1) :][:1]
    sides = [walk.run(branch, operands[1:], line) for branch in branches]
    return [
        _either(side, shape(v), n) for side, v in zip(zip(*sides, strict=True), eqn.outvars, strict=True)
    ]


_LOOPS = {"cond": _cond, "scan": _scan, "while": _while}
#: What is never computed beforehand: it is long, or it speaks to the outside.
_NEVER_HELD = frozenset(
    "scan while cond pure_callback io_callback debug_callback infeed outfeed".split()
)
_ = (mixed, pattern_of)
