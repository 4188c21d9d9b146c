"""Whether a program does to each example of a batch the same as to every other, for every x.

The program of `b` examples and that of `b + 1` are read side by side. An axis that is longer in the
second is the batch's, and examples can meet, or learn their place, only where an operation works
along such an axis: then they are not taken one by one. No value decides, so that a branch that is
not taken counts as much as one that is.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from ...program.jaxpr import Atom, bodies, constants, dtype, kind, names, opened, shape
from .along import Pair, alike, is_apart, is_mapped


class _MeetError(Exception):
    """Examples meet, or may do so."""


#: Operations whose programs are read in their place.
INSIDE = names(
    "call closed_call custom_jvp_call cond custom_linear_solve jit remat2 scan while checkpoint"
)


def maps_examples(
    short: ClosedJaxpr, long: ClosedJaxpr, count: int, batched: Sequence[bool]
) -> bool:
    """Whether a program does the same to each example, and to each alone.

    Args:
        short: The program of `count` examples.
        long: That of one more.
        count: How many they are.
        batched: Whether each input has the examples along its first axis.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def programs(fn):
        ...     return [jax.make_jaxpr(fn)(jnp.ones((length, 3))) for length in (4, 5)]
        >>> alone, mean = lambda x: jnp.sin(x).sum(1), lambda x: x - x.mean(0)
        >>> maps_examples(*programs(alone), 4, [True]), maps_examples(*programs(mean), 4, [True])
        (True, False)
    """
    reader = _Reader(count)
    try:
        reader.programs(short, long)
        inputs = zip(short.jaxpr.invars, long.jaxpr.invars, strict=True)
        outputs = list(zip(short.jaxpr.outvars, long.jaxpr.outvars, strict=True))
        for pair, is_batched in zip(inputs, batched, strict=True):
            reader.check_whole(pair, 0 if is_batched else None)
        for pair in outputs:
            reader.check_whole(pair, 0)
    except _MeetError:
        return False
    return True


class _Reader:
    """Reads two programs side by side."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._numbers: tuple[dict[Any, int], dict[Any, int]] = ({}, {})
        self._named = 0

    def axis(self, pair: tuple[Atom, Atom]) -> int | None:
        """Return the axis of a value that runs along the batch; on it may lie other axes too."""
        one, other = map(shape, pair)
        _need(len(one) == len(other) and dtype(pair[0]) == dtype(pair[1]))
        longer = [axis for axis, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        _need(len(longer) <= 1)
        for axis in longer:
            each, rest = divmod(one[axis], self._count)
            _need(not rest and other[axis] == each * (self._count + 1))
        return longer[0] if longer else None

    def check_whole(self, pair: tuple[Atom, Atom], axis: int | None) -> None:
        """Check that a value has one entry for each example along an axis, or no such axis."""
        _need(self.axis(pair) == axis)
        _need(axis is None or shape(pair[0])[axis] == self._count)

    def programs(self, short: ClosedJaxpr | Jaxpr, long: ClosedJaxpr | Jaxpr) -> None:
        """Read two programs."""
        one, other = opened(short), opened(long)
        _need(len(one.eqns) == len(other.eqns) and not one.effects)
        for place, pair in enumerate(zip(one.constvars, other.constvars, strict=False)):
            values = [constants(program)[place] for program in (short, long) if constants(program)]
            self._constant(pair, values)
            self._name(pair)
        for pair in zip(one.invars, other.invars, strict=True):
            self._name(pair)
        for pair in zip(one.eqns, other.eqns, strict=True):
            self._equation(*pair)
        for pair in zip(one.outvars, other.outvars, strict=True):
            self._same(pair)

    def _equation(self, short: JaxprEqn, long: JaxprEqn) -> None:
        name = kind(short)
        _need(name == kind(long) and len(short.invars) == len(long.invars))
        operands = list(zip(short.invars, long.invars, strict=True))
        results = list(zip(short.outvars, long.outvars, strict=True))
        for pair in operands:
            self._same(pair)
        for pair in results:
            self._name(pair)
        pair = Pair(short, long, [*map(self.axis, operands)], [*map(self.axis, results)])
        if name in INSIDE:
            _need(name != "scan" or is_mapped(pair))
            for inner in zip(bodies(short), bodies(long), strict=True):
                self.programs(*inner)
            return
        _need(alike(pair))
        if any(axis is not None for axis in (*pair.inputs, *pair.outputs)):
            _need(is_apart(pair))

    def _name(self, pair: tuple[Any, Any]) -> None:
        """Give a value the same number in both programs."""
        self._named += 1
        for known, variable in zip(self._numbers, pair, strict=True):
            known[variable] = self._named

    def _same(self, pair: tuple[Atom, Atom]) -> None:
        """Check that an operand is the same value, or the same number, in both programs."""
        one, other = pair
        if isinstance(one, Literal) and isinstance(other, Literal):
            self._constant(pair, [one.val, other.val])
        else:
            _need(not isinstance(one, Literal) and not isinstance(other, Literal))
            _need(self._numbers[0].get(one) == self._numbers[1].get(other))

    def _constant(self, pair: tuple[Atom, Atom], values: Sequence[Any]) -> None:
        """Check that a constant is the same, and the same for each example."""
        _need(len(values) == 2)
        axis = self.axis(pair)
        one, other = map(as_numbers, values)
        if axis is not None:
            one, other = (np.moveaxis(value, axis, 0) for value in (one, other))
            _need(same_numbers(one, np.broadcast_to(one[:1], one.shape)))
            one, other = one[0], other[0]
        _need(same_numbers(one, other))


def same_numbers(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether numbers are the same; NaN is, such as the one that a variance of nothing is."""
    may_be_nan = jnp.issubdtype(one.dtype, jnp.inexact) and one.dtype == other.dtype
    return bool(np.array_equal(one, other, equal_nan=may_be_nan))


def as_numbers(value: Any) -> np.ndarray:
    """Return an array as NumPy's, keys of random draws as their words."""
    is_key = jnp.issubdtype(getattr(value, "dtype", np.dtype(float)), jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(value) if is_key else value)


def _need(met: bool) -> None:
    if not met:
        raise _MeetError
