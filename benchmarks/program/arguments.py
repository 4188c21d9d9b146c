"""Which arguments are differentiated: the one place that reads `argnums`."""

import operator
from collections.abc import Sequence

import numpy as np

#: Which arguments are differentiated: one, several, or `None` for all.
Argnums = int | Sequence[int] | None


def read_argnums(argnums: Argnums, count: int) -> tuple[int, ...]:
    """Return the places that `argnums` names among `count` arguments, each once, in its order.

    As in `jax.grad`, a negative number counts from the end. NumPy's integers and arrays of them are
    welcome; a set is not, for it has no order.

    Raises:
        ValueError: If `argnums` is empty, or names an argument that there is not.
        TypeError: If an entry is no integer.

    Example:
        >>> read_argnums((-1, np.int32(0)), 3), read_argnums(None, 2)
        ((2, 0), (0, 1))
    """
    if argnums is None:
        return tuple(range(count))
    several = isinstance(argnums, Sequence) or getattr(argnums, "shape", ()) != ()
    wanted: tuple = tuple(argnums) if several else (argnums,)  # pyright: ignore[reportArgumentType]
    if not wanted:
        raise ValueError("argnums is empty: name an argument to differentiate, or give None")
    return tuple(dict.fromkeys(_place(argnum, count) for argnum in wanted))


def _place(argnum: object, count: int) -> int:
    if isinstance(argnum, bool | np.bool_):
        raise ValueError(f"argnums must name arguments 0 to {count - 1}, got {argnum!r}")
    try:
        place = operator.index(argnum)  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise TypeError(
            f"argnums must be an integer, a sequence of them or None, got {argnum!r}"
        ) from None
    if not -count <= place < count:
        raise ValueError(f"argnums must name arguments 0 to {count - 1}, got {argnum!r}")
    return place % count
