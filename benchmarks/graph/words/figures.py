"""The numbers of a graph as text: short enough for a box, a line or a sentence."""

import numpy as np

from ..parts import Quantity, Result
from .writing import number

#: Up to how many numbers are written out.
MOST = 3


def short(quantity: Quantity | None, most: int = MOST) -> str:
    """Write a few numbers out, and of more the range that they lie in.

    Example:
        >>> short(Quantity(array=np.array([1.35, -0.2])))
        '[1.35 −0.2]'
        >>> short(Quantity(array=np.array(0.375)))
        '0.375'
        >>> short(Quantity(array=np.arange(12.0).reshape(3, 4) - 2))
        '−2 … 9'
        >>> short(Quantity(array=np.array([1.0, np.nan, 0.5, 2.0])))
        '0.5 … 2, 1 NaN'
        >>> short(Quantity(array=np.ones(4))), short(Quantity(array=np.array([1, 1, 1, np.inf])))
        ('all 1', '1, 1 ∞')
        >>> short(Quantity(array=np.arange(8) > 4)), short(Quantity(array=np.ones(4, bool)))
        ('3 of 8 true', 'all true')
    """
    if quantity is None:
        return ""
    array = np.asarray(quantity.array)
    if array.size > most or quantity.pooled:
        return _range(array, pooled=quantity.pooled)
    entries = [entry(value) for value in array.ravel()]
    return entries[0] if array.ndim == 0 else f"[{' '.join(entries)}]"


def entry(value: object) -> str:
    """Write one entry of an array.

    Example:
        >>> entry(np.float32(-0.09375)), entry(np.bool_(True)), entry(np.inf), entry(1 - 2j)
        ('−0.0938', 'true', '∞', '1 − 2i')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, complex | np.complexfloating):
        real, imaginary = number(float(value.real)), number(float(abs(value.imag)))
        return f"{real} {'−' if value.imag < 0 else '+'} {imaginary}i"
    return number(float(value))  # pyright: ignore[reportArgumentType]


def size_of(result: Result) -> str:
    """Write a shape; a scalar has none.

    Example:
        >>> size_of(Result(shape=(2, 3), dtype="float32")), size_of(Result(shape=(), dtype="int32"))
        ('2×3', '')
    """
    return "×".join(map(str, result.shape))


def _range(array: np.ndarray, *, pooled: bool) -> str:
    if array.size == 0:
        return "[]"
    if array.dtype == np.bool_:
        count = int(array.sum())
        some = f"{count:,} of {array.size:,} true"
        return {0: "all false", array.size: "all true"}.get(count, some)
    real = np.abs(array) if np.iscomplexobj(array) else array.astype(float)
    finite = real[np.isfinite(real)]
    least = f"{entry(finite.min())} … {entry(finite.max())}" if finite.size else ""
    if finite.size and finite.min() == finite.max():
        least = f"{'all ' if finite.size == real.size else ''}{entry(finite.min())}"
    counts = [(int(np.isnan(real).sum()), "NaN"), (int(np.isinf(real).sum()), "∞")]
    parts = [least, *(f"{count:,} {what}" for count, what in counts if count)]
    return ("about " if pooled else "") + ", ".join(filter(None, parts))
