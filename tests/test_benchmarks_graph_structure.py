"""What of a function becomes a node, a constant, a note or a body; what is said of wrong calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from graph_checks import array, assert_flops_add_up, assert_structure, result_of

import losses
import nn
from gradwise import flops, graph

X = jnp.array([0.5, -1.2, 2.0])


def operations(drawn):
    return [node.operation for node in drawn.nodes if node.kind not in ("input", "fixed")]


def test_what_depends_on_no_differentiated_input_is_one_constant():
    def fn(w, labels, key):
        mask = jax.random.bernoulli(key, 0.5, (2, 3))
        rows = jax.nn.one_hot(labels, 3)
        return jnp.where(mask, w * rows, 0.0)

    drawn = graph(fn, jnp.ones((2, 3)), jnp.array([0, 2]), jax.random.key(0), argnums=0)
    assert operations(drawn) == ["one-hot", "mul", "mask", "select_n"]
    constants = [node for node in drawn.nodes if node.kind == "constant"]
    assert [dict(node.params) for node in constants] == [{"of": ("labels",)}, {"of": ("key",)}]
    assert drawn.nodes[2].operands[1].notes == ("cast to float32",)
    assert not any("random" in node.operation for node in drawn.nodes)


def test_a_constant_that_is_one_number_is_told_where_it_is_taken():
    def fn(x):
        return x / jnp.sum(jnp.ones(4))

    drawn = graph(fn, X)
    assert operations(drawn) == ["div"]
    assert drawn.nodes[1].literals == (None, 4.0)
    assert_flops_add_up(drawn, fn, X)


def test_literals_are_as_the_user_wrote_them():
    drawn = graph(lambda x: jnp.maximum(0.1 * x, 0) ** 2, X)
    assert [node.literals for node in drawn.nodes[1:]] == [(0.1, None), (None, 0.0), (None,)]
    assert drawn.nodes[3].params == (("y", 2),)


def test_changes_of_shape_and_type_are_notes_on_edges():
    def fn(x):
        return jnp.sum(x.astype(jnp.bfloat16)[:, None].T * jax.lax.stop_gradient(x)[None])

    drawn = graph(fn, X)
    product = next(node for node in drawn.nodes if node.operation == "mul")
    notes = [edge.notes for edge in product.operands]
    assert notes[0] == ("cast to bfloat16", "broadcast", "transpose", "cast to float32")
    assert notes[1] == ("stop_gradient", "broadcast")
    assert array(product.operands[1].adjoint).tolist() == [0, 0, 0]
    assert_flops_add_up(drawn, fn, X)


def test_a_cast_counts_where_it_is_taken():
    drawn = graph(lambda x: jnp.sin(2 * x.astype(jnp.bfloat16)), X)
    assert [node.flops.high for node in drawn.nodes[1:]] == [3 + 3, 3]


def test_a_constant_of_two_groups_stands_before_both():
    def fn(x, key):
        mask = jax.random.bernoulli(key, 0.5, (3,))
        with jax.named_scope("a"):
            x = jnp.where(mask, jnp.sin(x), 0.0)
        with jax.named_scope("b"):
            return jnp.where(mask, jnp.cos(x), 1.0)

    drawn = graph(fn, X, jax.random.key(0))
    assert_structure(drawn)
    assert operations(drawn) == ["mask", "sin", "select_n", "cos", "select_n"]


def test_a_change_of_shape_that_is_the_output_is_a_node():
    drawn = graph(lambda x: (2 * x).reshape(1, 3), X)
    assert operations(drawn) == ["mul", "reshape"]


def test_jit_and_remat_are_opened_and_custom_rules_stay_one():
    def fn(x):
        return jax.nn.relu(jax.checkpoint(jnp.sin)(jax.jit(jnp.cos)(x)))

    drawn = graph(fn, X)
    assert operations(drawn) == ["cos", "sin", "relu"]
    assert drawn.nodes[-1].kind == "operation"


def test_two_calls_of_one_jitted_function_do_not_share_values():
    @jax.jit
    def double(x):
        return 2 * x

    drawn = graph(lambda x: double(x) + double(double(x)), jnp.array(1.0))
    assert operations(drawn) == ["mul", "mul", "mul", "add"]
    assert float(array(drawn.nodes[-1].results[0].value)) == 6


def test_inputs_are_called_as_in_the_signature():
    params = {"w": jnp.ones(2), "layers": [nn.dense(2, 2).init(jax.random.key(0))[0]]}

    def fn(params, x, *more):
        layer = params["layers"][0]
        return (params["w"] * x) @ layer.weight + layer.bias + sum(more)

    def names(drawn):
        return sorted(node.name for node in drawn.nodes if node.kind == "input")

    drawn = graph(fn, params, jnp.ones(2), 1.0, 2.0)
    leaves = ["params['layers'][0].bias", "params['layers'][0].weight", "params['w']"]
    assert names(drawn) == ["more[0]", "more[1]", *leaves, "x"]
    parameters = {node.name: node.parameter for node in drawn.nodes if node.kind == "input"}
    assert [name for name, several in parameters.items() if several] == [
        name for name in parameters if name.startswith("params")
    ]
    renamed = {"params['w']": "W", 1: "input", "params": "p"}
    drawn = graph(fn, params, jnp.ones(2), 1.0, 2.0, names=renamed)
    assert names(drawn)[:2] == ["W", "input"]
    assert "p['layers'][0].bias" in names(drawn)
    assert names(graph(jnp.multiply, 1.0, 2.0, names=["a", "b"])) == ["a", "b"]


def test_held_inputs_are_fixed_and_stand_before_their_use():
    drawn = graph(lambda w, x, i: w * x + i, 2.0, 3.0, 4, argnums=0)
    assert [(node.kind, node.name) for node in drawn.nodes] == [
        ("input", "w"),
        ("fixed", "x"),
        ("operation", ""),
        ("fixed", "i"),
        ("operation", ""),
    ]
    fixed = drawn.nodes[1].results[0]
    assert (fixed.tangents, fixed.adjoint) == ((), None)
    assert drawn.nodes[2].operands[1].adjoint is None


def test_nothing_to_differentiate_leaves_structure_and_values():
    drawn = graph(lambda i: 2 * i, jnp.array([1, 2]))
    assert "no input is differentiated" in drawn.forward
    assert drawn.forward == drawn.reverse
    assert operations(drawn) == ["mul"]
    assert array(drawn.nodes[-1].results[0].value).tolist() == [2, 4]


def test_outputs_are_called_by_their_place():
    drawn = graph(lambda x: {"loss": jnp.sum(x), "rest": (x, 2 * x)}, X)
    names = [output.name for output in drawn.outputs]
    assert names == ["output['loss']", "output['rest'][0]", "output['rest'][1]"]
    assert drawn.outputs[1].edge.node == 0
    assert graph(jnp.sin, X).outputs[0].name == "output"


def test_loops_in_loops_have_bodies_with_numbers_at_every_depth():
    def fn(x):
        def outer(c, _):
            inner = jax.lax.fori_loop(0, 2, lambda i, c: 2 * c, c)
            return inner + 1, None

        return jax.lax.scan(outer, x, None, length=3)[0]

    drawn = graph(fn, 1.0)
    assert_structure(drawn)
    assert [(g.name, g.parent, g.turn) for g in drawn.groups] == [("x 3", None, 2), ("x 2", 0, 1)]
    deepest = [node for node in drawn.nodes if node.groups == (0, 1)]
    # 1 -> 5 -> 21 -> 85; in the last turn of both, 42 is doubled.
    assert [float(array(node.results[0].value)) for node in deepest] == [42, 84]
    assert [float(array(node.results[0].adjoint)) for node in deepest] == [2, 1]
    assert float(array(result_of(drawn, drawn.outputs[0].edge).value)) == 85
    assert_flops_add_up(drawn, fn, 1.0)


def test_a_body_counts_one_turn_and_its_loop_all():
    drawn = graph(lambda x: jax.lax.fori_loop(0, 5, lambda i, x: jnp.sin(x) * 2, x), X)
    (loop,) = (node for node in drawn.nodes if node.kind == "loop")
    inside = [node for node in drawn.nodes if node.body_of == loop.id]
    assert sum(node.flops.high for node in inside) == 6
    assert loop.flops.high >= 5 * 6


def test_a_model_closes_to_its_layers_and_no_node_speaks_of_random_bits():
    model = nn.mlp((4, 3, 2), batch_norm=True, dropout=0.1)
    params, state = model.init(jax.random.key(0))

    def loss(params, x, labels, key):
        logits, _ = model.apply(params, state, x, key=key, train=True)
        return losses.mean(losses.softmax_cross_entropy_with_integer_labels(logits, labels))

    x, labels = jnp.cos(jnp.arange(20.0)).reshape(5, 4), jnp.arange(5) % 2
    drawn = graph(loss, params, x, labels, jax.random.key(1), argnums=0)
    assert_structure(drawn)
    assert len(drawn.nodes) < 60
    words = {node.operation for node in drawn.nodes}
    assert not any(word in operation for operation in words for word in ("random", "threefry"))
    assert_flops_add_up(drawn, loss, params, x, labels, jax.random.key(1))


def test_shapes_alone_give_the_structure_alone():
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)
    drawn = graph(lambda x, y: jnp.sin(x) @ y, shape, X)
    assert operations(drawn) == ["sin", "dot_general"]
    assert (drawn.forward, drawn.reverse) == ("", "")
    results = [result for node in drawn.nodes for result in node.results]
    assert all(r.value is None and r.adjoint is None and r.tangents == () for r in results)
    assert all(edge.adjoint is None for node in drawn.nodes for edge in node.operands)
    assert drawn.nodes[-1].flops == flops(jnp.dot, shape, shape)


def test_a_model_of_a_billion_parameters_is_drawn_from_shapes_without_an_array():
    def init(key):
        keys = jax.random.split(key, 4)
        return [jax.random.normal(key, (16_384, 16_384)) for key in keys]

    def fn(params, x):
        for w in params:
            x = jnp.tanh(x @ w)
        return jnp.sum(x)

    params = jax.eval_shape(init, jax.random.key(0))
    before = {id(leaf) for leaf in jax.live_arrays()}
    drawn = graph(fn, params, jax.ShapeDtypeStruct((8, 16_384), jnp.float32))
    made = [leaf for leaf in jax.live_arrays() if id(leaf) not in before]
    assert sum(leaf.size for leaf in made) < 100
    assert drawn.n == 4 * 16_384**2 + 8 * 16_384
    assert operations(drawn) == ["dot_general", "tanh"] * 4 + ["reduce_sum"]
    assert len(drawn.passes) == 8


def test_a_function_is_traced_at_most_twice():
    calls = []

    def fn(x):
        calls.append(x)
        return jnp.sin(x) * x

    graph(fn, X)
    assert len(calls) <= 2


def test_twice_the_same_graph_is_equal():
    def fn(w, x):
        return jnp.sum(jnp.tanh(x @ w))

    assert graph(fn, jnp.ones((3, 2)), X) == graph(fn, jnp.ones((3, 2)), X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: graph(3.0, X), TypeError, "graph needs a function, got float 3.0"),
        (lambda: graph(jnp.sin), ValueError, "needs the function's inputs, such as graph(fn, x)"),
        (lambda: graph(lambda x: None, X), TypeError, "must return an array or a pytree of arrays"),
        (lambda: graph(lambda x: float(x), 2.0), TypeError, "JAX cannot trace the function"),
        (lambda: graph(jnp.sin, X, argnums=1), ValueError, "argnums must name arguments 0 to 0"),
        (lambda: graph(jnp.sin, X, tangent=(X, X)), ValueError, "tangent must have the structure"),
        (lambda: graph(jnp.sin, X, tangent=X[:2]), ValueError, "must have the shape (3,)"),
        (lambda: graph(jnp.sin, X, cotangent=(X,)), ValueError, "cotangent must have the struct"),
        (lambda: graph(jnp.sin, X, cotangent=X[:2]), ValueError, "must have the shape (3,)"),
        (lambda: graph(jnp.sin, X, names=["a", "b"]), ValueError, "must name 1 arguments, got 2"),
        (lambda: graph(jnp.sin, X, names={"w": "a"}), ValueError, "which has no 'w': it has x"),
        (lambda: graph(jnp.sin, X, names="w"), TypeError, "names must be a sequence"),
        (lambda: jax.jit(lambda x: graph(jnp.sin, x))(X), ValueError, "inside a transformation"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_a_failure_of_our_own_is_a_note(monkeypatch):
    def broken(*args):
        raise KeyError("a bug of ours")

    monkeypatch.setattr("benchmarks.graph.build.with_kept", broken)
    drawn = graph(jnp.sin, X)
    assert any("please report it" in note for note in drawn.notes)
    np.testing.assert_allclose(array(drawn.nodes[0].results[0].adjoint), jnp.cos(X), rtol=1e-6)
