"""Helpers that build the inputs of scenarios."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def normal(random: np.random.Generator, *shape: int) -> jax.Array:
    """Draw standard normal numbers of `shape`, the same ones in either floating type.

    Example:
        >>> normal(np.random.default_rng(0), 2, 3).shape
        (2, 3)
    """
    return jnp.asarray(random.standard_normal(shape, np.float32))


def on_device(inputs: Any) -> Any:
    """Turn a pytree of NumPy arrays into one of JAX arrays.

    Example:
        >>> on_device((np.zeros(2, np.float32), {"k": np.int32(1)}))
        (Array([0., 0.], dtype=float32), {'k': Array(1, dtype=int32)})
    """
    return jax.tree.map(jnp.asarray, inputs)
