"""What a comparison may be asked for, checked before anything is run."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import NamedTuple

import jax

from ..derivatives.method import Method

#: What a custom rule of the user's is to `compare`: something to check, or the truth.
RULES = ("check", "trust")


class Settings(NamedTuple):
    """What the caller of `compare` asks for, beside the function."""

    methods: Sequence[str] | str | None
    extra: tuple[Method, ...]
    order: int
    budget: float
    time_limit: float
    seed: int
    crossover: bool
    rule: str = "check"


def check_options(
    *,
    budget: float,
    time_limit: float,
    seed: int,
    order: int = 1,
    crossover: bool = False,
    rule: str = RULES[0],
    name: str | None = None,
) -> None:
    """Raise on what no function can be measured with."""
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    for option, seconds in (("budget", budget), ("time_limit", time_limit)):
        if not (isinstance(seconds, Real) and not isinstance(seconds, bool) and seconds > 0):
            raise ValueError(f"{option} must be a positive number of seconds, got {seconds!r}")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    if not isinstance(order, Integral) or isinstance(order, bool):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    if not isinstance(name, str | None):
        raise TypeError(f"name must be a text, got {name!r}")
    if crossover and order == 2:
        raise ValueError(
            "crossover is about first derivatives, got order=2: leave one of the two out"
        )
    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(
            "compare measures compiled programs, but jax.disable_jit is on: call it outside of that"
        )
