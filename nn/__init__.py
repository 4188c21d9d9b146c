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
from .conv import Conv, conv
from .dense import Dense, dense
from .dropout import dropout
from .embedding import Embedding, embedding
from .layer import Apply, Init, Layer, activation, stateless
from .layer_norm import LayerNorm, RMSNorm, layer_norm, rms_norm
from .norm import BatchNorm, BatchNormState, batch_norm
from .pool import avg_pool, flatten, max_pool
from .saturation import LayerSaturation, Saturation, saturation
from .uncertainty import Prediction, monte_carlo

__all__ = [
    "Apply",
    "BatchNorm",
    "BatchNormState",
    "Conv",
    "Dense",
    "Embedding",
    "Init",
    "Layer",
    "LayerNorm",
    "LayerSaturation",
    "PReLU",
    "Prediction",
    "RMSNorm",
    "Saturation",
    "activation",
    "avg_pool",
    "batch_norm",
    "conv",
    "dense",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "max_pool",
    "mlp",
    "monte_carlo",
    "prelu",
    "relu",
    "repeat",
    "residual",
    "rms_norm",
    "saturation",
    "serial",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stateless",
    "tanh",
]
