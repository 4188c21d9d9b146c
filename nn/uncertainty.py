"""What dropout says about a network's uncertainty."""

from typing import Any, NamedTuple

import jax

from ._checks import positive_int
from .layer import Layer


class Prediction(NamedTuple):
    """Mean and standard deviation of a network's output over its dropout masks."""

    mean: jax.Array  # [batch, ...]
    std: jax.Array  # [batch, ...]


def monte_carlo(
    model: Layer, params: Any, state: Any, x: jax.Array, key: jax.Array, *, samples: int
) -> Prediction:
    """Mean and standard deviation of the outputs over `samples` draws of the dropout masks.

    The draws are `model.apply(params, state, x, key=key)`: batch norm keeps its running
    statistics, and every row has masks of its own. All of them are computed at once, by `vmap`.
    The standard deviation is the root of the mean squared distance from the mean; a network
    without randomness has 0.

    Gal and Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in
    Deep Learning" (2016).

    Args:
        model: The network.
        params: Its parameters.
        state: Its state.
        x: Inputs `[batch, ...]`.
        key: Decides the masks.
        samples: How many draws.

    Raises:
        ValueError: Fewer than one sample.
        TypeError: `samples` is no int.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.serial(nn.dense(3, 4), nn.dropout(0.5), nn.dense(4, 2))
        >>> params, state = model.init(jax.random.key(0))
        >>> mean, std = nn.monte_carlo(
        ...     model, params, state, jnp.ones((5, 3)), jax.random.key(1), samples=100
        ... )
        >>> mean.shape, std.shape
        ((5, 2), (5, 2))
    """
    samples = positive_int("monte_carlo", "samples", samples)

    def draw(sample_key: jax.Array) -> jax.Array:
        return model.apply(params, state, x, key=sample_key)[0]

    outputs = jax.vmap(draw)(jax.random.split(key, samples))
    return Prediction(outputs.mean(axis=0), outputs.std(axis=0))
