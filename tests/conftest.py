"""Settings every test runs under: the CPU, whatever the machine has, and no key used twice."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # before jax is imported
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_key_is_used_twice():
    jax.config.update("jax_debug_key_reuse", True)


@pytest.fixture(scope="module")
def nothing_is_too_slow():
    """Whatever the machine's mood, `compare` finds no method too slow for a test's small budget."""
    import benchmarks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarks.rows, "run_once", lambda call: (1e-6, call()))
        yield
