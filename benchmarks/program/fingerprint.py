"""A hash of a traced program: it needs no compilation, and no process or line number changes it."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from .jaxpr import CALLS, Atom, Program, constants, kind, names, opened
from .walk import bind, equations

#: What these do, or how they are batched, is Python code that no program shows.
_UNSEEN = names("pure_callback io_callback custom_vmap_call custom_partitioning")
#: Their derivatives are not those of the operations inside: the derivatives are hashed as well.
_RULED = names("custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr remat2 checkpoint")
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_DIGITS = 16


def fingerprint(program: ClosedJaxpr) -> str | None:
    """Hash what a program computes, its constants and the derivative rules of its parts included.

    Returns:
        The hash; `None` where the program holds Python code that can change unseen: a callback, or
        a batching rule.

    Example:
        >>> def double(x): return x + x
        >>> def twice(other): return other + other
        >>> prints = [fingerprint(jax.make_jaxpr(f)(1.0)) for f in (double, twice, jnp.exp)]
        >>> [one == prints[0] for one in prints]
        [True, True, False]
    """
    ruled = [eqn for eqn, _ in equations(program) if kind(eqn) in _RULED]
    programs = [program, *(each for eqn in ruled for each in _derivatives(eqn))]
    if any(kind(eqn) in _UNSEEN for each in programs for eqn, _ in equations(each)):
        return None
    writer = _Writer()
    return _hashed(writer.program(each) for each in programs)


def array_hash(arrays: Iterable[object]) -> str:
    """Hash the types, the shapes and the numbers of arrays.

    Example:
        >>> array_hash([jnp.ones(3)]) == array_hash([np.ones(3, np.float32)])
        True
        >>> array_hash([jnp.ones(3)]) == array_hash([jnp.zeros(3)])
        False
    """
    return _hashed(_array(array) for array in arrays)


def _derivatives(eqn: JaxprEqn) -> list[ClosedJaxpr]:
    """Return the programs of an equation's derivative, one for each mode that is possible."""
    avals = [operand.aval for operand in eqn.invars]
    moving = [i for i, aval in enumerate(avals) if _is_floating(aval)]

    def split(operands: Sequence) -> tuple:
        def fn(*x: object) -> list:
            results = bind(eqn, _replaced(operands, moving, x))
            return [result for result in results if _is_floating(result)]

        return fn, tuple(operands[i] for i in moving)

    def forward(*operands: object) -> object:
        fn, x = split(operands)
        return jax.jvp(fn, x, x)

    def reverse(*operands: object) -> object:
        fn, x = split(operands)
        results, pull = jax.vjp(fn, *x)
        return pull(results)

    found = []
    for mode in (forward, reverse):
        try:
            found.append(jax.make_jaxpr(mode)(*avals))
        except Exception:  # a mode that is impossible has no program
            continue
    return found


def _is_floating(value: Any) -> bool:
    return jnp.issubdtype(value.dtype, jnp.inexact)


def _replaced(values: Sequence, places: Sequence[int], parts: Sequence) -> list:
    """Return `values` with `parts` at these places."""
    whole = list(values)
    for place, part in zip(places, parts, strict=True):
        whole[place] = part
    return whole


class _Writer:
    """Writes programs down so that two that compute the same in the same order are one text.

    A jaxpr that is called several times is written once, and named by its hash.
    """

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def program(self, program: Program) -> str:
        """Return a text of the hash of a program."""
        if id(program) not in self._known:
            self._known[id(program)] = _hashed(self._lines(program))
        return self._known[id(program)]

    def _lines(self, program: Program) -> Iterator[str]:
        jaxpr = opened(program)
        numbers: dict[Var, int] = {}
        yield from (_array(constant) for constant in constants(program))

        def named(atom: Atom) -> str:
            if isinstance(atom, Literal):
                return f"{atom.aval} {_array(atom.val)}"
            number = numbers.setdefault(atom, len(numbers))
            return f"{number}:{atom.aval}"

        for variables in (jaxpr.constvars, jaxpr.invars):
            yield " ".join(map(named, variables))
        for eqn in jaxpr.eqns:
            operands, results = (" ".join(map(named, atoms)) for atoms in (eqn.invars, eqn.outvars))
            yield f"{results} = {kind(eqn)} {self._parameters(eqn)} {operands}"
        yield " ".join(map(named, jaxpr.outvars))

    def _parameters(self, eqn: JaxprEqn) -> str:
        """Write the parameters: not the name of a function, nor the code that derives it."""
        shown = dict(eqn.params)
        if kind(eqn) in CALLS:
            shown.pop("name", None)
        if kind(eqn) in _RULED:
            plain = (Jaxpr, ClosedJaxpr, int)
            shown = {name: value for name, value in shown.items() if isinstance(value, plain)}
        return self._value(shown)

    def _value(self, value: object) -> str:
        if isinstance(value, Jaxpr | ClosedJaxpr):
            return self.program(value)
        if isinstance(value, Mapping):
            return self._value(sorted((str(name), self._value(v)) for name, v in value.items()))
        if isinstance(value, set | frozenset):
            return self._value(sorted(map(self._value, value)))
        if isinstance(value, tuple | list):
            return f"({' '.join(map(self._value, value))})"
        if isinstance(value, np.ndarray | jax.Array):
            return _array(value)
        if isinstance(value, Enum):
            return str(value)
        if isinstance(value, FunctionType):
            return f"{value.__module__}.{value.__qualname__}"
        return _ADDRESS.sub("", repr(value))


def _array(value: Any) -> str:
    """Return a text of the hash of an array's type, shape and numbers, or of any other value."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return f"{value.dtype} {_array(jax.random.key_data(value))}"
    if not isinstance(value, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
        return _ADDRESS.sub("", repr(value))
    numbers = np.ascontiguousarray(value)
    digest = hashlib.sha256(numbers.reshape(-1).view(np.uint8).data).hexdigest()[:_DIGITS]
    return f"{numbers.dtype}{list(np.shape(value))} {digest}"


def _hashed(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()[:_DIGITS]
