"""Which mode is told to be the answer, and when neither is."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from benchmarks.comparison.notes import machine_notes
from benchmarks.comparison.row import Row
from benchmarks.comparison.verdict import give_verdict
from benchmarks.instrument.compile import Memory
from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import ratio


def row(method, mode, wall, total, compile_seconds=1.0, **more):
    samples = Samples(rounds=np.arange(30), wall=np.full(30, wall), cpu=np.full(30, wall), calls=1)
    base = Samples(rounds=np.arange(30), wall=np.ones(30), cpu=np.ones(30), calls=1)
    return Row(
        method=method,
        mode=mode,
        kind="jacobian",
        status="ok",
        seconds=wall,
        ratio=ratio(samples, base),
        memory=Memory(temporary=total, argument=0, output=0, alias=0),
        compile_seconds=compile_seconds,
        samples=samples,
        **more,
    )


def test_the_verdict_is_between_modes():
    rows = [row("forward", "forward", 8.0, 100), row("reverse", "reverse", 2.0, 400)]
    verdict = give_verdict(rows, 16, 4)
    assert (verdict.time.method, verdict.time.over) == ("reverse", "forward")
    assert verdict.time.factor == pytest.approx(4.0)
    assert verdict.time.confidence == 1.0
    assert verdict.memory.method == "forward"
    assert verdict.memory.factor == pytest.approx(4.0)
    assert verdict.compile.method == "tie"
    assert "16 inputs" in verdict.why


def test_modes_that_take_equally_long_tie():
    rows = [row("forward", "forward", 2.0, 100), row("reverse", "reverse", 2.02, 100)]
    verdict = give_verdict(rows, 4, 4)
    assert verdict.time.method == "tie"
    assert "forward and reverse" in verdict.time.text
    assert verdict.memory.method == "tie"


def test_of_tied_methods_in_one_mode_the_first_of_the_table_is_the_answer():
    rows = [
        row("forward", "forward", 9.0, 100),
        row("reverse", "reverse", 2.01, 100),
        row("checkpointed", "reverse", 2.0, 50),
    ]
    verdict = give_verdict(rows, 4, 4)
    assert verdict.time.method == "reverse"
    assert verdict.memory.method == "checkpointed"


def test_wrong_and_inexact_rows_take_no_part_in_the_verdict():
    rows = [
        row("numerical", "numerical", 0.5, 10, exact=False),
        replace(row("forward", "forward", 1.0, 10), status="wrong"),
        row("reverse", "reverse", 3.0, 10),
    ]
    assert give_verdict(rows, 4, 4).time.method == "reverse"


def test_memory_ties_within_a_twentieth_and_compile_time_within_a_quarter():
    def least(total, seconds):
        rows = [
            row("forward", "forward", 8.0, 1000, compile_seconds=1.0),
            row("reverse", "reverse", 2.0, total, compile_seconds=seconds),
        ]
        found = give_verdict(rows, 4, 4)
        return found.memory.method, found.compile.method

    assert least(1040, 1.2) == ("tie", "tie")
    assert least(1070, 1.3) == ("forward", "forward")


def test_the_busy_note_is_that_of_the_busiest_program(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    calm = Samples(rounds=np.arange(9), wall=np.ones(9), cpu=np.ones(9), calls=1)
    waited = Samples(rounds=np.arange(9), wall=np.full(9, 3.0), cpu=np.ones(9), calls=1)
    notes = machine_notes({"calm": calm, "waited": waited})
    assert notes[-1] == "the machine was busy: wall time up to 3 times CPU time"
    assert len(machine_notes({"calm": calm})) == 1


def test_a_cpu_that_waits_for_a_gpu_is_not_said_to_be_busy(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    waited = Samples(rounds=np.arange(9), wall=np.full(9, 3.0), cpu=np.ones(9), calls=1)
    assert machine_notes({"waited": waited}) == ("0 of 9 samples are outliers",)
