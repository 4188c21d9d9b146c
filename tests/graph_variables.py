"""The operations of a function with the names of the user's variables."""

import jax
import jax.numpy as jnp

from benchmarks.graph.reading.names import variable_names
from benchmarks.graph.reading.origins import Origin, origin_of
from benchmarks.program.jaxpr import called, kind, opened


def named(fn, *inputs):
    """The operations of a function with their names, calls opened in place."""

    def flat(program, outside):
        for eqn in opened(program).eqns:
            origin, call = origin_of(eqn, outside), called(eqn)
            if kind(eqn) == "jit" and call is not None:
                yield from flat(call[0], origin)
            else:
                yield kind(eqn), origin

    operations = list(flat(jax.make_jaxpr(fn)(*inputs), Origin()))
    found = variable_names([origin for _, origin in operations])
    return [
        (operation, name) for (operation, _), name in zip(operations, found, strict=True) if name
    ]


def helper(a):
    """A function that the user calls in a statement of another."""
    s = jnp.sin(a)
    return s * 2
