"""A function of the suite, and its inputs at three sizes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

#: `inputs(random, size)` draws the arguments of a function.
Inputs = Callable[[np.random.Generator, int], tuple]


class Case(NamedTuple):
    """A function, and what it is in the suite for.

    Attributes:
        fn: A pure function of arrays to an array or a pytree.
        inputs: Draws its arguments.
        sizes: What `inputs` is told at the sizes small, medium and large.
        purpose: One sentence: what it shows that no other does.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        order: 1 for its Jacobian, 2 for its Hessian.

    Example:
        >>> square = Case(np.square, lambda random, n: (random.normal(size=n),), (2, 4, 8), "x^2.")
        >>> [x.shape for x in square.inputs(np.random.default_rng(0), square.sizes[1])]
        [(4,)]
    """

    fn: Callable[..., Any]
    inputs: Inputs
    sizes: tuple[int, int, int]
    purpose: str
    argnums: tuple[int, ...] | None = None
    order: int = 1


def normal(*shapes: tuple[int, ...]) -> Inputs:
    """Return what draws normal arguments; a -1 in a shape stands for the size.

    Example:
        >>> [x.shape for x in normal((-1, 3), (2,))(np.random.default_rng(0), 5)]
        [(5, 3), (2,)]
    """

    def draw(random: np.random.Generator, size: int) -> tuple:
        whole = [tuple(size if length == -1 else length for length in shape) for shape in shapes]
        return tuple(random.standard_normal(shape) for shape in whole)

    return draw
