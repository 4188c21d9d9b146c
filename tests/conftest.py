"""Settings every test runs under: the CPU, whatever the machine has, and no key used twice."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # before jax is imported
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_key_is_used_twice():
    jax.config.update("jax_debug_key_reuse", True)
