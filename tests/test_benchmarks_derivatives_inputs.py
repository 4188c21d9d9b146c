"""Inputs and outputs of every kind: what is held as it came, left out, taken apart, or refused."""

import enum

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import Candidate, compare
from benchmarks.check.float64 import with_float64
from benchmarks.derivatives.candidate import as_method
from benchmarks.derivatives.problem import make_problem

X = jnp.arange(1.0, 7.0).reshape(2, 3)


def held(name):
    return f"{name} is held as the value that was given: the function needs it while it is traced"


class Kind(enum.IntEnum):
    SUM = 1


def repeated(x, n):
    for _ in range(n):
        x = jnp.sin(x)
    return x


NEEDS_THE_VALUE = {
    "a loop of Python": repeated,
    "a shape": lambda x, n: x[:n],
    "jit with static_argnums": jax.jit(repeated, static_argnums=1),
    "jit with static_argnames": jax.jit(repeated, static_argnames="n"),
    "a table": lambda x, n: {2: x}[n],
    "a check of its type": lambda x, n: x if isinstance(n, int) else x.nothing,
    "a loop of JAX": lambda x, n: jax.lax.fori_loop(0, n, lambda i, x: jnp.sin(x), x),
}


@pytest.mark.parametrize("fn", NEEDS_THE_VALUE.values(), ids=NEEDS_THE_VALUE)
def test_a_python_int_that_must_be_static_is_held_as_it_is_and_said_so(fn):
    found = make_problem(fn, (X, 2))
    assert found.notes == (held("argument 1 (2)"),)
    assert found.fixed == ()
    np.testing.assert_allclose(found.fn(found.x, found.fixed)[0], fn(X, 2), rtol=1e-6)


@pytest.mark.parametrize(("flag", "written"), [(True, "True"), (Kind.SUM, "<Kind.SUM: 1>")])
def test_a_flag_that_chooses_in_python_is_held_as_it_is(flag, written):
    found = make_problem(lambda x, flag: jnp.sum(x) if flag else x, (X, flag))
    assert (found.scalar, found.notes) == (True, (held(f"argument 1 ({written})"),))


def test_a_loop_of_a_length_that_only_the_data_tell_keeps_its_ints_as_arrays():
    def fn(x, n):
        return jax.lax.while_loop(lambda x: jnp.sum(x) > n, lambda x: x / 2, x)

    assert make_problem(fn, (X, 1)).notes == ("argument 1 (int32) is held fixed",)


def test_a_float_or_an_array_that_tracing_needs_is_held_unless_it_is_to_be_differentiated():
    def fn(x, order):
        return x**2 if order > 1 else x

    assert make_problem(fn, (X, 1.5)).notes == (held("argument 1 (1.5)"),)
    with pytest.raises(TypeError, match="cannot trace"):
        make_problem(fn, (X, 1.5), argnums=(0, 1))
    places = np.array([2, 0, 2])
    found = make_problem(lambda x, places: x[:, np.unique(places)], (X, places))
    assert (found.m, found.notes) == (4, (held("argument 1 (int64[3])"),))


def test_a_function_that_can_be_traced_with_arrays_is_traced_once():
    traces = []

    def fn(x, n):
        traces.append(n)
        return x * n

    make_problem(fn, (X, 3))
    assert len(traces) == 1


def test_what_is_no_number_is_passed_on_as_it_is():
    def fn(x, nothing, how, act, names):
        assert nothing is None
        assert names.tolist() == ["a", "b"]
        return getattr(jnp, how)(act(x))

    found = make_problem(fn, (X, None, "sum", jnp.tanh, np.array(["a", "b"])))
    assert (found.scalar, found.fixed, found.notes) == (True, (), ())


def test_an_integer_of_too_many_bits_for_an_array_is_passed_on_as_it_is():
    assert make_problem(lambda x, seed: x * (seed > 1), (X, 2**70)).m == 6


def test_a_float64_of_numpy_that_becomes_a_float32_is_said_so():
    found = make_problem(lambda x, w: jnp.sum(x) * w, (np.ones(3), np.float64(2)))
    text = "(float64 in NumPy) are float32 here, since jax_enable_x64 is off"
    assert found.notes == (f"argument 0 and argument 1 {text}",)
    with jax.enable_x64(True):
        assert make_problem(jnp.sum, (np.ones(3),)).notes == ()


def test_many_leaves_are_one_note():
    found = make_problem(lambda x, ks: x * ks[0], (X, [1, 2, 3, 4, 5]))
    named = "argument 1[0], argument 1[1], argument 1[2] and 2 more"
    assert found.notes == (f"{named} (int32) are held fixed",)


def test_numbers_and_texts_among_the_outputs_are_left_out_and_said_so():
    def fn(x):
        return jnp.sum(x), {"acc": 1.0, "lr": np.float32(0.1), "name": "run", "none": None}

    found = make_problem(fn, (X,))
    assert (found.m, found.scalar) == (1, True)
    assert found.fn(found.x, found.fixed) == 21.0
    (note,) = found.notes
    assert note.startswith("output[1]['acc'] (float 1.0), output[1]['lr']")
    assert note.endswith("are left out, being no array of JAX")


def test_has_aux_leaves_aux_out_and_without_it_a_pair_is_asked_about():
    def fn(x):
        return jnp.sum(x), {"doubled": 2 * x, "braces": "{x}"}

    found = make_problem(fn, (X,), has_aux=True)
    assert (found.scalar, found.notes) == (True, ("aux is left out, as has_aux asks",))
    assert found.unpack(jnp.ones(())) == (1.0,)
    both = make_problem(fn, (X,))
    assert both.m == 7
    assert "has_aux=True" in both.notes[-1]
    with pytest.raises(TypeError, match=r"returns \(loss, aux\), this one returned an array"):
        make_problem(jnp.sum, (X,), has_aux=True)


def test_a_complex_constant_is_held_fixed_with_a_recipe():
    found = make_problem(lambda x, z: jnp.sum(jnp.abs(x * z)), (X, 1j * X))
    assert found.n == 6
    assert "argument 1 (complex64) is held fixed; give its real and its" in found.notes[0]
    with pytest.raises(TypeError, match=r"argument 1 is complex.*compare\(lambda re, im: fn"):
        make_problem(lambda x, z: jnp.sum(jnp.abs(x * z)), (X, 1j * X), argnums=1)


def test_a_complex_constant_is_as_wide_as_the_rest_where_the_function_is_checked():
    def strict(x, z):  # lax takes no two types
        return jax.lax.real(jax.lax.mul(jax.lax.complex(x, x), z))

    assert with_float64(make_problem(strict, (X, 1j * X))).float64_obstacle is None


def test_a_complex_output_is_its_real_and_its_imaginary_part():
    found = make_problem(lambda x: {"psi": jnp.exp(1j * x), "n": jnp.sum(x)}, (X,))
    assert found.m == 13
    assert found.notes == (
        "output['psi'] (complex64) is differentiated as real and imaginary part",
    )
    total, real, imaginary = found.fn(found.x, found.fixed)
    psi = np.exp(1j * np.asarray(X, np.float64))
    np.testing.assert_allclose((real, imaginary), (psi.real, psi.imag), rtol=1e-5)
    assert total == 21.0


def test_a_candidate_for_a_complex_output_is_taken_apart_like_it():
    def fn(x, w):
        return jnp.exp(1j * x) * w, jnp.sum(x)

    inputs = jnp.arange(1.0, 4.0), jnp.arange(1.0, 4.0)
    candidate = Candidate(name="mine", mode="forward", derivative=jax.jacfwd(fn, argnums=(0, 1)))
    problem = make_problem(fn, inputs)
    (real, _), (imaginary, by_w), (total, _) = (
        as_method(candidate, 1).build(problem, None).fn(problem.x, problem.fixed)
    )
    wave = np.exp(1j * np.arange(1.0, 4.0))
    expected = np.diag(1j * wave * np.arange(1.0, 4.0))
    np.testing.assert_allclose((real, imaginary), (expected.real, expected.imag), atol=1e-6)
    np.testing.assert_allclose(by_w, np.diag(wave.imag), atol=1e-6)
    np.testing.assert_array_equal(total, [1, 1, 1])


@pytest.mark.usefixtures("nothing_is_too_slow")
def test_derivatives_of_a_complex_output_and_a_complex_constant_are_right():
    def fn(x, z, n):
        return {"psi": jnp.exp(z * x) * len(range(n)), "label": "psi"}

    inputs = jnp.arange(1.0, 4.0), 1j * jnp.ones(3), 2
    methods = ["forward", "reverse", "numerical"]
    comparison = compare(fn, *inputs, methods=methods, budget=0.05)
    assert [row.status for row in comparison.rows] == ["ok"] * 4
    assert (comparison.n, comparison.m) == (3, 6)
    assert all(row.error < 1e-5 for row in comparison.rows if row.exact)


def of_traced(transform):
    return lambda: transform(lambda x: make_problem(jnp.sum, (x,)) and x)(X[0])


def closing_over(transform):
    return lambda: transform(lambda w: make_problem(lambda x: x * w, (X,)) and w)(1.0)


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (of_traced(jax.jit), "it is called inside jax.jit"),
        (of_traced(jax.grad), "argument 0 is inside jax.grad"),
        (of_traced(jax.vmap), "argument 0 is inside jax.vmap"),
        (closing_over(jax.grad), "the function uses a value from inside jax.grad"),
        (lambda: jax.jit(lambda y: make_problem(jnp.sum, (X,)) and y)(X), "inside jax.jit"),
    ],
)
def test_inside_of_a_transformation_the_error_says_which_and_to_call_it_outside(call, where):
    with pytest.raises(ValueError, match=where) as raised:
        call()
    assert str(raised.value).endswith("call it outside, with arrays that do")


class Global(np.ndarray):
    """What an array on the devices of several processes looks like to one of them."""

    is_fully_addressable = False


def deleted():
    x = jnp.ones(3)
    x.delete()
    return x


@pytest.mark.parametrize(
    ("leaf", "error", "message"),
    [
        (np.ones(3).view(Global), ValueError, "devices of several processes"),
        (deleted(), ValueError, "has been deleted"),
        (jax.ShapeDtypeStruct((3,), jnp.float32), TypeError, "which has no values"),
    ],
)
def test_a_leaf_without_values_is_refused_by_its_place(leaf, error, message):
    with pytest.raises(error, match=rf"argument 1\['w'\] .*{message}"):
        make_problem(lambda x, p: x, (X, {"w": leaf}))
