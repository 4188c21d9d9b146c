"""How much there is of something, in a few letters."""

_SIZES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def storage(count: int) -> str:
    """Write bytes in the decimal unit that suits them.

    Example:
        >>> storage(336), storage(1_500_000)
        ('336 B', '1.5 MB')
    """
    for unit, scale in _SIZES:
        if count >= scale:
            return f"{float(f'{count / scale:.3g}'):g} {unit}"
    return f"{count} B"


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    Example:
        >>> counted(1, "parameter"), counted(2410, "parameter")
        ('1 parameter', '2,410 parameters')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
