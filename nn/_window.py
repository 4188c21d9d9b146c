"""The arguments that convolution and pooling share: windows over the spatial axes."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_array
from ._options import positive_int

Padding = str | Sequence[tuple[int, int]]


def check_window(who: str, window: Sequence[int]) -> tuple[int, ...]:
    """Return `window` as a tuple of one to three ints.

    Raises:
        ValueError: If it is not a sequence of one to three entries, or an entry is below 1.
        TypeError: If an entry is not an int.
    """
    if not isinstance(window, Sequence) or isinstance(window, str) or not 1 <= len(window) <= 3:
        raise ValueError(
            f"{who} expected a window with one entry for each of 1 to 3 spatial axes, "
            f"for example (3, 3), got {window!r}"
        )
    return tuple(positive_int(who, "every entry of window", size) for size in window)


def per_axis(
    who: str, name: str, value: int | Sequence[int] | np.ndarray, window: tuple[int, ...]
) -> tuple[int, ...]:
    """Return `value` as one int for each spatial axis; a single int is repeated.

    Raises:
        ValueError: If the number of entries is not that of the window, or an entry is below 1.
        TypeError: If an entry is not an int.
    """
    entries = value if isinstance(value, Sequence | np.ndarray) else (value,) * len(window)
    if len(entries) != len(window):
        raise ValueError(
            f"{who} expected {name} to be an int or {len(window)} of them, got {value!r}"
        )
    return tuple(positive_int(who, name, entry) for entry in entries)


def check_padding(who: str, padding: Padding, window: tuple[int, ...]) -> Padding:
    """Return `padding` in the form that `jax.lax` takes.

    Raises:
        ValueError: If it is neither "SAME" nor "VALID" nor one pair for each spatial axis.
    """
    if isinstance(padding, str) and padding in ("SAME", "VALID"):
        return padding
    pairs = padding if isinstance(padding, Sequence) and not isinstance(padding, str) else ()
    if len(pairs) != len(window) or not all(map(_is_pair, pairs)):
        raise ValueError(
            f"{who} expected padding 'SAME', 'VALID' or {len(window)} pairs (before, after) "
            f"of non-negative ints, got {padding!r}"
        )
    return tuple((before, after) for before, after in pairs)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) == 2
        and all(isinstance(size, int) and size >= 0 for size in value)
    )


def check_rank(who: str, x: jax.Array, window: tuple[int, ...]) -> None:
    """Check that `x` is `[batch, *spatial, channels]`.

    Raises:
        ValueError: If it has another number of axes.
    """
    check_array(who, x)
    if jnp.ndim(x) != len(window) + 2:
        raise ValueError(
            f"{who} expected an input [batch, *spatial, channels] of {len(window) + 2} axes, "
            f"got shape {jnp.shape(x)}"
        )


def check_fits(who: str, x: jax.Array, y: jax.Array) -> None:
    """Check that the windows over `x` left anything in the output `y`.

    Raises:
        ValueError: If `y` is empty although `x` is not: a spatial axis is shorter than the window.
    """
    if 0 in jnp.shape(y) and 0 not in jnp.shape(x):
        raise ValueError(
            f"{who} expected spatial axes that a window has room in, got shape {jnp.shape(x)}; "
            f"pad with 'SAME', or pool less before"
        )
