"""Run what is measured and checked without what JAX can be told to stop at."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax


@contextmanager
def unwatched() -> Iterator[None]:
    """Let programs make NaN and infinities, and use a key twice, whatever JAX is told to stop at.

    `jax_debug_nans` ends a check at the very NaN that it is there to find, and runs each program a
    second time, operation by operation; with `jax_disable_jit` there is no program at all.

    Example:
        >>> import jax.numpy as jnp
        >>> with jax.debug_nans(True), unwatched():
        ...     float(jnp.log(jnp.zeros(())) * 0)
        nan
    """
    with ExitStack() as stack:
        for watched in (jax.debug_nans, jax.debug_infs, jax.debug_key_reuse, jax.disable_jit):
            stack.enter_context(watched(False))
        yield
