"""How others choose a way to take a Jacobian: by sizes, or by colours, without measuring."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

#: The weight of a forward product against that of a reverse one, CasADi's default.
_WEIGHT = 0.33
#: `rule(n, m, passes)` names a way by the sizes and the passes of the ways that there are.
Rule = Callable[[int, int, Mapping[str, int]], str]


def by_size(n: int, m: int, passes: Mapping[str, int]) -> str:
    """Take forward mode if there are no more inputs than outputs, as textbooks say.

    Example:
        >>> by_size(3, 5, {})
        'forward'
    """
    del passes
    return "forward" if n <= m else "reverse"


def lineax(n: int, m: int, passes: Mapping[str, int]) -> str:
    """Choose as lineax does where a Jacobian becomes a matrix (`jacobian` in its `_misc.py`).

    Forward mode below 100 inputs, or up to 1.5 times as many inputs as outputs (lineax 0.1.1).

    Example:
        >>> lineax(150, 100, {}), lineax(151, 100, {}), lineax(99, 1, {})
        ('forward', 'reverse', 'forward')
    """
    del passes
    return "forward" if n < 100 or n <= 1.5 * m else "reverse"


def casadi(n: int, m: int, passes: Mapping[str, int]) -> str:
    """Choose as CasADi does: the side whose colours weigh less, a reverse one twice a forward one.

    `w` times the forward colours against `1 - w` times the reverse ones, with its default of
    `ad_weight`, `w = 0.33` (`get_partition` in its `function_internal.cpp`, 3.6). Its colouring of
    symmetric Hessians is not ours.

    Example:
        >>> casadi(9, 9, {"coloured (forward, 5)": 5, "coloured (reverse, 3)": 3})
        'coloured (forward, 5)'
    """
    forward, reverse = _side("forward", n, passes), _side("reverse", m, passes)
    return min(
        (forward, reverse), key=lambda way: way[1] * (_WEIGHT if way == forward else 1 - _WEIGHT)
    )[0]


def fewest_colours(n: int, m: int, passes: Mapping[str, int]) -> str:
    """Take the fewest colours, of whatever side, or of both.

    Example:
        >>> fewest_colours(9, 9, {"coloured (forward, 5)": 5, "coloured (reverse, 3)": 3})
        'coloured (reverse, 3)'
    """
    coloured = {way: count for way, count in passes.items() if way.startswith("coloured")}
    every = {"forward": n, "reverse": m} | coloured
    return min(every, key=lambda way: every[way])


def _side(mode: str, size: int, passes: Mapping[str, int]) -> tuple[str, int]:
    """Return the way by the colours of a mode, and how many; without colours, the plain mode."""
    coloured = (
        (way, count) for way, count in passes.items() if way == f"coloured ({mode}, {count})"
    )
    return next(coloured, (mode, size))


#: What stands beside our own choice in a table.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "by size": by_size,
        "lineax": lineax,
        "CasADi": casadi,
        "fewest colours": fewest_colours,
    }
)
