"""What no seed changes, computed once: a barrier holds XLA back from computing it for each seed.

`vmap` leaves what does not depend on the seed as it is. But XLA fuses what it takes for cheap with
all that reads it: a cosine in a partial derivative is then computed again for each seed, or for
each number that is read off the products. Exponentials, divisions and the like it writes down
itself.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn

from ...derivatives.problem import Leaves
from ...program.jaxpr import Atom, Program, called, kind, names, trace
from ...program.walk import bind, by_content, interpret

#: What XLA fuses with all that reads it, though it takes as long as dozens of products.
_DEAR = names(
    "bessel_i0e bessel_i1e cos cosh digamma erf_inv igamma igamma_grad_a igammac lgamma polygamma "
    "random_gamma_grad regularized_incomplete_beta sin sinh tan zeta"
)
#: Equations of a program that is not walked through.
_MOST_EQUATIONS = 20_000


def once(
    product: Callable[..., Any], seed: Leaves, *held: Leaves
) -> Callable[[Leaves], list[jax.Array]]:
    """Return a function of the seed to the arrays of a product, which computes once what it can.

    Args:
        product: `product(seed, *held)` returns a pytree of arrays.
        seed: Arrays of a seed's shapes and types, or what tells these.
        *held: What else it takes, which is the same for all seeds.

    Example:
        >>> import jax.numpy as jnp
        >>> along = once(lambda seed, x: jnp.cos(x[0]) * seed[0], (jnp.ones(2),), (jnp.zeros(2),))
        >>> jax.vmap(along)((jnp.eye(2),))[0].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    program = trace(product, seed, *held)
    count = len(jax.tree.leaves(seed))
    if len(program.eqns) > _MOST_EQUATIONS or not _pays(program, count):
        return lambda seed: jax.tree.leaves(product(seed, *held))

    def along(seed: Leaves) -> list[jax.Array]:
        values = _run(program, jax.tree.leaves((seed, *held)), count, _held_back)
        return [value.array for value in values]

    return along


def _pays(program: ClosedJaxpr, count: int) -> bool:
    """Whether there is anything dear that no seed changes."""
    dear = []

    def look(eqn: JaxprEqn, arrays: list[None], *, moves: bool) -> list[None]:
        del arrays
        dear.append(not moves and kind(eqn) in _DEAR)
        return [None] * len(eqn.outvars)

    _run(program, [None] * len(program.in_avals), count, look)
    return any(dear)


def _held_back(eqn: JaxprEqn, arrays: list[Any], *, moves: bool) -> list[Any]:
    """Compute an equation's results; what is dear is written down."""
    results = bind(eqn, arrays)
    if moves or kind(eqn) not in _DEAR:
        return results
    return [lax.optimization_barrier(result) for result in results]


class _Value(NamedTuple):
    """A value of the program; whether it moves with the seed."""

    array: Any
    moves: bool = False


def _run(
    program: ClosedJaxpr, inputs: Sequence[Any], count: int, compute: Callable[..., list[Any]]
) -> list[_Value]:
    """Run a program whose first inputs are the seed."""

    def visit(eqn: JaxprEqn, operands: list[_Value], line: str) -> list[_Value]:
        del line
        moves = any(operand.moves for operand in operands)
        arrays = [operand.array for operand in operands]
        return [_Value(result, moves) for result in compute(eqn, arrays, moves=moves)]

    values = [_Value(array, place < count) for place, array in enumerate(inputs)]
    return interpret(program, values, visit, lift=by_content(_Value), entered=_entered)


def _entered(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    """Enter plain calls alone: a custom rule would be lost, and with it further derivatives."""
    return called(eqn) if kind(eqn) == "jit" and not _is_placed(eqn) else None


def _is_placed(eqn: JaxprEqn) -> bool:
    """Whether a call says on which devices its arrays are."""
    said = (*eqn.params["in_shardings"], *eqn.params["out_shardings"])
    return any(type(one).__name__ != "UnspecifiedValue" for one in said)
