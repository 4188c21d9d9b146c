"""Compiling and timing: what is measured, how often, and what happens to what fails."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.instrument import timing as measure
from benchmarks.instrument.timing import MIN_ROUNDS, CompileTimeoutError, compile_for, interleave


def counted(counts, name, result=None):
    """A call that counts itself."""

    def call():
        counts[name] = counts.get(name, 0) + 1
        return result

    return call


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

    monkeypatch.setattr(measure.jax, "jit", lambda fn: Jitted())
    with pytest.raises(CompileTimeoutError, match=r"longer than 0\.01 s"):
        compile_for(lambda x: x, (1.0,), limit=0.01)


def test_an_error_while_compiling_within_a_limit_reaches_the_caller():
    with pytest.raises(TypeError, match="incompatible shapes"):
        compile_for(lambda x, y: x + y, (jnp.ones(3), jnp.ones(4)), limit=60.0)


def test_every_program_is_sampled_in_the_same_rounds():
    counts = {}
    samples, failed = interleave(
        {"a": counted(counts, "a"), "b": counted(counts, "b")}, budget=0.5, max_rounds=7
    )
    assert not failed
    np.testing.assert_array_equal(samples["a"].rounds, np.arange(7))
    np.testing.assert_array_equal(samples["b"].rounds, np.arange(7))


def test_samples_are_per_call_however_many_calls_they_hold():
    counts = {}
    samples, _ = interleave({"a": counted(counts, "a")}, budget=0.1, max_rounds=4)
    taken = samples["a"]
    assert taken.calls > 1
    assert counts["a"] >= 4 * taken.calls
    assert np.all(taken.wall < measure.SAMPLE_SECONDS)


def test_a_slow_program_gets_its_least_rounds_and_starves_nobody():
    def slow():
        time.sleep(0.02)

    samples, _ = interleave({"slow": slow, "fast": lambda: None}, budget=0.02, max_rounds=50)
    assert samples["slow"].wall.size == MIN_ROUNDS
    assert samples["fast"].wall.size > MIN_ROUNDS


def test_a_program_that_raises_is_dropped_and_its_error_returned():
    calls = iter([None] * 3)

    def breaks():
        try:
            return next(calls)
        except StopIteration:
            raise MemoryError("gone") from None

    samples, failed = interleave({"good": lambda: None, "bad": breaks}, budget=0.05)
    assert list(samples) == ["good"]
    assert isinstance(failed["bad"], MemoryError)


def test_the_order_within_rounds_is_random_and_repeatable():
    def order(seed):
        seen = []
        calls = {name: lambda name=name: seen.append(name) or time.sleep(2e-3) for name in "abcd"}
        interleave(calls, budget=10.0, seed=seed, max_rounds=6)
        return seen

    assert order(0) == order(0)
    rounds = [tuple(order(0)[i : i + 4]) for i in range(8, 32, 4)]
    assert len(set(rounds)) > 1
