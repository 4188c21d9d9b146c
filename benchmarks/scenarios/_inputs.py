"""What the suites make their inputs with."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def normal(random: np.random.Generator, *shape: int) -> jax.Array:
    """Standard normal numbers of `shape`, the same ones in either floating type."""
    return jnp.asarray(random.standard_normal(shape, np.float32))


def on_device(inputs: Any) -> Any:
    """A pytree of NumPy arrays as JAX arrays."""
    return jax.tree.map(jnp.asarray, inputs)
