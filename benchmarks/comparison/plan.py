"""How long a comparison is going to take, told before anything long starts."""

from collections.abc import Sequence
from typing import NamedTuple

from ..derivatives.method import Method
from ..instrument import units
from .pace import Look

#: What compiling costs, in compilations of the function itself: of a method by its mode, by its
#: kind where that says more, and of one that tries several programs.
_BY_MODE = {"none": 0.0, "numerical": 4.0, "symbolic": 6.0, "forward": 1.5, "reverse": 1.7}
_SECOND_ORDER, _SEARCHED = 2.7, 2.0
#: The same of the programs of the check, by the order.
_CHECK = {1: 6.0, 2: 10.5}
#: Calls that a method is planned and checked with.
_CALLS = 4


class Plan(NamedTuple):
    """What is going to be tried, and about how long it takes.

    Attributes:
        methods: How many methods there are.
        compiling: Seconds of tracing, compiling and checking.
        measuring: Seconds of measuring.
        time_limit: Seconds after which all is ended.
        why: Why none of them is going to fit; `""` if some may.

    Example:
        >>> print(Plan(methods=13, compiling=40.0, measuring=10.0, time_limit=60.0))
        13 methods, about 50 s (compiling 40, measuring 10)
        >>> print(Plan(methods=13, compiling=90.0, measuring=10.0, time_limit=60.0))
        13 methods, about 100 s (compiling 90, measuring 10), ended after 60 s
    """

    methods: int
    compiling: float
    measuring: float
    time_limit: float
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"none of {self.methods} methods is going to fit: {self.why}"
        total = self.compiling + self.measuring
        parts = f"compiling {_short(self.compiling)}, measuring {_short(self.measuring)}"
        ended = f", ended after {units.seconds(self.time_limit)}" if total > self.time_limit else ""
        return f"{self.methods} methods, about {_short(total)} s ({parts}){ended}"


def _short(seconds: float) -> str:
    """Write seconds to two digits.

    Example:
        >>> _short(0.123), _short(4.56), _short(123.4)
        ('0.12', '4.6', '120')
    """
    return f"{float(f'{seconds:.2g}'):.4g}"


def make_plan(
    methods: Sequence[Method], look: Look, *, order: int, budget: float, time_limit: float
) -> Plan:
    """Estimate how long methods take, from what the function itself took.

    Args:
        methods: What is going to be tried.
        look: What a first look at the function told.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        budget: Seconds of measuring.
        time_limit: Seconds after which all is ended.
    """
    compilations = _CHECK[order] + sum(_compilations(method) for method in methods)
    compiling = compilations * look.compile_seconds + len(methods) * _CALLS * look.at_least
    return Plan(len(methods), compiling, min(budget, time_limit), time_limit, look.why)


def _compilations(method: Method) -> float:
    if method.mode == "mixed" or (method.order == 2 and method.kind != "gradient"):
        return _SECOND_ORDER if method.mode != "none" else 0.0
    searched = _SEARCHED if method.name.endswith(("chunked", "checkpointed")) else 1.0
    return _BY_MODE[method.mode] * searched
