"""What the nodes of a graph keep for reverse mode."""

import jax
import jax.numpy as jnp
import pytest
from graph_shapes import ROW, X, shapes_alone
from jax import lax

from benchmarks.graph.build import graph

CONSTANT = jnp.ones((3, 4))


@pytest.fixture(autouse=True)
def _shapes_alone(monkeypatch):
    shapes_alone(monkeypatch)


def kept(fn, *inputs):
    """What is kept at each node, by the node's operation."""
    return [
        (node.operation, [residual.what for residual in node.kept])
        for node in graph(fn, *inputs).nodes
        if node.kept
    ]


def test_what_is_kept_is_at_the_node_that_it_is_or_that_it_is_kept_for():
    def fn(w, x):
        return jnp.sum(jnp.tanh(jax.nn.relu(x @ w)) * 3.0)

    shaped = jax.ShapeDtypeStruct((3, 4), "float32")
    weight, rows, *rest = kept(fn, shaped, X)
    assert (weight, rows) == (("input", ["argument 0"]), ("input", ["argument 1"]))
    assert [operation for operation, _ in rest] == ["relu", "tanh", "mul"]
    assert "gt" in dict(rest)["relu"]
    assert dict(rest)["mul"] == ["constant"]  # the 3
    constant, sine = kept(lambda x: jnp.sin(x @ CONSTANT), X)
    assert (constant, sine) == (("constant", ["constant"]), ("sin", ["cos"]))


def test_what_is_kept_of_a_number_that_is_told_where_it_is_taken_is_there(monkeypatch):
    monkeypatch.undo()  # numbers are known where there are values
    three = jnp.float32(3.0)

    def fn(x):
        count = lax.optimization_barrier(jnp.maximum(jnp.float32(5.0), 1.0))
        return jnp.tanh(jnp.sin(x) * three) / count

    drawn = graph(fn, jnp.ones((2, 3)))
    found = {n.operation: [r.what for r in n.kept if not r.shape] for n in drawn.nodes if n.kept}
    assert found == {"sin": [], "mul": ["constant"], "tanh": [], "div": ["optimization_barrier"]}


def test_what_a_loops_body_keeps_is_at_nodes_in_the_body():
    def fn(x):
        return lax.scan(lambda c, row: (jnp.exp(c * row), None), x[0], x)[0]

    # The value that each turn is given is the loop's, and what a turn makes is the body's.
    assert kept(fn, X) == [("input", ["argument 0"]), ("scan", ["scan"]), ("exp", ["exp"])]


def test_what_is_kept_for_a_change_of_type_is_at_what_is_changed():
    def fn(x):
        return jnp.sin(x.astype(jnp.float16).astype(jnp.float32)) * 2.0

    assert kept(fn, X) == [("sin", ["cos"]), ("mul", ["constant"])]


def test_what_calls_and_custom_rules_keep_is_at_one_node():
    @jax.custom_vjp
    def by_hand(x):
        return jnp.sin(x)

    by_hand.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda cosine, t: (cosine * t,))
    assert kept(lambda x: by_hand(x + x), X) == [("by_hand", ["cos"])]
    assert kept(jax.jit(lambda x: jax.jit(jnp.sin)(x + x)), X) == [("sin", ["cos"])]
    square = jax.ShapeDtypeStruct((3, 3), "float32")
    solved = dict(kept(lambda a, b: jnp.linalg.solve(a, b) * 2.0, square, ROW))
    assert solved["custom_linear_solve"] == ["squeeze"]
    assert solved["mul"] == ["constant"]
