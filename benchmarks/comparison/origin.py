"""Find what makes a comparison before it is made: nothing is compiled, and nothing is run."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp

from .._record_file import encode
from ..derivatives.candidate import Candidate, as_methods
from ..derivatives.method import Method, Probe, Program
from ..derivatives.problem import Leaves, Problem, make_problem
from ..instrument.environment import environment
from ..program.arguments import Argnums
from ..program.fingerprint import array_hash, fingerprint
from ..program.jaxpr import trace
from .made_by import MadeBy, machine, versions


def made_by(
    fn: Callable[..., object],
    inputs: tuple,
    *,
    argnums: Argnums = None,
    candidates: Sequence[Candidate] = (),
    order: int = 1,
    options: Mapping[str, object],
) -> MadeBy:
    """Return what a comparison of `fn` would be made by, without making it.

    Args:
        fn: The function, as `compare` takes it.
        inputs: Its arguments.
        argnums: The arguments to differentiate.
        candidates: Derivatives of the user's own.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        options: What else `compare` is given, by name.

    Raises:
        TypeError: If the function cannot be compared.
        ValueError: If the arguments cannot be.

    Example:
        >>> import jax.numpy as jnp
        >>> made_by(jnp.sin, (jnp.ones(3),), options={"seed": 1})
        MadeBy(float32[3], order 1, seed 1)
    """
    problem = make_problem(fn, inputs, argnums=argnums)
    return origin_of(problem, as_methods(candidates, order), {**options, "order": order})


def origin_of(
    problem: Problem, candidates: Sequence[Method], options: Mapping[str, object]
) -> MadeBy:
    """Return what a comparison of a problem is made by.

    Args:
        problem: What is differentiated.
        candidates: The user's own derivatives.
        options: What `compare` is given besides, by name; values that JSON can hold.
    """
    here = environment((problem.x, problem.fixed))
    programs = {"value": fingerprint(trace(problem.fn, problem.x, problem.fixed))}
    programs |= {each.name: _candidate_hash(each, problem) for each in candidates}
    plain = encode(options)
    assert isinstance(plain, dict)
    return MadeBy(
        programs=programs,
        dtype=str(jnp.result_type(*problem.x)),
        inputs=_described(problem.x, problem.fixed),
        numbers=array_hash((*problem.x, *problem.fixed)),
        options=plain,
        versions=versions(here),
        machine=machine(here),
    )


def _candidate_hash(method: Method, problem: Problem) -> str | None:
    """Hash what a candidate computes, and how its result is checked."""
    program = method.build(problem, Probe(problem.x, ()))
    assert isinstance(program, Program)

    def checked(args: tuple, tangent: Leaves) -> object:
        result = program.fn(*args)
        return result, method.product(result, problem, tangent) if method.product else ()

    return fingerprint(trace(checked, program.args, problem.x))


def _described(x: Leaves, fixed: Leaves) -> str:
    held = f"; fixed: {_shapes(fixed)}" if fixed else ""
    return _shapes(x) + held


def _shapes(leaves: Leaves) -> str:
    """Write types and shapes, equal ones once with their number."""
    counted = Counter(f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]" for leaf in leaves)
    return ", ".join(f"{count} {text}" if count > 1 else text for text, count in counted.items())
