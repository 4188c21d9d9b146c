"""Graphs of shapes alone, and what tests of their groups ask of them."""

import jax
import jax.numpy as jnp

from benchmarks.graph import build
from benchmarks.graph.numbers.modes import Modes

X, ROW = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((2, 3), (3,)))


def shapes_alone(monkeypatch):
    """Do not ask which modes there are, and do not evaluate: that takes most of the time."""
    monkeypatch.setattr(build, "possible_modes", lambda task: Modes("", "", None, {}))


def shapes(tree):
    """Arrays of floats as shapes; what else there is as it is."""

    def shape(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if is_floats(leaf) else leaf

    def is_floats(leaf):
        return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)

    return jax.tree.map(shape, tree)


def names(drawn, kind=None):
    return [group.name for group in drawn.groups if kind in (None, group.kind)]


def paths(drawn):
    """The names of the groups of each operation, the same one after the other once."""
    every = [
        tuple(drawn.groups[k].name for k in node.groups)
        for node in drawn.nodes
        if node.kind in ("operation", "loop", "branch")
    ]
    return [path for i, path in enumerate(every) if i == 0 or path != every[i - 1]]
