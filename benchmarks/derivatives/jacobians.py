"""Whole Jacobians by forward and by reverse mode: all directions at once, or in chunks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from .method import InfeasibleError, Label, Probe, Program, Search
from .problem import Leaves, Output, Problem

#: Chunks so small that a Jacobian takes more rounds than this are not tried.
_MOST_LOOPS = 4096
#: Chunk sizes are powers of four, the largest first: the largest that fits the memory is likely
#: to be the fastest, and small ones take many loops.
_SIZES = tuple(4**power for power in reversed(range(12)))

#: A Jacobian with the structure that `jax.jacrev` returns.
Jacobian = tuple


def forward(problem: Problem, probe: Probe) -> Program:
    """Describe every column at once: one tangent for each of the n inputs (`jax.jacfwd`)."""
    del probe
    return Program(jax.jacfwd(problem.fn), (problem.x, problem.fixed))


def reverse(problem: Problem, probe: Probe) -> Program:
    """Describe every row at once: a cotangent for each of m outputs (`jax.grad`, `jax.jacrev`)."""
    del probe
    transform = jax.grad if problem.scalar else jax.jacrev
    return Program(transform(problem.fn), (problem.x, problem.fixed))


def forward_chunked(problem: Problem, probe: Probe) -> Search:
    """Describe the columns in chunks, of which the fastest is to be found."""
    del probe
    return _chunks(partial(columns, problem), problem, problem.n)


def reverse_chunked(problem: Problem, probe: Probe) -> Search:
    """Describe the rows in chunks, of which the fastest is to be found."""
    del probe
    return _chunks(partial(rows, problem), problem, problem.m)


def columns(problem: Problem, chunk: int, x: Leaves, fixed: Leaves) -> Jacobian:
    """Return the Jacobian in forward mode, `chunk` columns at a time."""

    def push(index: jax.Array) -> Output:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (one_hot(index, x),))[1]

    return from_columns(in_chunks(push, problem.n, chunk), x)


def rows(problem: Problem, chunk: int, x: Leaves, fixed: Leaves) -> Jacobian:
    """Return the Jacobian in reverse mode, `chunk` rows at a time."""
    output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
    outputs, treedef = jax.tree.flatten(output)
    stacked = in_chunks(
        lambda index: pull(jax.tree.unflatten(treedef, one_hot(index, outputs)))[0],
        problem.m,
        chunk,
    )
    parts, start = [], 0
    for leaf in outputs:
        place = slice(start, start := start + leaf.size)
        parts.append(tuple(block[place].reshape(leaf.shape + block.shape[1:]) for block in stacked))
    return jax.tree.unflatten(treedef, parts)


def one_hot(index: int | jax.Array, leaves: Sequence[jax.Array]) -> Leaves:
    """Return the basis vector of the raveled `leaves` at `index`, in their shapes.

    Past the end it is zero.
    """
    basis, start = [], 0
    for leaf in leaves:
        basis.append(jax.nn.one_hot(index - start, leaf.size, dtype=leaf.dtype).reshape(leaf.shape))
        start += leaf.size
    return tuple(basis)


def in_chunks(fn: Callable[[jax.Array], object], count: int, chunk: int) -> tuple:
    """Stack `fn(0), ..., fn(count - 1)`: a `vmap` over `chunk` of them inside a loop."""
    loops = -(-count // chunk)
    indices = jnp.arange(loops * chunk).reshape(loops, chunk)
    stacked = jax.lax.map(jax.vmap(fn), indices)
    return jax.tree.map(lambda leaf: leaf.reshape((-1, *leaf.shape[2:]))[:count], stacked)


def from_columns(stacked: object, x: Leaves) -> Jacobian:
    """Bring columns `[n, ...]`, one a number in `x`, to the structure that `jax.jacfwd` returns."""

    def split(leaf: jax.Array) -> Leaves:
        last, parts, start = jnp.moveaxis(leaf, 0, -1), [], 0
        for part in x:
            columns = last[..., start : (start := start + part.size)]
            parts.append(columns.reshape(last.shape[:-1] + part.shape))
        return tuple(parts)

    return jax.tree.map(split, stacked)


def _chunks(build: Callable[..., Jacobian], problem: Problem, count: int) -> Search:
    """Describe the search for the fastest chunk.

    Raises:
        InfeasibleError: If there is nothing to cut.
    """
    sizes = [size for size in _SIZES if count / _MOST_LOOPS <= size < count]
    if not sizes:
        raise InfeasibleError(f"{count} direction: nothing to cut into chunks")
    args = (problem.x, problem.fixed)

    def note(best: Label, figures: Mapping[Label, float]) -> str:
        return f"chunk {best}, the fastest of {list(figures)}"

    return Search({size: Program(partial(build, size), args) for size in sizes}, "seconds", note)
