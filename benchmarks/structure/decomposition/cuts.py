"""A Jacobian through a narrow waist: reverse mode to it, forward mode from it, and their product.

If all outputs depend on the inputs through `c` numbers, `J = (d out / d waist) (d waist / d in)`
takes `c` passes through each part of the program, however many inputs and outputs there are
(cf. U. Naumann, The Art of Differentiating Computer Programs, 2012, ch. 3).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...check.float64 import own_program
from ...derivatives.jacobians import Jacobian, one_hot
from ...derivatives.problem import Leaves, Problem
from ...instrument.units import counted
from ..sought import Sought
from ..ways import REVERSE, Way, gathered, matrix_product, product
from .waist import Waist, find_waist

#: A waist must be this many times narrower than the inputs and the outputs.
_NARROWER = 2


def cut(sought: Sought) -> Way | None:
    """Return the way through the narrowest place of a function's program, if that saves passes.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.ones(6) * jnp.sin(x @ x), (jnp.ones(8),))
        >>> way = cut(Sought(problem))
        >>> way.name, way.passes
        ('cut (1)', 1)
    """
    problem, rows, entries = sought.problem, sought.rows, sought.m * sought.n
    most = min(sought.n, sought.m) // _NARROWER
    if not most:
        return None
    waist = find_waist(own_program(problem), len(problem.x), most)
    if waist is None:
        return None

    def dense(problem: Problem, tables: tuple, x: Leaves, fixed: Leaves) -> Jacobian:
        del tables
        return _through(waist, problem, x, fixed, product)

    def flat(problem: Problem, tables: tuple, x: Leaves, fixed: Leaves) -> Jacobian:
        del tables
        return _through(waist, problem, x, fixed, matrix_product)

    full = rows is not None and rows.nnz == entries
    cost = waist.size * REVERSE * sought.operations + entries * (1 + waist.size) * 0.25
    are = "is" if waist.size == 1 else "are"
    why = f"{counted(waist.size, 'number')} {are} all that the outputs know of the inputs"
    why += f", those of {', '.join(waist.lines)}" if waist.lines else ""
    name = f"cut ({waist.size:,})"
    return Way(name, waist.size, cost, dense, gathered(flat if full else dense, rows), why=why)


def _through(
    waist: Waist,
    problem: Problem,
    x: Leaves,
    fixed: Leaves,
    multiply: Callable[[jax.Array, jax.Array], jax.Array],
) -> Jacobian:
    """Return the Jacobian with the structure of `jax.jacrev`."""

    def before(x: Leaves) -> tuple[Leaves, Leaves]:
        values = waist.head(*x, *fixed)
        return tuple(values[: waist.leaves]), tuple(values[waist.leaves :])

    def after(values: Leaves) -> list[jax.Array]:
        return waist.tail(*values, *held)

    def push(tangent: Leaves) -> list[jax.Array]:
        return jax.jvp(after, (values,), (tangent,))[1]

    values, pull, held = jax.vjp(before, x, has_aux=True)
    basis = jax.vmap(lambda index: one_hot(index, values))(jnp.arange(waist.size))
    inner, outer = jax.vmap(pull)(basis)[0], jax.vmap(push)(basis)
    lines = tuple(tuple(multiply(o, i) for i in inner) for o in outer)
    return lines[0] if problem.scalar else lines
