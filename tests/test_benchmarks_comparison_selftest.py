"""What the self-test concludes from races; the races are timings, and for the user to run."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.comparison import selftest
from benchmarks.comparison.fastest import Machine
from benchmarks.instrument.samples import Samples

STEPS = 1000


def samples(seconds, cpu_seconds):
    return Samples(
        rounds=np.arange(9), wall=np.full(9, seconds), cpu=np.full(9, cpu_seconds), calls=1
    )


@pytest.fixture
def races(monkeypatch):
    """Races that last as long as a function of the steps and of the seed says."""

    def decide(seconds, *, long=False):
        def raced(steps, base, seed):
            first = seconds(steps, base, seed)
            return {"first": samples(first, first), "second": samples(1.0, 1.0)}

        monkeypatch.setattr(selftest, "_raced", raced)
        return {one.what: one for one in selftest.selftest(long=long)}

    monkeypatch.setattr(selftest, "_calibrated", lambda: STEPS)
    monkeypatch.setattr(selftest, "_wrong_derivatives", lambda: [True])
    monkeypatch.setattr(selftest, "_CROWD", 0)
    return decide


def in_proportion(steps, base, seed):
    return steps / base


def test_the_selftest_passes_if_every_race_takes_as_long_as_its_work(races):
    checks = races(in_proportion)
    assert len(checks) == 7
    assert all(check.passed for check in checks.values())
    assert all(
        check.held == check.trials for what, check in checks.items() if "interval" not in what
    )


@pytest.mark.parametrize(("missed", "passed"), [(1, True), (2, False)])
def test_one_miss_in_a_row_of_races_is_allowed_and_two_are_not(races, missed, passed):
    def upside_down(steps, base, seed):
        return 1.2 * (steps == base) + 1.0 * (steps != base) if seed < missed else steps / base

    checks = races(upside_down)
    assert checks["a function against itself is a tie"].passed == passed
    assert checks["a tenth more work is found to be slower"].passed == passed
    assert str(checks["a function against itself is a tie"]).startswith(
        "passed" if passed else "FAILED"
    )


def test_one_wrong_answer_under_the_planted_load_fails(races):
    def once_wrong(steps, base, seed):
        return 0.5 if steps == 2 * base and seed == 3 else steps / base

    assert not races(once_wrong)["a planted load is noticed, or changes no answer"].passed


@pytest.mark.parametrize(
    ("answer", "none_wrong", "enough"),
    [("faster", True, True), ("slower", False, False), (None, True, False), ("tie", True, False)],
)
def test_the_long_selftest_wants_the_faster_mode_and_never_the_slower_one(
    monkeypatch, races, answer, none_wrong, enough
):
    cases = iter(selftest.known_orders() * 2)

    def compare(fn, *inputs, **options):
        case = next(cases)
        slower = {"forward": "reverse", "reverse": "forward"}[case.faster]
        told = {"faster": case.faster, "slower": slower}.get(answer, answer)
        verdict = SimpleNamespace(time=SimpleNamespace(method=told))
        return SimpleNamespace(verdict=verdict)

    monkeypatch.setattr(selftest, "compare", compare)
    checks = races(in_proportion, long=True)
    for when in ("as the machine is", "under a planted load"):
        assert checks[f"no slower mode is named, {when}"].passed == none_wrong
        assert checks[f"the faster mode is named, {when}"].passed == enough


def test_a_race_that_waited_for_the_machine_and_shows_nothing_is_doubtful():
    waited = {"first": samples(9.0, 1.0), "second": samples(2.0, 1.0)}
    assert selftest._winner(waited, Machine()).doubt == "busy"


def test_the_planted_wrong_derivatives_are_refused():
    assert selftest._wrong_derivatives() == [True] * 3


def test_the_planted_load_is_ended():
    with selftest._crowd(2) as busy:
        assert [process.poll() for process in busy] == [None, None]
    assert all(process.poll() is not None for process in busy)
