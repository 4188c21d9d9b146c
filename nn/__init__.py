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
from .global_pooling import global_avg_pool, global_max_pool
from .layer import Apply, Init, Layer, activation, stateless
from .linear import Dense, dense
from .model_summary import summary
from .parametric import PReLU, prelu
from .pooling import avg_pool, flatten, max_pool
from .positions import Positions, learned_positions, sinusoidal_positions
from .recurrent import GRU, LSTM, Elman, elman, gru, lstm
from .regularization import dropout
from .row_normalization import LayerNorm, RMSNorm, layer_norm, rms_norm
from .saturation_report import LayerSaturation, Saturation
from .self_attention import Attention, attention
from .summary_report import LayerSummary, Summary
from .uncertainty import Prediction, monte_carlo
from .unit_saturation import saturation
from .wrappers import concatenate, frozen, mixed_precision, with_mask

__all__ = [
    "GRU",
    "LSTM",
    "Apply",
    "Attention",
    "BatchNorm",
    "BatchNormState",
    "Conv",
    "Dense",
    "Elman",
    "Embedding",
    "Init",
    "Layer",
    "LayerNorm",
    "LayerSaturation",
    "LayerSummary",
    "PReLU",
    "Positions",
    "Prediction",
    "RMSNorm",
    "Saturation",
    "Summary",
    "activation",
    "attention",
    "avg_pool",
    "batch_norm",
    "concatenate",
    "conv",
    "dense",
    "dropout",
    "elman",
    "elu",
    "embedding",
    "flatten",
    "frozen",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "gru",
    "layer_norm",
    "leaky_relu",
    "learned_positions",
    "log_softmax",
    "lstm",
    "max_pool",
    "mixed_precision",
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
    "sinusoidal_positions",
    "softmax",
    "softplus",
    "stateless",
    "summary",
    "tanh",
    "with_mask",
]
