"""What a person reads of a Jacobian: why it is taken so, its table, its name, its errors."""

import re

import jax
import jax.numpy as jnp
import pytest
from structure_examples import normal, stencil

import gradwise
from benchmarks.structure.printed import BUSY, Rival, why_taken
from gradwise import Candidate

X = jnp.asarray(normal(30), jnp.float32)


def test_a_profile_names_the_derivative_and_its_function(caplog):
    named = gradwise.jacobian(stencil, X, measure=False)
    anonymous = gradwise.hessian(lambda x: jnp.sum(x**3), X, measure=False)
    assert "module @jit_jacobian_of_stencil " in jax.jit(named).lower(X).as_text()
    assert "module @jit_hessian_of_lambda_test_" in jax.jit(anonymous).lower(X).as_text()
    with jax.log_compiles():
        named(X)
    compiled = [record.getMessage() for record in caplog.records]
    assert any(re.match(r"Compiling (jit\()?jacobian_of_stencil", text) for text in compiled)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), "the Jacobian of stencil takes 1 argument, got 0: give those that stencil takes"),
        (([1.0],), r"argument 0 has the structure \[\*\], it was made for one array; call"),
        ((None,), "argument 0 has the structure None, it was made for one array; call"),
        ((jnp.ones(3),), r"the Jacobian of stencil: argument 0 is float32\[3\], it was made for"),
    ],
)
def test_what_a_derivative_does_not_take_is_said_with_what_it_takes(inputs, message):
    found = gradwise.jacobian(stencil, X, measure=False)
    with pytest.raises(ValueError, match=message):
        found(*inputs)
    with pytest.raises(ValueError, match=message):
        found.check(*inputs)


def test_a_check_inside_of_jit_says_so():
    found = gradwise.jacobian(stencil, X, measure=False)
    with pytest.raises(ValueError, match=r"check runs .* inside jax.jit.*: call it outside"):
        jax.jit(found.check)(X)


def test_a_table_fits_the_terminal_and_a_number_stays_with_what_it_counts(monkeypatch):
    found = gradwise.jacobian(lambda x: x[1:] * x[:-1] ** 2, jnp.ones(3000), measure=False)
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = str(found).splitlines()
        assert max(map(len, lines)) <= width
        assert not any(re.search(r"\d$", line) for line in lines[:2])


def test_a_busy_machine_is_told_and_no_times_are_compared():
    rivals = [
        Rival(name=name, passes=3, seconds=1.0) for name in ("coloured (forward, 3)", "reverse")
    ]
    rivals[1] = Rival(name="reverse", passes=9, seconds=5.0)
    told = [why_taken(rivals, rivals[0].name, 9, 9, "", notes) for notes in ((), (BUSY,))]
    assert told[0] == "3 colours in forward mode do for 9 inputs; 5 times faster than reverse"
    assert told[1] == "3 colours in forward mode do for 9 inputs"


def test_a_candidate_by_a_derivative_for_other_inputs_is_the_users_own_fault():
    found = gradwise.jacobian(stencil, X, output="operator", measure=False)
    apply = lambda J, tangents: J @ tangents[0]  # noqa: E731
    mine = Candidate(name="mine", mode="mixed", derivative=found, product=apply)
    options = {"methods": ["forward"], "candidates": [mine], "budget": 0.05}
    assert gradwise.compare(stencil, X, **options).row("mine").status == "ok"
    note = gradwise.compare(stencil, X[:9], **options).row("mine").note
    assert "the Jacobian of stencil: argument 0 is float32[9], it was made for" in note
    assert "please report" not in note
    sparse = gradwise.jacobian(stencil, X, output="csr", measure=False)
    options["candidates"] = [Candidate(name="mine", mode="forward", derivative=sparse)]
    note = gradwise.compare(stencil, X, **options).row("mine").note
    assert note.endswith("of a sparse or blocked form say by product= how it is applied")
