"""What the self-test concludes from races; the races are timings, and for the user to run."""

import pytest

from benchmarks.comparison import selftest
from benchmarks.instrument.statistics import Ratio

TIE, SLOWER = (
    Ratio(median=1.0, low=0.99, high=1.01, below=0.5),
    Ratio(median=1.1, low=1.08, high=1.12, below=0.0),
)


@pytest.fixture
def races(monkeypatch):
    """Races decided by a function of their seed and of whether the work is the same."""

    def decide(outcome):
        monkeypatch.setattr(selftest, "_calibrated", lambda: (1000, 5e-3))
        monkeypatch.setattr(
            selftest, "_race", lambda steps, base, budget, seed: outcome(steps == base, seed)
        )
        return list(selftest.selftest())

    return decide


def test_the_selftest_passes_if_ties_and_slowdowns_are_recognized(races):
    found = races(lambda same, seed: TIE if same else SLOWER)
    assert [(one.held, one.trials) for one in found] == [(100, 100), (20, 20), (1, 1)]
    assert all(one.passed for one in found)


def test_two_wrong_ties_are_allowed_and_three_are_not(races):
    assert races(lambda same, seed: SLOWER if not same or seed < 2 else TIE)[0].passed
    assert not races(lambda same, seed: SLOWER if not same or seed < 3 else TIE)[0].passed


def test_the_selftest_fails_if_more_than_two_of_twenty_slowdowns_are_missed(races):
    assert races(lambda same, seed: TIE if same or seed < 2 else SLOWER)[1].passed
    found = races(lambda same, seed: TIE if same or seed < 3 else SLOWER)[1]
    assert not found.passed
    assert str(found).startswith("FAILED")


def test_the_planted_wrong_derivative_is_refused():
    assert selftest._refused() == 1
