"""The user's own variable names of what operations make, read off the source."""

# ruff: noqa: RET504  (what a variable is called is what is tested)

import functools
import sys

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import nn
from benchmarks.graph.reading import source_text
from benchmarks.graph.reading.names import variable_names
from benchmarks.graph.reading.origins import Origin, origin_of
from benchmarks.program.jaxpr import called, kind, opened

X = jnp.arange(3.0)


def named(fn, *inputs):
    """The operations of a function with their names, calls opened in place."""

    def flat(program, outside):
        for eqn in opened(program).eqns:
            origin, call = origin_of(eqn, outside), called(eqn)
            if kind(eqn) == "jit" and call is not None:
                yield from flat(call[0], origin)
            else:
                yield kind(eqn), origin

    operations = list(flat(jax.make_jaxpr(fn)(*inputs), Origin()))
    found = variable_names([origin for _, origin in operations])
    return [
        (operation, name) for (operation, _), name in zip(operations, found, strict=True) if name
    ]


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


def helper(a):
    s = jnp.sin(a)
    return s * 2


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


W = jnp.ones((2, 2))


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


def test_each_pass_through_a_loop_gives_the_name_again():
    def fn(x):
        for _ in range(3):
            x = jnp.sin(x)
        steps = 2
        while steps:
            y = jnp.mean(x) + steps
            steps -= 1
        for _ in range(2):
            z = helper(y)
        return z

    assert named(fn, X) == [
        *[("sin", "x")] * 3,
        *[("add", "y")] * 2,
        *[("sin", "s"), ("mul", "z")] * 2,
    ]


def test_a_loop_inside_of_a_function_is_one_evaluation_of_the_statement_that_calls_it():
    def deep(x):
        for _ in range(3):
            x = jnp.sin(x)
        return x

    def fn(x):
        y = deep(x)
        for _ in range(2):
            z = deep(y)
        return z

    model = nn.serial(*[nn.activation(nn.tanh)] * 3)

    def modelled(x):
        h = model.apply(((),) * 3, ((),) * 3, x)[0] * 2
        return h

    # Where one pass ends inside of the second statement, the source does not say.
    assert [name for _, name in named(fn, X)] == ["x", "x", "y", *["x"] * 5, "z"]
    assert named(modelled, X) == [("mul", "h")]


def test_elements_of_a_comprehension_have_no_name():
    def fn(x):
        hidden = [jnp.sin(t) for t in x]
        table = {"a": jnp.cos(x)}
        return hidden, table

    assert named(fn, X) == []


def test_jitted_functions_and_transformations_keep_the_names():
    @jax.jit
    def jitted(x):
        inner = jnp.sin(x)
        return jnp.cos(inner)

    def fn(x):
        first = jitted(x)
        second = jitted(first)  # traced once for both
        third = jax.vmap(lambda t: t * 2)(second)
        fourth = jnp.where(x > 0, third, 1.0)
        return fourth

    assert named(fn, X) == [
        *[("sin", "inner"), ("cos", "first")],
        *[("sin", "inner"), ("cos", "second")],
        *[("mul", "third"), ("select_n", "fourth")],
    ]


def test_a_loops_body_has_names_of_its_own():
    def fn(x):
        def body(carry, _):
            doubled = carry * 2
            return jnp.sin(doubled), None

        last = lax.scan(body, x, None, length=3)[0] + 1
        return last

    assert named(fn, X) == [("add", "last")]
    scan = next(eqn for eqn in jax.make_jaxpr(fn)(X).jaxpr.eqns if kind(eqn) == "scan")
    inside = [origin_of(eqn) for eqn in opened(scan.params["jaxpr"]).eqns]
    assert variable_names(inside) == ["doubled", ""]


def test_lines_of_libraries_give_no_names():
    def fn(x):
        return nn.dense(3, 2).apply(nn.Dense(jnp.ones((3, 2)), jnp.ones(2)), (), x[None])[0]

    assert named(fn, X) == []


def test_source_that_cannot_be_read_gives_no_name():
    scope = {"jnp": jnp}
    exec("def fn(x):\n    y = jnp.sin(x)\n    return y", scope)
    assert named(scope["fn"], X) == []


def test_without_columns_the_statement_of_the_line_names_its_last_operation(monkeypatch):
    def fn(x):
        z = jnp.sin(x) + jnp.cos(x)
        return z * 2

    program = jax.make_jaxpr(fn)(X)
    origins = []
    for eqn in program.jaxpr.eqns:
        origin = origin_of(eqn)
        bare = tuple(f._replace(place=(f.place[0], None, None, None)) for f in origin.frames)
        origins.append(origin._replace(frames=bare))
    assert variable_names(origins) == ["", "", "z", ""]


def test_a_failure_of_ours_gives_no_name(monkeypatch):
    def fail(file):
        raise RuntimeError(file)

    monkeypatch.setattr(source_text, "read", fail)
    origins = [origin_of(eqn) for eqn in jax.make_jaxpr(helper)(X).jaxpr.eqns]
    assert variable_names(origins) == ["", ""]


def test_partials_methods_and_lambdas_are_looked_into():
    class Model:
        def __call__(self, w, x):
            h = w * x
            return jnp.sin(h)

    model = functools.partial(Model(), 2.0)
    assert named(model, X) == [("mul", "h")]
    square = lambda x: (y := x * x) + y  # noqa: E731
    assert named(square, X) == [("mul", "y")]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is newer")
def test_newer_syntax_is_read(tmp_path, monkeypatch):
    (tmp_path / "newer.py").write_text(
        "import jax.numpy as jnp\ntype T = int\n"
        "def fn[A](x: A):\n    y = jnp.sin(x)\n    return y\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import newer  # pyright: ignore[reportMissingImports]

    assert named(newer.fn, X) == [("sin", "y")]
