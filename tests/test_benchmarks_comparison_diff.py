"""What two runs differ in."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.comparison.diff import diff
from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import Ratio

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    x = jnp.linspace(0.1, 1.0, 5)
    return compare(jnp.sin, x, methods=["forward", "reverse"], budget=0.1, name="suite/sine")


@pytest.fixture
def quiet(comparison):
    """The comparison as a machine without noise would have found it."""
    rows = []
    for row in comparison.rows:
        if row.samples:
            level = np.full(row.samples.wall.size, row.seconds)
            middle = row.ratio.median
            row = replace(
                row,
                samples=replace(row.samples, wall=level),
                ratio=Ratio(median=middle, low=middle, high=middle, below=0.5),
            )
        rows.append(row)
    return replace(comparison, rows=tuple(rows))


def times(comparison, method, factor):
    """The comparison with the samples of one method multiplied."""
    rows = []
    for row in comparison.rows:
        if row.method == method:
            samples = row.samples
            slower = Samples(
                rounds=samples.rounds,
                wall=factor * samples.wall,
                cpu=samples.cpu,
                calls=samples.calls,
            )
            row = replace(row, samples=slower)
        rows.append(row)
    return replace(comparison, rows=tuple(rows))


def conclusions(old, new):
    return {found.method: found.conclusion for found in diff([old], [new])}


def test_a_run_against_itself_has_no_changes(quiet):
    assert set(conclusions(quiet, quiet).values()) == {"same"}


def test_a_function_that_takes_three_times_as_long_is_slower(quiet):
    assert conclusions(quiet, times(quiet, "value", 3.0))["value"] == "slower"
    assert conclusions(times(quiet, "value", 3.0), quiet)["value"] == "faster"


def test_a_machine_that_is_slower_as_a_whole_is_no_regression(quiet):
    new = replace(times(quiet, "value", 3.0), floor=3 * quiet.floor)
    assert conclusions(quiet, new)["value"] != "slower"


def test_a_method_that_broke_is_a_regression_and_one_that_was_mended_is_not(quiet):
    rows = tuple(
        replace(row, status="wrong", samples=None) if row.method == "forward" else row
        for row in quiet.rows
    )
    broken = replace(quiet, rows=rows)
    (found,) = [d for d in diff([quiet], [broken]) if d.method == "forward"]
    assert found.conclusion == "broken"
    assert found.regression
    assert conclusions(broken, quiet)["forward"] == "mended"


def test_runs_with_nothing_in_common_cannot_be_compared(quiet):
    with pytest.raises(ValueError, match="no scenario in common"):
        diff([quiet], [replace(quiet, name="other")])
