"""JAX's exceptions in the user's words: what went wrong, on which line, what to write instead."""

import re
import traceback
from collections.abc import Iterator
from typing import NamedTuple

import jax

from .source import is_users, shown


class Obstacle(NamedTuple):
    """Why a way of differentiating cannot be, and what to do.

    Attributes:
        reason: What stands in the way.
        source: The user's line, `file.py:12 (function)`, or `""` where no line is to blame.
        instead: What to use or to write instead.

    Example:
        >>> Obstacle("the function returns a str, which is no array", "", "return an array").reason
        'the function returns a str, which is no array'
    """

    reason: str
    source: str
    instead: str


_VALUE_NEEDED: tuple[tuple[type[Exception], str, str], ...] = (
    (
        jax.errors.TracerBoolConversionError,
        "Python must know an array's value to take a branch (`if`, `while`, `and`, `or`)",
        "jnp.where or lax.cond for a choice, lax.scan or lax.while_loop for a loop",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "NumPy is given an array whose value is not known until the program runs",
        "the function of the same name in jax.numpy",
    ),
    (
        jax.errors.TracerIntegerConversionError,
        "Python must know an array's value to use it as an index or a length",
        "jnp.take or lax.dynamic_slice for an index, a Python int for a length",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "a boolean mask makes an array whose shape depends on the data",
        "jnp.where(mask, x, 0)",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "Python must know an array's value, as float(x), int(x), x.item() and a data-dependent "
        "shape do",
        "jax.numpy throughout, and sizes that are Python ints",
    ),
    (
        jax.errors.UnexpectedTracerError,
        "an array was stored outside the function while it was traced",
        "return it",
    ),
)

_NO_RULE: tuple[tuple[str, str, str], ...] = (
    (
        r"Reverse-mode differentiation does not work for lax.while_loop",
        "reverse mode must run the loop backwards, and its number of steps is only known when it "
        "has run",
        "lax.scan, or lax.fori_loop with static bounds; forward mode works",
    ),
    (
        r"allbacks do not support JVP",
        "JAX cannot see inside a callback, so it knows no derivative of it",
        "jax.custom_jvp around the callback, or numerical differences",
    ),
    (
        r"The FFI call to (\S+) cannot be differentiated",
        "JAX cannot see inside the foreign function {0}, so it knows no derivative of it",
        "jax.custom_jvp around the call, or numerical differences",
    ),
    (
        r"Differentiation rule for '(.+)' not implemented",
        "JAX has no derivative of `{0}`",
        "jax.custom_jvp around it, or numerical differences",
    ),
    (
        r"Transpose rule \(for reverse-mode differentiation\) for '(.+)' not implemented",
        "JAX cannot run `{0}` backwards",
        "forward mode",
    ),
)


def untraceable(error: Exception) -> Obstacle:
    """Why JAX could not read a function at all, from what it raised while tracing.

    Example:
        >>> import jax, numpy as np
        >>> try:
        ...     jax.eval_shape(lambda x: np.sin(x), 1.0)
        ... except Exception as error:
        ...     print(untraceable(error).reason)
        NumPy is given an array whose value is not known until the program runs
    """
    for kind, reason, instead in _VALUE_NEEDED:
        if isinstance(error, kind):
            return Obstacle(reason, line(error), instead)
    return Obstacle(f"the function raises {_told(error)}", line(error), "a function that runs")


def underivable(error: Exception) -> Obstacle:
    """Why a function that JAX can read has no derivative in one mode, from what it raised.

    Example:
        >>> import jax
        >>> def halve(x):
        ...     return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
        >>> try:
        ...     jax.grad(halve)(4.0)
        ... except Exception as error:
        ...     print(underivable(error).instead)
        lax.scan, or lax.fori_loop with static bounds; forward mode works
    """
    for pattern, reason, instead in _NO_RULE:
        found = re.search(pattern, str(error))
        if found:
            return Obstacle(reason.format(*found.groups()), line(error), instead)
    return Obstacle(f"JAX raises {_told(error)}", line(error), "another mode")


def line(error: BaseException) -> str:
    """The innermost line of the user's, `file.py:12 (function)`, or `""`.

    Where JAX differentiates a program that it has already read, the line is not on the stack: JAX
    attaches the stack of the operation as a cause.
    """
    for link in reversed(list(_chain(error))):
        frames = [f for f in traceback.extract_tb(link.__traceback__) if is_users(f.filename)]
        if frames:
            last = frames[-1]
            return shown(last.filename, last.lineno, last.name)
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and the operation's stack, which JAX hangs on to its causes."""
    while error is not None:
        yield error
        error = error.__cause__


def _told(error: Exception) -> str:
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
