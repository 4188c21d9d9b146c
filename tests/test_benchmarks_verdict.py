"""Which mode is told to be the answer, and when neither is."""

import numpy as np
import pytest

from benchmarks.comparison.record import Row
from benchmarks.comparison.verdict import judge
from benchmarks.instrument.statistics import ratio
from benchmarks.instrument.timing import Memory, Samples


def row(method, mode, wall, total, compile_seconds=1.0, **more):
    samples = Samples(np.arange(30), np.full(30, wall), np.full(30, wall), 1)
    base = Samples(np.arange(30), np.ones(30), np.ones(30), 1)
    return Row(
        method,
        mode,
        "jacobian",
        "ok",
        seconds=wall,
        ratio=ratio(samples, base),
        memory=Memory(total, 0, 0, 0),
        compile_seconds=compile_seconds,
        samples=samples,
        **more,
    )


def test_the_verdict_is_between_modes():
    rows = [row("forward", "forward", 8.0, 100), row("reverse", "reverse", 2.0, 400)]
    verdict = judge(rows, 16, 4)
    assert (verdict.time.method, verdict.time.over) == ("reverse", "forward")
    assert verdict.time.factor == pytest.approx(4.0)
    assert verdict.time.confidence == 1.0
    assert verdict.memory.method == "forward"
    assert verdict.memory.factor == pytest.approx(4.0)
    assert verdict.compile.method == "tie"
    assert "16 inputs" in verdict.why


def test_modes_that_take_equally_long_tie():
    rows = [row("forward", "forward", 2.0, 100), row("reverse", "reverse", 2.02, 100)]
    verdict = judge(rows, 4, 4)
    assert verdict.time.method == "tie"
    assert "forward and reverse" in verdict.time.text
    assert verdict.memory.method == "tie"


def test_of_equals_in_one_mode_the_plainest_is_the_answer():
    rows = [
        row("forward", "forward", 9.0, 100),
        row("reverse", "reverse", 2.01, 100),
        row("checkpointed", "reverse", 2.0, 50),
    ]
    verdict = judge(rows, 4, 4)
    assert verdict.time.method == "reverse"
    assert verdict.memory.method == "checkpointed"


def test_what_is_wrong_or_inexact_takes_no_part():
    rows = [
        row("numerical", "numerical", 0.5, 10, exact=False),
        row("forward", "forward", 1.0, 10)._replace(status="wrong"),
        row("reverse", "reverse", 3.0, 10),
    ]
    assert judge(rows, 4, 4).time.method == "reverse"
