"""stax, the example library that ships with JAX; its dropout takes the share to keep."""

import jax

from .peer import EdgeFunctions, Peer


def _batch_norm(batches, x=None):
    from jax.example_libraries import stax

    init, apply = stax.BatchNorm(axis=0)
    _, params = init(jax.random.key(0), batches[0].shape)
    return apply(params, batches[-1] if x is None else x)


def _dropout(rate, x, key):
    from jax.example_libraries import stax

    return stax.Dropout(1 - rate)[1]((), x, rng=key)


def _sigmoid(x):
    from jax.example_libraries import stax

    return stax.Sigmoid[1]((), x)


PEER = Peer(
    name="stax",
    functions=EdgeFunctions(batch_norm=_batch_norm, dropout=_dropout, sigmoid=_sigmoid),
)
