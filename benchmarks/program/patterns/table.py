"""The patterns with a known cure, a line each; nothing else lists them."""

from collections.abc import Callable, Iterator, Sequence

from ..advice import Advice
from ..jaxpr import Program
from .callbacks import find_callbacks
from .checkpoints import find_checkpoints
from .convergence import find_convergence
from .factorizations import find_factorizations
from .float64_constants import find_float64_constants
from .hessians import find_hessians
from .inverses import find_inverses
from .loops_by_rows import find_buffers, find_gathered
from .reader import read_scopes
from .repetition import find_repetition
from .scalars import find_scalar_carries, find_scalar_leaves
from .scope import Scope
from .small_solves import find_small_solves
from .tangents import find_tangents

#: `find(program)` yields what it has to say of a program.
Find = Callable[[Scope], Iterator[Advice]]

#: What is looked for, by the name that its advice has.
PATTERNS: dict[str, Find] = {
    "implicit solve": find_convergence,
    "carried buffer": find_buffers,
    "gather in a loop": find_gathered,
    "scalar leaves": find_scalar_leaves,
    "scalar carries": find_scalar_carries,
    "whole checkpoint": find_checkpoints,
    "repetition": find_repetition,
    "inverse": find_inverses,
    "two factorizations": find_factorizations,
    "small solves": find_small_solves,
    "repeated products": find_tangents,
    "whole matrix": find_hessians,
    "float64 constant": find_float64_constants,
    "callback": find_callbacks,
}


def find_advice(program: Program, differentiated: Sequence[bool]) -> tuple[Advice, ...]:
    """Find what makes the derivative of a program dear and has a known cure; nothing is run.

    Args:
        program: The function's program.
        differentiated: Of each input, whether it is differentiated.

    Returns:
        One for each pattern and line, the one that can save most first.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> program = jax.make_jaxpr(lambda a, b: jnp.linalg.inv(a) @ b)(jnp.eye(9), jnp.ones(9))
        >>> [(advice.pattern, advice.code[:27]) for advice in find_advice(program, [True, True])]
        [('inverse', 'x = jnp.linalg.solve(A, b) ')]
    """
    scope = read_scopes(program, differentiated)
    found = {
        (advice.pattern, advice.line): advice
        for find in reversed(PATTERNS.values())
        for advice in find(scope)
    }
    return tuple(sorted(found.values(), key=lambda advice: -advice.weight))
