"""In which type a layer computes what rounding would spoil."""

import jax
import jax.numpy as jnp


def at_least_float32(x: jax.Array) -> jax.Array:
    """Return `x` in float32 where it has fewer bits, and as it is otherwise."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
