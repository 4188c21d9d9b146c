"""What theory allows a derivative to cost, in units of the function's own cost."""

import math
from collections.abc import Callable


def tangents(directions: int) -> float:
    """Return the bound `1 + 1.5 p` on `p` tangents propagated together with the value.

    Griewank and Walther, Evaluating Derivatives (2nd ed., 2008), chapter 4.

    Example:
        >>> tangents(1), tangents(10)
        (2.5, 16.0)
    """
    return 1.0 + 1.5 * _positive("tangents", directions)


def cotangents(directions: int) -> float:
    """Return the bound `1.5 + 2.5 q` on the value and `q` cotangents propagated together.

    Griewank and Walther, Evaluating Derivatives (2nd ed., 2008), chapter 4. The cheap gradient
    principle is the case `q = 1`: at most 4, and 5 where traffic with memory is weighed in.

    Example:
        >>> cotangents(1), cotangents(10)
        (4.0, 26.5)
    """
    return 1.5 + 2.5 * _positive("cotangents", directions)


def differences(inputs: int, *, central: bool = False) -> float:
    """Return the evaluations of finite differences for `n` inputs: `n + 1`, or `2 n` if central.

    Exact, not a bound: nothing is shared between the evaluations.

    Example:
        >>> differences(50), differences(50, central=True)
        (51.0, 100.0)
    """
    n = _positive("differences", inputs)
    return 2.0 * n if central else n + 1.0


_FACTORS: dict[str, Callable[[int], float]] = {
    "forward": tangents,
    "reverse": cotangents,
    "forward differences": differences,
    "central differences": lambda directions: differences(directions, central=True),
}


def bound(mode: str, directions: int, inner: int = 1) -> float:
    """Return the most a derivative should cost, in units of the function, whose value it includes.

    A derivative of a derivative is bounded by the product of the two bounds: a Hessian-vector
    product by forward over reverse costs at most `2.5 * 4 = 10` (Griewank and Walther 2008,
    chapter 5). The bounds count operations and memory traffic of a program that is run as it is
    written; a compiler may do better, and does worse where it repeats work inside fusions.

    Args:
        mode: `"forward"`, `"reverse"`, `"forward differences"`, `"central differences"`, or two of
            them joined by `" over "`, the one applied last first.
        directions: Tangents, cotangents or perturbed inputs that the (outer) mode propagates.
        inner: The same of the inner mode, where there is one.

    Raises:
        ValueError: If a mode is not known, or there is no direction.

    Example:
        >>> bound("forward", 3), bound("reverse", 1)
        (5.5, 4.0)
        >>> bound("forward over reverse", 1)  # a Hessian-vector product
        10.0
        >>> bound("forward over forward", 8, inner=8)  # a dense Hessian of 8 inputs
        169.0
    """
    names = mode.split(" over ")
    if len(names) > 2 or not set(names) <= set(_FACTORS):
        known = ", ".join(_FACTORS)
        raise ValueError(f"bound knows {known}, and one over another; got {mode!r}")
    return math.prod(_FACTORS[name](n) for name, n in zip(names, (directions, inner), strict=False))


def _positive(what: str, directions: int) -> int:
    if directions < 1:
        raise ValueError(f"{what} takes at least one direction, got {directions}")
    return directions
