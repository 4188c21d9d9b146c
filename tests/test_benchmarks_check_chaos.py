"""Chaotic functions: where differences of values tell nothing, no derivative is called wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.check.judge import FLOAT64_EPS, Line, judge
from benchmarks.check.quotient import points, quotient_test
from benchmarks.check.taylor import LINE
from benchmarks.derivatives.method import Probe

POINTS = np.random.default_rng(1).uniform(0.26, 0.74, 30)
WRONG = (1.05, 2.0, -1.0, 0.0)


def logistic(x, times, apart=0.0):
    """Return an orbit's end and its derivative by the product rule, in NumPy."""
    slope = 1.0
    for _ in range(times):
        slope, x = slope * 3.9 * (1 - 2 * x), 3.9 * x * (1 - x)
    return x + apart, slope


def judged(point, times, factor):
    values = logistic(point + LINE, times)[0][:, None]
    derivative = np.array([factor * logistic(point, times)[1]])
    probe = Probe((np.array(1.0),), np.array(1.0))
    return judge(Line(values, FLOAT64_EPS, point), probe, "forward", derivative)


@pytest.mark.parametrize("times", [1, 10, 20, 30, 40, 45, 50, 60, 100, 200])
def test_a_right_derivative_of_an_orbit_is_never_called_wrong(times):
    found = [judged(point, times, 1.0) for point in POINTS]
    assert all(test.right for test in found)
    assert times <= 40 or any(not test.told for test in found)
    assert times >= 45 or all(test.told for test in found)


@pytest.mark.parametrize("times", [1, 10, 20, 30, 40])
def test_a_wrong_derivative_of_an_orbit_is_refused_as_long_as_differences_settle(times):
    assert not any(judged(point, times, factor).right for point in POINTS for factor in WRONG)


def test_a_wrong_output_beside_a_chaotic_one_is_refused():
    wild, slope = logistic(0.3 + LINE, 200)[0], logistic(0.3, 200)[1]
    line = Line(np.stack([np.sin(LINE), wild], axis=1), FLOAT64_EPS, 1.0)
    probe = Probe((np.array(1.0),), np.ones(2))
    found = [judge(line, probe, "forward", np.array([one, slope])) for one in (1.0, 1.05)]
    assert [test.right for test in found] == [True, False]
    assert not found[0].told


def test_in_a_coarse_type_too_nothing_is_told_of_chaos():
    eps = 2.0**-23
    for point in POINTS:
        values = logistic((point + points(eps)).astype(np.float32), 60)[0].astype(float)[:, None]
        derivative = np.array([logistic(point, 60)[1]])
        assert not quotient_test(values, derivative, eps=eps, far=1.0).told


def orbit(rule):
    """Return 200 and 12 steps of the logistic map in JAX, with a rule for each step's slope."""

    @jax.custom_jvp
    def step(x):
        return 3.9 * x * (1 - x)

    step.defjvps(lambda t, y, x: rule * 3.9 * (1 - 2 * x) * t)
    return (
        lambda x: jax.lax.fori_loop(0, 200, lambda i, x: step(x), x),
        lambda x: jax.lax.fori_loop(0, 12, lambda i, x: step(x), x),
    )


def test_what_cannot_be_checked_says_so_and_a_wrong_rule_of_a_short_orbit_is_refused(
    nothing_is_too_slow,
):
    options = {"methods": ["forward", "reverse"], "budget": 0.05}
    with jax.enable_x64(True):
        (long, _), (_, short) = orbit(1.0), orbit(1.05)
        found = compare(long, jnp.float64(0.3), **options)
        refused = compare(short, jnp.float64(0.3), **options)
    said = "not checked independently: at no step do differences settle; forward and reverse mode"
    for mode in ("forward", "reverse"):
        row = found.row(mode)
        assert (row.status, row.error) == ("ok", None)
        assert row.note.startswith(said)
        assert refused.row(mode).status == "wrong"
    assert any(note.startswith(f"derivatives {said}") for note in found.notes)
    assert not any("kink" in note or "checked against" in note for note in found.notes)
    rounded = compare(long, jnp.float32(0.3), **options)
    assert {row.status for row in rounded.rows} == {"inaccurate"}


@pytest.mark.parametrize("point", [0.9, 0.9999, 1 - 1e-9])
def test_a_line_that_leaves_the_domain_of_a_function_tells_by_its_rest(point):
    with np.errstate(invalid="ignore"):
        line = Line(np.arcsin(point + LINE)[:, None], FLOAT64_EPS, point)
    probe = Probe((np.array(1.0),), np.array(1.0))
    for factor in (1.0, *WRONG):
        slope = np.array([factor / np.sqrt(1 - point**2)])
        test = judge(line, probe, "forward", slope)
        assert test.told
        assert test.right == (factor == 1.0)


def test_at_the_edge_of_a_domain_a_right_derivative_is_not_called_wrong():
    with np.errstate(invalid="ignore"):
        line = Line((LINE**1.5)[:, None], FLOAT64_EPS, 0.0)
    probe = Probe((np.array(1.0),), np.array(1.0))
    assert judge(line, probe, "forward", np.array([0.0])).right
