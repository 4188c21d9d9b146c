"""The dtype in which layers compute what half precision would spoil."""

import jax
import jax.numpy as jnp


def at_least_float32(x: jax.Array) -> jax.Array:
    """Return `x` converted to float32 if its dtype is shorter, else unchanged."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
