"""Functions that are others in float64, or none: they are checked in their own type."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn
from benchmarks import compare
from benchmarks.check.float64 import find_float64_obstacle
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
    ("fn", "inputs", "reason"),
    [
        (noisy, (KEY, X), "draws other random numbers in float64"),
        (starting_in_float32, (X,), "cannot be traced in float64 (TypeError)"),
        (calling_back, (X,), "calls Python back"),
    ],
)
def test_a_function_that_differs_in_float64_is_checked_in_its_own_type(
    fn, inputs, reason, nothing_is_too_slow
):
    found = compare(fn, *inputs, methods=MODES, budget=0.05)
    (checked,) = [note for note in found.notes if reason in note]
    assert checked.startswith("derivatives checked against float32 ")
    for row in found.rows:
        assert row.status == "ok", row.note
        assert row.error < 1e-6
    assert found.verdict.time.method is not None


def test_a_draw_of_random_bits_is_the_same_in_float32_and_float64():
    layer = nn.dropout(0.5)
    for key in (KEY, jax.random.key(0, impl="rbg")):
        target = make_problem(lambda key, x: layer.apply((), (), x, key=key)[0], (key, X))
        assert find_float64_obstacle(target) is None


def test_a_function_in_float64_is_checked_in_float64():
    with jax.enable_x64(True):
        target = make_problem(calling_back, (X.astype(jnp.float64),))
        assert find_float64_obstacle(target) is None


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
    with pytest.raises(ValueError, match="at least one number, got 0 and 1"):
        compare(jnp.sum, x)
    with pytest.raises(ValueError, match="at least one number, got 2 and 0"):
        compare(lambda y: x * y.sum(), jnp.ones(2), argnums=0)


def test_a_point_at_which_the_function_is_not_finite_is_what_every_row_says():
    found = compare(lambda x: jnp.sqrt(x), jnp.array([1.0, -1.0, 4.0]), methods=MODES, budget=0.05)
    assert {(row.status, row.note) for row in found.rows} == {
        ("failed", "at this point 1 of 3 outputs are NaN or infinite")
    }
    assert found.verdict.time.method is None
