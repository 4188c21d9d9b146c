"""A derivative of a user's own as a method among the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .._equality import equal_by_fields
from .jacobians import Jacobian
from .method import Method, Probe, Program, WrongShapeError
from .outputs import parts
from .problem import Leaves, Problem
from .table import METHODS

_MODES = ("forward", "reverse", "mixed")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Candidate:
    """A derivative of one's own, to stand in the table beside gradwise's methods.

    Attributes:
        name: The row's name, such as `"blocks"`; no other row may have it.
        mode: `"forward"`, `"reverse"` or `"mixed"`: which mode it is built from.
        derivative: `derivative(*inputs)`, jittable, returns the derivative in any form.
        product: `product(derivative, tangents)` returns the derivative applied to `tangents`, a
            tuple with the structure of the differentiated inputs; the result has the structure of
            the function's output, for a Hessian that of `tangents`. A sparse or blocked derivative
            is checked by it. `None` if `derivative` has the structure of `jax.jacrev(fn, argnums)`,
            or for `order=2` of `jax.hessian(fn, argnums)`.

    Example:
        The Jacobian of a function that treats each number by itself is a diagonal.

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import Candidate, compare
        >>> diagonal = Candidate(
        ...     name="diagonal",
        ...     mode="forward",
        ...     derivative=lambda x: jax.jvp(jnp.sin, (x,), (jnp.ones_like(x),))[1],
        ...     product=lambda diagonal, tangents: diagonal * tangents[0],
        ... )
        >>> comparison = compare(
        ...     jnp.sin, jnp.arange(5.0), candidates=[diagonal], methods=["reverse"], budget=0.1
        ... )
        >>> [row.method for row in comparison.rows]
        ['value', 'reverse', 'diagonal']
    """

    name: str
    mode: str
    derivative: Callable[..., object]
    product: Callable[[Any, tuple], object] | None = None

    def __repr__(self) -> str:
        return f"Candidate({self.name}: {self.mode})"


def as_methods(candidates: Sequence[Candidate], order: int) -> tuple[Method, ...]:
    """Return the candidates as methods of `order`, each under a name of its own.

    Raises:
        TypeError: If `candidates` is no sequence of them.
        ValueError: If a mode is unknown, or a name is that of another row.
    """
    sequence = isinstance(candidates, Sequence)
    strange = [one for one in candidates if not isinstance(one, Candidate)] if sequence else []
    if strange or not sequence:
        got = type(candidates).__name__ + (f" with {strange[0]!r}"[:80] if strange else "")
        raise TypeError(f"candidates must be a list of Candidate(...), got a {got}")
    taken = {method.name for method in METHODS if method.order == order}
    for candidate in candidates:
        who = f"candidate {candidate.name!r}"
        if candidate.mode not in _MODES:
            raise ValueError(f"{who}: mode must be in {_MODES}, got {candidate.mode!r}")
        if candidate.name in taken:
            raise ValueError(f"{who}: another row has this name; choose another one")
        taken.add(candidate.name)
    return tuple(as_method(candidate, order) for candidate in candidates)


def as_method(candidate: Candidate, order: int) -> Method:
    """Return the candidate as a method of `order`, to be built and checked like any other."""

    def build(problem: Problem, probe: Probe) -> Program:
        del probe

        def program(x: Leaves, fixed: Leaves) -> object:
            result = candidate.derivative(*problem.arguments(x, fixed))
            if candidate.product:
                return result
            outputs = _outputs(problem, order)
            expected = [output + leaf.shape for output in outputs for leaf in problem.x]
            rows = _rows(result, problem)
            fix = "; of a sparse or blocked form say by product= how it is applied"
            _check_shapes(f"candidate {candidate.name!r}", jax.tree.leaves(rows), expected, fix)
            return rows[0] if problem.scalar and order == 1 else rows

        return Program(program, (problem.x, problem.fixed))

    def product(result: object, problem: Problem, tangent: Leaves) -> object:
        assert candidate.product is not None
        applied = jax.tree.leaves(candidate.product(result, problem.rebuild(tangent)))
        whole = applied if order == 2 else problem.unpack(applied)
        who = f"the product of candidate {candidate.name!r}"
        _check_shapes(who, whole, _outputs(problem, order))
        return whole

    return Method(
        name=candidate.name,
        mode=candidate.mode,
        kind="hessian" if order == 2 else "jacobian",
        order=order,
        requires=(),
        exact=True,
        summary="a derivative of the user's own",
        build=build,
        from_user=True,
        product=product if candidate.product else None,
    )


def _outputs(problem: Problem, order: int) -> list[tuple[int, ...]]:
    """Return the shapes of what is differentiated: the outputs, or for a Hessian the gradient."""
    if order == 2:
        return [leaf.shape for leaf in problem.x]
    shapes = jax.eval_shape(problem.fn, problem.x, problem.fixed)
    return [leaf.shape for leaf in jax.tree.leaves(shapes)]


def _check_shapes(
    who: str, leaves: Sequence, expected: Sequence[tuple[int, ...]], fix: str = ""
) -> None:
    """Check the shapes of what a user's code returned.

    Raises:
        WrongShapeError: If they are others than expected.
    """
    got = [np.shape(leaf) for leaf in leaves]
    if got != list(expected):
        shapes = [", ".join(map(str, each)) or "nothing" for each in (got, expected)]
        raise WrongShapeError(f"{who} returned shape {shapes[0]}, expected {shapes[1]}{fix}")


def _rows(result: object, problem: Problem) -> Jacobian:
    """Return the leaves of a derivative: for each output or first input a tuple over the inputs.

    A complex output has two, one of its real and one of its imaginary part.
    """
    leaves, width = jax.tree.leaves(result), len(problem.x)
    rows = [leaves[start : start + width] for start in range(0, len(leaves), width)]
    return tuple(part for row in rows for part in zip(*map(parts, row), strict=True))
