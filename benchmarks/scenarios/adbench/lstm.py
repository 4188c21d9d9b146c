"""LSTM: the loss of a diagonal-weight LSTM along a sequence, by a scan for each layer."""

import jax
import jax.numpy as jnp


def objective(
    main: jax.Array, extra: jax.Array, state: jax.Array, sequence: jax.Array
) -> jax.Array:
    """Compute the mean negative log-likelihood of each next character: `[]`.

        x = sequence[t] extra[0];  layer by layer x = h_t;  y = x extra[1] + extra[2]
        loss = -sum_t sequence[t + 1] . (y - log(2 + sum exp(y))) / ((c - 1) b)

    The 2 is ADBench's. Each layer runs over the whole sequence before the next one starts, which
    gives the same numbers and takes half of the gates out of the scan.

    Args:
        main: `[l, 2, 4b]` weights and biases of each layer's four gates.
        extra: `[3, b]` scale of the inputs, scale and bias of the outputs.
        state: `[l, 2, b]` initial hidden and cell state of each layer.
        sequence: `[c, b]` the characters.

    Example:
        >>> zeros = jnp.zeros((1, 2, 8)), jnp.zeros((3, 2)), jnp.zeros((1, 2, 2))
        >>> round(float(jax.jit(objective)(*zeros, jnp.ones((3, 2)))), 6)  # log(2 + 2)
        1.386294
    """
    x = sequence[:-1] * extra[0]
    for (weight, bias), (hidden, cell) in zip(main, state, strict=True):
        x = layer(x, weight.reshape(4, -1), bias.reshape(4, -1), hidden, cell)
    y = x * extra[1] + extra[2]
    log_probabilities = y - jnp.log(2 + jnp.sum(jnp.exp(y), axis=1, keepdims=True))
    return -jnp.mean(sequence[1:] * log_probabilities)


def layer(
    x: jax.Array, weight: jax.Array, bias: jax.Array, hidden: jax.Array, cell: jax.Array
) -> jax.Array:
    """Compute the hidden states `[c, b]` of one layer along the inputs `[c, b]`.

        forget, output = sigmoid(x w0 + b0), sigmoid(x w2 + b2)
        input, change = sigmoid(h w1 + b1), tanh(h w3 + b3)
        cell = cell forget + input change;  h = output tanh(cell)

    The forget and the output gate depend on the inputs alone, and are computed for all steps at
    once.

    Args:
        x: `[c, b]` inputs.
        weight: `[4, b]` weights of the gates forget, input, output, change.
        bias: `[4, b]` their biases.
        hidden: `[b]` initial hidden state.
        cell: `[b]` initial cell state.

    Example:
        >>> weight, hidden = jnp.zeros((4, 2)), jnp.zeros(2)
        >>> jax.jit(layer)(jnp.ones((3, 2)), weight, weight, hidden, hidden)[0]
        Array([0., 0.], dtype=float32)
    """

    def step(carry: tuple, gates: tuple) -> tuple:
        hidden, cell = carry
        forget, output = gates
        change = jax.nn.sigmoid(hidden * weight[1] + bias[1]) * jnp.tanh(
            hidden * weight[3] + bias[3]
        )
        cell = cell * forget + change
        hidden = output * jnp.tanh(cell)
        return (hidden, cell), hidden

    gates = jax.nn.sigmoid(x * weight[0] + bias[0]), jax.nn.sigmoid(x * weight[2] + bias[2])
    return jax.lax.scan(step, (hidden, cell), gates)[1]
