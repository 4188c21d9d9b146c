"""What a structured derivative costs beyond its passes, by counts: arrays made, calls of ours."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_examples import normal, stencil

import gradwise
from benchmarks.structure.colouring import tables
from benchmarks.structure.forms import made


def layer_norm(x):
    centred = x - jnp.mean(x)
    return centred / jnp.sqrt(jnp.mean(centred**2) + 1e-5)


def network(params, x):
    return jnp.tanh(x @ params["w"] + params["b"]) @ params["u"]


def single(*shape):
    return jnp.asarray(normal(*shape), jnp.float32)


def program_of(found, *inputs):
    """The compiled program of a derivative."""
    return found._made._direct.lower(*found._made._arrays, *inputs).compile()


def arrays_of(found, *inputs):
    """The shapes of the arrays that the program makes, one for each operation that is run."""
    text = program_of(found, *inputs).as_text().split("ENTRY")[1]
    made_by = re.findall(r"= f32\[([\d,]+)\]\S* (?!bitcast|parameter|constant)\w", text)
    return [tuple(map(int, shape.split(","))) for shape in made_by]


def test_a_second_call_is_one_call_of_a_compiled_program(monkeypatch):
    x = single(9)
    found = gradwise.jacobian(stencil, x, measure=False)
    first = found(x)

    def looked(*args):
        raise AssertionError("inputs are looked at once more")

    monkeypatch.setattr(made, "sort_inputs", looked)
    assert np.array_equal(found(x), first)
    assert np.array_equal(found(np.asarray(x)), first)


def test_indices_that_were_compared_are_not_compared_again(monkeypatch):
    x, order = single(6), jnp.asarray([3, 1, 0, 5, 2, 4])
    found = gradwise.jacobian(lambda x, order: x[order] ** 2, x, order, measure=False)
    true = 2 * jnp.eye(6)[order] * x
    assert np.allclose(found(x, order), true)

    def looked(*args):
        raise AssertionError("inputs are looked at once more")

    with monkeypatch.context() as patch:
        patch.setattr(made, "sort_inputs", looked)
        assert np.allclose(found(x, order), true)
        with pytest.raises(AssertionError, match="once more"):
            found(x, order + 0)  # another array, though of the same numbers
    assert np.allclose(found(x, order + 0), true)
    with pytest.raises(ValueError, match="other values"):
        found(x, order[::-1])
    assert np.allclose(found(x, order), true)
    with pytest.raises(ValueError, match="no value inside of a transformation"):
        jax.jit(found)(x, order)
    assert np.allclose(jax.jit(lambda x: found(x, order))(x), true)


def test_indices_within_a_pytree_are_found_there_again(monkeypatch):
    x, order = single(4), jnp.asarray([2, 0, 3, 1])
    found = gradwise.jacobian(lambda given: given["x"][given["at"]] ** 2, {"x": x, "at": order})
    first = found({"x": x, "at": order})
    monkeypatch.setattr(made, "sort_inputs", None)
    assert np.array_equal(found({"x": x, "at": order})["x"], first["x"])
    with pytest.raises(TypeError, match="not callable"):
        found({"x": x, "at": order[::-1]})


def test_indices_of_numpy_may_be_written_to_and_are_compared_each_time():
    x, order = single(4), np.array([2, 0, 3, 1])
    found = gradwise.jacobian(lambda x, order: x[order] ** 2, x, order, measure=False)
    assert np.allclose(found(x, order), 2 * jnp.eye(4)[order] * x)
    order[:2] = 0, 2
    with pytest.raises(ValueError, match="other values"):
        found(x, order)


@pytest.mark.parametrize("output", ["dense", "csr"])
def test_nothing_but_the_inputs_is_handed_to_a_small_program(output):
    x = single(9)
    found = gradwise.jacobian(stencil, x, output=output, measure=False)
    assert found._made._arrays == ()


@pytest.mark.parametrize("what", ["text", "structure", "number of arguments"])
def test_what_is_not_an_array_is_still_said(what):
    x = single(9)
    found = gradwise.jacobian(lambda a, x: a * x, 2.0, x, measure=False)
    wrong = {"text": ("two", x), "structure": ((2.0,), x), "number of arguments": (2.0,)}[what]
    with pytest.raises(ValueError, match=r"made for|takes 2 arguments, got 1"):
        found(*wrong)
    assert found(3.0, x)[1][0, 0] == 3


def test_a_dense_result_is_written_once_and_its_entries_into_it():
    x = single(50)
    big = arrays_of(gradwise.jacobian(stencil, x, measure=False), x)
    assert [shape for shape in big if np.prod(shape) >= 48 * 50] == [(48, 50)] * 2  # zeros, scatter


def test_entries_are_added_into_the_part_of_low_rank():
    x = single(50)
    found = gradwise.jacobian(layer_norm, x, measure=False)
    assert found.way == "split (2+1+2)"
    big = [shape for shape in arrays_of(found, x) if np.prod(shape) >= 50 * 50]
    # Never as a vector of 2,500 numbers: each would be computed at a place to be divided.
    assert big == [(50, 50)] * 2  # the sum of two products, and the scatter into it


@pytest.mark.parametrize("output", ["csr", "bcoo"])
def test_a_sparse_result_is_its_numbers_alone(output):
    x = single(50)
    found = gradwise.jacobian(stencil, x, output=output, measure=False)
    program = program_of(found, x)
    assert program.memory_analysis().output_size_in_bytes == 4 * 3 * 48
    assert max(np.prod(shape) for shape in arrays_of(found, x)) <= 3 * 50
    first, second = found(x), found(2 * x)
    assert first.indices is second.indices  # not copied at each call
    assert np.allclose(second.todense(), jax.jacfwd(stencil)(2 * x), atol=1e-5)
    first.indices.delete()  # as if it was donated
    assert np.allclose(found(x).todense(), jax.jacfwd(stencil)(x), atol=1e-5)


def test_examples_that_share_parameters_have_a_sparse_result_without_a_dense_one():
    params, x = {"w": single(3, 5), "b": single(5), "u": single(5, 2)}, single(7, 3)

    def joined(params, x):
        return jnp.concatenate([network(params, x).ravel(), x.sum(1) ** 2])

    for fn, way in ((network, "vmap (7 examples)"), (joined, None)):
        found = gradwise.jacobian(fn, params, x, output="csr", measure=False)
        lines = jax.jacrev(fn, (0, 1))(params, x)
        leaves = [leaf.reshape(found.m, -1) for leaf in jax.tree.leaves(lines)]
        assert np.allclose(found(params, x).todense(), np.concatenate(leaves, 1), atol=1e-5)
        if way:
            assert found.way == way
            dense = found.m * found.n
            assert max(np.prod(shape) for shape in arrays_of(found, params, x)) < dense


def test_a_full_matrix_through_a_waist_is_read_as_it_is():
    down, up = single(3, 24), single(20, 3)
    fn = lambda x: jnp.tanh(up @ jnp.sin(down @ x))  # noqa: E731
    x = single(24)
    found = gradwise.jacobian(fn, x, output="csr", measure=False)
    assert found.way == "cut (3)"
    assert (480,) not in arrays_of(found, x)
    assert np.allclose(found(x).todense(), jax.jacrev(fn)(x), atol=1e-5)


def test_products_that_no_input_changes_are_computed_as_the_program_is_compiled(monkeypatch):
    kernel = single(3, 3)

    def smoothed(image):
        return jnp.tanh(jax.scipy.signal.convolve(image, kernel, mode="same"))

    image = single(7, 8)
    found = gradwise.jacobian(smoothed, image, output="csr", measure=False)
    assert found.way.startswith("coloured (forward")
    text = program_of(found, image).as_text()
    assert len(re.findall(r" convolution\(|custom_call_target=.*conv", text)) <= 1  # the value's
    true = jax.jacfwd(smoothed)(image).reshape(56, 56)
    assert np.allclose(found(image).todense(), true, atol=1e-5)
    monkeypatch.setattr(tables, "_MOST_WITHIN", 0)  # of more they are not, which takes long
    other = gradwise.jacobian(smoothed, image, output="csr", measure=False)
    assert np.allclose(other(image).data, found(image).data, atol=1e-6)
