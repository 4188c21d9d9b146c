"""Settings every test runs under: four devices of the CPU, whatever the machine has, and no key
used twice. `XLA_FLAGS=--xla_force_host_platform_device_count=1` sets another number of devices."""

import os

# Before jax is imported; of a flag that is given twice the last one counts.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = " ".join(
    ["--xla_force_host_platform_device_count=4", os.environ.get("XLA_FLAGS", "")]
)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compiling is most of the time
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_key_is_used_twice():
    jax.config.update("jax_debug_key_reuse", True)


@pytest.fixture
def compiled_as_for_a_user():
    """With all optimizations, for what holds only then: equality to the last bit."""
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    few = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"].lower() not in ("0", "false", "off")
    jax.config.update("jax_disable_most_optimizations", few)
    jax.clear_caches()


@pytest.fixture(scope="module")
def nothing_is_too_slow():
    """Whatever the machine's mood, `compare` finds no method too slow for a test's small budget."""
    import benchmarks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarks.rows, "run_once", lambda call: (1e-6, call()))
        yield
