"""The libraries that are compared, gradwise and plain JAX first; nothing else lists them."""

from . import (
    asdex,
    equinox,
    gradwise,
    haiku,
    handwritten,
    keras,
    limits,
    linen,
    nnx,
    optax,
    scikit_learn,
    stax,
    torch,
)

PEERS = (
    gradwise.PEER,
    gradwise.RBG,
    handwritten.PEER,
    *limits.PEERS,
    linen.PEER,
    nnx.PEER,
    equinox.PEER,
    haiku.PEER,
    optax.PEER,
    stax.PEER,
    keras.PEER,
    torch.PEER,
    scikit_learn.PEER,
    asdex.PEER,
)
