"""Where the digits go: the first operation whose result lost its digits though its inputs had them.

The program is run equation by equation at the point, in its own types and in float64 side by side.
An operation is named only if the result of the whole gets its digits back once that of the
operation does: a number that is lost and not needed is nobody's fault.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..program.jaxpr import Program, kind, names, scan_parts
from ..program.walk import bind, interpret
from ..program.wide_values import wide, wide_operation
from ..program.widening import SILENT
from .directions import UNHURRIED, Pace
from .error import relative_error

#: An error from which on no digit is right.
LOST = 0.1
#: An error up to which an operand has its digits, or this many times its epsilon.
_SOUND, _SOUND_EPS = 0.01, 8
#: Equations that are run, in all and different ones, and operations that are suspected.
_MOST_RUNS, _MOST_EQUATIONS, _MOST_SUSPECTS = 3000, 200, 6
_SUMS = names("add add_any cumsum conv_general_dilated dot_general reduce_sum scatter-add sub")
_NOT_ONE_BY_ONE = ("shard_map",)


class Loss(NamedTuple):
    """An operation that loses digits.

    Attributes:
        what: `"cancellation"`, `"overflow"`, `"underflow"` or `"rounding"`.
        operation: Its name, such as `"sub"`.
        line: The user's line.
    """

    what: str
    operation: str
    line: str

    def __str__(self) -> str:
        return f"{self.what} in `{self.operation}`{self.line and f' at {self.line}'}"


class _Both(NamedTuple):
    """A number in its own type, and in float64."""

    own: Any
    wide: Any


class _TooLongError(RuntimeError):
    """The program has more equations than anybody would wait for."""


class _Walk:
    """One run of a program; what is repaired gets its digits back as soon as it is computed."""

    def __init__(self, repaired: Collection[int], pace: Pace) -> None:
        """Start a run in which the equations of these identities are repaired."""
        self.repaired, self.pace = repaired, pace
        self.suspects: dict[int, Loss] = {}
        self.runs = 0
        self.seen: set[int] = set()

    def run(self, program: Program, inputs: Sequence[_Both], line: str = "") -> list[_Both]:
        """Run a program."""
        return interpret(program, list(inputs), self.visit, lift=_both, caller=line)

    def visit(self, eqn: JaxprEqn, operands: list[_Both], line: str) -> Sequence[_Both]:
        """Run one equation; a loop goes round as often as it does in its own type."""
        if kind(eqn) in SILENT:
            return []
        if kind(eqn) in _LOOPS:
            return _LOOPS[kind(eqn)](eqn, operands, lambda p, v: self.run(p, v, line))
        self.runs += 1
        self.seen.add(id(eqn))
        too_many = self.runs > _MOST_RUNS or len(self.seen) > _MOST_EQUATIONS
        if too_many or kind(eqn) in _NOT_ONE_BY_ONE or self.pace.left() <= 0:
            raise _TooLongError
        own = bind(eqn, [operand.own for operand in operands])
        true = wide_operation(eqn, [operand.wide for operand in operands])
        results = [_Both(*pair) for pair in zip(own, true, strict=True)]
        if any(map(_lost, results)) and all(map(_sound, operands)):
            self.suspects.setdefault(id(eqn), _loss(eqn, results, line))
        if id(eqn) in self.repaired:
            return [
                _Both(jnp.asarray(one.wide, jnp.result_type(one.own)), one.wide)
                if _floats(one) or _lost(one)
                else one
                for one in results
            ]
        return results


def find_loss(program: Program, inputs: Sequence[Any], pace: Pace = UNHURRIED) -> Loss | None:
    """Return the operation by which a program loses the digits of its results, `None` if unknown.

    Args:
        program: A jaxpr, open or closed.
        inputs: Its flat inputs, in its own types.
        pace: How long this may take; the time that is left is looked at before each equation.

    Example:
        >>> def cosine(x):
        ...     return (1 - jnp.cos(x)) / x**2
        >>> loss = find_loss(jax.make_jaxpr(cosine)(jnp.float32(0)), [jnp.float32(1e-4)])
        >>> loss.what, loss.operation
        ('cancellation', 'sub')
    """
    with jax.enable_x64(True):
        pairs = [_both(leaf) for leaf in inputs]
        repaired: dict[int, Loss] = {}
        while len(repaired) < _MOST_SUSPECTS:
            walk = _Walk(repaired, pace)
            try:
                results = walk.run(program, pairs)
            except _TooLongError:
                return None
            if not any(map(_wholly_lost, results)):
                return next(reversed(repaired.values()), None)
            fresh = [one for one in walk.suspects if one not in repaired]
            if not fresh:  # its own type may have no number to repair it with
                beyond = ("overflow", "underflow")
                return next((one for one in repaired.values() if one.what in beyond), None)
            repaired[fresh[0]] = walk.suspects[fresh[0]]
    return None


def _both(value: Any) -> _Both:
    return _Both(value, wide(value))


def _floats(both: _Both) -> bool:
    return jnp.issubdtype(jnp.result_type(both.own), jnp.inexact)


def _arrays(both: _Both) -> tuple[np.ndarray, np.ndarray]:
    own, true = wide(both.own), both.wide
    return np.asarray(own), np.asarray(true)


def _errors(both: _Both) -> np.ndarray:
    """Return the relative error of each entry, infinity for one that is not finite in one type."""
    own, true = _arrays(both)
    with np.errstate(all="ignore"):
        errors = np.where(own == true, 0.0, np.abs(own - true) / np.abs(true))
    agree = (np.isnan(own) & np.isnan(true)) | (own == true)
    return np.where(agree, 0.0, np.nan_to_num(errors, nan=np.inf))


def _lost(both: _Both) -> bool:
    """Whether a number has no digit left, or an integer or a truth value is another one."""
    if not _floats(both):
        return _differs(both)
    return bool(np.any(_errors(both) > LOST))


def _differs(both: _Both) -> bool:
    """Whether integers or truth values, such as the pivots of a solver, are others in float64."""
    if jnp.issubdtype(jnp.result_type(both.own), jax.dtypes.extended):
        return False  # a key, which no rounding reaches
    return not np.array_equal(np.asarray(both.own), np.asarray(both.wide))


def _sound(both: _Both) -> bool:
    if not _floats(both):
        return not _differs(both)
    eps = float(jnp.finfo(jnp.result_type(both.own)).eps)
    return bool(np.all(_errors(both) <= max(_SOUND, _SOUND_EPS * eps)))


def _wholly_lost(both: _Both) -> bool:
    """Whether a result is off by as much as makes a row inaccurate."""
    return _floats(both) and not relative_error(*_arrays(both)) <= LOST


def _loss(eqn: JaxprEqn, results: Sequence[_Both], line: str) -> Loss:
    """Say what was lost in an operation."""
    lost = next((one for one in results if _floats(one) and _lost(one)), None)
    if lost is None:
        return Loss("rounding", kind(eqn), line)
    own, true = (array[_errors(lost) > LOST] for array in _arrays(lost))
    limits = jnp.finfo(jnp.result_type(lost.own))
    if np.any(~np.isfinite(own) | (np.abs(true) > float(limits.max))):
        what = "overflow"
    elif np.any(np.abs(true) < float(limits.tiny)):
        what = "underflow"
    else:
        what = "cancellation" if kind(eqn) in _SUMS else "rounding"
    return Loss(what, kind(eqn), line)


# Loops and branches: `rule(eqn, operands, run)`.
_Run = Callable[[Program, Sequence[_Both]], list[_Both]]


def _scan(eqn: JaxprEqn, operands: list[_Both], run: _Run) -> list[_Both]:
    consts, carries, _, stacked = scan_parts(eqn)
    held, carry = operands[:consts], operands[consts : consts + carries]
    slices, ys = operands[consts + carries :], []
    length = eqn.params["length"]
    places = range(length)[::-1] if eqn.params["reverse"] else range(length)
    for place in places:
        step = [_Both(own[place], true[place]) for own, true in slices]
        results = run(eqn.params["jaxpr"], [*held, *carry, *step])
        carry = results[:carries]
        ys.append(results[carries:])
    if not ys and stacked:
        raise _TooLongError
    ordered = ys[::-1] if eqn.params["reverse"] else ys
    columns = [[row[i] for row in ordered] for i in range(stacked)]
    stacks = [_Both(*(jnp.stack(side) for side in zip(*c, strict=True))) for c in columns]
    return [*carry, *stacks]


def _while(eqn: JaxprEqn, operands: list[_Both], run: _Run) -> list[_Both]:
    tested, looped = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    consts, held = operands[:tested], operands[tested : tested + looped]
    carry = operands[tested + looped :]
    while run(eqn.params["cond_jaxpr"], [*consts, *carry])[0].own:
        carry = run(eqn.params["body_jaxpr"], [*held, *carry])
    return carry


def _cond(eqn: JaxprEqn, operands: list[_Both], run: _Run) -> list[_Both]:
    branches = eqn.params["branches"]
    chosen = min(max(int(operands[0].own), 0), len(branches) - 1)
    return run(branches[chosen], operands[1:])


_LOOPS = {"cond": _cond, "scan": _scan, "while": _while}
