"""Lines, crossings, power laws and Pareto fronts of numbers whose truth is known."""

import numpy as np
import pytest

from benchmarks.instrument.fits import Line, crossing, fit_line, growth_exponent, pareto_front
from benchmarks.instrument.statistics import Estimate

SIZES = [1, 2, 4, 8, 16, 32]


def ends(estimate):
    return [estimate.value, estimate.low, estimate.high]


def timings(intercept, slope, *, noise=0.0, seed=0, repeats=15):
    """Seconds of a batch of each size, with noise in proportion to the time."""
    random = np.random.default_rng(seed)
    return [
        (intercept + slope * k) * np.exp(noise * random.standard_normal(repeats)) for k in SIZES
    ]


def line(intercept, slope):
    """A line without doubt."""
    draws = np.tile([intercept, slope], (10, 1))
    return Line(
        Estimate(value=intercept, low=intercept, high=intercept),
        Estimate(value=slope, low=slope, high=slope),
        draws,
    )


def test_a_line_without_noise_is_found_exactly_and_without_doubt():
    found = fit_line(SIZES, timings(3e-5, 2e-6))
    np.testing.assert_allclose(ends(found.intercept), [3e-5] * 3, rtol=1e-10)
    np.testing.assert_allclose(ends(found.slope), [2e-6] * 3, rtol=1e-10)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """99 of 100 in expectation, somewhat less from 15 samples; 90 is far below either."""
    fits = [fit_line(SIZES, timings(5.0, 0.25, noise=0.1, seed=seed)) for seed in range(100)]
    assert sum(fit.intercept.low <= 5.0 <= fit.intercept.high for fit in fits) >= 90
    assert sum(fit.slope.low <= 0.25 <= fit.slope.high for fit in fits) >= 90
    widths = [(fit.slope.high - fit.slope.low) / 0.25 for fit in fits]
    assert 0.05 < np.median(widths) < 1.0


def test_one_slow_sample_of_each_size_does_not_change_the_line():
    samples = [np.append(each, 100 * each[0]) for each in timings(5.0, 0.25)]
    found = fit_line(SIZES, samples)
    np.testing.assert_allclose(ends(found.intercept), [5.0] * 3, rtol=1e-9)
    np.testing.assert_allclose(ends(found.slope), [0.25] * 3, rtol=1e-9)


def test_small_batches_count_as_much_as_large_ones():
    """The largest batch is 10 % too slow: in relative errors that hardly moves the intercept."""
    samples = timings(1.0, 1.0)
    samples[-1] = samples[-1] * 1.1
    assert abs(fit_line(SIZES, samples).intercept.value - 1.0) < 0.06
    absolute = np.polyfit(SIZES, [np.median(each) for each in samples], 1)
    assert abs(absolute[1] - 1.0) > 0.2


def test_the_same_samples_give_the_same_draws():
    samples = timings(5.0, 0.25, noise=0.1)
    np.testing.assert_array_equal(fit_line(SIZES, samples).draws, fit_line(SIZES, samples).draws)


@pytest.mark.parametrize("outputs", [1, 40])
def test_the_modes_cost_the_same_at_the_crossing(outputs):
    forward, reverse = line(2.0, 0.5), line(3.0, 0.8)
    inputs = crossing(forward, reverse, outputs)
    np.testing.assert_allclose(2.0 + 0.5 * inputs.value, 3.0 + 0.8 * outputs, rtol=1e-12)
    assert inputs.low == inputs.value == inputs.high


def test_the_crossing_of_noisy_timings_has_an_interval_around_the_truth():
    forward = fit_line(SIZES, timings(5.0, 0.25, noise=0.02, seed=1))
    reverse = fit_line(SIZES, timings(6.0, 0.5, noise=0.02, seed=2))
    found = crossing(forward, reverse, 64)
    assert found.low < (6.0 + 0.5 * 64 - 5.0) / 0.25 < found.high
    assert found.high / found.low < 1.5


def test_the_crossing_is_infinite_for_a_free_tangent_and_0_for_a_costly_start():
    assert ends(crossing(line(1.0, 0.0), line(2.0, 1.0), 5)) == [np.inf] * 3
    assert ends(crossing(line(9.0, 1.0), line(2.0, 1.0), 5)) == [0.0] * 3


def test_a_falling_line_among_the_draws_makes_the_upper_end_infinite():
    draws = np.array([[1.0, 0.1]] * 80 + [[1.0, -0.01]] * 20)
    unsure = line(1.0, 0.1)._replace(draws=draws)
    found = crossing(unsure, line(1.0, 0.1)._replace(draws=np.tile([1.0, 0.1], (100, 1))), 10)
    assert found.high == np.inf
    assert np.isfinite(found.low)


@pytest.mark.parametrize(
    ("sizes", "samples", "message"),
    [
        ([4, 4], [[1.0], [1.0]], "at least two different batch sizes"),
        ([1, 2], [[1.0]], "got 1 lists of samples for sizes"),
        ([1, 2], [[1.0], []], "every batch size needs samples"),
        ([1, 2], [[1.0], [0.0]], "every sample is a positive time"),
    ],
)
def test_samples_that_give_no_line_are_refused(sizes, samples, message):
    with pytest.raises(ValueError, match=message):
        fit_line(sizes, samples)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_exponent_of_a_power_law_is_its_power(power):
    lengths = [3.0, 10.0, 50.0, 400.0]
    found = growth_exponent(lengths, [7.0 * length**power for length in lengths])
    np.testing.assert_allclose(found, [power, 0.0], atol=1e-12)


def test_exponent_of_noisy_amounts_is_the_regression_in_logarithms():
    lengths, amounts = [2.0, 4.0, 9.0, 30.0, 100.0], [2.1, 3.7, 9.5, 31.0, 97.0]
    slope, covariance = np.polyfit(np.log(lengths), np.log(amounts), 1, cov=True)
    found = growth_exponent(lengths, amounts)
    np.testing.assert_allclose(found, [slope[0], covariance[0, 0] ** 0.5])


def test_two_points_give_an_exponent_without_an_error():
    assert growth_exponent([1, 4], [1.0, 2.0]) == (0.5, np.inf)


@pytest.mark.parametrize(
    ("lengths", "amounts"), [([4, 4], [1, 2]), ([1, 2], [1, 0]), ([0, 2], [1, 1]), ([1, 2], [1])]
)
def test_amounts_without_an_exponent_are_refused(lengths, amounts):
    with pytest.raises(ValueError, match="at least two different positive lengths"):
        growth_exponent(lengths, amounts)


@pytest.mark.parametrize("criteria", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_pareto_front_is_all_candidates_that_no_other_one_beats(criteria, seed):
    costs = np.random.default_rng(seed).integers(0, 5, (12, criteria)).astype(float)
    beaten = [
        any(np.all(other <= one) and np.any(other < one) for other in costs)
        or any(np.array_equal(other, one) for other in costs[:index])
        for index, one in enumerate(costs)
    ]
    assert sorted(pareto_front(costs)) == list(np.flatnonzero(~np.array(beaten)))


def test_the_pareto_front_is_in_order_of_the_first_criterion_and_may_be_empty():
    costs = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [2.0, 3.0]])
    np.testing.assert_array_equal(pareto_front(costs), [1, 2, 0])
    assert pareto_front(np.zeros((0, 2))).size == 0
