"""The user's names in loops, transformations and libraries, and of source that is hard to read."""

# ruff: noqa: RET504  (what a variable is called is what is tested)

import functools
import sys

import jax
import jax.numpy as jnp
import pytest
from graph_variables import helper, named
from jax import lax

import nn
from benchmarks.graph.reading import source_text
from benchmarks.graph.reading.names import variable_names
from benchmarks.graph.reading.origins import origin_of
from benchmarks.program.jaxpr import kind, opened

X = jnp.arange(3.0)


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
