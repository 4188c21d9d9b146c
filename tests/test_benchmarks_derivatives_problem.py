"""What compare makes of a function and its inputs, and of what is no function or no input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.derivatives.problem import make_problem

X = jnp.arange(1.0, 7.0).reshape(2, 3)


def test_leaves_of_pytrees_are_found_and_put_back():
    def fn(params, x):
        return {"y": params["w"] * x[0], "z": params["b"]}

    inputs = ({"w": jnp.ones(3), "b": jnp.zeros(())}, (X[0], 2))
    found = make_problem(fn, inputs)
    assert [leaf.shape for leaf in found.x] == [(), (3,), (3,)]
    assert (found.n, found.m, found.scalar) == (7, 4, False)
    outputs = jax.jit(found.fn)(found.x, found.fixed)
    np.testing.assert_array_equal(outputs[0], X[0])
    assert found.rebuild(found.x)[0]["w"].shape == (3,)


def test_integers_are_held_fixed_and_said_so():
    found = make_problem(lambda x, k: x[k], (X, 1))
    assert found.n == 6
    assert found.notes == ("argument 1 (int32) is held fixed",)


def test_what_argnums_leaves_out_is_an_argument_and_no_constant():
    found = make_problem(lambda w, x: jnp.sum(w * x), (X, 2 * X), argnums=0)
    assert len(found.x) == len(found.fixed) == 1
    jaxpr = jax.make_jaxpr(found.fn)(found.x, found.fixed)
    assert not jaxpr.consts


def test_negative_argnums_count_from_the_end():
    assert make_problem(lambda a, b: jnp.sum(a) + jnp.sum(b), (X, X[0]), argnums=-1).n == 3


def test_a_numpy_integer_is_an_argnum():
    assert make_problem(lambda a, b: jnp.sum(a) + jnp.sum(b), (X, X[0]), argnums=np.int64(1)).n == 3


def test_leaves_stand_in_the_order_of_argnums():
    found = make_problem(lambda a, b: jnp.sum(a) + jnp.sum(b), (X, X[0]), argnums=(1, 0))
    assert [leaf.shape for leaf in found.x] == [(3,), (2, 3)]
    assert [part.shape for part in found.rebuild(found.x)] == [(3,), (2, 3)]
    assert [part.shape for part in found.arguments(found.x, found.fixed)] == [(2, 3), (3,)]


def test_a_typed_key_is_held_fixed():
    found = make_problem(lambda x, key: x * jax.random.normal(key), (X, jax.random.key(0)))
    assert found.n == 6
    assert "held fixed" in found.notes[0]


def test_integer_outputs_are_left_out_and_said_so():
    found = make_problem(lambda x: (jnp.argmax(x), jnp.sum(x)), (X,))
    assert (found.m, found.scalar) == (1, True)
    assert "left out" in found.notes[0]


def test_a_string_among_the_inputs_is_passed_on():
    found = make_problem(lambda x, how: jnp.sum(x) if how == "sum" else x, (X, "sum"))
    assert found.scalar


@pytest.mark.parametrize(
    ("fn", "inputs", "argnums", "error", "message"),
    [
        (lambda x: "text", (X,), None, TypeError, "it returned str 'text'"),
        (lambda x: None, (X,), None, TypeError, "must return an array"),
        (lambda x: jnp.argmax(x), (X,), None, TypeError, "must return floating-point numbers"),
        ("no function", (X,), None, TypeError, "needs a function"),
        (lambda x: x, (jnp.arange(3),), None, ValueError, "give floats, such as x.astype"),
        (lambda: 1.0, (), None, ValueError, "got no inputs"),
        (lambda x: x, (X,), 1, ValueError, "arguments 0 to 0, got 1"),
        (lambda x: x, (X,), (0, -2), ValueError, "arguments 0 to 0, got -2"),
        (lambda x: x, (X,), "x", TypeError, "got 'x'"),
        (lambda x: x, (X,), (), ValueError, "argnums is empty"),
        (lambda x: x, (X * 1j,), None, TypeError, "is complex"),
        (lambda x: float(jnp.sum(x)), (X,), None, TypeError, "float"),
        (lambda x: 1.0, (X,), None, TypeError, "it returned float 1.0"),
        (lambda x, n: x[:, n:n] if n else x @ x, (X, 0), None, TypeError, "cannot trace"),
        (lambda x: x @ x, (X,), None, TypeError, "cannot trace the function"),
    ],
)
def test_the_error_for_bad_input_says_what_was_given_and_what_is_expected(
    fn, inputs, argnums, error, message
):
    with pytest.raises(error, match=message):
        make_problem(fn, inputs, argnums=argnums)
