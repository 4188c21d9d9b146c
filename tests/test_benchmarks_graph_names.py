"""The user's own variable names of what operations make, read off the source."""

# ruff: noqa: RET504  (what a variable is called is what is tested)

import jax
import jax.numpy as jnp
from graph_variables import helper, named
from jax import lax

import nn

X = jnp.arange(3.0)
W = jnp.ones((2, 2))


def test_a_statement_names_the_last_operation_that_it_asks_for():
    def layer(w, b, x):
        z = w @ x + b
        return jnp.tanh(z) * 2

    assert named(layer, jnp.ones((2, 3)), jnp.ones(2), X) == [("add", "z")]


def test_what_is_returned_or_not_assigned_has_no_name():
    def fn(x):
        jnp.sin(x)
        return jnp.cos(x) + 1

    assert named(fn, X) == []


def test_every_kind_of_assignment_names_its_value():
    def fn(x):
        a = b = jnp.sin(x)
        c: jax.Array = jnp.cos(a)
        d, (e, f) = jnp.exp(c), (jnp.log(c), -b)
        d += e * 2
        if (g := d - f).ndim:
            h = jnp.tanh(g) if g.ndim else g
        _ = h * 3
        return h, _

    assert named(fn, X) == [
        ("sin", "a"),
        ("cos", "c"),
        ("exp", "d"),
        ("log", "e"),
        ("neg", "f"),
        ("add", "d"),
        ("sub", "g"),
        ("tanh", "h"),
    ]


def test_a_statement_of_several_lines_and_a_chain_of_methods_name_their_value():
    def fn(x):
        r = (
            jnp.exp(x)
            + jnp.sin(x)
        )  # fmt: skip
        s = (
            (r * 2)
            .sum()
            .astype(jnp.float16)
        )  # fmt: skip
        return s

    assert named(fn, X) == [("add", "r"), ("convert_element_type", "s")]


def test_attributes_and_entries_are_names_too():
    class Box:
        pass

    def fn(x):
        box, table = Box(), {}
        box.height = jnp.sin(x)
        table["w"] = jnp.cos(x)
        return box.height * table["w"]

    assert named(fn, X) == [("sin", "box.height"), ("cos", "table['w']")]


def test_a_function_called_in_a_statement_makes_its_last_operation():
    def fn(x):
        y = helper(x)
        w = jnp.mean(y)
        return w

    assert named(fn, X) == [("sin", "s"), ("mul", "y"), ("div", "w")]


def test_the_name_of_the_outer_statement_goes_before_that_of_the_inner_one():
    def layer(x):
        z = jnp.tanh(x)
        return z

    def fn(x):
        first = layer(x)
        second = layer(first)
        return second

    assert named(fn, X) == [("tanh", "first"), ("tanh", "second")]


def test_each_of_several_targets_is_named_by_what_the_function_returns_for_it():
    def pair(x):
        total = jnp.sum(x)
        return jnp.cos(x) * 2, total

    def through(x):
        both = pair(x)
        return both

    def swapped(x):
        a, b = pair(x)
        return b, a

    def fn(x):
        wave, size = pair(x)
        only = pair(wave)[1]
        big, _ = swapped(x)
        left, (right, _) = (lambda t: (t + 1, (t + 2, t)))(x)
        return wave, size, only, big, left, right, through(x)

    found = [pair for pair in named(fn, X) if pair[1] not in ("total", "a", "b")]
    assert found == [
        *[("reduce_sum", "size"), ("mul", "wave")],
        ("reduce_sum", "only"),
        ("reduce_sum", "big"),
        *[("add", "left"), ("add", "right")],
    ]


def test_what_a_function_computes_last_is_not_what_it_returns():
    def traced(x):
        result = jnp.sin(x)
        norms.append(jnp.sum(result**2))
        return result

    norms = []

    def fn(x):
        y = traced(x)
        z = jax.vmap(jnp.outer, (None, 0), out_axes=1)(y, y)
        return y, z, norms

    assert named(fn, X) == [("sin", "y"), ("transpose", "z")]


def test_a_models_output_beside_its_state_is_named():
    model = nn.serial(
        nn.dense(3, 4), nn.batch_norm(4), nn.activation(nn.relu), nn.dropout(0.5), nn.dense(4, 2)
    )
    params, state = model.init(jax.random.key(0))

    def fn(params, x):
        logits, after = model.apply(params, state, x, key=jax.random.key(1), train=True)
        hidden, _ = nn.residual(nn.dense(2, 2)).apply(params[-1]._replace(weight=W), (), logits)
        return hidden, after

    assert named(fn, params, jnp.ones((5, 3))) == [("add", "logits"), ("add", "hidden")]


def test_the_first_result_of_an_operation_of_several_has_the_first_name():
    def fn(x):
        largest, places = lax.top_k(x, 2)
        (last, count), steps = lax.scan(lambda c, t: ((c[0] * t, c[1] + 1), t), (x[0], 0), x)
        first, second = jnp.sin(x[:2])
        return largest, places, last, count, steps, first, second

    found = dict(named(fn, X))
    assert found["top_k"] == "largest"
    assert found["scan"] == "last"
    assert "sin" not in found


def test_what_is_returned_in_two_ways_names_nothing():
    def either(x, first):
        if first:
            return jnp.sin(x), x
        return x, jnp.cos(x)

    def fn(x):
        a, b = either(x, True)
        return a + b

    assert named(fn, X) == []
