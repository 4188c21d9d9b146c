"""Ratios of timing samples: what they say, and how often they are wrong."""

import numpy as np
import pytest

from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import MARGIN, contention, outliers, ratio


def samples(wall, rounds=None):
    wall = np.asarray(wall, float)
    return Samples(
        rounds=np.arange(wall.size) if rounds is None else rounds, wall=wall, cpu=wall, calls=1
    )


def test_a_drift_of_both_programs_cancels_in_their_ratio():
    drift = np.linspace(1.0, 3.0, 40)
    found = ratio(samples(2 * drift), samples(drift))
    assert found.median == pytest.approx(2.0, rel=1e-12)
    assert found.high - found.low < 1e-9


def test_only_rounds_that_both_took_part_in_count():
    slow = samples([4.0, 4.0, 4.0], rounds=np.array([0, 1, 2]))
    fast = samples([2.0, 1.0, 2.0, 9.0], rounds=np.array([0, 2, 1, 5]))
    assert ratio(slow, fast).median == 2.0


def test_no_shared_round_is_an_error():
    with pytest.raises(ValueError, match="share none"):
        ratio(samples([1.0], np.array([0])), samples([1.0], np.array([1])))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        noise = random.lognormal(0.0, 0.2, (2, 60))
        found = ratio(samples(1.5 * noise[0]), samples(noise[1]), seed=trial)
        covered += found.low <= 1.5 <= found.high
    assert covered >= 95


def test_equal_programs_tie_and_a_tenth_more_does_not():
    random = np.random.default_rng(1)
    ties = slower = 0
    for trial in range(50):
        noise = random.lognormal(0.0, 0.05, (3, 80))
        base = samples(noise[0])
        ties += ratio(samples(noise[1]), base, seed=trial).tie
        slower += not ratio(samples(1.1 * noise[2]), base, seed=trial).tie
    assert ties >= 49
    assert slower >= 48


def test_a_difference_within_the_margin_is_a_tie_however_sure_it_is():
    base = np.ones(50)
    assert ratio(samples((1 + MARGIN / 2) * base), samples(base)).tie
    assert not ratio(samples((1 + 3 * MARGIN) * base), samples(base)).tie


def test_confidence_is_the_share_of_resamples_that_are_faster():
    base = np.ones(30)
    assert ratio(samples(0.5 * base), samples(base)).below == 1.0
    assert ratio(samples(2.0 * base), samples(base)).below == 0.0
    assert ratio(samples(base), samples(base)).below == 0.5


def test_outliers_are_counted_on_both_sides():
    values = np.concatenate([np.linspace(1.0, 1.2, 20), [0.1, 5.0, 6.0]])
    assert outliers(values) == 3


def test_waiting_for_a_busy_machine_shows_as_contention():
    waited = Samples(rounds=np.arange(4), wall=np.full(4, 3.0), cpu=np.full(4, 1.5), calls=1)
    assert contention(waited) == 2.0
