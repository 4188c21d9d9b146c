"""The libraries that are compared, this one and plain JAX first."""

from . import (
    equinox,
    gradwise,
    haiku,
    handwritten,
    keras,
    linen,
    nnx,
    optax,
    scikit_learn,
    stax,
    torch,
)

_MODULES = (
    gradwise,
    handwritten,
    linen,
    nnx,
    equinox,
    haiku,
    optax,
    stax,
    keras,
    torch,
    scikit_learn,
)
PEERS = tuple(module.PEER for module in _MODULES)
