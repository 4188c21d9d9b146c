"""Second derivatives of a scalar function: compositions of the two modes, outer mode first."""

from collections.abc import Callable
from functools import reduce
from typing import Protocol

import jax
import jax.numpy as jnp

from .jacobians import from_columns, in_chunks, one_hot
from .method import Probe, Program
from .problem import Leaves, Output, Problem

_Fn = Callable[[Leaves, Leaves], Output]
_Transform = Callable[[Callable], Callable[..., object]]


class Composition(Protocol):
    """A Hessian-vector product of `fn(x, fixed)` along a tangent."""

    def __call__(self, fn: _Fn, x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
        """Return the product, with the structure of `x`."""
        ...


class Entry(Protocol):
    """One entry of the diagonal of the Hessian of `fn(x, fixed)`."""

    def __call__(self, fn: _Fn, x: Leaves, fixed: Leaves, index: jax.Array) -> jax.Array:
        """Return the entry at an index."""
        ...


def forward_over_reverse(fn: _Fn, x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
    """Return the tangent of the gradient: d/de grad f(x + e v)."""
    return jax.jvp(lambda x: jax.grad(fn)(x, fixed), (x,), (tangent,))[1]


def reverse_over_forward(fn: _Fn, x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
    """Return the gradient of the slope along the tangent: grad (grad f(x) . v)."""
    return jax.grad(lambda x: jax.jvp(lambda x: fn(x, fixed), (x,), (tangent,))[1])(x)


def reverse_over_reverse(fn: _Fn, x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
    """Return the gradient of the gradient's product with the tangent."""

    def slope(x: Leaves) -> jax.Array:
        gradient = jax.grad(fn)(x, fixed)
        products = jax.tree.map(lambda a, b: jnp.sum(a * b), gradient, tangent)
        return reduce(jnp.add, jax.tree.leaves(products))

    return jax.grad(slope)(x)


def forward_over_forward(fn: _Fn, x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
    """Return each entry by itself, n passes: a slope along a basis vector of the slope along v."""

    def entry(index: jax.Array) -> jax.Array:
        def slope(x: Leaves) -> jax.Array:
            return jax.jvp(lambda x: fn(x, fixed), (x,), (one_hot(index, x),))[1]

        return jax.jvp(slope, (x,), (tangent,))[1]

    entries = jax.vmap(entry)(jnp.arange(sum(leaf.size for leaf in x)))
    return from_columns(entries, x)


def product(compose: Composition) -> Callable[[Problem, Probe], Program]:
    """Return the builder of a Hessian-vector product by a composition."""

    def build(problem: Problem, probe: Probe) -> Program:
        def program(x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
            return compose(problem.fn, x, fixed, tangent)

        return Program(program, (problem.x, problem.fixed, probe.tangent))

    return build


def hessian(outer: _Transform, inner: _Transform) -> Callable[[Problem, Probe], Program]:
    """Return the builder of a dense Hessian: the Jacobian by `outer` of the gradient by `inner`."""

    def build(problem: Problem, probe: Probe) -> Program:
        del probe
        return Program(outer(inner(problem.fn)), (problem.x, problem.fixed))

    return build


def columnwise(problem: Problem, probe: Probe) -> Program:
    """Describe the Hessian a column at a time, forward over reverse, in the memory of a product."""
    del probe

    def program(x: Leaves, fixed: Leaves) -> object:
        def column(index: jax.Array) -> Leaves:
            return forward_over_reverse(problem.fn, x, fixed, one_hot(index, x))

        return from_columns(in_chunks(column, problem.n, 1), x)

    return Program(program, (problem.x, problem.fixed))


def second_slope(fn: _Fn, x: Leaves, fixed: Leaves, index: jax.Array) -> jax.Array:
    """Return an entry of the Hessian's diagonal in forward mode: a slope of the slope."""
    basis = one_hot(index, x)

    def slope(x: Leaves) -> Output:
        return jax.jvp(lambda x: fn(x, fixed), (x,), (basis,))[1]

    return jax.jvp(slope, (x,), (basis,))[1]


def from_product(fn: _Fn, x: Leaves, fixed: Leaves, index: jax.Array) -> jax.Array:
    """Return an entry of the Hessian's diagonal out of a product with a basis vector."""
    basis = one_hot(index, x)
    column = forward_over_reverse(fn, x, fixed, basis)
    products = [jnp.sum(part * one) for part, one in zip(column, basis, strict=True)]
    return reduce(jnp.add, products)


def diagonal(entry: Entry, *, at_once: bool) -> Callable[[Problem, Probe], Program]:
    """Return the builder of the Hessian's diagonal, with the structure of `x`.

    Args:
        entry: One of its entries.
        at_once: Whether all entries are computed together, or one after the other.
    """

    def build(problem: Problem, probe: Probe) -> Program:
        del probe

        def program(x: Leaves, fixed: Leaves) -> Leaves:
            return from_columns(_entries(entry, problem, x, fixed, at_once=at_once), x)

        return Program(program, (problem.x, problem.fixed))

    return build


def trace(entry: Entry, *, at_once: bool) -> Callable[[Problem, Probe], Program]:
    """Return the builder of the Hessian's trace: the exact sum of its diagonal.

    The arguments are those of `diagonal`.
    """

    def build(problem: Problem, probe: Probe) -> Program:
        del probe

        def program(x: Leaves, fixed: Leaves) -> jax.Array:
            return jnp.sum(_entries(entry, problem, x, fixed, at_once=at_once))

        return Program(program, (problem.x, problem.fixed))

    return build


def _entries(
    entry: Entry, problem: Problem, x: Leaves, fixed: Leaves, *, at_once: bool
) -> jax.Array:
    """Return the entries of the diagonal, `[n]`."""

    def one(index: jax.Array) -> jax.Array:
        return entry(problem.fn, x, fixed, index)

    indices = jnp.arange(problem.n)
    return jax.vmap(one)(indices) if at_once else jax.lax.map(one, indices)


def gradient(problem: Problem, probe: Probe) -> Program:
    """Describe the gradient by reverse mode: what second-order costs are usually compared with."""
    del probe
    return Program(jax.grad(problem.fn), (problem.x, problem.fixed))
