"""Growth exponents of known power laws, and Pareto fronts against their definition."""

import numpy as np
import pytest

from benchmarks.instrument.growth import growth_exponent, pareto_front


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
def test_what_has_no_exponent_is_refused(lengths, amounts):
    with pytest.raises(ValueError, match="at least two different positive lengths"):
        growth_exponent(lengths, amounts)


@pytest.mark.parametrize("criteria", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_front_is_all_that_nothing_beats(criteria, seed):
    costs = np.random.default_rng(seed).integers(0, 5, (12, criteria)).astype(float)
    beaten = [
        any(np.all(other <= one) and np.any(other < one) for other in costs)
        or any(np.array_equal(other, one) for other in costs[:index])
        for index, one in enumerate(costs)
    ]
    assert sorted(pareto_front(costs)) == list(np.flatnonzero(~np.array(beaten)))


def test_front_is_in_order_of_the_first_criterion_and_may_be_empty():
    costs = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [2.0, 3.0]])
    np.testing.assert_array_equal(pareto_front(costs), [1, 2, 0])
    assert pareto_front(np.zeros((0, 2))).size == 0
