"""Monte Carlo dropout: how uncertain a network is about its outputs."""

from typing import NamedTuple

import jax

from ._checks import positive_int
from .layer import Layer, Params, State


class Prediction(NamedTuple):
    """Mean and standard deviation of a network's outputs over its dropout masks.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> plain = nn.activation(nn.relu)
        >>> key = jax.random.key(0)
        >>> prediction = nn.monte_carlo(plain, (), (), jnp.array([2.0]), key, samples=3)
        >>> prediction.mean, prediction.std
        (Array([2.], dtype=float32), Array([0.], dtype=float32))
    """

    mean: jax.Array  # [batch, ...]
    std: jax.Array  # [batch, ...]


def monte_carlo(
    model: Layer[Params, State],
    params: Params,
    state: State,
    x: jax.Array,
    key: jax.Array,
    *,
    samples: int,
) -> Prediction:
    """Return mean and standard deviation of the outputs over `samples` draws of dropout masks.

    A draw is `model.apply(params, state, x, key=sample_key)`: batch norm uses its running
    statistics, and each row has masks of its own. The draws are computed together under `vmap`,
    so they need `samples` times the memory of one. The standard deviation is the root of the mean
    squared distance from the mean; it is 0 for a network without randomness.

    Gal and Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in
    Deep Learning" (2016).

    Args:
        model: The network.
        params: Its parameters.
        state: Its state.
        x: Inputs `[batch, ...]`.
        key: The source of the masks.
        samples: Number of draws.

    Raises:
        ValueError: If `samples` is below 1.
        TypeError: If `samples` is not an int.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.serial(nn.dropout(0.5), nn.stateless(lambda _: (), lambda _, x: x.sum(-1)))
        >>> params, state = model.init(jax.random.key(0))
        >>> x = jnp.ones((1, 100))
        >>> mean, std = nn.monte_carlo(model, params, state, x, jax.random.key(1), samples=1000)
        >>> print(mean.round(), std.round())  # 100 coins of 0 or 2: mean 100, deviation 10
        [100.] [10.]
    """
    samples = positive_int("monte_carlo", "samples", samples)

    def draw(sample_key: jax.Array) -> jax.Array:
        return model.apply(params, state, x, key=sample_key)[0]

    outputs = jax.vmap(draw)(jax.random.split(key, samples))
    return Prediction(outputs.mean(axis=0), outputs.std(axis=0))
