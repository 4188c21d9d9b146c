"""From the form that methods work in to that of the user's own function, and back."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..program.arguments import Argnums
from ..program.inputs import Inputs, Leaves
from ..program.told import described
from .outputs import Outputs
from .problem import Output, Problem

#: Kinds whose programs take a vector beside the inputs: a tangent, or for the last a cotangent.
ALONG = ("jvp", "value_and_jvp", "estimate", "hvp", "value_and_vjp")


class Form(NamedTuple):
    """The structure of a function's arguments and of what it returns.

    Attributes:
        problem: The function in the form of the methods.
        argnums: Which arguments are differentiated, as the user has said it.
    """

    problem: Problem
    argnums: Argnums

    @property
    def given(self) -> Inputs:
        """The user's arguments."""
        return self.problem.given

    @property
    def outputs(self) -> Outputs:
        """What the user's function returns."""
        return self.problem.outputs

    def of_inputs(self, leaves: Sequence) -> Any:
        """Bring a value for each of the differentiated arrays to the structure of the arguments.

        What is held fixed in them is `None`.
        """
        whole = self.given.rebuild(leaves)
        named = dict(zip(self.given.chosen, whole, strict=True))
        values = tuple(named[argument] for argument in self.differentiated())
        return values[0] if self.one() else values

    def of_outputs(self, output: Output) -> Any:
        """Bring an output, or a tangent of one, to the structure of what the function returns."""
        leaves: Sequence = (output,) if self.problem.scalar else output  # pyright: ignore[reportAssignmentType]
        return self.outputs.pack(leaves, jax.lax.complex)

    def of_jacobian(self, jacobian: Any) -> Any:
        """Bring a Jacobian to the structure that `jax.jacrev(fn, argnums)` gives it."""
        rows = (jacobian,) if self.problem.scalar else jacobian
        return self.outputs.pack([self.of_inputs(row) for row in rows], _complex)

    def of_hessian(self, hessian: Sequence) -> Any:
        """Bring a Hessian to the structure that `jax.hessian(fn, argnums)` gives it."""
        inner = self.of_inputs([self.of_inputs(row) for row in hessian])
        return self.outputs.pack([inner], _complex)

    def tangent(self, vector: Any) -> Leaves:
        """Return the leaves of a vector that has the structure of the differentiated arguments.

        Raises:
            ValueError: If it has another one.
        """
        named, one = self.differentiated(), self.one()
        if not one and not (isinstance(vector, Sequence) and len(vector) == len(named)):
            raise ValueError(
                f"the vector must be a tuple of {len(named)}, one for each differentiated "
                f"argument, got {described(vector)}"
            )
        arguments = jax.tree.unflatten(self.given.treedef, self.given.given)
        whole: dict[int, object] = {}
        for argument, part in zip(named, (vector,) if one else vector, strict=True):
            places = [place for place, owner in enumerate(self.given.owners) if owner == argument]
            structure = jax.tree.structure(arguments[argument])
            whole |= dict(zip(places, _leaves(structure, part, "input"), strict=True))
        return _like(self.problem.x, [whole[place] for place in self.given.wanted])

    def cotangent(self, vector: Any) -> Output:
        """Return a cotangent of the user's output as one of the problem's.

        JAX takes the real part of the product with a complex cotangent, without its conjugate.

        Raises:
            ValueError: If it has another structure than the output.
        """
        every = _leaves(self.outputs.structure, vector, "output")
        leaves: list[jax.Array] = []
        for place, in_parts in zip(self.outputs.kept, self.outputs.complex, strict=True):
            leaf = jnp.asarray(every[place])
            leaves += (leaf.real, -leaf.imag) if in_parts else (leaf,)
        like = jax.eval_shape(self.problem.fn, self.problem.x, self.problem.fixed)
        checked = _like(jax.tree.leaves(like), leaves)
        return checked[0] if self.problem.scalar else checked

    def differentiated(self) -> list[int]:
        """Return the arguments that a derivative is by."""
        moving = {self.given.owners[place] for place in self.given.wanted}
        named = self.argnums is not None
        return [argument for argument in self.given.chosen if named or argument in moving]

    def one(self) -> bool:
        """Whether a derivative is by one argument, so that no tuple is around it."""
        several = isinstance(self.argnums, Sequence) or getattr(self.argnums, "shape", ()) != ()
        return len(self.differentiated()) == 1 if self.argnums is None else not several


def _complex(real: Any, imaginary: Any) -> Any:
    return jax.tree.map(jax.lax.complex, real, imaginary)


def _leaves(structure: Any, tree: object, whose: str) -> list:
    """Return the leaves of a tree that has a structure; `None` stands for what is held fixed."""
    try:
        return structure.flatten_up_to(tree)
    except (ValueError, TypeError) as error:
        got = jax.tree.structure(tree)
        raise ValueError(
            f"the vector must have the structure of the {whose}, {structure}, got {got}"
        ) from error


def _like(arrays: Sequence[Any], leaves: Sequence[Any]) -> Leaves:
    """Return leaves in the types of arrays, if they have their shapes."""
    shapes = [[tuple(jnp.shape(leaf)) for leaf in each] for each in (arrays, leaves)]
    if shapes[0] != shapes[1] or any(leaf is None for leaf in leaves):
        raise ValueError(f"the vector must have the shapes {shapes[0]}, got {shapes[1]}")
    pairs = zip(leaves, arrays, strict=True)
    return tuple(jnp.asarray(leaf, array.dtype) for leaf, array in pairs)
