"""A Jacobian through a narrow waist: equal to JAX's own, of few passes, and refused if wrong."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import assert_as_jax, normal

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.decomposition import cuts
from benchmarks.structure.methods import structured
from benchmarks.structure.sought import Sought

DOWN, UP, SIDE = normal(3, 24) / 5, normal(20, 3), normal(20, 2)


def down(x):
    return jnp.asarray(DOWN, x.dtype) @ x


def up(x):
    return jnp.asarray(UP, x.dtype) @ x


def autoencoder(x):
    return jnp.tanh(up(jax.nn.relu(down(jnp.sin(x)))))


def with_skip(x):
    return jnp.tanh(up(jnp.tanh(down(x)))) + SIDE @ x[:2] ** 2


def scan_before(x):
    def step(carry, one):
        carry = jnp.cos(carry + one * jnp.arange(1.0, 3.0))
        return carry, carry.sum()

    state, _ = lax.scan(step, jnp.ones(2), x)
    return jnp.sin(UP[:, :2] @ state)


def several(a, b, scale):
    waist = jnp.tanh(DOWN[:, :8] @ a + DOWN[:, 8:].sum(1) * (b**2).sum())
    return {"wide": up(waist) * scale, "square": jnp.outer(waist, waist) * scale}


def indices_around(x):
    order = jnp.argsort(x[:20])  # no derivative passes through whole numbers
    held = lax.stop_gradient(jnp.sin(x[:20]))
    return (up(down(x)))[order] * held


@jax.custom_jvp
def clipped(x):
    return jnp.clip(x, -1, 1)


clipped.defjvp(lambda primals, tangents: (clipped(*primals), tangents[0]))


def straight_through(x):
    return jnp.sin(up(clipped(down(x))))


def inside_jit(x):
    return jax.jit(autoencoder)(jax.jit(jnp.cos)(x)) + 1


def branch(x):
    middle = lax.cond(x[0] > 0, jnp.sin, jnp.cos, down(x))
    return jnp.exp(up(middle) / 30)


EXAMPLES = {
    "autoencoder": (autoencoder, [normal(24)], 3),
    "skip": (with_skip, [normal(24)], 5),
    "scan": (scan_before, [normal(30)], 2),
    "several": (several, [normal(8), normal(3, 4), normal()], 4),
    "indices": (indices_around, [normal(24)], 3),
    "custom": (straight_through, [normal(24)], 3),
    "jit": (inside_jit, [normal(24)], 3),
    "branch": (branch, [normal(24)], 3),
}


def cut_of(fn, *inputs, argnums=None):
    problem = make_problem(fn, inputs, argnums=argnums)
    return problem, cuts.cut(Sought(problem))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_product_of_both_sides_is_what_jax_gives(name):
    fn, inputs, size = EXAMPLES[name]
    with jax.enable_x64(True):
        inputs = [jnp.asarray(leaf) for leaf in inputs]
        problem, way = cut_of(fn, *inputs)
        assert (way.name, way.passes) == (f"cut ({size})", size)
        assert_as_jax(problem, way)
        given = jax.eval_shape(lambda x: way.dense(problem, (), x, problem.fixed), problem.x)
        expected = jax.eval_shape(jax.jacrev(problem.fn), problem.x, problem.fixed)
        assert jax.tree.structure(given) == jax.tree.structure(expected)


def test_a_narrow_waist_is_chosen_and_takes_as_many_tangents_as_it_has_numbers():
    x = jnp.asarray(normal(24), jnp.float32)
    found = gradwise.jacobian(autoencoder, x, measure=False)
    assert found.way == "cut (3)"
    assert "3 passes do for 24 inputs and 20 outputs (3 numbers are all that" in found.why
    assert np.allclose(found(x), jax.jit(jax.jacrev(autoencoder))(x), atol=1e-5)
    assert found.check(x + 1)
    shapes = set(re.findall(r"tensor<([\dx]+)xf32>", jax.jit(found).lower(x).as_text()))
    assert {"3x24", "3x20"} <= shapes  # cotangents that reach the inputs, tangents the outputs
    assert "20x24" in shapes  # the result alone
    assert not {"24x24", "24x3", "20x20"} & shapes


def test_what_is_held_fixed_is_on_both_sides():
    with jax.enable_x64(True):
        x, weights = jnp.asarray(normal(24)), jnp.asarray(normal(20, 24))
        fn = lambda x, weights: weights @ jnp.ones(24) * jnp.sin(jnp.sum(weights @ x))  # noqa: E731
        problem, way = cut_of(fn, x, weights, argnums=0)
        assert way.passes == 1
        found = way.dense(problem, (), problem.x, problem.fixed)[0][0]
        assert np.allclose(found, jax.jit(jax.jacrev(fn))(x, weights), rtol=1e-12)


def test_sparse_results_are_read_off_the_product():
    x = jnp.asarray(normal(24), jnp.float32)
    fn = lambda x: autoencoder(x.at[5:].set(0.0))  # noqa: E731
    found = gradwise.jacobian(fn, x, output="csr", measure=False)
    assert np.allclose(found(x).todense(), jax.jit(jax.jacrev(fn))(x), atol=1e-5)


@pytest.mark.parametrize(
    "fn",
    [
        jnp.cumsum,
        lambda x: x * x.sum(),  # a sum, and every number beside it
        lambda x: jnp.fft.fft(x).real,
        lambda x: jnp.sort(x)[:16] ** 2,
        lambda x: jnp.tanh(up(down(x))) + jnp.ones(20) * x[:20].prod() + x[4:],
    ],
)
def test_without_a_waist_there_is_no_cut(fn):
    assert cut_of(fn, jnp.ones(24))[1] is None


def test_a_function_that_prints_is_not_split():
    def printing(x):
        jax.debug.print("{}", x[0])
        return autoencoder(x)

    assert cut_of(printing, jnp.ones(24))[1] is None


def test_a_hessian_of_few_combinations_is_cut_at_these():
    x = jnp.asarray(normal(24), jnp.float32)
    fn = lambda x: jnp.sum(jnp.sin(down(x)) ** 3)  # noqa: E731
    found = gradwise.hessian(fn, x, measure=False)
    assert found.way == "cut (3)"
    expected = jax.jit(jax.hessian(fn))(x)
    assert np.allclose(found(x), expected, atol=1e-5 * np.abs(expected).max())


def test_structure_names_cuts_and_splits_and_runs_nothing():
    like = jax.ShapeDtypeStruct((24,), "float32")
    found = gradwise.structure(autoencoder, like)
    assert found.further == {"cut (3)": 3}
    assert "3 by cut (3): 3 numbers are all" in str(found)
    found = gradwise.structure(lambda x: jnp.sin(x) * jnp.sum(x), like)
    assert found.further == {"split (1+1+1)": 3}


def endless(x):
    return lax.while_loop(lambda x: x[0] < 3, lambda x: x + 1, x)


def test_a_mode_is_needed_only_on_its_own_side():
    x = jnp.asarray(normal(24), jnp.float32)
    after = lambda x: endless(up(down(x)))  # noqa: E731
    found = gradwise.jacobian(after, x, measure=False)
    assert found.way == "cut (3)"
    assert {rival.name for rival in found.rivals} == {"cut (3)", "forward"}
    assert np.allclose(found(x), jax.jit(jax.jacfwd(after))(x), atol=1e-5)
    before = gradwise.jacobian(lambda x: up(down(endless(x))), x, measure=False)
    assert (before.way, before.notes) == ("forward", ())


def test_a_comparison_has_a_row_for_it():
    x = jnp.asarray(normal(24), jnp.float32)
    methods = structured(make_problem(autoencoder, (x,)))
    assert [method.name for method in methods] == ["cut (3)"]
    assert "3 numbers" in methods[0].summary
    row = gradwise.compare(autoencoder, x, budget=0.2).row("cut (3)")
    assert (row.status, row.kind) == ("ok", "jacobian")


def test_a_wrong_product_is_not_handed_out(monkeypatch):
    def faulty(outer, inner):
        return jnp.tensordot(outer, inner, (0, 0)).at[..., 1].multiply(1.001)

    x = jnp.asarray(DOWN.sum(0), jnp.float32)  # where the three numbers are above zero
    monkeypatch.setattr(cuts, "product", faulty)
    with pytest.warns(UserWarning, match=r"cut \(3\).*did not pass its check"):
        found = gradwise.jacobian(autoencoder, x, measure=False)
    assert found.way in ("forward", "reverse")
    assert np.allclose(found(x), jax.jit(jax.jacrev(autoencoder))(x), atol=1e-5)


def test_a_fault_of_looking_is_a_note(monkeypatch):
    def broken(*args):
        raise KeyError("planted")

    monkeypatch.setattr(cuts, "find_waist", broken)
    found = gradwise.jacobian(autoencoder, jnp.ones(24), measure=False)
    assert found.way in ("forward", "reverse")
    assert any("look for a narrow place" in note for note in found.notes)
