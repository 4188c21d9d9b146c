"""Each step of a way through a graph, told in one sentence."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import special

from benchmarks.graph.build import graph as drawn
from benchmarks.graph.example import EXAMPLE
from benchmarks.graph.parts import Group, Result
from benchmarks.graph.words.sentences import MODES, sentence


def test_each_step_of_a_way_is_one_sentence():
    def told(mode, **options):
        return [sentence(EXAMPLE, node, mode, **options) for node in EXAMPLE.nodes]

    assert told("pass") == [
        "x is held fixed: [2 1]",
        "w is given: [0.5 −1]",
        "b is given: 0.1",
        "w @ x is 0",
        "z = (w @ x) + b is 0.1",
        "p = σ z is 0.525; reverse mode keeps 8 B of it",
        "log p is −0.644",
        "L = −(log p) is 0.644",
    ]
    assert told("reverse")[1:] == [
        "w has the gradient [−0.95 −0.475]",
        "b has the gradient −0.475",
        "@ hands back ḡ · x = [−0.95 −0.475] to w",
        "z hands back ḡ = −0.475 to w @ x and b",
        "p hands back ḡ · p · (1 − p) = −0.475 to z",
        "log hands back ḡ / p = −1.9 to p",
        "L hands back −ḡ = −1 to log p",
    ]
    assert told("forward", number=1)[3:6] == [
        "@ has the tangent ẇ @ x = 1 by w[1]",
        "z has the tangent ȧ + ḃ = 1 by w[1]",
        "p has the tangent ż · p · (1 − p) = 0.249 by w[1]",
    ]
    assert told("forward")[0] == "x is held fixed: its tangent is 0"


def test_a_closed_group_is_told_of_as_one():
    first = Group(id=0, name="0 dense", kind="layer")
    nodes = [replace(node, groups=(0,) if node.id < 5 else ()) for node in EXAMPLE.nodes]
    nodes = [replace(node, groups=(1,)) if node.id in (5, 6) else node for node in nodes]
    groups = (first, Group(id=1, name="1 batch_norm", kind="layer"))
    graph = replace(EXAMPLE, nodes=tuple(nodes), groups=groups, shut=frozenset([0, 1]))
    second = graph.groups[1]
    assert sentence(graph, second, "reverse") == "1 batch_norm hands an adjoint to 0 dense"
    assert sentence(graph, second, "pass") == "1 batch_norm takes 0 dense and makes −0.644"
    assert sentence(graph, second, "forward") == "1 batch_norm hands the tangent of 0 dense on"
    assert sentence(graph, first, "reverse") == (
        "0 dense hands nothing further back; w and b have the gradient"
    )


def test_a_graph_of_shapes_alone_is_told_of_without_numbers():
    bare = [
        replace(node, results=(Result(shape=(2, 3), dtype="float32"),), operands=tuple(
            replace(operand, adjoint=None) for operand in node.operands))
        for node in EXAMPLE.nodes
    ]  # fmt: skip
    graph = replace(EXAMPLE, nodes=tuple(bare))
    z = graph.nodes[4]
    assert sentence(graph, z, "pass") == "z = (w @ x) + b is of shape 2×3"
    assert sentence(graph, z, "reverse") == "z hands back ḡ to w @ x and b"
    assert sentence(graph, z, "forward") == "z has the tangent Ȧ + ḃ by w[0]"
    assert sentence(graph, graph.nodes[1], "reverse") == "w has the gradient"


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="mode must be one of pass, forward, reverse, got 'back'"):
        sentence(EXAMPLE, EXAMPLE.nodes[0], "back")
    assert len(MODES) == 3


def test_the_example_is_right():
    def loss(w, b):
        return -jnp.log(special.expit(w @ jnp.array([2.0, 1.0]) + b))

    at = [node.results[0].value.array for node in EXAMPLE.nodes[1:3]]
    with jax.enable_x64(True):
        wanted = jax.grad(loss, argnums=(0, 1))(*map(jnp.asarray, at))
    for node, gradient in zip(EXAMPLE.nodes[1:3], wanted, strict=True):
        np.testing.assert_allclose(node.results[0].adjoint.array, gradient, rtol=1e-12)
    moved = np.array([float(q.array) for q in EXAMPLE.nodes[-1].results[0].tangents])
    np.testing.assert_allclose(moved, [*wanted[0], wanted[1]], rtol=1e-12)


def test_an_operand_without_a_name_is_called_by_what_it_computes_or_by_its_letter_in_the_rule():
    def fn(w, y):
        error = (w * w - y) ** 2
        penalty = 0.1 * jnp.sum(w**2)
        return error + penalty

    found = drawn(fn, jnp.array([0.5, 2.0]), 1.0, argnums=0)
    said = [sentence(found, node, "reverse") for node in found.nodes]
    assert "Σ hands back [0.2 0.2] to w² (ḡ to all)" in said
    assert "− hands back ḡ = [−1.5 6] to w × w" in said
    # 2 a speaks of a, and so does who it is handed to.
    assert "error hands back ḡ · 2 a = [−1.5 6] to a (−)" in said
