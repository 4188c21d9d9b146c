"""Functions that would be others in float64, or none: the very program is checked there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.check import float64
from benchmarks.check.directions import random_probe
from benchmarks.check.taylor import LINE, difference_quotient
from benchmarks.derivatives.problem import make_problem

X = jnp.linspace(0.2, 1.4, 4)
KEY = jax.random.key(0)
MODES = ["forward", "reverse"]


def noisy(key, x):
    return jnp.sum(jnp.sin(x) * jnp.exp(jax.random.normal(key, x.shape)))


def calling_back(x):
    shape = jax.ShapeDtypeStruct(x.shape, jnp.float32)
    return jnp.sum(x * jax.pure_callback(lambda: np.full(4, 2.0, np.float32), shape))


def starting_in_float32(x):
    start = jnp.ones(4, jnp.float32)
    return jax.lax.scan(lambda c, _: (c + x * c, None), start, None, length=3)[0].sum()


@pytest.mark.parametrize(
    ("fn", "inputs"), [(noisy, (KEY, X)), (starting_in_float32, (X,)), (calling_back, (X,))]
)
def test_a_function_that_would_be_another_in_float64_is_checked_there_all_the_same(
    fn, inputs, nothing_is_too_slow
):
    found = compare(fn, *inputs, methods=MODES, budget=0.05)
    assert any(note.startswith("derivatives checked against float64 ") for note in found.notes)
    for row in found.rows:
        assert row.status == "ok", row.note
        assert row.error < 1e-6
        assert row.samples is not None  # so that it counts in the verdict


def test_where_no_program_can_be_made_in_float64_the_check_is_in_the_own_type(
    monkeypatch, nothing_is_too_slow
):
    def planted(program):
        raise KeyError("planted")

    monkeypatch.setattr(float64, "widened", planted)
    found = compare(noisy, KEY, X, methods=MODES, budget=0.05)
    (checked,) = [note for note in found.notes if "not in float64" in note]
    assert "gradwise could not take it in float64 (KeyError: 'planted')" in checked
    for mode in MODES:  # each by the other one
        assert found.row(mode).status == "ok"
        assert found.row(mode).error < 1e-6
    assert found.row("value").error is None


@pytest.mark.parametrize("made", [True, False])
def test_products_are_of_the_highest_precision_in_checks_and_as_set_in_times(
    made, monkeypatch, nothing_is_too_slow
):
    def product(x):  # as a device does it that rounds what it multiplies
        if jax.config.jax_default_matmul_precision != "highest":
            x = x.astype(jnp.bfloat16).astype(jnp.float32)
        return jnp.sum((jnp.outer(x, x) @ x) ** 2)

    if not made:
        monkeypatch.setattr(float64, "widened", None)
    with jax.default_matmul_precision("bfloat16"):
        found = compare(product, X + 0.01, methods=MODES, budget=0.05)
    assert [row.status for row in found.rows] == ["ok"] * 3
    assert found.row("reverse").error > 1e-3
    assert found.environment["matmul_precision"] == "bfloat16"
    assert any("of bfloat16 precision in times" in note for note in found.notes)


def test_a_platform_without_float64_is_checked_on_the_cpu(monkeypatch):
    there, here = jax.devices()[-1], jax.devices("cpu")[0]
    monkeypatch.setattr(float64, "_WITH_FLOAT64", ())
    problem = make_problem(noisy, (KEY, jax.device_put(X, there)))
    probe = random_probe(problem, 0)
    with jax.debug_key_reuse(False), float64.in_float64(problem, probe) as (wide, _):
        assert wide.x[0].devices() == {here}
        assert wide.fn(wide.x, wide.fixed).devices() == {here}


def test_a_wrong_rule_is_found_in_single_precision_too(nothing_is_too_slow):
    sine = jax.custom_jvp(jnp.sin)
    wrong = jnp.ones(4).at[2].set(1.05)
    sine.defjvp(
        lambda primals, tangents: (jnp.sin(*primals), jnp.cos(*primals) * wrong * tangents[0])
    )

    def fn(key, x):
        return jnp.sum(sine(x) * jnp.exp(jax.random.normal(key, x.shape)))

    found = compare(fn, KEY, X, methods=[*MODES, "numerical"], budget=0.05)
    for mode in MODES:
        row = found.row(mode)
        assert (row.status, row.seconds) == ("wrong", None)
        assert "input 0[2]" in row.note
    assert found.row("numerical").status == "ok"


def test_the_difference_quotient_uses_the_step_at_which_it_changes_least():
    moved = LINE[:, None]
    for dtype, tolerance in ((np.float32, 1e-3), (np.float64, 1e-8)):
        eps = float(np.finfo(dtype).eps)
        for fn, slope in ((lambda x: 3 * x, 3.0), (lambda x: np.sin(100 * x), 100 * np.cos(30.0))):
            line = fn((0.3 + moved).astype(dtype)).astype(np.float64)
            np.testing.assert_allclose(difference_quotient(line, eps), slope, rtol=tolerance)


@pytest.mark.parametrize("x", [jnp.ones((0,)), jnp.ones((3, 0))])
def test_inputs_of_no_entries_are_refused(x):
    with pytest.raises(ValueError, match="at least one number, got 0 and 1: give an input"):
        compare(jnp.sum, x)
    with pytest.raises(ValueError, match="at least one number, got 2 and 0: give a function"):
        compare(lambda y: x * y.sum(), jnp.ones(2), argnums=0)


def test_a_point_at_which_the_function_is_not_finite_is_what_every_row_says():
    found = compare(lambda x: jnp.sqrt(x), jnp.array([1.0, -1.0, 4.0]), methods=MODES, budget=0.05)
    assert {(row.status, row.note) for row in found.rows} == {
        ("failed", "at this point 1 of 3 outputs are NaN or infinite")
    }
    assert found.verdict.time.method is None


def test_a_constant_is_the_number_that_the_program_computes_with():
    bounds = jnp.float32(0.3), jnp.float32(0.7)  # no float64 is equal to 0.3 and to either
    found = compare(
        lambda x: jnp.sum(jnp.clip(x, 0.3, 0.7) + (x - 0.3) ** 2),
        jnp.array([*bounds, 0.5]),
        methods=["forward", "reverse"],
        budget=0.05,
    )
    assert {row.status for row in found.rows} == {"ok"}
    assert "the function has a kink at this point" in found.notes
    at_optimum = compare(lambda x: (x - 0.3) ** 2, bounds[0], methods=["reverse"], budget=0.05)
    assert {row.status for row in at_optimum.rows} == {"ok"}
