"""A pattern that the user knows: read from whatever holds one, and what it misses if it does."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import csr_array, issparse

from ..check.float64 import checking
from ..derivatives.jacobians import one_hot
from ..derivatives.method import ravel
from ..derivatives.problem import Leaves, Problem
from ..program.told import described
from .verify import Entries, first_fault

#: Lines that are looked at one by one for what a pattern misses, and entries that are told.
_LOOKED_AT, _TOLD = 16, 3


def read_pattern(known: Any, m: int, n: int) -> csr_array:
    """Return a pattern `[m, n]`, with its entries in order, from what a user has given.

    Args:
        known: A sparse array of SciPy or JAX, whose stored entries count; an array of truth values
            or numbers; a pair of rows and columns; or what `gradwise.structure` returns.
        m: How many rows there are.
        n: How many columns there are.

    Raises:
        TypeError: If it is none of these.
        ValueError: If it has another shape.

    Example:
        >>> read_pattern(([0, 1], [1, 0]), 2, 2).toarray().tolist()
        [[0, 1], [1, 0]]
    """
    shape, rows, columns = _places(known)
    if shape is not None and tuple(shape) != (m, n):
        raise ValueError(
            f"the pattern has the shape {tuple(shape)}, and the derivative is a matrix of {m:,} "
            f"outputs by {n:,} inputs: give one of the shape ({m}, {n})"
        )
    if rows.size != columns.size:
        raise ValueError(
            f"the pattern has {rows.size:,} rows and {columns.size:,} columns: give one of each "
            "for every entry"
        )
    outside = (rows < 0) | (rows >= m) | (columns < 0) | (columns >= n)
    if outside.any():
        entry = int(np.flatnonzero(outside)[0])
        raise ValueError(
            f"the pattern has an entry at ({rows[entry]}, {columns[entry]}), outside of {m:,} "
            f"outputs by {n:,} inputs"
        )
    ones = np.ones(rows.size, np.int32)
    pattern = csr_array((ones, (rows, columns)), shape=(m, n))
    pattern.sum_duplicates()
    pattern.data = np.ones(pattern.nnz, np.int8)
    return pattern


def _places(known: Any) -> tuple[tuple[int, ...] | None, np.ndarray, np.ndarray]:
    """Return a pattern's shape, if it has one, and the row and the column of each entry."""
    known = getattr(known, "rows", known)  # a Structure
    if issparse(known):
        held = known.tocoo()
        return held.shape, np.asarray(held.row, np.int64), np.asarray(held.col, np.int64)
    if isinstance(known, BCSR):
        known = known.to_bcoo()
    if isinstance(known, BCOO):
        rows, columns = np.asarray(known.indices, np.int64).reshape(-1, 2).T
        there = (rows < known.shape[0]) & (columns < known.shape[1])  # others are padding
        return known.shape, rows[there], columns[there]
    if isinstance(known, tuple) and len(known) == 2:
        rows, columns = (np.asarray(part).ravel() for part in known)
        whole = [np.issubdtype(part.dtype, np.integer) or not part.size for part in (rows, columns)]
        if all(whole):
            return None, rows.astype(np.int64), columns.astype(np.int64)
    if isinstance(known, (np.ndarray, jax.Array)) and known.ndim == 2:
        rows, columns = np.nonzero(np.asarray(known))
        return known.shape, rows, columns
    raise TypeError(
        "pattern must be a sparse array of SciPy or JAX, a matrix of truth values, or a pair "
        f"(rows, columns) of whole numbers, got {described(known)}"
    )


def missed(problem: Problem, rows: csr_array, entries: Entries) -> list[tuple[int, int]]:
    """Return some entries, `(output, input)`, that are not zero and not in a pattern.

    Single rows are pulled where a product along a direction is off, or columns are pushed where one
    with weights of the outputs is.

    Args:
        problem: What is differentiated.
        rows: The pattern.
        entries: What has not passed its check by that pattern.
    """
    fault = first_fault(problem, rows, entries)
    if fault is None:
        return []
    with checking():
        if fault.outputs.size:
            return _missed(fault.outputs, rows, _pulled(fault.problem))
        across = csr_array(rows.T.tocsr())
        found = _missed(fault.inputs, across, _pushed(fault.problem))
    return [(row, column) for column, row in found]


def _missed(
    suspects: np.ndarray, rows: csr_array, line: Callable[[int], np.ndarray]
) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for row in map(int, suspects[:_LOOKED_AT]):
        entries = line(row)
        entries[rows.indices[rows.indptr[row] : rows.indptr[row + 1]]] = 0.0
        found += [(row, int(column)) for column in np.flatnonzero(entries)]
        if len(found) >= _TOLD:
            break
    return found[:_TOLD]


def _pulled(problem: Problem) -> Callable[[int], np.ndarray]:
    """Return what pulls a row of the Jacobian."""
    output, pull = jax.vjp(lambda x: problem.fn(x, problem.fixed), problem.x)
    leaves, structure = jax.tree.flatten(output)
    pulled = jax.jit(lambda one: pull(jax.tree.unflatten(structure, one))[0])
    return lambda row: ravel(pulled(one_hot(row, leaves)))


def _pushed(problem: Problem) -> Callable[[int], np.ndarray]:
    """Return what pushes a column of the Jacobian."""

    def push(one: Leaves) -> object:
        return jax.jvp(lambda x: problem.fn(x, problem.fixed), (problem.x,), (one,))[1]

    pushed = jax.jit(push)
    return lambda column: ravel(pushed(one_hot(column, problem.x)))
