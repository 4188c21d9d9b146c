"""Numbers as a graph keeps them: NumPy's own types, and the means of blocks of what is large."""

import numpy as np

from ..parts import Quantity
from .pool import is_pooled


def quantity(array: np.ndarray | None, shape: tuple[int, ...]) -> Quantity | None:
    """Return an array of some shape, which may have been pooled, as a record."""
    if array is None:
        return None
    array = np.asarray(array)
    if array.dtype.kind == "V":  # a type that NumPy does not know, such as bfloat16
        array = array.astype(np.float32)
    return Quantity(array=array, pooled=is_pooled(shape))


def plain_number(value: object) -> float | int | bool | complex:
    """Return a number that stands in a program as one of Python's."""
    number = np.asarray(value)[()]
    # The shortest text of a float32 is what the user wrote: 0.1 and not 0.10000000149011612.
    return float(str(number)) if number.dtype == np.float32 else number.item()
