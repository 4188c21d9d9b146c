"""What a function returns beside its outputs, `aux`, on its way out of a compiled function."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ...derivatives.problem import Leaves
from ...derivatives.traced import traced_once


def auxiliary(fn: Callable[[Leaves, Leaves], Any]) -> Callable[[Leaves, Leaves], Any]:
    """Return a function to a pytree whose leaves that are no arrays come out of `jax.jit` too.

    Example:
        >>> named = auxiliary(lambda x, fixed: {"loss": x[0], "name": "mse"})
        >>> jax.jit(named)((jax.numpy.ones(()),), ())["name"].value
        'mse'
    """

    def held(leaf: Any) -> Any:
        return leaf if isinstance(leaf, (jax.Array, np.ndarray, np.generic)) else Static(leaf)

    # Once, as the outputs are: what it closes over may change.
    return traced_once(lambda x, fixed: jax.tree.map(held, fn(x, fixed)))


@jax.tree_util.register_pytree_node_class
class Static:
    """A value that is no array, on its way out of a compiled function."""

    def __init__(self, value: Any) -> None:
        """Hold a value."""
        self.value = value

    def tree_flatten(self) -> tuple[tuple[()], "Static"]:
        """Return no arrays, and itself."""
        return (), self

    @classmethod
    def tree_unflatten(cls, aux: "Static", children: tuple) -> "Static":
        """Return what was held."""
        del children
        return aux


def without_static(tree: Any) -> Any:
    """Return a pytree with the values themselves where they were held."""
    is_static = lambda leaf: isinstance(leaf, Static)  # noqa: E731
    return jax.tree.map(lambda x: x.value if is_static(x) else x, tree, is_leaf=is_static)
