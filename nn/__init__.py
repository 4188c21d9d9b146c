"""Layers: neural networks as pure functions. Imports jax only."""

from .activations import (
    PReLU,
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    prelu,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from .compose import mlp, repeat, residual, serial
from .dense import Dense, dense
from .dropout import dropout
from .layer import Apply, Init, Layer, activation, stateless
from .norm import BatchNorm, BatchNormState, batch_norm
from .uncertainty import Prediction, monte_carlo

__all__ = [
    "Apply",
    "BatchNorm",
    "BatchNormState",
    "Dense",
    "Init",
    "Layer",
    "PReLU",
    "Prediction",
    "activation",
    "batch_norm",
    "dense",
    "dropout",
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "mlp",
    "monte_carlo",
    "prelu",
    "relu",
    "repeat",
    "residual",
    "serial",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stateless",
    "tanh",
]
