"""The counter-based generator behind JAX's default keys, with both words of each block.

`jax.random.bits` keeps one word of two, and on a CPU its rounds are a loop: written out, they take
two thirds of the time, and a training step that drops units four fifths.
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
    """The two words, uint32 of `shape` each, of the blocks 0, 1, 2... under a threefry key.

    Threefry-2x32 with 20 rounds: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"
    (2011).
    """
    # Compiled away; it counts as the use of a key, which `key_data` does not.
    jax.random.bits(key, dtype=jnp.uint32)
    return _encrypt(jax.random.key_data(key), shape)


@partial(jax.jit, static_argnums=1, inline=True)  # one program where nothing else is compiled
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
    return lax.optimization_barrier((x, y))  # or every reader would compute them anew
