"""The structure of a symbolic derivative: that of `jax.jacrev`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from ...program.arguments import Argnums, read_argnums


class Form:
    """Which inputs are differentiated, and the structure that `jax.jacrev` gives the result."""

    def __init__(self, fn: Callable[..., object], inputs: tuple, argnums: Argnums) -> None:
        """Check that floats are taken to floats.

        Raises:
            TypeError: If an input that is differentiated, or an output, is of another type.
        """
        self._argnums = argnums
        counts = [len(jax.tree.leaves(argument)) for argument in inputs]
        numbered = read_argnums(argnums, len(inputs))
        self.chosen = [sum(counts[:n]) + leaf for n in numbered for leaf in range(counts[n])]
        self._arguments = [jax.tree.structure(inputs[n]) for n in numbered]
        leaves = jax.tree.leaves(inputs)
        self._shapes = [_abstract(leaves[place]) for place in self.chosen]
        outputs, self._structure = jax.tree.flatten(jax.eval_shape(fn, *inputs))
        self._outputs = [_abstract(output) for output in outputs]
        self.count = sum(shape.size for shape in self._shapes)
        for array in (*self._shapes, *self._outputs):
            if not jnp.issubdtype(array.dtype, jnp.floating):
                raise TypeError(
                    "a symbolic derivative takes floats to floats, got an input or an output of "
                    f"{array.dtype}; leave it out of argnums, or of what the function returns"
                )

    def arranged(self, values: np.ndarray | jax.Array) -> object:
        """Bring numbers or objects, a row for each input, to the structure of the derivative."""
        values = values.reshape(self.count, sum(output.size for output in self._outputs))
        places = np.cumsum([0, *(output.size for output in self._outputs)])
        blocks = [
            self._by_arguments(values[:, start:stop], output.shape)
            for output, start, stop in zip(self._outputs, places, places[1:], strict=False)
        ]
        return jax.tree.unflatten(self._structure, blocks)

    def _by_arguments(self, values: np.ndarray | jax.Array, outer: tuple[int, ...]) -> object:
        parts, start = [], 0
        for shape in self._shapes:
            block = values[start : start + shape.size].T.reshape((*outer, *shape.shape))
            parts.append(block if block.dtype == object else block.astype(shape.dtype))
            start += shape.size
        trees, first = [], 0
        for structure in self._arguments:
            last = first + structure.num_leaves
            trees.append(jax.tree.unflatten(structure, parts[first:last]))
            first = last
        return trees[0] if isinstance(self._argnums, int) else tuple(trees)


def _abstract(leaf: ArrayLike) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf))
