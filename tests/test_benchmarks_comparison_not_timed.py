"""compare: a method that is impossible, wrong, inaccurate, too slow or too large is a row that says
why, and no time is given for it.
"""

import jax
import jax.numpy as jnp
import pytest

import benchmarks
from benchmarks import compare

X = jnp.linspace(0.1, 1.5, 6)
QUICK = {"budget": 0.05}

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


def test_a_loop_of_unknown_length_is_impossible_in_reverse_mode_and_the_line_is_named():
    def halve(x):
        return jnp.sum(jax.lax.while_loop(lambda x: jnp.sum(x) > 1, lambda x: x / 2, x))

    found = compare(halve, X, methods=["forward", "reverse"], **QUICK)
    row = found.row("reverse")
    assert row.status == "impossible"
    assert "(halve)" in row.note
    assert "scan" in row.note
    assert found.verdict.time.method == "forward"
    assert not found.row("forward").flops.known


@pytest.mark.parametrize(
    ("order", "forward", "reverse"),
    [(1, "forward", "reverse"), (2, "forward_over_forward", "reverse_over_reverse")],
)
def test_a_loop_of_as_many_steps_as_an_input_says_is_impossible_in_reverse_mode_alone(
    order, forward, reverse
):
    def repeated(x, n):
        return jnp.sum(jax.lax.fori_loop(0, n, lambda _, x: jnp.sin(x), x))

    found = compare(repeated, X, jnp.asarray(3), order=order, methods=[forward, reverse], **QUICK)
    assert found.row(forward).status == "ok"
    assert found.row(reverse).status == "impossible"
    assert "backwards" in found.row(reverse).note


def test_a_custom_vjp_is_impossible_in_forward_mode():
    @jax.custom_vjp
    def sine(x):
        return jnp.sin(x)

    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))
    found = compare(lambda x: jnp.sum(sine(x)), X, methods=["forward", "reverse"], **QUICK)
    assert found.row("forward").status == "impossible"
    assert "custom_jvp" in found.row("forward").note
    assert found.row("reverse").status == "ok"


def planted(x):
    def rule(primals, tangents):
        (x,), (v,) = primals, tangents
        return jnp.sin(x), jnp.cos(x) * v * jnp.ones_like(x).at[3].set(1.01)

    sine = jax.custom_jvp(jnp.sin)
    sine.defjvp(rule)
    return jnp.sum(sine(x))


def test_a_rule_wrong_by_a_hundredth_in_one_entry_is_not_timed():
    found = compare(planted, X, methods=["forward", "reverse", "numerical"], **QUICK)
    for mode in ("forward", "reverse"):
        row = found.row(mode)
        assert (row.status, row.seconds) == ("wrong", None)
        assert "input 0[3]" in row.note
    assert found.row("numerical").status == "ok"
    assert found.verdict.time.method is None


def test_a_result_that_is_not_finite_in_float32_alone_is_inaccurate():
    def fn(x):
        return jnp.sum(jnp.exp(60 * x) / (1 + jnp.exp(60 * x)))

    found = compare(fn, X, methods=["reverse"], **QUICK)
    assert found.row("reverse").status == "inaccurate"
    assert "not finite in float32, though right in float64" in found.row("reverse").note
    assert "overflow in `exp` at test_benchmarks_comparison_not_timed.py:" in (
        found.row("reverse").note
    )


def test_too_many_passes_are_skipped_unmeasured_and_counted(monkeypatch):
    monkeypatch.setattr(benchmarks.comparison.pace, "run_once", lambda call: (1e-3, call()))
    found = compare(lambda x: jnp.sum(jnp.sin(x)), jnp.ones(64), methods=["numerical"], budget=0.05)
    assert found.row("numerical").status == "skipped"
    assert "128 passes" in found.row("numerical").note


def test_a_program_over_the_memory_is_a_row(monkeypatch):
    monkeypatch.setattr(benchmarks.comparison.experiment, "available_memory", lambda devices: 100)
    found = compare(lambda x: jnp.sum(x**3), jnp.ones(1000), methods=["reverse"], **QUICK)
    assert found.row("reverse").status == "failed"
    assert "out of memory" in found.row("reverse").note
