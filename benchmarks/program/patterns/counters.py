"""Integers that a program knows before it runs: constants, and what a loop counts through.

Only integers are followed: none of the numbers that a user computes is computed here.
"""

import math

import jax
import numpy as np

from ..jaxpr import scan_parts
from ..walk import bind
from .scope import Scope, Step, Value

#: More integers than this are not worked out.
_MOST = 2**20


class Counters:
    """What the integers of the body of a scan are, in the order in which its turns run.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def rows(x):
        ...     return jax.lax.fori_loop(0, 4, lambda i, y: y.at[2 * i].set(0.0), x)
        >>> scope = read_scopes(jax.make_jaxpr(rows)(jnp.ones(8)), [True])
        >>> body = scope.steps[0].bodies[0]
        >>> write = body.steps[-1]
        >>> Counters(body).of(write.inputs[1]).tolist()
        [[0], [2], [4], [6]]
    """

    def __init__(self, body: Scope) -> None:
        assert body.holder is not None
        self._body, self._loop = body, body.holder
        self._length = body.turns or 0
        self._known: dict[int, np.ndarray | None] = {}
        places = enumerate(body.inputs)
        self._places = {id(value): place for place, value in places}

    def of(self, value: Value) -> np.ndarray | None:
        """Return `[turns, ...]` what an integer is in each turn; `None` if that is not known."""
        if id(value) not in self._known:
            self._known[id(value)] = None  # for a value that depends on itself
            size = self._length * math.prod(value.shape)
            if _is_integer(value) and size <= _MOST:
                self._known[id(value)] = self._worked_out(value)
        return self._known[id(value)]

    def _worked_out(self, value: Value) -> np.ndarray | None:
        fixed = known(value)
        if fixed is not None:
            return np.broadcast_to(fixed, (self._length, *fixed.shape))
        if id(value) in self._places:
            return self._handed_on(self._places[id(value)])
        step = value.maker
        if step is None or step.scope is not self._body or not _is_plain(step):
            return None
        operands = [self.of(operand) for operand in step.inputs]
        if any(operand is None for operand in operands):
            return None
        with jax.ensure_compile_time_eval():
            results = jax.vmap(lambda *values: bind(step.eqn, values))(*operands)
        return np.asarray(results[step.outputs.index(value)])

    def _handed_on(self, place: int) -> np.ndarray | None:
        """Return what a carry counts, or the slices of a constant."""
        consts, carries, _, _ = scan_parts(self._loop.eqn)
        start = known(self._loop.inputs[place])
        if place < consts or start is None:
            return None
        if place >= consts + carries:
            return start[::-1] if self._loop.eqn.params["reverse"] else start
        carry, after = self._body.inputs[place], self._body.outputs[place - consts]
        stride = _stride(carry, after)
        if stride is None:
            return None
        turns = np.arange(self._length).reshape(-1, *(1,) * start.ndim)
        return (start + turns * stride).astype(start.dtype)


def known(value: Value) -> np.ndarray | None:
    """Return an integer that no input decides; `None` if one does, or it is no integer."""
    if value.constant is not None:
        return np.asarray(value.constant) if _is_integer(value) else None
    if value.outer is not None:
        return known(value.outer)
    step = value.maker
    if step is None or not _is_integer(value) or not _is_plain(step):
        return None
    operands = [known(operand) for operand in step.inputs]
    if any(operand is None for operand in operands):
        return None
    with jax.ensure_compile_time_eval():
        return np.asarray(bind(step.eqn, operands)[step.outputs.index(value)])


def _stride(carry: Value, after: Value) -> np.ndarray | None:
    """Return by how much a carry grows in each turn, if that is always the same."""
    if after is carry:
        return np.zeros(carry.shape, carry.dtype)
    step = after.maker
    if step is None or step.name not in ("add", "sub"):
        return None
    first, second = step.inputs
    if step.name == "add" and second is carry:
        first, second = second, first
    grown = known(second)
    if first is not carry or grown is None:
        return None
    return -grown if step.name == "sub" else grown


def _is_integer(value: Value) -> bool:
    return value.dtype.kind in "iub"


def _is_plain(step: Step) -> bool:
    sizes = (math.prod(value.shape) for value in step.outputs)
    return not step.bodies and not step.eqn.effects and all(size <= _MOST for size in sizes)
