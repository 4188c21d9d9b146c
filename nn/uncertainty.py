"""Monte Carlo dropout: how uncertain a network is about its outputs."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._checks import check_key
from ._options import positive_int
from ._parts import check_layer
from ._sample_moments import sample_moments
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

    mean: Any  # [batch, ...], an array, or a tree of them such as a dict
    std: Any  # [batch, ...], like the mean


def monte_carlo(
    model: Layer[Params, State],
    params: Params,
    state: State,
    x: jax.Array,
    key: jax.Array,
    *,
    samples: int,
    chunk: int = 8,
) -> Prediction:
    """Return mean and standard deviation of the outputs over `samples` draws of dropout masks.

    A draw is `model.apply(params, state, x, key=sample_key)`: batch norm uses its running
    statistics, and each row has masks of its own. `chunk` draws at a time are computed together
    under `vmap` and added to the moments of those before, so that the memory does not depend on
    `samples`. The standard deviation is the root of the mean squared distance from the mean; it is
    0 for a network without randomness. Both are float32 or wider. `train.predict` does the same
    over a whole data set.

    Gal and Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in
    Deep Learning" (2016).

    Args:
        model: The network.
        params: Its parameters.
        state: Its state.
        x: Inputs `[batch, ...]`.
        key: The source of the masks.
        samples: Number of draws.
        chunk: How many draws are held in memory at a time.

    Raises:
        ValueError: If `samples` or `chunk` is below 1.
        TypeError: If one of them is not an int, or the key is one.

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
    check_layer("monte_carlo", model)
    check_key("monte_carlo", key)
    samples = positive_int("monte_carlo", "samples", samples)
    chunk = positive_int("monte_carlo", "chunk", chunk)

    def draw(sample_key: jax.Array) -> Any:
        return model.apply(params, state, x, key=sample_key)[0]

    mean, variance = sample_moments(draw, jax.random.split(key, samples), chunk=chunk)
    return Prediction(mean, jax.tree.map(jnp.sqrt, variance))
