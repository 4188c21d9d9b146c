"""Whole Jacobians by forward and by reverse mode: all directions at once, or in chunks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..instrument.timing import compile_for, deadline, run_once
from .method import Context, InfeasibleError, Program
from .problem import Leaves, Problem

#: Chunks so small that a Jacobian takes more rounds than this are not tried.
_MOST_LOOPS = 4096


def forward(problem: Problem, context: Context) -> Program:
    """Every column at once: one tangent for each of the n inputs, batched (`jax.jacfwd`)."""
    return Program(jax.jacfwd(problem.fn), (problem.x, problem.fixed))


def reverse(problem: Problem, context: Context) -> Program:
    """Every row at once: one cotangent for each of the m outputs (`jax.grad`, `jax.jacrev`)."""
    transform = jax.grad if problem.scalar else jax.jacrev
    return Program(transform(problem.fn), (problem.x, problem.fixed))


def forward_chunked(problem: Problem, context: Context) -> Program:
    """The columns in chunks, the chunk found by search under the memory limit."""
    return _fastest_chunk(partial(columns, problem), problem, problem.n, context)


def reverse_chunked(problem: Problem, context: Context) -> Program:
    """The rows in chunks, the chunk found by search under the memory limit."""
    return _fastest_chunk(partial(rows, problem), problem, problem.m, context)


def columns(problem: Problem, chunk: int, x: Leaves, fixed: Leaves) -> Any:
    """The Jacobian in forward mode, `chunk` columns at a time."""

    def push(index: jax.Array) -> Any:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (one_hot(index, x),))[1]

    return from_columns(in_chunks(push, problem.n, chunk), x)


def rows(problem: Problem, chunk: int, x: Leaves, fixed: Leaves) -> Any:
    """The Jacobian in reverse mode, `chunk` rows at a time."""
    output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
    outputs, treedef = jax.tree.flatten(output)
    stacked = in_chunks(
        lambda index: pull(jax.tree.unflatten(treedef, one_hot(index, outputs)))[0],
        problem.m,
        chunk,
    )
    parts, start = [], 0
    for leaf in outputs:
        own = slice(start, start := start + leaf.size)
        parts.append(tuple(block[own].reshape(leaf.shape + block.shape[1:]) for block in stacked))
    return jax.tree.unflatten(treedef, parts)


def one_hot(index: jax.Array, leaves: Any) -> tuple:
    """The basis vector of the raveled `leaves` at `index`, in their shapes; zero past the end."""
    basis, start = [], 0
    for leaf in leaves:
        basis.append(jax.nn.one_hot(index - start, leaf.size, dtype=leaf.dtype).reshape(leaf.shape))
        start += leaf.size
    return tuple(basis)


def in_chunks(fn: Callable[[jax.Array], Any], count: int, chunk: int) -> Any:
    """`fn(0), ..., fn(count - 1)` stacked: a `vmap` over `chunk` of them inside a loop."""
    loops = -(-count // chunk)
    indices = jnp.arange(loops * chunk).reshape(loops, chunk)
    stacked = jax.lax.map(jax.vmap(fn), indices)
    return jax.tree.map(lambda leaf: leaf.reshape((-1, *leaf.shape[2:]))[:count], stacked)


def from_columns(stacked: Any, x: Leaves) -> Any:
    """Columns `[n, ...]`, one per number in `x`, in the structure that `jax.jacfwd` returns."""

    def split(leaf: jax.Array) -> tuple:
        last, parts, start = jnp.moveaxis(leaf, 0, -1), [], 0
        for part in x:
            own = last[..., start : (start := start + part.size)]
            parts.append(own.reshape(last.shape[:-1] + part.shape))
        return tuple(parts)

    return jax.tree.map(split, stacked)


def _fastest_chunk(build: Callable, problem: Problem, count: int, context: Context) -> Program:
    """Tries chunks 1, 4, 16, ... below `count`: the time has several minima, so all are tried.

    Raises:
        InfeasibleError: If there is nothing to cut, or no chunk fits the memory.
    """
    sizes = [4**power for power in range(12) if count / _MOST_LOOPS <= 4**power < count]
    if not sizes:
        raise InfeasibleError(f"{count} direction: nothing to cut into chunks")
    args = (problem.x, problem.fixed)
    found: dict[int, float] = {}
    time_left = deadline(context.search_seconds)
    for size in sizes:
        if found and time_left() < 0:
            break
        compiled = compile_for(partial(build, size), args)
        if compiled.memory and compiled.memory.total > context.memory_limit:
            break
        found[size] = run_once(compiled.call)[0]
        if time_left() > 0:
            found[size] = min(run_once(compiled.call)[0] for _ in range(3))
    if not found:
        raise InfeasibleError(
            f"not even one direction at a time fits {context.memory_limit:.3g} bytes"
        )
    best = min(found, key=lambda size: found[size])
    return Program(partial(build, best), args, f"chunk {best}, the fastest of {sorted(found)}")
