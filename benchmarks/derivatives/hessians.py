"""Second derivatives of a scalar function: compositions of the two modes, outer mode first."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .jacobians import from_columns, in_chunks, one_hot
from .method import Context, Program
from .problem import Problem


def forward_over_reverse(fn: Callable, x, fixed, tangent):
    """The tangent of the gradient: d/de grad f(x + e v)."""
    return jax.jvp(lambda x: jax.grad(fn)(x, fixed), (x,), (tangent,))[1]


def reverse_over_forward(fn: Callable, x, fixed, tangent):
    """The gradient of the slope along the tangent: grad (grad f(x) . v)."""
    return jax.grad(lambda x: jax.jvp(lambda x: fn(x, fixed), (x,), (tangent,))[1])(x)


def reverse_over_reverse(fn: Callable, x, fixed, tangent):
    """The gradient of the gradient's product with the tangent."""

    def slope(x):
        gradient = jax.grad(fn)(x, fixed)
        products = jax.tree.map(lambda a, b: jnp.sum(a * b), gradient, tangent)
        return sum(jax.tree.leaves(products))

    return jax.grad(slope)(x)


def forward_over_forward(fn: Callable, x, fixed, tangent):
    """Each entry by itself, n passes: the slope along a basis vector of the slope along v."""

    def entry(index):
        def slope(x):
            return jax.jvp(lambda x: fn(x, fixed), (x,), (one_hot(index, x),))[1]

        return jax.jvp(slope, (x,), (tangent,))[1]

    entries = jax.vmap(entry)(jnp.arange(sum(leaf.size for leaf in x)))
    return from_columns(entries, x)


def product(compose: Callable) -> Callable[[Problem, Context], Program]:
    """The program of a Hessian-vector product by the composition `compose`."""

    def build(problem: Problem, context: Context) -> Program:
        def program(x, fixed, tangent):
            return compose(problem.fn, x, fixed, tangent)

        return Program(program, (problem.x, problem.fixed, context.probe.tangent))

    return build


def hessian(outer: Callable, inner: Callable) -> Callable[[Problem, Context], Program]:
    """The program of a dense Hessian: the Jacobian transform `outer` of the gradient by `inner`."""

    def build(problem: Problem, context: Context) -> Program:
        return Program(outer(inner(problem.fn)), (problem.x, problem.fixed))

    return build


def columnwise(problem: Problem, context: Context) -> Program:
    """The Hessian a column at a time, forward over reverse: the memory of one product."""

    def program(x, fixed):
        def column(index):
            return forward_over_reverse(problem.fn, x, fixed, one_hot(index, x))

        return from_columns(in_chunks(column, problem.n, 1), x)

    return Program(program, (problem.x, problem.fixed))


def gradient(problem: Problem, context: Context) -> Program:
    """The gradient by reverse mode: what second-order costs are usually compared with."""
    return Program(jax.grad(problem.fn), (problem.x, problem.fixed))
