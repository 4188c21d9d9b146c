"""Which groups of a graph are closed: at first, by depth, and by name."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from graph_by_hand import in_loop, layers

from benchmarks.graph.layout.closing import MOST, first_shut
from benchmarks.graph.layout.view import boxes
from benchmarks.graph.parts import Group
from gradwise import graph


def nested(graph):
    """The same graph with all of its layers in one scope."""
    inner = [replace(g, id=g.id + 1, parent=0) for g in graph.groups]
    nodes = [replace(n, groups=(0, *(g + 1 for g in n.groups))) for n in graph.nodes]
    scope = Group(id=0, name="model", kind="scope")
    return replace(graph, nodes=tuple(nodes), groups=(scope, *inner))


def test_a_small_graph_is_open_but_for_its_loops():
    assert first_shut(layers(2)) == frozenset()
    assert first_shut(replace(in_loop(), shut=frozenset())) == frozenset({0})


def test_a_large_graph_is_closed_as_little_as_leaves_few_boxes():
    large = nested(layers(14, size=2, rows=2))
    shut = first_shut(large)
    assert len(boxes(large, shut=())) > MOST
    assert len(boxes(large, shut=shut)) <= MOST
    assert shut == {group.id for group in large.groups if group.parent is not None}


def test_depth_one_closes_the_outermost_groups_and_depth_two_those_in_them():
    graph = nested(layers(2))
    assert boxes(graph.closed(depth=1)) == ("n0", "g0")
    assert set(boxes(graph.closed(depth=2))) == {"g1", "g2", "g3", "g4", "n0", "n11", "n12"}


def test_to_open_a_group_opens_those_around_it_and_its_number_may_be_left_out():
    graph = nested(layers(2)).closed(depth=1)
    assert graph.closed(open="2 dense").shut == {1, 2, 4}
    assert graph.closed(open=["dense"]).shut == {2, 4}
    assert graph.closed(open="model", shut="tanh").shut == {1, 2, 3, 4}


def test_what_is_closed_says_nothing_of_the_numbers():
    graph = layers(2)
    assert graph.closed(depth=1).nodes == graph.nodes
    assert graph.closed(depth=1).closed(open=["dense", "tanh"]) == graph


@pytest.mark.parametrize("depth", [0, -1, True, 1.0])
def test_a_depth_below_one_is_refused(depth):
    with pytest.raises(ValueError, match="depth must be at least 1"):
        layers(2).closed(depth=depth)


def test_an_unknown_name_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ValueError, match="no group 'conv'; there are: '0 dense', '1 tanh'"):
        layers(1).closed(shut="conv")
    with pytest.raises(ValueError, match=r"did you mean 'dense'\? There are: '0 dense'"):
        layers(1).closed(shut="dence")


def test_a_graph_that_is_made_has_its_loops_closed():
    def power(w):
        return jax.lax.fori_loop(0, 12, lambda _, x: x * w, 1.0)

    assert graph(power, jnp.float32(1.5)).shut == frozenset({0})
