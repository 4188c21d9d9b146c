"""What only some backends can hold: the conditions and marks that tests share.

They ask for the platform, and not for what it can do: on a CPU nothing is ever skipped.
"""

import jax
import pytest

ON_CPU = jax.default_backend() == "cpu"

#: GPUs count nothing before they compile, and leave out what their libraries compute.
counted_by_xla = pytest.mark.skipif(not ON_CPU, reason="XLA counts every operation on CPUs alone")
#: What is computed again inside a fusion, and how often, is each backend's own choice.
fused_for_cpus = pytest.mark.skipif(not ON_CPU, reason="other backends fuse otherwise than CPUs")
#: Sums of a kernel and of a batch of kernels are taken in another order on other backends.
exact_on_cpus = pytest.mark.skipif(not ON_CPU, reason="other backends add in another order")
