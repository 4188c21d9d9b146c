"""Settings every test runs under: the CPU, quick compilation, and no key used twice.

Most of the tests' time is LLVM's, so it is asked not to optimise; XLA's own passes run as ever. Set
`XLA_FLAGS=--xla_backend_optimization_level=3` for code as a user gets it.
"""

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # before jax is imported
os.environ.setdefault("MPLBACKEND", "Agg")
if "xla_backend_optimization_level" not in os.environ.get("XLA_FLAGS", ""):
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_optimization_level=0".strip()

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
