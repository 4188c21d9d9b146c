"""Groups of a graph: layers, losses, other libraries' modules, scopes, chains; what nodes keep."""

import random
from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from test_nn_contract import BATCH, LAYERS

import losses
import nn
import train
from benchmarks.graph import build
from benchmarks.graph.build import graph
from benchmarks.graph.layout.view import boxes
from benchmarks.graph.numbers.modes import Modes
from benchmarks.graph.reading.groups import scope_groups, with_chains
from benchmarks.graph.reading.origins import Origin
from benchmarks.program.residuals import by_line, residuals
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
X, ROW = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((2, 3), (3,)))


@pytest.fixture(autouse=True)
def _shapes_alone(monkeypatch):
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


def loss_of(model, loss, state):
    def fn(params, x, y, key):
        predictions, _ = model.apply(params, state, x, key=key, train=True)
        return losses.mean(loss(predictions, y))

    return fn


# --- layers and losses


def test_a_network_with_its_loss_closes_to_its_layers():
    model = nn.mlp((64, 32, 10), batch_norm=True, dropout=0.1)
    params, state = jax.jit(model.init)(jax.random.key(0))
    fn = loss_of(model, losses.softmax_cross_entropy, state)
    x, y = (jax.ShapeDtypeStruct((5, size), "float32") for size in (64, 10))
    closed = graph(fn, params, x, y, jax.random.key(2), argnums=0).closed(depth=1)
    assert names(closed) == [
        *("0 dense", "1 batch_norm", "2 relu", "3 dropout", "4 dense"),
        *("softmax_cross_entropy", "mean"),
    ]
    drawn = boxes(closed)
    assert len(drawn) <= 10
    in_the_picture = [closed.nodes[int(key[1:])] for key in drawn if key[0] == "n"]
    assert [node.name for node in in_the_picture] == ["x"]
    told = {node.operation for node in closed.nodes} | {node.name for node in closed.nodes}
    assert not any("random" in word or "threefry" in word or "bits" in word for word in told)
    assert not any("running" in word or "state" in word or "count" in word for word in told)


def test_penalties_are_groups_by_themselves_and_a_weight_that_both_use_stands_outside():
    model = nn.mlp((3, 4, 2))
    params, state = jax.eval_shape(model.init, jax.random.key(0))

    def fn(params, x):
        data = losses.mean(losses.squared_error(model.apply(params, state, x)[0], jnp.ones((5, 2))))
        return data + 0.1 * losses.elastic_net(params)

    drawn = graph(fn, params, jax.ShapeDtypeStruct((5, 3), "float32"), argnums=0)
    assert names(drawn, "loss") == ["squared_error", "mean"]
    assert names(drawn, "penalty") == ["elastic_net"]
    inside = {
        node.name: [drawn.groups[k].name for k in node.groups]
        for node in drawn.nodes
        if node.kind == "input"
    }
    assert inside == {
        "params[0].weight": [],
        "params[0].bias": ["0 dense"],
        "params[2].weight": [],
        "params[2].bias": ["2 dense"],
    }


def test_the_objective_of_training_makes_no_groups_of_its_own():
    model = nn.mlp((3, 4, 2))
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    objective = train.supervised(model.apply, losses.squared_error, penalty=losses.l2)
    batch = train.Batch(jnp.ones((5, 3)), jnp.ones((5, 2)))
    drawn = graph(lambda p: objective(p, state, batch, train=True)[0], params)
    assert names(drawn) == ["0 dense", "1 relu", "2 dense", "squared_error", "l2"]


def test_a_repeated_block_is_a_loop_with_its_layers_inside():
    block = nn.residual(nn.serial(nn.dense(3, 3), nn.activation(nn.tanh)))
    model = nn.serial(nn.repeat(block, 12), nn.dense(3, 2))
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    drawn = graph(lambda p: model.apply(p, state, jnp.ones((2, 3)))[0], params)
    assert paths(drawn) == [
        ("0 repeat",),
        ("0 repeat", "x 12", "residual", "0 dense"),
        ("0 repeat", "x 12", "residual", "1 tanh"),
        ("0 repeat", "x 12", "residual"),
        ("1 dense",),
    ]
    assert all(group.kind == "layer" for group in drawn.groups if group.loop is None)


def test_a_loss_of_the_users_own_that_calls_another_is_named_by_the_outermost_one():
    def fn(p):
        return losses.mean(losses.per_output(losses.squared_error)(p, jnp.ones((2, 3))))

    assert names(graph(fn, X), "loss") == ["squared_error", "mean"]
    assert names(graph(lambda p: losses.focal(p[:, 0], jnp.ones(2)) * 2, X)) == ["focal"]


# --- scopes of the user and of other libraries


def test_named_scopes_are_groups_and_transformations_do_not_change_their_names():
    def layer(x):
        with jax.named_scope("encoder"):
            z = jnp.tanh(x * 2)
            with jax.named_scope("head"):
                z = jnp.sin(z) + 1
        return z

    def fn(x):
        return jax.vmap(layer)(x) * jax.jit(layer)(x)

    encoder, head = ("encoder",), ("encoder", "head")
    again = ("encoder (2)",), ("encoder (2)", "head")
    merged = paths(graph(lambda x: jax.vmap(layer)(x) * 3, X))
    assert merged == [encoder, head, ()]
    # The second call follows the first one: to the eye of a graph it is in the same scope.
    assert paths(graph(fn, X)) == [encoder, head, encoder, ("encoder", "head (2)"), ()]
    apart = paths(graph(lambda x: layer(layer(x) * 3), X))
    assert apart == [encoder, head, (), *again]


def test_scopes_that_hold_what_their_parent_holds_and_those_of_jax_are_left_out():
    def fn(w, x):
        with jax.named_scope("all"), jax.named_scope("of it"):
            return jax.checkpoint(jnp.sin)(jnp.einsum("ij,j->i", w, x))

    assert names(graph(fn, X, ROW)) == []

    def part(w, x):
        with jax.named_scope("outer"), jax.named_scope("inner"):
            z = jnp.sin(w @ x)
        return z * 2

    assert paths(graph(part, X, ROW)) == [("outer",), ()]


def test_a_flax_linen_model_is_grouped_by_its_modules():
    linen = pytest.importorskip("flax.linen")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(8)(x))
            return linen.Dense(2, name="head")(linen.LayerNorm()(x))

    model = Net()
    params = model.init(jax.random.key(0), jnp.ones((2, 3)))
    assert paths(graph(lambda p: model.apply(p, jnp.ones((2, 3))).sum(), shapes(params))) == [
        *(("Net", "Dense_0"), ("Net",), ("Net", "LayerNorm_0"), ("Net", "head"), ())
    ]


def test_an_nnx_model_is_grouped_by_its_modules():
    nnx = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.hidden = nnx.Linear(3, 8, rngs=rngs)
            self.out = nnx.Linear(8, 2, rngs=rngs)

        def __call__(self, x):
            return self.out(nnx.relu(self.hidden(x)))

    definition, state = nnx.split(Net(nnx.Rngs(0)))
    assert paths(
        graph(lambda s: nnx.merge(definition, s)(jnp.ones((2, 3))).sum(), shapes(state))
    ) == [*(("Net", "hidden Linear"), ("Net",), ("Net", "out Linear"), ())]


def test_an_equinox_model_is_grouped_by_its_modules():
    eqx = pytest.importorskip("equinox")

    class Net(eqx.Module):
        hidden: Any
        out: Any

        def __call__(self, x):
            return self.out(jax.nn.relu(self.hidden(x)))

    first, second = jax.random.split(jax.random.key(0))
    net = Net(eqx.nn.Linear(3, 8, key=first), eqx.nn.Linear(8, 2, key=second))
    params, static = eqx.partition(net, eqx.is_inexact_array)
    linear = "eqx.nn.Linear"
    assert paths(
        graph(lambda p: jax.vmap(eqx.combine(p, static))(jnp.ones((2, 3))).sum(), shapes(params))
    ) == [*(("Net", linear), ("Net",), ("Net", f"{linear} (2)"), ())]


def test_a_haiku_model_is_grouped_by_its_modules():
    hk = pytest.importorskip("haiku")
    model = hk.without_apply_rng(hk.transform(lambda x: hk.nets.MLP([8, 2])(x)))
    params = shapes(model.init(jax.random.key(0), jnp.ones((2, 3))))
    assert paths(graph(lambda p: model.apply(p, jnp.ones((2, 3))).sum(), params)) == [
        *(("mlp", "linear_0"), ("mlp",), ("mlp", "linear_1"), ())
    ]


# --- chains


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


# --- what nodes keep


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


CONSTANT = jnp.ones((3, 4))


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


# --- what every graph keeps


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
