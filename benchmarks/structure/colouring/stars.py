"""Star colours for Hessians: an entry is read off its own product, or off that of its mirror.

T. F. Coleman, J. J. More, Estimation of Sparse Hessian Matrices and Graph Coloring Problems (1984);
A. H. Gebremedhin, F. Manne, A. Pothen, What Color Is Your Jacobian? (2005), section 4. Two columns
that meet may so share a colour elsewhere: an arrow takes 2, where columns alone would take all.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ...check.float64 import own_program
from ...derivatives.problem import Problem
from ...program.custom_rules import rules
from ..pattern.marks import extents
from .colours import Colouring

#: Entries times the longest row above which no star is looked for: it is Python.
_MOST = 3_000_000
#: Columns between two looks at the clock.
_OFTEN = 500


def is_symmetric(problem: Problem) -> bool:
    """Whether the Hessian of a scalar function is its own mirror for every x, as JAX takes it.

    By a custom rule of the user's the gradient may be that of another function, or of none, and in
    several types a number and its mirror are rounded apart.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> is_symmetric(make_problem(lambda x: jnp.sum(x**3), (jnp.ones(3),)))
        True
    """
    one_type = len({leaf.dtype for leaf in problem.x}) == 1
    return problem.scalar and one_type and not rules(own_program(problem))


def star(rows: csr_array, left: Callable[[], float] = lambda: math.inf) -> Colouring | None:
    """Colour a symmetric pattern so that neighbours differ, and no path of four has two colours.

    The fullest column first, each with the first colour that is allowed. It is `None` where the
    pattern is not symmetric, and where that takes too long.

    Example:
        >>> arrow = np.eye(5, dtype=np.int8)
        >>> arrow[0] = arrow[:, 0] = 1
        >>> star(csr_array(arrow)).colours
        array([0, 1, 1, 1, 1])
    """
    lengths = np.diff(rows.indptr)
    m, n = extents(rows)
    if m != n or not rows.nnz or rows.nnz * int(lengths.max()) > _MOST:
        return None
    if abs(rows - rows.T).nnz:
        return None
    members = np.split(rows.indices, rows.indptr[1:-1])
    meets = [[w for w in line.tolist() if w != v] for v, line in enumerate(members)]
    colours, around = [-1] * n, [dict[int, int]() for _ in range(n)]
    for place, v in enumerate(np.argsort(-lengths, kind="stable").tolist()):
        if place % _OFTEN == 0 and left() < 0:
            return None
        mine = _first(_forbidden(v, meets, colours, around))
        colours[v] = mine
        for w in meets[v]:
            around[w][mine] = around[w].get(mine, 0) + 1
    found = np.where(lengths > 0, colours, -1)
    return Colouring(found, int(found.max()) + 1)


def _forbidden(
    v: int, meets: list[list[int]], colours: list[int], around: list[dict[int, int]]
) -> set[int]:
    """Return the colours that a column cannot have; `around` counts those beside each one."""
    taken: set[int] = set()
    for w in meets[v]:
        beside = colours[w]
        if beside < 0:  # whatever it will be, those beyond it must differ
            taken.update(around[w])
            continue
        taken.add(beside)
        for x in meets[w]:
            if x != v and colours[x] >= 0 and around[x][beside] > 1:  # v, w, x and one more
                taken.add(colours[x])
    return taken


def _first(taken: set[int]) -> int:
    return next(colour for colour in range(len(taken) + 1) if colour not in taken)


def mirrored(rows: csr_array, colouring: Colouring) -> np.ndarray | None:
    """Say of each entry whether its mirror is read; `None` if one of them can be read in no way.

    Each one is tested: it is told by a product if it alone has that product's colour in its row.

    Example:
        >>> arrow = np.eye(3, dtype=np.int8)
        >>> arrow[0] = arrow[:, 0] = 1
        >>> mirrored(csr_array(arrow), Colouring(np.array([0, 1, 1]), 2)).tolist()
        [False, True, True, False, False, False, False]
    """
    row_of = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    keys = row_of * max(colouring.count, 1) + colouring.colours[rows.indices]
    _, which, times = np.unique(keys, return_inverse=True, return_counts=True)
    alone = times[which] == 1
    places: Any = csr_array((np.arange(1, rows.nnz + 1), rows.indices, rows.indptr), rows.shape)
    mirror = places.T.tocsr()
    mirror.sort_indices()
    readable = alone | alone[mirror.data - 1]
    return ~alone if readable.all() else None
