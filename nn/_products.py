"""The floating-point operations of a program's matrix products and convolutions."""

import math
from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn


def flops_of_products(jaxpr: Jaxpr) -> int:
    """Return the operations of the products in a program, two for each multiplication and addition.

    A loop counts as often as it runs if that is known, a `while_loop` once, and of the branches of
    a `cond` the one with the most.
    """
    return sum(map(_of_equation, jaxpr.eqns))


def _of_equation(eqn: JaxprEqn) -> int:
    name = eqn.primitive.name
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        left, out = _shape(eqn.invars[0]), _shape(eqn.outvars[0])
        return 2 * math.prod(out) * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel, out = _shape(eqn.invars[1]), _shape(eqn.outvars[0])
        channels = kernel[eqn.params["dimension_numbers"].rhs_spec[0]]
        return 2 * math.prod(out) * math.prod(kernel) // channels
    inside = [flops_of_products(jaxpr) for jaxpr in _programs(eqn)]
    if name == "cond":
        return max(inside)
    return sum(inside) * (eqn.params["length"] if name == "scan" else 1)


def _shape(variable: Any) -> tuple[int, ...]:
    return variable.aval.shape


def _programs(eqn: JaxprEqn) -> Iterator[Jaxpr]:
    """Yield the programs inside of an equation, such as the body of a loop."""

    def is_program(value: Any) -> bool:
        return isinstance(value, Jaxpr | ClosedJaxpr)

    for value in jax.tree.leaves(eqn.params, is_leaf=is_program):
        if is_program(value):
            yield value.jaxpr if isinstance(value, ClosedJaxpr) else value
