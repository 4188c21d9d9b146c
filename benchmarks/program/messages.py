"""JAX's exceptions in the user's words: what went wrong, on which line, what to write instead."""

import html
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import jax

from .._equality import equal_by_fields
from .remedies import LOOP, remedy
from .source import is_jaxs, is_ours, is_users, line_of_error

Result = TypeVar("Result")


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a function cannot be differentiated in some way, and what to do.

    Attributes:
        reason: What stands in the way.
        source: The user's line, `file.py:12 (function)`, or `""` where no line is to blame.
        instead: What to use or to write instead; `""` where the reason says enough.

    Example:
        >>> from gradwise import Obstacle
        >>> print(Obstacle(reason="a str is no array", source="", instead="return an array"))
        a str is no array; use return an array
    """

    reason: str
    source: str
    instead: str

    def __str__(self) -> str:
        place = f" at {self.source}" if self.source else ""
        return f"{self.reason}{place}" + (f"; use {self.instead}" if self.instead else "")

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


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
        r"scatter_mul gradients are only implemented",
        "JAX has no derivative of a product over indices that may be equal",
        "unique_indices=True where all of them differ, else exp of a sum of logarithms",
    ),
    (
        r"ecomposition JVP not implemented for full matrices",
        "JAX has no derivative of the vectors that fill the space up",
        "full_matrices=False",
    ),
    (
        r"enable_eigvec_derivs|erivatives of eigenvectors",
        "JAX has no derivative of the eigenvectors of a matrix that is not symmetric",
        "jnp.linalg.eigh where it is, or the eigenvalues alone, differentiated once",
    ),
    (
        r"Transpose rule \(for reverse-mode differentiation\) for '(.+)' not implemented",
        "JAX cannot run `{0}` backwards",
        "forward mode",
    ),
)


def untraceable(error: Exception) -> Obstacle:
    """Say why JAX could not read a function at all, from what it raised while tracing.

    Example:
        >>> import jax, numpy as np
        >>> try:
        ...     jax.eval_shape(lambda x: np.sin(x), 1.0)
        ... except Exception as error:
        ...     print(untraceable(error).reason)
        NumPy is given an array whose value is not known until the program runs
    """
    source = line_of_error(error)
    for kind, reason, instead in _VALUE_NEEDED:
        if isinstance(error, kind):
            return Obstacle(reason=reason, source=source, instead=instead)
    reason = f"the function raises {first_line(error)}"
    return Obstacle(reason=reason, source=source, instead="")


def underivable(error: Exception) -> Obstacle:
    """Say why a function that JAX can read has no derivative in one mode, from what it raised.

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
    source = line_of_error(error)
    for pattern, reason, instead in _NO_RULE:
        match = re.search(pattern, str(error))
        if match:
            reason = reason.format(*match.groups())
            offered = remedy(source, LOOP) if "while_loop" in pattern else ""
            return Obstacle(reason=reason, source=source, instead=offered or instead)
    raiser = _raiser(error)
    reason = f"{raiser} raises {first_line(error)}"
    # A rule that JAX lacks serves neither mode.
    missing = raiser == "JAX" and isinstance(error, NotImplementedError | ValueError)
    instead = "jax.custom_jvp around it, or numerical differences" if missing else "another mode"
    return Obstacle(reason=reason, source=source, instead=instead)


def first_line(error: BaseException) -> str:
    r"""Write an exception in one line: its type, and the first line of its message.

    A full stop at the end of that line is left out, since more may follow it.

    Example:
        >>> first_line(ValueError("no such mode.\nhere is a long story"))
        'ValueError: no such mode'
    """
    first = str(error).strip().split("\n")[0].rstrip()
    first = first if first.endswith("..") else first.removesuffix(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def our_fault(what: str, error: Exception) -> str:
    """Say that gradwise itself failed at something, which is nobody else's fault.

    Example:
        >>> our_fault("count this program's operations", KeyError("sin"))
        "gradwise could not count this program's operations (KeyError: 'sin'); please report it"
    """
    return f"gradwise could not {what} ({first_line(error)}); please report it"


def guarded(what: str, work: Callable[[], Result], default: Result) -> tuple[Result, str]:
    """Do what only says something about a program, and never let it fail.

    Args:
        what: What is tried, as the end of "gradwise could not ...".
        work: Does it.
        default: What to go on with where it raises.

    Returns:
        The result, and `""`; or the default, and a note that asks for a report.

    Example:
        >>> guarded("divide", lambda: 1 / 0, None)
        (None, 'gradwise could not divide (ZeroDivisionError: division by zero); please report it')
    """
    try:
        return work(), ""
    except Exception as error:
        return default, our_fault(what, error)


class WrongInputsError(ValueError):
    """What gradwise has handed out is given other inputs than it takes, by the user's function."""


#: How gradwise is named as the one that raised something.
_OURS = "gradwise (please report it)"


@contextmanager
def whole_tracebacks() -> Iterator[None]:
    """Let exceptions keep JAX's own frames, without which nobody can tell who raised them."""
    before = jax.config.jax_traceback_filtering  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_traceback_filtering", "off")
    try:
        yield
    finally:
        jax.config.update("jax_traceback_filtering", before)


def is_our_own(error: Exception) -> bool:
    """Whether gradwise itself raised an exception, and neither JAX nor the user's function.

    It has to be raised under `whole_tracebacks`: else what JAX raises seems to be its caller's.

    Example:
        >>> import jax
        >>> try:
        ...     with whole_tracebacks():
        ...         jax.jvp(lambda x: x, (1.0,), (1,))
        ... except TypeError as error:
        ...     is_our_own(error)
        False
    """
    return _raiser(error) == _OURS


def _raiser(error: Exception) -> str:
    """Say who raised an exception, by the innermost frame of JAX, gradwise or the user."""
    if isinstance(error, WrongInputsError):
        return "the function"
    if type(error).__module__.split(".")[0] in ("jax", "jaxlib"):
        return "JAX"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_jaxs(frame.filename):
            return "JAX"
        if is_ours(frame.filename):
            return _OURS
        if is_users(frame.filename):
            return "the function"
    return "JAX"
