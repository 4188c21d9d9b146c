"""Groups of a graph: layers, losses, other libraries' modules, the user's own scopes."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from graph_shapes import ROW, X, names, paths, shapes, shapes_alone

import losses
import nn
import train
from benchmarks.graph.build import graph
from benchmarks.graph.layout.view import boxes


@pytest.fixture(autouse=True)
def _shapes_alone(monkeypatch):
    shapes_alone(monkeypatch)


def loss_of(model, loss, state):
    def fn(params, x, y, key):
        predictions, _ = model.apply(params, state, x, key=key, train=True)
        return losses.mean(loss(predictions, y))

    return fn


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
