"""Compiling and timing: what is measured, how often, and what happens to what fails.

Time is a number that the calls themselves advance, so that nothing depends on the machine.
"""

import gc
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.instrument import compile as compiling
from benchmarks.instrument.clock import Clock, time_left
from benchmarks.instrument.compile import CompileTimeoutError, compile_for
from benchmarks.instrument.timing import MIN_ROUNDS, SAMPLE_SECONDS, interleave, run_once


class Machine:
    """A clock that moves when a call is waited for, and programs that move it."""

    def __init__(self):
        self.wall = self.cpu = 0.0
        self.clock = Clock(lambda: self.wall, lambda: self.cpu)
        self.log = []

    def program(self, name, seconds, *, cpu=None, launch=0.0, fails_at=None):
        """A call that returns at once, and takes its time when its result is blocked on."""

        def call():
            self.log.append(name)
            if fails_at is not None and self.log.count(name) > fails_at:
                raise MemoryError("gone")
            self.wall += launch
            return Pending(self, seconds, seconds if cpu is None else cpu)

        return call


class Pending:
    """A result that is not there yet."""

    def __init__(self, machine, seconds, cpu):
        self.machine, self.seconds, self.cpu = machine, seconds, cpu

    def block_until_ready(self):
        self.machine.wall += self.seconds
        self.machine.cpu += self.cpu
        return self


def test_memory_is_temporary_and_argument_and_output_less_alias():
    compiled = compile_for(lambda x: jnp.sin(x) @ x, (jnp.ones((64, 64)),))
    memory = compiled.memory
    assert memory.argument == memory.output == 64 * 64 * 4
    assert memory.total == memory.temporary + memory.argument + memory.output - memory.alias


def test_compiling_does_not_run_the_program():
    ran = []
    compile_for(lambda x: jax.pure_callback(lambda x: ran.append(1) or x, x, x), (jnp.ones(3),))
    assert not ran


def test_arguments_stay_valid_after_many_calls():
    x = jnp.arange(4.0)
    call = compile_for(lambda x: x + 1, (x,)).call
    for _ in range(3):
        call()
    np.testing.assert_array_equal(x, np.arange(4.0))


def test_a_compilation_over_its_limit_is_given_up(monkeypatch):
    class Lowered:
        def compile(self):
            time.sleep(0.5)

    class Traced:
        def lower(self):
            return Lowered()

    class Jitted:
        def trace(self, *args):
            return Traced()

    monkeypatch.setattr(compiling.jax, "jit", lambda fn: Jitted())
    monkeypatch.setattr(compiling.cache, "key_of", lambda *program: None)
    with pytest.raises(CompileTimeoutError, match="longer than 10 ms"):
        compile_for(lambda x: x, (1.0,), limit=0.01)


def test_an_error_while_compiling_within_a_limit_reaches_the_caller():
    with pytest.raises(TypeError, match="incompatible shapes"):
        compile_for(lambda x, y: x + y, (jnp.ones(3), jnp.ones(4)), limit=60.0)


def test_one_call_is_timed_until_its_result_is_there():
    machine = Machine()
    seconds, result = run_once(machine.program("a", 2.0, launch=0.5), machine.clock)
    assert seconds == 2.5
    assert isinstance(result, Pending)


def test_a_sample_waits_for_every_call_and_counts_both_clocks():
    machine = Machine()
    program = machine.program("a", 3.0, cpu=2.0, launch=0.25)
    samples, failed = interleave({"a": program}, budget=20.0, clock=machine.clock)
    assert not failed
    np.testing.assert_array_equal(samples["a"].wall, 3.25)
    np.testing.assert_array_equal(samples["a"].cpu, 2.0)


def test_the_garbage_collector_is_held_off_while_a_sample_is_taken_and_let_go_after():
    machine, collecting = Machine(), []
    program = machine.program("a", 1.0)

    def call():
        collecting.append(gc.isenabled())
        return program()

    assert gc.isenabled()
    interleave({"a": call}, budget=3.0, clock=machine.clock)
    assert collecting[0]  # the call that warms it up
    assert not any(collecting[1:])
    assert gc.isenabled()


def test_every_program_is_sampled_in_the_same_rounds():
    machine = Machine()
    calls = {name: machine.program(name, 1.0) for name in "ab"}
    samples, failed = interleave(calls, budget=14.0, clock=machine.clock)
    assert not failed
    for name in "ab":
        np.testing.assert_array_equal(samples[name].rounds, np.arange(7))


def test_samples_are_per_call_however_many_calls_they_hold():
    machine = Machine()
    samples, _ = interleave(
        {"a": machine.program("a", SAMPLE_SECONDS / 10)}, budget=1.0, clock=machine.clock
    )
    taken = samples["a"]
    assert taken.calls >= 10
    np.testing.assert_allclose(taken.wall, SAMPLE_SECONDS / 10)


def test_a_slow_program_gets_the_least_number_of_rounds_and_leaves_time_to_the_others():
    machine = Machine()
    calls = {"slow": machine.program("slow", 20.0), "fast": machine.program("fast", 1.0)}
    samples, _ = interleave(calls, budget=20.0, clock=machine.clock)
    assert samples["slow"].wall.size == MIN_ROUNDS
    assert samples["fast"].wall.size == 10


def test_a_program_that_raises_is_dropped_and_its_error_returned():
    machine = Machine()
    calls = {"good": machine.program("good", 1.0), "bad": machine.program("bad", 1.0, fails_at=4)}
    samples, failed = interleave(calls, budget=50.0, clock=machine.clock)
    assert list(samples) == ["good"]
    assert isinstance(failed["bad"], MemoryError)


def test_the_order_within_rounds_is_random_and_repeatable():
    def order(seed):
        machine = Machine()
        calls = {name: machine.program(name, 1.0) for name in "abcd"}
        interleave(calls, budget=24.0, seed=seed, clock=machine.clock)
        return "".join(machine.log)

    assert order(0) == order(0)
    assert order(0) != order(1)
    measured = order(0)[4:]  # each was warmed up by one call, long enough to need no other
    rounds = [measured[i : i + 4] for i in range(0, len(measured), 4)]
    assert all(sorted(each) == list("abcd") for each in rounds)
    assert len(set(rounds)) > 1


def test_the_time_left_counts_down_and_becomes_negative():
    machine = Machine()
    left = time_left(3.0, machine.clock)
    machine.wall = 5.0
    assert left() == -2.0
