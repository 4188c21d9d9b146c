"""Values that are the same whatever the inputs are: computed when they are asked for, three times.

What is computed of floats is rounded otherwise in another program of the same function, in
another precision, or where XLA folds it: `jnp.linspace(0, 1, 11) >= 0.3` is true of one and false
of another. So such a value is held as it is computed, and with its roundings a little up and a
little down; a pattern has to hold for all of them.
"""

import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import dtype, kind, names
from ...program.primitives import MOVED, PRIMITIVES
from ...program.walk import bind

#: Epsilons of its type that a rounding is moved by.
_EPSILONS = 256
#: What rounds nothing.
_EXACT = names(
    "abs and argmax argmin ceil clamp copy eq floor ge gt imag iota le lt max min ne neg not or "
    "real reduce_and reduce_max reduce_min reduce_or round select_n sign sort stop_gradient xor"
)
#: What puts numbers in order, and tells their places: of three that are one but for rounding there
#: are more orders than two sides tell.
_ORDERS = names("argmax argmin sort top_k")
#: A number of at most so many bits behind the point, and before it so few that none is lost.
_PARTS = 16


class Opaque:
    """A value of which nothing is known but that no mark reaches it."""

    def __repr__(self) -> str:
        return "OPAQUE"


OPAQUE: Final = Opaque()


class Held:
    """A value that depends on constants and on bound arguments alone; computed when asked for.

    Attributes:
        bound: The places of the arguments that it depends on.
    """

    def __init__(
        self,
        make: Callable[[], Sequence[Any]],
        bound: frozenset[int] = frozenset(),
        parents: Sequence["Held"] = (),
    ) -> None:
        """Describe a value by what computes it, once its parents are computed; see `values`."""
        self._make, self.bound, self._parents = make, bound, tuple(parents)

    @cached_property
    def values(self) -> Sequence[Any]:
        """The value as JAX has it, such as an array of keys; and rounded up and down, if it is."""
        # Parents first, and not by recursion: a chain may be thousands of operations long.
        pending = [*self._parents]
        while pending:
            missing = [p for p in pending[-1]._parents if "values" not in vars(p)]
            if missing:
                pending += missing
            else:
                _ = pending.pop().values
        self._parents = ()
        return self._make()

    @property
    def array(self) -> Any:
        """The value as NumPy's, or as an array of keys, which NumPy does not have."""
        return _plain(self.values[0])

    def at(self, index: Any) -> "Held":
        """Return a part of it."""
        part = lambda value: value if value is OPAQUE else _plain(value)[index]  # noqa: E731
        return Held(lambda: [part(value) for value in self.values], self.bound, [self])

    def rounded(self, side: int) -> "Held | Opaque":
        """Return it as it is rounded up, 1, or down, 2: itself if that decides nothing else.

        It is `OPAQUE` if it may be any of many: an order of numbers that are one but for rounding.

        Numbers decide by where they are zero; whole numbers and truth values by what they are.
        """
        if "values" not in vars(self) or len(self.values) == 1:
            return self
        other = self.values[side]
        if other is OPAQUE:
            return OPAQUE
        if np.array_equal(_deciding(other), _deciding(self.values[0])):
            return self
        return Held(lambda: [other], self.bound)


def held(content: Any) -> Held:
    """Return a value that is known.

    Example:
        >>> held(np.arange(3)).at(1).array.tolist()
        1
    """
    return Held(lambda: [content])


def computed(eqn: JaxprEqn, operands: Sequence[Held]) -> Sequence[Sequence[Any]]:
    """Return the values of each result of an operation on values that are held."""
    own = bind(eqn, [operand.values[0] for operand in operands])
    rounds = _rounds(eqn, operands, own)
    if not rounds and all(len(operand.values) == 1 for operand in operands):
        return [[value] for value in own]
    if any(value is OPAQUE for operand in operands for value in operand.values[1:]):
        return [[value, OPAQUE, OPAQUE] for value in own]
    sides = []
    for side, sign in ((1, 1.0), (2, -1.0)):
        results = bind(eqn, [o.values[side if len(o.values) > 1 else 0] for o in operands])
        if rounds:
            pairs = zip(results, own, strict=True)
            results = [_moved(*pair, sign, kind(eqn)) for pair in pairs]
        sides.append(results)
    found = list(zip(own, *sides, strict=True))
    if kind(eqn) in _ORDERS and any(_differ(values) for values in found):
        return [[value, OPAQUE, OPAQUE] for value in own]
    return found


def _differ(values: Sequence[Any]) -> bool:
    """Whether whole numbers are others where they are rounded otherwise."""
    whole = not jnp.issubdtype(values[0].dtype, jnp.inexact)
    return whole and any(not np.array_equal(values[0], other) for other in values[1:])


def _rounds(eqn: JaxprEqn, operands: Sequence[Held], results: Sequence[Any]) -> bool:
    """Whether an operation may round: not one that moves numbers, or of a few bits alone."""
    known = PRIMITIVES.get(kind(eqn))
    if kind(eqn) in _EXACT or (known is not None and known.depends == MOVED):
        return False
    if kind(eqn) == "convert_element_type" and not jnp.issubdtype(
        dtype(eqn.invars[0]), jnp.inexact
    ):
        return False
    floats = [value for value in results if jnp.issubdtype(value.dtype, jnp.inexact)]
    return bool(floats) and not all(map(_is_short, [*(o.values[0] for o in operands), *floats]))


def _is_short(value: Any) -> bool:
    """Whether all numbers are of so few bits that sums and products of them are exact."""
    if jnp.issubdtype(getattr(value, "dtype", np.dtype(int)), jax.dtypes.prng_key):
        return False
    array = np.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return not jnp.issubdtype(array.dtype, jnp.complexfloating)
    parts = array[np.isfinite(array)].astype(np.float64) * _PARTS
    most = 2.0 ** jnp.finfo(array.dtype).nmant
    return bool(np.all((parts == np.floor(parts)) & (np.abs(parts) <= most)))


def _moved(value: Any, own: Any, sign: float, name: str) -> Any:
    """Move each number by its own share, the other way for the other sign; zeros stay.

    Of two numbers that are one but for roundings each is then the larger in one of both. The share
    is that of the number as it is computed, so that the two sides mirror each other through all
    operations.
    """
    array = np.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return value
    # The same numbers of the same operation are rounded alike in every program.
    same = zlib.crc32(np.asarray(own).tobytes()), zlib.crc32(name.encode())
    random = np.random.default_rng(same)
    share = random.uniform(0.5, 1.0, array.shape) * random.choice([-1.0, 1.0], array.shape)
    step = sign * _EPSILONS * float(jnp.finfo(array.dtype).eps)
    with np.errstate(all="ignore"):
        return jnp.asarray((array * (1 + step * share)).astype(array.dtype))


def _plain(value: Any) -> Any:
    given = getattr(value, "dtype", np.dtype(float))
    return value if jnp.issubdtype(given, jax.dtypes.prng_key) else np.asarray(value)


def _deciding(value: Any) -> Any:
    array = np.asarray(value)
    return array != 0 if jnp.issubdtype(array.dtype, jnp.inexact) else array
