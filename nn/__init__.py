"""Layers: neural networks as pairs of pure functions, `init` and `apply`."""

from .activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from .batch_normalization import BatchNorm, BatchNormState, batch_norm
from .compose import mlp, repeat, residual, serial
from .convolution import Conv, conv
from .embeddings import Embedding, embedding
from .layer import Apply, Init, Layer, activation, stateless
from .linear import Dense, dense
from .parametric import PReLU, prelu
from .pooling import avg_pool, flatten, max_pool
from .regularization import dropout
from .row_normalization import LayerNorm, RMSNorm, layer_norm, rms_norm
from .saturation_report import LayerSaturation, Saturation
from .uncertainty import Prediction, monte_carlo
from .unit_saturation import saturation

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
