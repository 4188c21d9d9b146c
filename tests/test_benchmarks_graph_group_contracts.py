"""What holds of the groups of every graph, and of the chains that long runs are folded to."""

import random
from collections import Counter

import jax
import jax.numpy as jnp
import pytest
from graph_shapes import X, names, shapes, shapes_alone
from jax import lax
from test_nn_contract import BATCH, LAYERS

from benchmarks.graph.build import graph
from benchmarks.graph.reading.groups import scope_groups, with_chains
from benchmarks.graph.reading.origins import Origin
from benchmarks.program.residuals import by_line, residuals
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}


@pytest.fixture(autouse=True)
def _shapes_alone(monkeypatch):
    shapes_alone(monkeypatch)


def test_a_long_chain_is_one_group():
    def fn(x):
        y = x * 2
        for _ in range(7):
            y = jnp.sin(y)
        return y + x * 2, jnp.sum(y)

    drawn = graph(fn, X)
    assert names(with_chains(drawn)) == ["8 operations"]
    assert names(with_chains(drawn, least=9)) == []
    (chain,) = (group for group in with_chains(drawn).groups)
    held = [n.operation for n in with_chains(drawn).nodes if chain.id in n.groups]
    assert held == ["mul", *["sin"] * 7]


def test_chains_are_folded_where_there_are_many_operations():
    def fn(x, length):
        with jax.named_scope("layer"):
            for _ in range(10):
                x = jnp.sin(x)
        for _ in range(length):
            x = jnp.cos(x)
        return x

    assert names(graph(lambda x: fn(x, 60), X), "chain") == []
    assert names(graph(lambda x: fn(x, 61), X), "chain") == ["61 operations"]


def test_what_is_used_twice_or_in_another_group_ends_a_chain():
    def fn(x):
        for _ in range(4):
            x = jnp.sin(x)
        with jax.named_scope("part"):
            y = jnp.cos(jnp.cos(x))
        for _ in range(3):
            y = jnp.exp(y)
        return y, x

    assert names(with_chains(graph(fn, X), least=3), "chain") == ["4 operations", "3 operations"]

    def handed_out(x):
        middle = jnp.sin(jnp.sin(jnp.sin(x)))
        return jnp.cos(jnp.cos(jnp.cos(middle))), middle

    assert names(with_chains(graph(handed_out, X), least=3), "chain") == ["3 operations"] * 2


def assert_groups_nest(drawn):
    for group in drawn.groups:
        assert group.parent is None or group.parent < group.id
    for node in drawn.nodes:
        parents = [drawn.groups[k].parent for k in node.groups]
        assert parents == [None, *node.groups[:-1]][: len(parents)]


def assert_no_cycle(drawn, shut):
    """Contract the groups, and sort what is left topologically."""

    def box(node):
        closed = [group for group in node.groups if group in shut]
        return f"group {closed[0]}" if closed else node.id

    needs = {box(node): set() for node in drawn.nodes}
    for node in drawn.nodes:
        needs[box(node)] |= {box(drawn.nodes[operand.node]) for operand in node.operands}
    done = set()
    while len(done) < len(needs):
        ready = {key for key in needs.keys() - done if needs[key] - {key} <= done}
        assert ready, "a cycle"
        done |= ready


def assert_contracts(drawn, rng):
    ids = [group.id for group in drawn.groups]
    assert_groups_nest(drawn)
    for shut in [*({k} for k in ids), set(ids), *({k for k in ids if rng.random() < 0.5},) * 3]:
        assert_no_cycle(drawn, shut)


def assert_kept(drawn, fn, inputs, argnums):
    expected = residuals(fn, *inputs, argnums=argnums)
    kept = [residual for node in drawn.nodes for residual in node.kept]
    assert Counter(kept) == Counter(expected)
    assert by_line(kept) == by_line(expected)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_groups_make_no_cycle_and_its_nodes_keep_what_the_layer_keeps(name):
    model, shape = LAYERS[name]
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    inputs = params, jax.ShapeDtypeStruct((BATCH, *shape), "float32"), state, jax.random.key(1)

    def apply(params, x, state, key):
        return model.apply(params, state, x, key=key, train=True)

    drawn = graph(apply, *inputs, argnums=(0, 1))
    assert_contracts(with_chains(drawn, least=2), random.Random(0))
    assert_kept(drawn, apply, inputs, (0, 1))


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "while_loop" not in name])
def test_a_scenarios_groups_make_no_cycle_and_its_nodes_keep_what_it_keeps(name):
    scenario = SCENARIOS[name]()
    inputs = shapes(scenario.inputs)
    drawn = graph(scenario.fn, *inputs, argnums=scenario.argnums)
    assert_contracts(with_chains(drawn, least=2), random.Random(0))
    assert_kept(drawn, scenario.fn, inputs, scenario.argnums)


def random_program(seed):
    """A function of operations that take earlier values, in scopes that open and close."""

    def fn(x):
        rng = random.Random(seed)
        values = [x, x * 2.0]

        def some():
            return rng.choice(values[-6:])

        def grow(depth):
            for _ in range(rng.randint(1, 4)):
                draw = rng.random()
                if draw < 0.3 and depth < 4:
                    with jax.named_scope(rng.choice("abc")):
                        grow(depth + 1)
                elif draw < 0.4:
                    length = rng.randint(1, 3)
                    values.append(lax.fori_loop(0, length, lambda _, c: jnp.sin(c), some()))
                elif draw < 0.5:
                    values.append(lax.cond(x[0, 0] > 0, jnp.exp, jnp.cos, some()))
                else:
                    values.append(some() * some() if draw < 0.8 else jnp.tanh(some()))

        grow(0)
        grow(0)
        return values[-1] + values[rng.randrange(len(values))]

    return fn


@pytest.mark.parametrize("seed", range(12))
def test_groups_of_a_random_program_make_no_cycle(seed):
    drawn = graph(random_program(seed), X)
    assert_contracts(drawn, random.Random(seed))
    assert_contracts(with_chains(drawn, least=2), random.Random(seed))


def test_groups_in_a_group_begin_behind_it():
    origins = [Origin(scopes=tuple(path)) for path in ("a", "ab", "ab", "a", "", "a", "ab")]
    groups, chains = scope_groups(origins, first=5, inside=(3,))
    assert [(g.id, g.name, g.parent) for g in groups] == [
        *((5, "a", 3), (6, "b", 5), (7, "a (2)", 3), (8, "b", 7))
    ]
    assert chains == [(3, 5), (3, 5, 6), (3, 5, 6), (3, 5), (3,), (3, 7), (3, 7, 8)]
