"""Ratios of timing samples: what they say, and how often they are wrong."""

import numpy as np
import pytest

from benchmarks.instrument.intervals import CONFIDENCE, median_draws, median_interval
from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import (
    MARGIN,
    contention,
    estimate,
    outliers,
    ratio,
)


def samples(wall, rounds=None):
    wall = np.asarray(wall, float)
    return Samples(
        rounds=np.arange(wall.size) if rounds is None else rounds, wall=wall, cpu=wall, calls=1
    )


def test_a_drift_of_both_programs_cancels_in_their_ratio():
    drift = np.linspace(1.0, 3.0, 40)
    found = ratio(samples(2 * drift), samples(drift))
    assert found.median == pytest.approx(2.0, rel=1e-12)
    assert found.interval == pytest.approx((2.0, 2.0), rel=1e-9)


def test_only_rounds_that_both_took_part_in_count():
    slow = samples([4.0, 4.0, 4.0], rounds=np.array([0, 1, 2]))
    fast = samples([2.0, 1.0, 2.0, 9.0], rounds=np.array([0, 2, 1, 5]))
    found = ratio(slow, fast)
    assert (found.median, found.rounds) == (2.0, 3)


def test_no_shared_round_is_an_error():
    with pytest.raises(ValueError, match="share none"):
        ratio(samples([1.0], np.array([0])), samples([1.0], np.array([1])))


def lognormal(random, rounds):
    return random.lognormal(0.0, 0.3, rounds)


def heavy_tailed(random, rounds):
    """A tenth of the samples wait for something else, for a Pareto-distributed while."""
    waits = (random.random(rounds) < 0.1) * random.pareto(0.8, rounds)
    return random.lognormal(0.0, 0.05, rounds) * (1 + waits)


def drifting(random, rounds):
    """The machine becomes a third slower while it measures, in a straight line around 1."""
    return np.linspace(0.85, 1.15, rounds) * random.lognormal(0.0, 0.05, rounds)


@pytest.mark.parametrize("rounds", [3, 4, 5, 7, 8, 13, 30])
@pytest.mark.parametrize("noise", [lognormal, heavy_tailed, drifting])
def test_an_interval_holds_the_median_as_often_as_its_level_says_or_is_not_given(noise, rounds):
    random = np.random.default_rng(rounds)
    median = np.median(noise(np.random.default_rng(0), 100_000))
    intervals = [median_interval(noise(random, rounds)) for _ in range(500)]
    if rounds < 8:  # the median is outside of all 7 samples in one of 64 cases
        assert set(intervals) == {(None, None)}
        return
    holds = [low <= median <= high for low, high in intervals]
    assert np.mean(holds) >= CONFIDENCE - 0.02


@pytest.mark.parametrize("rounds", [3, 7, 8, 13, 30])
@pytest.mark.parametrize("noise", [lognormal, heavy_tailed])
def test_what_is_made_of_drawn_medians_is_held_as_often_as_the_level_says(noise, rounds):
    random = np.random.default_rng(rounds)
    holds = 0
    for _ in range(200):
        one, other = (median_draws(noise(random, rounds), random) for _ in range(2))
        if one is None or other is None:
            assert rounds < 8
            return
        quotient = estimate(1.0, one / other)
        holds += quotient.low <= 1.0 <= quotient.high
    assert holds / 200 >= CONFIDENCE - 0.02


def test_equal_programs_tie_and_a_tenth_more_does_not():
    random = np.random.default_rng(1)
    ties = slower = 0
    for _ in range(50):
        noise = random.lognormal(0.0, 0.05, (3, 80))
        base = samples(noise[0])
        ties += ratio(samples(noise[1]), base).tie
        slower += not ratio(samples(1.1 * noise[2]), base).tie
    assert ties >= 49
    assert slower >= 48


def test_a_difference_within_the_margin_is_a_tie_however_sure_it_is():
    base = np.ones(50)
    assert ratio(samples((1 + MARGIN / 2) * base), samples(base)).tie
    assert not ratio(samples((1 + 3 * MARGIN) * base), samples(base)).tie


def test_a_few_samples_differ_only_if_all_of_them_do_by_a_quarter():
    base = samples([1.0, 1.0, 1.0])
    assert ratio(samples([1.2, 1.2, 1.2]), base).tie
    assert ratio(samples([9.0, 9.0, 1.2]), base).tie
    assert not ratio(samples([1.3, 1.3, 1.3]), base).tie
    assert not ratio(samples([0.7, 0.7, 0.7]), base).tie
    assert ratio(samples([1.3, 1.3, 1.3]), base).spread == "3 samples, no interval"


def test_how_sure_an_order_is_follows_from_the_number_of_rounds_that_agree():
    base = np.ones(4)
    assert ratio(samples(0.5 * base), samples(base)).below == 1 - 1 / 32
    assert ratio(samples(2.0 * base), samples(base)).below == 1 / 32
    assert ratio(samples([0.5, 0.5, 2.0, 2.0]), samples(base)).below == 0.5
    assert ratio(samples(base), samples(base)).below == 0.5


def test_a_ratio_can_be_one_of_cpu_time():
    waited = Samples(rounds=np.arange(9), wall=np.full(9, 8.0), cpu=np.full(9, 2.0), calls=1)
    assert ratio(waited, samples(np.ones(9))).median == 8.0
    assert ratio(waited, samples(np.ones(9)), by="cpu").median == 2.0


def test_outliers_are_counted_on_both_sides():
    values = np.concatenate([np.linspace(1.0, 1.2, 20), [0.1, 5.0, 6.0]])
    assert outliers(values) == 3


def test_waiting_for_a_busy_machine_shows_as_contention():
    def waited(*wall, cpu=1.0):
        cpu = np.broadcast_to(np.asarray(cpu, float), 8)
        return Samples(rounds=np.arange(8), wall=np.array(wall, float), cpu=cpu, calls=1)

    assert contention(waited(1, 1, 1, 1, 1, 1, 1, 1)) == 1.0
    assert contention(waited(1, 1, 1, 1, 1, 1, 1, 9)) == 1.0  # one interruption
    assert contention(waited(1, 1, 1, 1, 1, 4, 4, 4)) > 1.5  # as of a program that takes turns
    assert contention(waited(3, 3, 3, 3, 3, 3, 3, 3)) == 3.0
    assert contention(waited(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)) == 0.5
    late = [0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5]  # CPU time that is put down one sample late
    assert 0.8 < contention(waited(1, 1, 1, 1, 1, 1, 1, 1, cpu=late)) < 1.2
