"""What an attempt makes of a description: prepared, searched for, or taken as it is."""

import itertools
import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.comparison import search
from benchmarks.comparison.experiment import Limits
from benchmarks.derivatives.method import (
    GaveUpError,
    InfeasibleError,
    Preparation,
    Program,
    Search,
    Truth,
)
from benchmarks.instrument.clock import Clock

TRUTH = Truth(np.zeros(1), np.zeros(1), np.zeros(1), np.array([[2.0]]), "closed form")
LIMITS = Limits(budget=10.0, search_seconds=10.0, memory=1000)


@pytest.fixture
def machine(monkeypatch):
    """Programs whose `fn` is a pair of seconds and bytes, and the clock that they move."""
    now = [0.0]
    compiled = []

    def compile_for(fn, args, *, limit=None):
        seconds, size = fn
        compiled.append(fn)

        def call():
            now[0] += seconds
            return

        return SimpleNamespace(call=call, memory=SimpleNamespace(total=size))

    monkeypatch.setattr(search, "compile_for", compile_for)
    clock = Clock(lambda: now[0], lambda: now[0])
    return SimpleNamespace(clock=clock, compiled=compiled)


def trials(figures):
    return {label: Program(figure, ()) for label, figure in figures.items()}


def note(best, figures):
    return f"{best} of {list(figures)}"


def test_the_fastest_trial_is_taken_and_compiled_once(machine):
    found = search.settle(
        Search(trials({16: (0.2, 9), 4: (0.1, 9), 1: (0.11, 9)}), "seconds", note),
        TRUTH,
        LIMITS,
        machine.clock,
    )
    assert (found.label, found.program.note) == (4, "4 of [16, 4, 1]")
    assert found.compiled is not None
    assert machine.compiled == [(0.2, 9), (0.1, 9), (0.11, 9)]


def test_a_search_stops_when_smaller_chunks_get_clearly_slower(machine):
    chunks = Search(
        trials({64: (0.2, 9), 16: (0.1, 9), 4: (0.3, 9), 1: (0.01, 9)}), "seconds", note
    )
    assert search.settle(chunks, TRUTH, LIMITS, machine.clock).label == 16
    assert machine.compiled == [(0.2, 9), (0.1, 9), (0.3, 9)]


def test_what_stands_beside_a_search_is_told_and_never_taken(machine):
    beside = trials({"plain": (0.1, 5)})
    found = search.settle(
        Search(trials({"a": (0.1, 90), "b": (0.1, 30)}), "bytes", note, beside=beside),
        TRUTH,
        LIMITS,
        machine.clock,
    )
    assert (found.label, found.program.note) == ("b", "b of ['a', 'b', 'plain']")


def test_a_sweep_that_would_outlast_its_time_is_left_to_theory():
    seconds = itertools.count()
    clock = Clock(seconds.__next__, seconds.__next__)
    late = LIMITS._replace(search_seconds=1.0, left=lambda: 5.0)
    assert search.settle(sweep(), TRUTH, late, clock).program.note.startswith("unguided; no time")
    with pytest.raises(GaveUpError, match="no time left"):
        search.settle(sweep(), TRUTH, LIMITS._replace(left=lambda: -1.0))


def test_the_trial_of_least_memory_is_taken_however_slow(machine):
    figures = {"a": (0.1, 90), "b": (5.0, 30), "c": (0.2, 60)}
    found = search.settle(Search(trials(figures), "bytes", note), TRUTH, LIMITS, machine.clock)
    assert found.label == "b"


def test_a_search_ends_when_its_time_or_the_memory_is_used_up(machine):
    slow = Search(trials({1: (8.0, 9), 4: (8.0, 9), 16: (0.1, 9)}), "seconds", note)
    assert search.settle(slow, TRUTH, LIMITS, machine.clock).label == 1
    large = Search(trials({4: (0.1, 2000), 1: (0.2, 9)}), "seconds", note)
    assert search.settle(large, TRUTH, LIMITS, machine.clock).label == 1
    with pytest.raises(InfeasibleError, match="no trial fits 1e\\+03 bytes"):
        search.settle(
            Search(trials({1: (0.1, 2000)}), "seconds", note), TRUTH, LIMITS, machine.clock
        )


def sweep(**options):
    figures = {step: Program(lambda x: x, (jnp.float32(step),)) for step in (1.0, 1.9, 2.5)}
    return Search(
        figures,
        "error",
        note,
        error=lambda result, jacobian: abs(float(result) - jacobian[0, 0]),
        chosen=lambda step: Program(abs, (step,)),
        unguided=Program(abs, (7.0,), "unguided"),
        **options,
    )


def test_the_trial_nearest_to_the_truth_is_taken():
    found = search.settle(sweep(), TRUTH, LIMITS)
    assert (found.label, found.program.args) == (1.9, (1.9,))
    assert found.program.note.startswith("1.9 of")


def test_without_a_known_jacobian_a_sweep_is_unguided():
    found = search.settle(sweep(), TRUTH._replace(jacobian=None), LIMITS)
    assert found.program.note == "unguided"


def test_a_preparation_is_told_the_time_that_is_left():
    asked = []
    limits = Limits(budget=10.0, search_seconds=3.0, memory=math.inf)

    def make(seconds_left):
        asked.append(seconds_left())
        return Program(abs, (1.0,))

    assert search.settle(Preparation(make), TRUTH, limits).program.fn is abs
    assert 0 < asked[0] <= 3.0
