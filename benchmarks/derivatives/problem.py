"""A function and its inputs, brought to the one form that every method differentiates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
from jax.extend.core import ClosedJaxpr

from ..program.arguments import Argnums
from ..program.inputs import Inputs
from ..program.inputs import Leaves as Leaves
from ..program.told import described
from .inputs import read_inputs
from .outputs import Outputs, read_function
from .traced import traced_once

#: What a problem's function returns: a scalar, or a tuple of arrays.
Output: TypeAlias = jax.Array | Leaves


class Problem(NamedTuple):
    """`fn(x, fixed)`: differentiated by `x`, with everything else handed in beside it.

    What is held fixed is an argument and no constant, so that XLA cannot fold it into the program.

    Attributes:
        fn: `fn(x, fixed)` returns the floating leaves of the user's output, a tuple of arrays, a
            complex leaf as its real and its imaginary part; for a scalar problem, the scalar.
        x: The floating leaves of the differentiated arguments, in the order of `argnums`.
        fixed: All other array leaves.
        n: How many numbers `x` holds.
        m: How many numbers the output holds.
        scalar: Whether the output is one scalar.
        rebuild: `rebuild(leaves)` returns the differentiated arguments, a tuple of pytrees, with
            `leaves` in the place of `x`; leaves in them that are held fixed become `None`.
        arguments: `arguments(x, fixed)` returns all of the user's arguments.
        unpack: Takes the leaves that `fn` returns out of a value of the output's structure,
            without `aux` if the function has one.
        notes: What was held fixed or left out, in words.
        given: The user's arguments, sorted.
        outputs: What the user's function returns.
        program: `fn` as it was traced in its own types, once somebody has asked for it.
        wide: `fn` in float64, likewise: to be called in 64-bit mode.
        float64_obstacle: Why there is no such function, in words; `None` if there is.
    """

    fn: Callable[[Leaves, Leaves], Output]
    x: Leaves
    fixed: Leaves
    n: int
    m: int
    scalar: bool
    rebuild: Callable[[Sequence], tuple]
    arguments: Callable[[Leaves, Leaves], tuple]
    unpack: Callable[[object], Leaves]
    notes: tuple[str, ...]
    given: Inputs
    outputs: Outputs
    program: ClosedJaxpr | None = None
    wide: Callable[[Leaves, Leaves], Output] | None = None
    float64_obstacle: str | None = None


def make_problem(
    fn: Callable[..., object],
    inputs: tuple,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    caller: str = "compare",
) -> Problem:
    """Split `inputs` into what is differentiated and what is held fixed, and check both.

    Args:
        fn: Arrays or pytrees to an array or pytree.
        inputs: Its arguments.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        has_aux: Whether `fn` returns a pair of which the first alone is differentiated.
        caller: What the user has called, for its errors.

    Raises:
        TypeError: If `fn` is not callable, a differentiated input is complex, or `fn` cannot be
            traced or returns no arrays.
        ValueError: If `argnums` is empty or out of range, an input or the function is inside of a
            transformation of JAX, or nothing is there to be differentiated: no floats, or arrays
            of no entries.

    Example:
        >>> import jax.numpy as jnp
        >>> problem = make_problem(lambda x, k: x[k], (jnp.ones((2, 3)), 1))
        >>> problem.n, problem.m, problem.notes
        (6, 3, ('argument 1 (int32) is held fixed',))
    """
    if not callable(fn):
        raise TypeError(f"{caller} needs a function to differentiate, got {described(fn)}")
    read = read_inputs(inputs, argnums, caller=caller)
    given, outputs = read_function(fn, read, has_aux=has_aux, caller=caller)
    problem = canonical(fn, given, outputs, has_aux=has_aux)
    if not problem.n or not problem.m:
        raise ValueError(
            "a derivative needs an input and an output of at least one number, got "
            f"{problem.n} and {problem.m}: "
            f"give {'an input' if not problem.n else 'a function'} whose arrays are not empty"
        )
    return problem._replace(fn=traced_once(problem.fn))


def canonical(
    fn: Callable[..., object], given: Inputs, outputs: Outputs, *, has_aux: bool
) -> Problem:
    """Return a function that was read as a problem, whose `fn` traces it anew at each call.

    Args:
        fn: The function.
        given: Its inputs, which JAX may be transforming.
        outputs: What it returns.
        has_aux: Whether it returns a pair, of which the first alone is differentiated.
    """

    def in_one_form(x: Leaves, fixed: Leaves) -> Output:
        output: Any = fn(*given.arguments(x, fixed))
        leaves = outputs.unpack(output[0] if has_aux else output)
        return leaves[0] if outputs.scalar else leaves

    return Problem(
        fn=in_one_form,
        x=given.x,
        fixed=given.fixed,
        n=sum(leaf.size for leaf in given.x),
        m=outputs.m,
        scalar=outputs.scalar,
        rebuild=given.rebuild,
        arguments=given.arguments,
        unpack=outputs.unpack,
        notes=(*given.notes(), *outputs.notes),
        given=given,
        outputs=outputs,
    )


def gradient_problem(problem: Problem, mode: str = "reverse") -> Problem:
    """Return the problem whose Jacobian is the Hessian of a scalar one: its gradient in a mode."""
    gradient = {"forward": jax.jacfwd, "reverse": jax.grad}[mode]
    wide = gradient(problem.wide) if problem.wide else None
    return problem._replace(
        fn=gradient(problem.fn), program=None, wide=wide, m=problem.n, scalar=False
    )
