"""Figures as a person reads them."""

from collections.abc import Sequence

TIMES = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
SIZES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))
COUNTS = (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
#: From here on a figure has too many digits to be read at a glance.
_TOO_MANY = 1e6


def seconds(value: float) -> str:
    """Write a time in the unit that suits it.

    Example:
        >>> seconds(0.00123), seconds(12.5)
        ('1.23 ms', '12.5 s')
    """
    return _scaled(value, TIMES)


def size(value: float) -> str:
    """Write bytes in the decimal unit that suits them.

    Example:
        >>> size(1_500_000)
        '1.5 MB'
    """
    return _scaled(value, SIZES)


def amount(value: float) -> str:
    """Write a count with a decimal prefix.

    Example:
        >>> amount(2_400_000), amount(12)
        ('2.4 M', '12')
    """
    return _scaled(value, COUNTS).strip()


def in_one_unit(
    values: Sequence[float | None], scale: Sequence[tuple[str, float]]
) -> tuple[str, list[str]]:
    """Write figures of a column in one unit, which suits the least of them, to three digits.

    Where that would make seven digits of the greatest, it is the next unit.

    Args:
        values: The figures; `None` where there is none, which becomes `""`.
        scale: Units and what they are worth, the greatest first: `TIMES`, `SIZES` or `COUNTS`.

    Returns:
        The unit, and the figures.

    Example:
        >>> in_one_unit([55.2e-6, 52.7e-3, None], TIMES)
        ('us', ['55.2', '52,700', ''])
    """
    sizes = [abs(value) for value in values if value]
    least, most = min(sizes, default=0.0), max(sizes, default=0.0)
    unit, worth = next((pair for pair in scale if pair[1] <= least), scale[-1])
    if most / worth >= _TOO_MANY:
        larger = [pair for pair in scale if pair[1] > worth]
        unit, worth = larger[-1] if larger else (unit, worth)
    return unit, ["" if value is None else _digits(value / worth) for value in values]


def _digits(value: float) -> str:
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.10g}"


def times(value: float) -> str:
    """Write how many times one figure is another, to three digits.

    Example:
        >>> times(1.358), times(2483.7), times(3.2e9)
        ('1.36', '2,480', '3.2e+09')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1e3 <= rounded < 1e6 else f"{rounded:.3g}"


def floored(factor: float) -> str:
    """Write a factor that is a lower bound, rounded down to two digits.

    Example:
        >>> floored(2.19), floored(2756.5)
        ('2.1', '2,700')
    """
    digits = len(f"{factor:.0f}") - 2
    unit = 10.0**digits
    return f"{factor // unit * unit:,.0f}" if factor >= 10 else f"{int(factor * 10) / 10:g}"


def counted(count: int, noun: str) -> str:
    """Write how many there are of something.

    Example:
        >>> counted(1, "input"), counted(2410, "parameter")
        ('1 input', '2,410 parameters')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _scaled(value: float, units: tuple[tuple[str, float], ...]) -> str:
    unit, scale = next((pair for pair in units if abs(value) >= pair[1]), units[-1])
    return f"{float(f'{value / scale:.3g}'):g} {unit}"
