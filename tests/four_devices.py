"""What a test needs that spreads arrays: the tests have four devices of the CPU, a GPU is one."""

import jax
import pytest

needs_four_devices = pytest.mark.skipif(len(jax.devices()) < 4, reason="needs four devices")
