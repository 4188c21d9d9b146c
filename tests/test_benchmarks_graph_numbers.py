"""The numbers of a graph at the edges of JAX: kinks, rules, loops, branches, keys, types."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from graph_checks import (
    adjoints_of_inputs,
    array,
    assert_adjoints_are_sums,
    assert_as_jax,
    assert_cut_sums_agree,
    assert_flops_add_up,
    assert_structure,
    result_of,
)

from gradwise import graph

X = jnp.array([0.5, -1.2, 2.0])
SQUARE = jnp.arange(9.0).reshape(3, 3) / 9
KEY = jax.random.key(0)


@jax.custom_jvp
def with_jvp(x):
    return 2 * x


with_jvp.defjvp(lambda primals, tangents: (2 * primals[0], 5 * tangents[0]))


@jax.custom_vjp
def with_vjp(x):
    return 2 * x


with_vjp.defvjp(lambda x: (2 * x, None), lambda _, g: (3 * g,))


def doubled_outside(x):
    return jax.pure_callback(lambda x: 2 * np.asarray(x), jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def with_keys(x, key):
    def step(carry, key):
        noise = jax.random.normal(key, x.shape, x.dtype)
        return carry * noise, carry

    return jax.lax.scan(step, x, jax.random.split(key, 3))


def backwards(x):
    return jax.lax.scan(lambda c, v: (jnp.sin(c * v), c), 1.0, x, reverse=True)


#: Functions of one array, and what else they take.
FUNCTIONS = {
    "relu at 0": (jax.nn.relu, jnp.array([0.0, 1.0, -1.0])),
    "max at 0": (lambda x: jnp.maximum(x, 0), jnp.array([0.0, 1.0, -1.0])),
    "x * x": (lambda x: x * x, X),
    "stopped": (lambda x: x * jax.lax.stop_gradient(x), X),
    "a rule": (with_jvp, X),
    "several outputs": (lambda x: {"a": 2 * x, "b": (jnp.argmax(x), jnp.sum(x))}, X),
    "itself": (lambda x: (x, x, 1.0, jnp.sum(x)), X),
    "nothing of it": (lambda x: jnp.ones(3), X),
    "a reshaped one": (lambda x: x[None], X),
    "sorted": (lambda x: jnp.sort(x) * jnp.cumsum(x), X),
    "gathered": (lambda x, i: x[i], X, jnp.array([0, 2, 2])),
    "scattered": (lambda x: jnp.zeros(5).at[jnp.array([1, 3, 3])].add(x), X),
    "convolved": (lambda x: jnp.convolve(x, jnp.array([1.0, -2.0])), X),
    "cholesky": (lambda x: jnp.linalg.cholesky(x @ x.T + jnp.eye(3)), SQUARE),
    "solved": (lambda x: jnp.linalg.solve(x + 3 * jnp.eye(3), X), SQUARE),
    "complex inside": (lambda x: jnp.abs(jnp.fft.fft(x)), X),
    "complex outside": (lambda x: jnp.exp(1j * x), X),
    "a key": (lambda x, key: jnp.where(jax.random.bernoulli(key, 0.5, (3,)), x, 0), X, KEY),
    "a key handed out": (lambda x, key: (2 * x, jax.random.split(key)), X, KEY),
    "a Python number": (lambda x, n: x**n, 2.0, 3),
    "a gradient": (jax.grad(lambda x: jnp.sum(x**3)), X),
    "mapped": (jax.vmap(lambda x: jax.lax.cond(x > 0, jnp.sin, jnp.cos, x)), X),
    "of the platform": (lambda x: jax.lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), X),
    "a scan": (lambda x: jax.lax.scan(lambda c, v: (jnp.tanh(c + v), 2 * c), 0.1, x), X),
    "a scan backwards": (backwards, X),
    "a scan of keys": (with_keys, X, KEY),
    "a scan of one turn": (lambda x: jax.lax.scan(lambda c, v: (c * v, c), 2.0, x[:1]), X),
    "a scan of no turns": (lambda x: jax.lax.scan(lambda c, v: (c * v, c), x[0], x[:0]), X),
    "a loop": (lambda x: jax.lax.fori_loop(0, 4, lambda i, x: jnp.sin(x) + i, x), X),
    "a branch": (lambda x, i: jax.lax.switch(i, [jnp.sin, jnp.cos, lambda x: x * x], x), X, 1),
    "an index out of range": (lambda x, i: jax.lax.switch(i, [jnp.sin, jnp.cos], x), X, 7),
    "a callback behind a stop": (
        lambda x: x * doubled_outside(jnp.cos(jax.lax.stop_gradient(x))),
        X,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_tangents_and_adjoints_are_those_of_jax(name):
    fn, x, *rest = FUNCTIONS[name]
    drawn = graph(fn, x, *rest, argnums=0, names=["x"])
    assert (drawn.forward, drawn.reverse) == ("", "")
    assert_structure(drawn)

    def of_leaves(leaves, rest):
        return [y for y in jax.tree.leaves(fn(*leaves, *rest)) if hasattr(y, "dtype")]

    if name == "itself":  # the constant is an array in the graph
        drawn_outputs = [output.name for output in drawn.outputs]
        assert drawn_outputs == ["output[0]", "output[1]", "output[2]", "output[3]"]
        assert float(array(result_of(drawn, drawn.outputs[2].edge).value)) == 1
    else:
        assert_as_jax(drawn, ["x"], of_leaves, [x], rest, tolerance=2e-6)
    assert_adjoints_are_sums(drawn, 2e-6)
    assert_cut_sums_agree(drawn, 2e-6)
    assert_flops_add_up(drawn, fn, x, *rest)


def test_relu_hands_back_nothing_at_0():
    (adjoint,) = adjoints_of_inputs(graph(jax.nn.relu, jnp.array([0.0, 2.0])), ["x"])
    assert adjoint.tolist() == [0, 1]


def test_behind_where_a_nan_is_as_in_jax():
    def fn(x):
        return jnp.sum(jnp.where(x > 0, jnp.log(x), 0.0))

    drawn = graph(fn, jnp.array([0.0, 1.0, -1.0]))
    (adjoint,) = adjoints_of_inputs(drawn, ["x"])
    np.testing.assert_array_equal(adjoint, jax.grad(fn)(jnp.array([0.0, 1.0, -1.0])))
    (log,) = (node for node in drawn.nodes if node.operation == "log")
    assert np.isnan(array(log.results[0].value)[2])


def test_each_edge_of_a_square_hands_back_its_share():
    drawn = graph(lambda x: x * x, jnp.array(3.0))
    shares = [float(array(edge.adjoint)) for edge in drawn.nodes[1].operands]
    assert shares == [3, 3]
    assert float(array(drawn.nodes[0].results[0].adjoint)) == 6


def test_bfloat16_is_kept_as_float32():
    drawn = graph(lambda x: jnp.sum(2 * x.astype(jnp.bfloat16)), X)
    product = next(node for node in drawn.nodes if node.operation == "mul")
    assert product.results[0].dtype == "bfloat16"
    assert array(product.results[0].value).dtype == np.float32
    assert product.operands[0].notes == ("cast to bfloat16",)
    assert array(drawn.nodes[0].results[0].adjoint).tolist() == [2, 2, 2]


def test_a_custom_vjp_ends_forward_mode_and_says_so():
    drawn = graph(lambda x: jnp.sin(with_vjp(x)), X)
    assert "says how to go backwards, and not how to go forwards" in drawn.forward
    assert "with_vjp" in drawn.forward
    assert drawn.passes == ()
    assert [node.note.split(":")[0] for node in drawn.nodes] == ["", "forward mode ends here", ""]
    assert all(result.tangents == () for node in drawn.nodes for result in node.results)
    np.testing.assert_allclose(adjoints_of_inputs(drawn, ["x"])[0], 3 * jnp.cos(2 * X), rtol=1e-6)


def test_a_loop_without_a_length_ends_reverse_mode_and_shows_its_last_turn():
    def halved(x):
        return jax.lax.while_loop(lambda h: h > 1, lambda h: h / 2, 3 * x)

    drawn = graph(halved, 5.0)
    assert "reverse mode must run the loop backwards" in drawn.reverse
    assert [(g.name, g.turns, g.turn) for g in drawn.groups] == [("x 4", 4, 3)]
    inside = [node for node in drawn.nodes if node.body_of is not None]
    assert [float(array(node.results[0].value)) for node in inside] == [15 / 8, 15 / 16]
    assert [float(array(node.results[0].tangents[0])) for node in inside] == [3 / 8, 3 / 16]
    assert all(result.adjoint is None for node in drawn.nodes for result in node.results)
    assert float(array(result_of(drawn, drawn.outputs[0].edge).value)) == 15 / 16


def test_a_loop_that_makes_no_turn_shows_its_structure_alone():
    drawn = graph(lambda x: jax.lax.while_loop(lambda h: h > 9, lambda h: h / 2, x), 5.0)
    assert [(g.turns, g.turn) for g in drawn.groups] == [(0, None)]
    inside = [node for node in drawn.nodes if node.body_of is not None]
    assert [node.operation for node in inside] == ["carried", "div"]
    assert all(node.results[0].value is None for node in inside)


def test_the_loops_of_a_batch_go_on_as_long_as_one_does():
    def doubled(x):
        return jax.lax.while_loop(lambda h: h < 3, lambda h: 2 * h, x)

    x = jnp.array([0.5, 1.0, 4.0])
    drawn = graph(jax.vmap(doubled), x)
    assert drawn.groups[0].turns == 3
    made = array(result_of(drawn, drawn.outputs[0].edge).value)
    np.testing.assert_array_equal(made, [4, 4, 4])


def test_a_callback_ends_both_modes_and_the_values_are_still_there():
    drawn = graph(lambda x: jnp.sin(doubled_outside(x)), X)
    assert "cannot see inside a callback" in drawn.forward
    assert "cannot see inside a callback" in drawn.reverse
    made = array(result_of(drawn, drawn.outputs[0].edge).value)
    np.testing.assert_allclose(made, jnp.sin(2 * X), rtol=1e-6)


def test_a_callback_without_a_result_ends_both_modes_as_in_jax():
    def told(x):
        jax.experimental.io_callback(lambda x: None, None, x)
        return 2 * x

    drawn = graph(told, X)
    assert "cannot see inside a callback" in drawn.forward
    assert "cannot see inside a callback" in drawn.reverse


def test_a_rule_that_holds_an_array_of_its_trace_leaves_the_values():
    def fn(x):
        y = jnp.sin(x)
        rule = jax.custom_jvp(lambda z: z * y)
        rule.defjvp(lambda primals, tangents: (primals[0] * y, tangents[0] * y))
        return rule(x)

    drawn = graph(fn, X)
    assert "of the function's own trace" in drawn.forward
    assert "of the function's own trace" in drawn.reverse
    made = array(result_of(drawn, drawn.outputs[0].edge).value)
    np.testing.assert_allclose(made, X * jnp.sin(X), rtol=1e-6)


def test_the_body_of_a_loop_has_the_numbers_of_its_last_turn():
    w = jnp.array(0.5)
    xs = jnp.array([1.0, 2.0, 3.0])

    def fn(w):
        return jax.lax.scan(lambda c, x: (w * c + x, c * c), 0.0, xs)

    drawn = graph(fn, w)
    (group,) = drawn.groups
    assert (group.name, group.kind, group.turns, group.turn) == ("x 3", "loop", 3, 2)
    by_operation = {n.operation: n.results[0] for n in drawn.nodes if n.body_of is not None}
    assert float(array(by_operation["carried"].value)) == 2.5
    assert float(array(by_operation["carried"].tangents[0])) == 1  # d(w + 2)/dw
    assert float(array(by_operation["carried"].adjoint)) == 2 * 2.5 + 0.5
    assert float(array(by_operation["add"].value)) == 4.25
    assert [float(array(edge.adjoint)) for edge in group.outputs] == [1, 1]


def test_only_the_side_of_a_branch_that_is_taken_has_numbers():
    drawn = graph(lambda x: jax.lax.cond(x > 1, jnp.sin, lambda x: x * x, x), 3.0)
    kinds = [(group.name, group.kind, group.parent) for group in drawn.groups]
    assert kinds == [
        ("branch", "branch", None),
        ("branch 0", "side", 0),
        ("branch 1 (taken)", "side", 0),
    ]
    values = {n.operation: n.results[0].value for n in drawn.nodes if n.body_of is not None}
    assert values["mul"] is None
    assert float(array(values["sin"])) == pytest.approx(np.sin(3.0), rel=1e-6)


def test_a_tangent_and_a_cotangent_are_the_directions_of_the_modes():
    def fn(w, x):
        return {"a": w["scale"] * x, "b": jnp.sum(x)}

    w, direction = {"scale": jnp.array(2.0)}, {"scale": jnp.array(0.5)}
    weights = {"a": jnp.array([1.0, 0.0, -1.0]), "b": jnp.array(3.0)}
    drawn = graph(fn, w, X, argnums=0, tangent=direction, cotangent=weights)
    assert drawn.passes == ("tangent",)
    moved = result_of(drawn, drawn.outputs[0].edge)
    np.testing.assert_allclose(array(moved.tangents[0]), 0.5 * X, rtol=1e-6)
    (adjoint,) = adjoints_of_inputs(drawn, ["w['scale']"])
    np.testing.assert_allclose(adjoint, X[0] - X[2], rtol=1e-6)
    both = graph(fn, w, X, tangent=(direction, X))
    moved = result_of(both, both.outputs[0].edge)
    np.testing.assert_allclose(array(moved.tangents[0]), 0.5 * X + 2 * X, rtol=1e-6)


def test_forward_mode_goes_by_the_first_8_numbers():
    def fn(w, b):
        return jnp.sum(w) * b

    drawn = graph(fn, jnp.ones((2, 2)), 3.0)
    entries = [f"w[{i}, {j}]" for i in range(2) for j in range(2)]
    assert drawn.passes == (*entries, "b")
    assert (drawn.n, drawn.m) == (5, 1)
    moved = result_of(drawn, drawn.outputs[0].edge).tangents
    assert [float(array(tangent)) for tangent in moved] == [3, 3, 3, 3, 4]
    assert graph(jnp.sum, jnp.ones(20)).passes[-1].endswith("[7]")


def test_large_arrays_are_means_of_blocks():
    x = np.arange(600 * 128, dtype=np.float32).reshape(600, 128)
    drawn = graph(lambda x: 2 * x, x)
    value = drawn.nodes[1].results[0].value
    assert value.pooled
    blocks = 2 * x.reshape(12, 50, 16, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(value.array, blocks, rtol=1e-6)
    adjoint = drawn.nodes[0].results[0].adjoint
    np.testing.assert_array_equal(adjoint.array, np.full((12, 16), 2.0))
    assert drawn.outputs[0].edge.adjoint.pooled
