"""Loops and branches: what they are given, which of it is what, and scans run turn by turn."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from jax.extend.core import JaxprEqn

from .jaxpr import Atom, Program, scan_parts

Value = TypeVar("Value")


class OfScan(NamedTuple, Generic[Value]):
    """What a scan is given.

    Attributes:
        consts: What every turn sees whole.
        carry: What the first turn is handed.
        xs: What each turn sees one row of.
    """

    consts: list[Value]
    carry: list[Value]
    xs: list[Value]


class OfWhile(NamedTuple, Generic[Value]):
    """What a `while` is given.

    Attributes:
        tested: What its condition sees, beside what is handed on.
        consts: What its body sees, beside that.
        carry: What the first turn is handed.
    """

    tested: list[Value]
    consts: list[Value]
    carry: list[Value]


def cut(values: Sequence[Value], *lengths: int) -> list[list[Value]]:
    """Cut values into parts of these lengths, and what is left.

    Example:
        >>> cut([1, 2, 3, 4], 1, 2)
        [[1], [2, 3], [4]]
    """
    left, parts = list(values), []
    for length in lengths:
        parts.append(left[:length])
        left = left[length:]
    return [*parts, left]


def of_scan(eqn: JaxprEqn, operands: Sequence[Value]) -> OfScan[Value]:
    """Sort the operands of a scan."""
    parts = scan_parts(eqn)
    return OfScan(*cut(operands, parts.consts, parts.carries))


def of_while(eqn: JaxprEqn, operands: Sequence[Value]) -> OfWhile[Value]:
    """Sort the operands of a `while`."""
    return OfWhile(*cut(operands, eqn.params["cond_nconsts"], eqn.params["body_nconsts"]))


def branch_taken(eqn: JaxprEqn, index: Any) -> int:
    """Return which branch a `cond` takes, as JAX reads an index that is out of range."""
    return min(max(int(index), 0), len(eqn.params["branches"]) - 1)


def turns(eqn: JaxprEqn) -> range:
    """Return the places of a scan's turns among the rows, in the order in which they run."""
    places = range(eqn.params["length"])
    return places[::-1] if eqn.params["reverse"] else places


def turn_by_turn(
    eqn: JaxprEqn,
    operands: Sequence[Value],
    turn: Callable[[Program, list[Value], int], Sequence[Value]],
    *,
    row: Callable[[Value, int], Value],
    stacked: Callable[[list[Value], Atom], Value],
) -> list[Value]:
    """Run a scan one turn after the other on values of any kind, and return its results.

    Args:
        eqn: The scan.
        operands: What it is given.
        turn: `turn(body, inputs, place)` returns what the body makes of its inputs.
        row: `row(value, place)` returns what a turn sees of a value.
        stacked: `stacked(rows, atom)` makes a result of what all turns returned, the row of place 0
            first; of no rows where there is no turn.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> add = lambda total, x: (total + x, total)
        >>> scan = jax.make_jaxpr(lambda xs: jax.lax.scan(add, 0.0, xs))(jnp.ones(3)).eqns[0]
        >>> joined = lambda body, given, place: [given[0] + given[1], given[0]]
        >>> rows = {"row": lambda word, place: word[place], "stacked": lambda rows, atom: rows}
        >>> turn_by_turn(scan, ["", "abc"], joined, **rows)
        ['abc', ['', 'a', 'ab']]
    """
    given = of_scan(eqn, operands)
    carry, carries = given.carry, len(given.carry)
    made: dict[int, Sequence[Value]] = {}
    for place in turns(eqn):
        inside = [*given.consts, *carry, *(row(x, place) for x in given.xs)]
        results = turn(eqn.params["jaxpr"], inside, place)
        carry, made[place] = list(results[:carries]), results[carries:]
    rows = [made[place] for place in sorted(made)]
    columns = ([each[number] for each in rows] for number in range(len(eqn.outvars) - carries))
    return [*carry, *map(stacked, columns, eqn.outvars[carries:])]
