"""Recurrent layers: the simple one of Elman, LSTM and GRU, over `[batch, time, features]`."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, orthogonal

from . import activations
from ._options import check_initializers, check_number, positive_int
from ._sequences import Carry, draw_weights, recurrent_layer
from .layer import Layer
from .linear import LECUN_NORMAL, Dense

ORTHOGONAL = orthogonal()  # keeps the length of the hidden state, and of its gradient


class Elman(NamedTuple):
    """Parameters of `elman`.

    Example:
        A sum over time, as the hidden state takes each input to itself:

        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> one = jnp.ones((1, 1))
        >>> params = nn.Elman(nn.Dense(one, jnp.zeros(1)), nn.Dense(one, None))
        >>> layer = nn.elman(1, 1, activation=lambda x: x)
        >>> layer.apply(params, (), jnp.array([[[1.0], [2.0], [3.0]]]))[0].ravel()
        Array([1., 3., 6.], dtype=float32)
    """

    input: Dense  # weight [in_dim, units], bias [units]
    recurrent: Dense  # weight [units, units], no bias


class LSTM(NamedTuple):
    """Parameters of `lstm`; its gates stand side by side: input, forget, candidate, output.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> params, _ = nn.lstm(3, 2).init(jax.random.key(0))
        >>> params.input.weight.shape, params.recurrent.weight.shape
        ((3, 8), (2, 8))
        >>> params.input.bias.tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    input: Dense  # weight [in_dim, 4 * units], bias [4 * units]
    recurrent: Dense  # weight [units, 4 * units], no bias


class GRU(NamedTuple):
    """Parameters of `gru`; its gates stand side by side: reset, update, candidate.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> params, _ = nn.gru(3, 2).init(jax.random.key(0))
        >>> params.input.weight.shape, params.recurrent.weight.shape, params.candidate_bias.shape
        ((3, 6), (2, 6), (2,))
    """

    input: Dense  # weight [in_dim, 3 * units], bias [3 * units]
    recurrent: Dense  # weight [units, 3 * units], no bias
    candidate_bias: jax.Array  # [units], added to h U of the candidate


def elman(
    in_dim: int,
    units: int,
    *,
    activation: Callable[[jax.Array], jax.Array] = activations.tanh,
    every_step: bool = True,
    reverse: bool = False,
    weight_init: Initializer = LECUN_NORMAL,
    recurrent_init: Initializer = ORTHOGONAL,
) -> Layer[Elman, tuple[()]]:
    """Return a simple recurrent layer, `[batch, time, in_dim]` to `[batch, time, units]`.

    `h_t = activation(x_t W + b + h_{t-1} U)`, with `h` 0 before the first step. A step that the
    mask hides is as if it were not there: the hidden state passes by it, and the output there is 0.

    Elman, "Finding Structure in Time" (1990).

    Args:
        in_dim: Size of the input's last axis.
        units: Size of the hidden state.
        activation: A function of one array, elementwise.
        every_step: Whether to return the hidden states of all steps; otherwise that of the last
            real step alone, `[batch, units]`.
        reverse: Whether to read the sequences from their last real step to their first. The outputs
            stay at the places of their inputs; the last step that is read is the first.
        weight_init: Draws `W`; one of `jax.nn.initializers`.
        recurrent_init: Draws `U`; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, or the input is not `[batch, time, in_dim]`.
        TypeError: If a size is not an int, the activation is not a function, or the input is not
            floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.elman(3, 4, every_step=False)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((5, 7, 3)))[0].shape
        (5, 4)
    """
    who = f"elman({in_dim}, {units})"
    in_dim, units = positive_int(who, "in_dim", in_dim), positive_int(who, "units", units)
    check_initializers(who, {"weight_init": weight_init, "recurrent_init": recurrent_init})
    if isinstance(activation, Layer) or not callable(activation):
        raise TypeError(
            f"{who} expected activation to be a function of one array, such as nn.tanh, got "
            f"{activation!r}"
        )

    def init(key: jax.Array) -> Elman:
        weight, recurrent = draw_weights(who, key, in_dim, units, 1, weight_init, recurrent_init)
        return Elman(Dense(weight, jnp.zeros(units, weight.dtype)), Dense(recurrent, None))

    def cell(params: Elman, inputs: jax.Array, recurrent: jax.Array, carry: Carry) -> Carry:
        del params, carry
        return (activation(inputs + recurrent),)

    return recurrent_layer(
        *(who, Elman, init, _projections, cell),
        **{"carries": 1, "every_step": every_step, "reverse": reverse},
    )


def lstm(
    in_dim: int,
    units: int,
    *,
    every_step: bool = True,
    reverse: bool = False,
    forget_bias: float = 1.0,
    weight_init: Initializer = LECUN_NORMAL,
    recurrent_init: Initializer = ORTHOGONAL,
) -> Layer[LSTM, tuple[()]]:
    """Return a long short-term memory, `[batch, time, in_dim]` to `[batch, time, units]`.

    With `i, f, g, o` the four parts of `x_t W + b + h_{t-1} U`: `c_t = sigmoid(f) c_{t-1} +
    sigmoid(i) tanh(g)` and `h_t = sigmoid(o) tanh(c_t)`, with `c` and `h` 0 before the first step.
    `c` is kept in float32 or better. A step that the mask hides is as if it were not there: `c` and
    `h` pass by it, and the output there is 0.

    Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the forget gate of Gers,
    Schmidhuber and Cummins, "Learning to Forget" (2000), and its bias of 1 from Jozefowicz, Zaremba
    and Sutskever, "An Empirical Exploration of Recurrent Network Architectures" (2015).

    Args:
        in_dim: Size of the input's last axis.
        units: Size of the hidden state.
        every_step: Whether to return `h` of all steps; otherwise that of the last real step alone,
            `[batch, units]`.
        reverse: Whether to read the sequences from their last real step to their first. The outputs
            stay at the places of their inputs; the last step that is read is the first.
        forget_bias: Initial bias of the forget gate.
        weight_init: Draws `W` of each gate; one of `jax.nn.initializers`.
        recurrent_init: Draws `U` of each gate; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, the bias is not finite, or the input is not
            `[batch, time, in_dim]`.
        TypeError: If a size is not an int, the bias is not a number, or the input is not
            floating-point.

    Example:
        The two directions of a sequence side by side:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.concatenate(nn.lstm(3, 4), nn.lstm(3, 4, reverse=True))
        >>> params, state = layer.init(jax.random.key(0))
        >>> mask = jnp.arange(7) < jnp.array([[7], [2]])  # from lengths, 7 and 2 steps
        >>> layer.apply(params, state, jnp.ones((2, 7, 3)), mask=mask)[0].shape
        (2, 7, 8)
    """
    who = f"lstm({in_dim}, {units})"
    in_dim, units = positive_int(who, "in_dim", in_dim), positive_int(who, "units", units)
    check_initializers(who, {"weight_init": weight_init, "recurrent_init": recurrent_init})
    check_number(who, "forget_bias", forget_bias, "finite", math.isfinite)

    def init(key: jax.Array) -> LSTM:
        weight, recurrent = draw_weights(who, key, in_dim, units, 4, weight_init, recurrent_init)
        bias = jnp.zeros(4 * units, weight.dtype).at[units : 2 * units].set(forget_bias)
        return LSTM(Dense(weight, bias), Dense(recurrent, None))

    def cell(params: LSTM, inputs: jax.Array, recurrent: jax.Array, carry: Carry) -> Carry:
        del params
        i, f, g, o = jnp.split(inputs + recurrent, 4, axis=-1)
        c = activations.sigmoid(f) * carry[1] + activations.sigmoid(i) * activations.tanh(g)
        return activations.sigmoid(o) * activations.tanh(c), c

    return recurrent_layer(
        *(who, LSTM, init, _projections, cell),
        **{"carries": 2, "every_step": every_step, "reverse": reverse},
    )


def gru(
    in_dim: int,
    units: int,
    *,
    every_step: bool = True,
    reverse: bool = False,
    weight_init: Initializer = LECUN_NORMAL,
    recurrent_init: Initializer = ORTHOGONAL,
) -> Layer[GRU, tuple[()]]:
    """Return a gated recurrent unit, `[batch, time, in_dim]` to `[batch, time, units]`.

    `h_t = (1 - z) n + z h_{t-1}` with `r = sigmoid(x_t W_r + b_r + h_{t-1} U_r)`, `z` likewise and
    `n = tanh(x_t W_n + b_n + r (h_{t-1} U_n + d))`, with `h` 0 before the first step. The reset
    gate acts on the product with `U_n`, as in cuDNN, PyTorch, Keras and flax, so that a step has
    one product. A step that the mask hides is as if it were not there: `h` passes by it, and the
    output there is 0.

    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation" (2014).

    Args:
        in_dim: Size of the input's last axis.
        units: Size of the hidden state.
        every_step: Whether to return the hidden states of all steps; otherwise that of the last
            real step alone, `[batch, units]`.
        reverse: Whether to read the sequences from their last real step to their first. The outputs
            stay at the places of their inputs; the last step that is read is the first.
        weight_init: Draws `W` of each gate; one of `jax.nn.initializers`.
        recurrent_init: Draws `U` of each gate; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, or the input is not `[batch, time, in_dim]`.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        What comes after the last real step changes nothing:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.gru(1, 4, every_step=False)
        >>> params, state = layer.init(jax.random.key(0))
        >>> x = jnp.array([[[1.0], [2.0], [jnp.nan]]])
        >>> y, _ = layer.apply(params, state, x, mask=jnp.array([[True, True, False]]))
        >>> bool((y == layer.apply(params, state, x[:, :2])[0]).all())
        True
    """
    who = f"gru({in_dim}, {units})"
    in_dim, units = positive_int(who, "in_dim", in_dim), positive_int(who, "units", units)
    check_initializers(who, {"weight_init": weight_init, "recurrent_init": recurrent_init})

    def init(key: jax.Array) -> GRU:
        weight, recurrent = draw_weights(who, key, in_dim, units, 3, weight_init, recurrent_init)
        bias, of_candidate = jnp.zeros(3 * units, weight.dtype), jnp.zeros(units, weight.dtype)
        return GRU(Dense(weight, bias), Dense(recurrent, None), of_candidate)

    def cell(params: GRU, inputs: jax.Array, recurrent: jax.Array, carry: Carry) -> Carry:
        (h,) = carry
        gates = activations.sigmoid(inputs[:, : 2 * units] + recurrent[:, : 2 * units])
        r, z = jnp.split(gates, 2, axis=-1)
        product = recurrent[:, 2 * units :] + params.candidate_bias[None]
        n = activations.tanh(inputs[:, 2 * units :] + r * product)
        return ((1 - z) * n + z * h,)

    return recurrent_layer(
        *(who, GRU, init, _projections, cell),
        **{"carries": 1, "every_step": every_step, "reverse": reverse},
    )


def _projections(params: Elman | LSTM | GRU) -> tuple[Dense, Dense]:
    return params.input, params.recurrent
