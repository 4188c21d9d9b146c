"""`Checks`: what a test asserts of derivatives; pytest's fixture `gradwise` is one."""

import traceback
from collections.abc import Callable

from ..instrument.clock import CLOCK
from ..program.arguments import Argnums
from ..program.source import is_jaxs, is_ours, users_traceback
from .cheap import not_cheap
from .finite import not_finite
from .looked_at import Subject, check_time_limit
from .right import not_right
from .same import not_same


class Checks:
    """What a test asserts of a function's derivative.

    Each check raises an `AssertionError` that says what is wrong, where, and the cure. Directions
    are the same in each run, and nothing is measured unless it is asked for, so that no test
    flickers. In pytest it is the fixture `gradwise`.

    Args:
        tell: Told the name of each check and the seconds that it took.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import Checks
        >>> Checks().assert_right(lambda x: jnp.sum(x**2), jnp.ones(3))
    """

    def __init__(self, tell: Callable[[str, float], None] | None = None) -> None:
        self._tell = tell or (lambda name, seconds: None)

    def assert_right(
        self,
        fn: Callable[..., object],
        *inputs: object,
        argnums: Argnums = None,
        has_aux: bool = False,
        mode: str | None = None,
        rule: str = "check",
        time_limit: float = 60.0,
    ) -> None:
        """Assert that forward and reverse mode give the derivative of `fn`.

        In float64 the remainder of its values must fall as the square of a step (the Taylor test),
        and in its own type the derivative must have right digits.

        Args:
            fn: A pure function of arrays or pytrees to an array or pytree.
            *inputs: Its arguments.
            argnums: The arguments to differentiate; `None` for every one that holds floats.
            has_aux: Whether `fn` returns a pair, of which the first alone is differentiated.
            mode: `"forward"` or `"reverse"`, which `fn` must have then; `None` for each that it
                has.
            rule: `"trust"` if a custom rule of `fn` is meant to give another derivative.
            time_limit: Seconds that it may take.

        Raises:
            AssertionError: If it is not right, or nobody can tell.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import Checks
            >>> @jax.custom_jvp
            ... def cube(x):
            ...     return x**3
            >>> cube.defjvps(lambda t, ans, x: 2 * x**2 * t)  # it should be 3
            >>> Checks().assert_right(cube, 2.0)
            Traceback (most recent call last):
            AssertionError: the derivative of cube ... is not right
            in forward and reverse mode: wrong: the Taylor remainder falls with slope 1.00, not 2...
        """
        __tracebackhide__ = True
        subject = Subject(fn, inputs, argnums, has_aux, time_limit, "assert_right")
        self._check(subject, lambda: not_right(subject, mode=mode, rule=rule))

    def assert_cheap(
        self,
        fn: Callable[..., object],
        *inputs: object,
        times: float = 5.0,
        argnums: Argnums = None,
        has_aux: bool = False,
        mode: str | None = None,
        derivative: Callable[..., object] | None = None,
        seconds: bool = False,
        time_limit: float = 60.0,
    ) -> None:
        """Assert that a derivative of `fn` costs at most so many times what `fn` costs.

        Operations are counted, which gives the same on every machine. Without `derivative` it is
        the value of `fn` and one product by a mode: by reverse mode, for a scalar `fn`, the
        gradient.

        Args:
            fn: A pure function of arrays or pytrees to an array or pytree.
            *inputs: Its arguments.
            times: How many times the operations, or the time, of `fn` are allowed.
            argnums: The arguments to differentiate; `None` for every one that holds floats.
            has_aux: Whether `fn` returns a pair, of which the first alone is differentiated.
            mode: `"forward"` or `"reverse"`; `None` for reverse mode where `fn` has it.
            derivative: The derivative, as a function of the same inputs.
            seconds: Whether to measure, for a second. It fails where the whole interval of the
                ratio is above `times`.
            time_limit: Seconds that it may take.

        Raises:
            AssertionError: If it costs more.
            ValueError: If an option is out of range, or operations cannot be counted.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import Checks
            >>> x = jnp.ones(50)
            >>> Checks().assert_cheap(lambda x: jnp.sum(jnp.sin(x) ** 2), x)
            >>> Checks().assert_cheap(lambda x: jnp.sum(jnp.sin(x) ** 2), x, times=1.5)
            Traceback (most recent call last):
            AssertionError: the derivative of lambda (...) in reverse mode takes ... times its
            operations (... to 149), more than 1.5...
        """
        __tracebackhide__ = True
        subject = Subject(fn, inputs, argnums, has_aux, time_limit, "assert_cheap")
        self._check(
            subject,
            lambda: not_cheap(
                subject, times=times, mode=mode, derivative=derivative, seconds=seconds
            ),
        )

    def assert_same(
        self,
        first: Callable[..., object],
        other: Callable[..., object],
        *inputs: object,
        argnums: Argnums = None,
        has_aux: bool = False,
        time_limit: float = 60.0,
    ) -> None:
        """Assert that two functions give the same values and have the same derivative.

        Both are compared in float64 where that is possible, the derivatives along random
        directions; rounding is no difference.

        Args:
            first: A pure function of arrays or pytrees to an array or pytree.
            other: Another one.
            *inputs: The arguments of both.
            argnums: The arguments to differentiate; `None` for every one that holds floats.
            has_aux: Whether they return a pair, of which the first alone is compared.
            time_limit: Seconds that each function may take.

        Raises:
            AssertionError: If they differ; the message says by how much and where.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import Checks
            >>> Checks().assert_same(lambda x: jnp.sum(x**2), lambda x: x @ x, jnp.arange(3.0))
        """
        __tracebackhide__ = True
        rest = (inputs, argnums, has_aux, time_limit, "assert_same")
        subject = Subject(first, *rest)
        self._check(subject, lambda: not_same(subject, Subject(other, *rest)))

    def assert_no_nan(
        self,
        fn: Callable[..., object],
        *inputs: object,
        argnums: Argnums = None,
        has_aux: bool = False,
        mode: str | None = None,
        digits: bool = False,
        time_limit: float = 60.0,
    ) -> None:
        """Assert that `fn` and its derivatives hold neither NaN nor infinity at the inputs.

        Args:
            fn: A pure function of arrays or pytrees to an array or pytree.
            *inputs: Its arguments.
            argnums: The arguments to differentiate; `None` for every one that holds floats.
            has_aux: Whether `fn` returns a pair, of which the first alone is looked at.
            mode: `"value"`, `"forward"` or `"reverse"` to look at that alone; `None` for all three.
            digits: Whether a number that has lost all its digits fails too.
            time_limit: Seconds that it may take.

        Raises:
            AssertionError: If they do; the message names the first operation that makes one, and
                the cure.
            ValueError: If `mode` is out of range.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import Checks
            >>> Checks().assert_no_nan(jnp.sqrt, 4.0)
        """
        __tracebackhide__ = True
        subject = Subject(fn, inputs, argnums, has_aux, time_limit, "assert_no_nan")
        self._check(subject, lambda: not_finite(subject, mode=mode, digits=digits))

    def _check(self, subject: Subject, fault: Callable[[], str]) -> None:
        """Raise what a check says, and tell its time; an exception has the user's frames alone."""
        __tracebackhide__ = True
        start = CLOCK.wall()
        try:
            check_time_limit(subject.time_limit)
            said = fault()
        except Exception as error:
            cause = error.__cause__ if _is_users(error) else None
            raise error.with_traceback(users_traceback(error)) from cause
        finally:
            self._tell(subject.caller, CLOCK.wall() - start)
        if said:
            raise AssertionError(said)


def _is_users(error: Exception) -> bool:
    """Whether an exception and its cause are the user's, and not ours or JAX's."""
    for one in (error, error.__cause__):
        frames = traceback.extract_tb(one.__traceback__) if one else []
        if frames and (is_ours(frames[-1].filename) or is_jaxs(frames[-1].filename)):
            return False
    return True
