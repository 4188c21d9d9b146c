"""The precision in which half of it would spoil a sum.

`nn`, `losses` and `train` import nothing of one another, so each has this file; a test holds that
they are equal.
"""

import jax
import jax.numpy as jnp
import numpy as np


def at_least_float32(x: jax.Array) -> jax.Array:
    """Return `x` converted to float32 if its dtype is shorter, or no dtype of floats."""
    return x.astype(wide_dtype(x.dtype))


def wide_dtype(dtype: np.dtype) -> np.dtype:
    """Return a dtype, or float32 if it is shorter.

    `jnp.promote_types` raises an error where a user has set `jax_numpy_dtype_promotion` to strict.
    """
    is_wide = jnp.issubdtype(dtype, np.inexact) and jnp.finfo(dtype).bits >= 32
    return dtype if is_wide else np.dtype(np.float32)
