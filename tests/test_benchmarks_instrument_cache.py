"""Programs are compiled once a process: what may share a program, and what must not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.instrument import cache
from benchmarks.instrument.compile import compile_for

X = jnp.arange(6.0)
LATER = X + 1


@pytest.fixture
def compilations():
    """The seconds of each compilation by XLA since the test began."""
    cache.forget()
    seconds = []

    def heard(event, duration, **details):
        if event == "/jax/core/compile/backend_compile_duration":
            seconds.append(duration)

    jax.monitoring.register_event_duration_secs_listener(heard)
    yield seconds
    jax.monitoring.unregister_event_duration_listener(heard)


def test_the_same_program_is_compiled_once_and_keeps_its_times(compilations):
    first = compile_for(lambda x: jnp.sin(x) * 2, (X,))
    second = compile_for(lambda y: jnp.sin(y) * 2, (LATER,))
    assert len(compilations) == 1
    assert second.compile_seconds == first.compile_seconds
    assert second.total_seconds == first.total_seconds
    np.testing.assert_allclose(second.call(), np.sin(np.arange(6.0) + 1) * 2, rtol=1e-6)


def with_constant(value):
    return lambda x, y: x + value


DIFFERENT = {
    "another constant": (with_constant(np.arange(6.0)), with_constant(np.arange(6.0) + 1)),
    "another argument that is read": (lambda x, y: x + 1, lambda x, y: y + 1),
    "another structure of the result": (lambda x, y: (x + 1, y), lambda x, y: [x + 1, y]),
    "another function called back": (
        lambda x, y: jax.pure_callback(lambda v: v + np.float32(1), x, x),
        lambda x, y: jax.pure_callback(lambda v: v + np.float32(2), x, x),
    ),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_programs_that_differ_are_not_taken_for_each_other(what, compilations):
    first, second = DIFFERENT[what]
    args = X, 10 * X
    for fn in (first, second, first):
        result, true = compile_for(fn, args).call(), fn(*args)
        assert jax.tree.structure(result) == jax.tree.structure(true)
        jax.tree.map(np.testing.assert_array_equal, result, true)


def test_arguments_on_other_devices_have_a_program_of_their_own(compilations):
    devices = jax.devices()[:2]
    for device in devices:
        result = compile_for(lambda x: x * 3, (jax.device_put(X, device),)).call()
        assert result.devices() == {device}
    assert len(compilations) == len(devices)


def test_the_program_that_was_used_longest_ago_is_forgotten_first(compilations, monkeypatch):
    monkeypatch.setattr(cache, "_MOST", 2)
    for factor in (1.5, 2.5, 1.5, 3.5, 1.5):
        compile_for(lambda x, factor=factor: x * factor, (X,))
    assert len(compilations) == 3
    compile_for(lambda x: x * 2.5, (X,))
    assert len(compilations) == 4


def network(params, x):
    w, v = params
    return jnp.mean(jnp.tanh(jnp.tanh(x @ w) @ v) ** 2)


def test_a_second_comparison_of_the_same_function_compiles_nothing(
    compilations, nothing_is_too_slow
):
    params, counts = (jnp.ones((4, 3)), jnp.ones((3, 2))), []
    for _ in range(2):
        compilations.clear()
        found = compare(network, params, jnp.ones((5, 4)), argnums=0, budget=0.05)
        assert all(row.compile_seconds > 0 for row in found.rows)
        counts.append(len(compilations))
    assert counts[0] > 8
    assert counts[1] == 0
