"""What a structure allows stands in a comparison: checked, timed, and handed out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_examples import normal, rosenbrock, stencil

from benchmarks.derivatives.method import dense
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.methods import structured
from gradwise import compare


def test_a_row_says_how_many_passes_do_and_its_derivative_is_handed_out():
    x = jnp.asarray(normal(64), jnp.float32)
    comparison = compare(stencil, x, budget=0.3)
    row = comparison.row("coloured (forward, 3)")
    assert row.status == "ok"
    assert row.kind == "jacobian"
    derivative = comparison.derivative("coloured (forward, 3)")
    for at in (x, x + 1):
        assert np.allclose(jax.jit(derivative)(at), jax.jacrev(stencil)(at), atol=1e-5)
    with pytest.raises(ValueError, match="inputs of other shapes"):
        derivative(x[:10])


def test_a_hessian_has_its_rows_too():
    x = jnp.asarray(normal(40), jnp.float32)
    problem = make_problem(rosenbrock, (x,))
    first = structured(problem, order=2)[0]
    program = first.build(problem, None)
    found = dense((program.fn(*program.args),)[0], problem._replace(scalar=False))
    expected = np.asarray(jax.jit(jax.hessian(rosenbrock))(x))
    assert first.kind == "hessian"
    assert np.allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_there_is_no_row_where_nothing_is_saved():
    x = jnp.ones(32)
    for fn in (jnp.sum, jnp.cumsum, lambda x: jnp.outer(x, x).sum(0), lambda x: x[:3]):
        assert structured(make_problem(fn, (x,))) == ()


def test_named_methods_get_no_other_rows():
    rows = compare(stencil, jnp.ones(64), methods=["forward"], budget=0.1).rows
    assert [row.method for row in rows] == ["value", "forward"]


def test_a_fault_of_looking_is_a_note_and_no_failure(monkeypatch):
    def broken(*args, **options):
        raise KeyError("planted")

    monkeypatch.setattr("benchmarks.comparison.chosen.look_for", broken)
    comparison = compare(stencil, jnp.ones(16), budget=0.1)
    assert comparison.row("forward").status == "ok"
    assert any("look for a structure" in note and "report" in note for note in comparison.notes)


def test_other_whole_numbers_are_refused():
    x, indices = jnp.asarray(normal(64), jnp.float32), jnp.arange(32)
    problem = make_problem(lambda x, i: x[i] ** 2, (x, indices))
    method = structured(problem)[0]
    program = method.build(problem, None)
    assert dense(program.fn(*program.args), problem).shape == (32, 64)
    with pytest.raises(ValueError, match="other whole numbers"):
        method.build(problem._replace(fixed=(indices + 1,)), None)
