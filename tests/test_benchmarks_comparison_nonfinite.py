"""A comparison says of a derivative that is not finite, or has no digits, where that begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare, explain_nonfinite
from benchmarks.derivatives.method import GaveUpError

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")
FILE = "test_benchmarks_comparison_nonfinite.py"
QUICK = {"methods": ["forward", "reverse"], "budget": 0.05}
WEIGHTS = jnp.asarray(np.random.default_rng(1).standard_normal((4, 4)), jnp.float32)


def at(fn, below):
    return f" at {FILE}:{fn.__code__.co_firstlineno + below} ("


def energy(x):
    return jnp.linalg.norm(x) ** 2 + jnp.sum(jnp.cos(x))


def test_the_norm_of_nothing_is_cured_by_the_sum_of_squares():
    found = compare(energy, jnp.zeros(5), **QUICK)
    for row in (found.row("forward"), found.row("reverse")):
        assert row.status == "wrong"
        assert "infinity in the derivative of `sqrt`" + at(energy, 1) in row.note
        assert "0.5 / 0 = inf, at sqrt(0)" in row.note
        assert "use the sum of squares" in row.note
        assert "stop_gradient" not in row.note


def test_an_index_beyond_the_end_is_why_reverse_mode_is_wrong_and_the_cure_has_its_derivative():
    def fn(x):
        return x[jnp.array([0, 7])] ** 2

    def cured(x, i):
        return x.at[i].get(mode="clip") ** 2

    x = jnp.array([0.5, 1.5, 2.0])
    row = compare(fn, x, methods=["reverse"], budget=0.05).row("reverse")
    assert row.status == "wrong"
    assert "index 7" + at(fn, 1) in row.note
    assert 'use x.at[i].get(mode="clip")' in row.note
    slopes = jax.jit(jax.jacrev(cured))(x, jnp.array([0, 7]))
    np.testing.assert_allclose(slopes, [[1, 0, 0], [0, 0, 4]])


def density(a):
    w, v = jnp.linalg.eigh((a + a.T) / 2)
    return jnp.sum((v * jnp.exp(-w)) @ v.T * WEIGHTS)


def test_equal_eigenvalues_are_named_with_a_rule_that_is_right():
    found = compare(density, jnp.diag(jnp.array([2.0, 2.0, 1.0, 0.5])), **QUICK)
    note = found.row("reverse").note
    assert "infinity in the derivative of `eigh`" + at(density, 1) in note
    assert "with 0.5, 1, 2, 2" in note


def hidden(x):
    return jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0))


def test_modes_are_judged_apart_and_a_branch_that_is_not_taken_is_named():
    found = compare(hidden, jnp.array([0.0, 1.0, 2.0]), **QUICK)
    assert found.row("forward").status == "ok"
    assert found.row("reverse").status == "wrong"
    assert f"the where{at(hidden, 1)}" in found.row("reverse").note
    assert "the where" not in found.row("forward").note


def test_a_stop_gradient_of_jax_is_never_blamed_for_a_nan():
    def fn(x):
        forbidden = jnp.where(jnp.arange(4) < 2, 0.0, -jnp.inf)
        split = jax.nn.logsumexp((x + forbidden).reshape(2, 2), axis=1)
        return jnp.sum(jnp.where(split > -1e9, split, 0.0))

    found = compare(fn, jnp.ones(4), **QUICK)
    note = found.row("reverse").note
    assert found.row("reverse").status == "wrong"
    assert "the stop_gradient" not in note
    assert "a large negative number for -inf" in note


def cosine(x):
    return jnp.sum((1 - jnp.cos(x)) / x**2)


def test_lost_digits_come_with_their_numbers_and_their_cure():
    found = compare(cosine, jnp.array([1e-3, 1e-4]), **QUICK)
    for row in found.rows:
        assert "cancellation in `sub`" + at(cosine, 1) in row.note
        assert "1 - 1 = 0, in float64 5e-09; use 2 sin^2(x/2) for 1 - cos(x)" in row.note


def half(x):
    return 1000.0 / (1 + jnp.linalg.norm(x))


def test_a_norm_that_overflows_needs_a_wider_type():
    found = explain_nonfinite(half, jnp.full((3, 3), 100.0, jnp.float16), mode="value")
    assert (found.what, found.code) == ("overflow", "x = x.astype(jnp.float32)")


def halved(x):
    return jax.lax.while_loop(lambda c: c[0] > 1, lambda c: c / 2, x)


def test_no_row_recommends_a_mode_that_is_wrong():
    last = jnp.array([0.0, 1.0])
    found = compare(lambda x: last * jnp.sqrt(halved(x) * last), jnp.array([4.0, 1.0]), **QUICK)
    assert found.row("reverse").status == "impossible"
    assert found.row("forward").status == "wrong"
    assert "forward mode" not in found.row("reverse").note
    sound = compare(halved, jnp.array([4.0, 1.0]), **QUICK)
    assert sound.row("forward").status == "ok"
    assert "forward mode works" in sound.row("reverse").note


def angle(v):
    return jnp.arccos(jnp.dot(v, v) / jnp.linalg.norm(v) ** 2)


def test_what_float64_has_no_derivative_of_is_not_fine_for_being_finite_by_rounding():
    v = np.array([1.0, 2.0, 3.0])
    with jax.enable_x64(True):
        assert np.isnan(jax.grad(angle)(v)).all()  # the slope of arccos at 1 is infinite
    found = explain_nonfinite(angle, jnp.float32(v))
    assert (found.operation, found.derived) == ("acos", True)
    assert found.what in ("cancellation", "rounding")  # 1 - x^2, or (1 - x) (1 + x) in newer JAX
    assert found.modes == ("reverse", "forward")
    assert "0.99999988" in found.happened or "0.99999994" in found.happened  # and not 1 - 1
    rows = compare(angle, jnp.float32(v), **QUICK)
    for mode in ("forward", "reverse"):
        assert found.sentence in rows.row(mode).note


def test_a_row_that_is_finite_only_as_it_is_compiled_says_so_beside_one_that_is_not():
    def fn(x):
        return jnp.sum(jnp.log(jnp.exp(x)))

    x = jnp.array([1.0, 88.0, 90.0])
    assert np.isinf(fn(x))  # operation by operation
    if not np.isfinite(jax.jit(fn)(x)):
        pytest.skip("this version of XLA leaves nothing out")
    found = compare(fn, x, **QUICK)
    assert f"overflow in `exp`{at(fn, 1)}" in found.row("forward").note
    for name in ("value", "reverse"):
        assert found.row(name).status == "ok"
        assert "finite as it is compiled; operation by operation it is not" in found.row(name).note
    masked = compare(lambda x: jnp.sum(jnp.where(x < 80, jnp.exp(x), 1.0)), x, **QUICK)
    assert masked.row("reverse").status == "inaccurate"  # 0 times an infinite slope
    assert masked.row("forward").status == "ok"
    assert not any("as it is compiled" in row.note for row in masked.rows)


def test_where_there_was_no_time_to_name_the_operation_it_is_said_who_does(monkeypatch):
    def late(*_args, **_options):
        raise GaveUpError("there was no time left for a check")

    said = "; gradwise.explain_nonfinite(fn, *inputs) names the operation"
    for name, planted in (("_SHARE", 0.0), ("explain", late)):  # while it is looked for, or before
        monkeypatch.setattr(f"benchmarks.check.blame.{name}", planted)
        found = compare(lambda x: jnp.sum(jnp.sqrt(x)), jnp.array([0.0, 1.0]), **QUICK)
        assert said in found.row("reverse").note


def test_where_there_was_no_time_to_explain_it_is_said_how_to_give_more():
    found = explain_nonfinite(energy, jnp.zeros(5), time_limit=1e-3)
    assert not found.fine
    assert " ".join(str(found).split()).endswith("give it more by time_limit=")
