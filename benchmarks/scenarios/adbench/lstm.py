"""LSTM: the loss of a diagonal-weight LSTM along a sequence, by one scan for all layers."""

import jax
import jax.numpy as jnp
import numpy as np


def objective(
    main: jax.Array, extra: jax.Array, state: jax.Array, sequence: jax.Array
) -> jax.Array:
    """Compute the mean negative log-likelihood of each next character: `[]`.

        x = sequence[t] extra[0];  layer by layer x = h_t;  y = x extra[1] + extra[2]
        loss = -sum_t sequence[t + 1] . (y - log(2 + sum exp(y))) / ((c - 1) b)

    The 2 is ADBench's.

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
    outputs = last_layer(sequence[:-1] * extra[0], main, state)
    y = outputs * extra[1] + extra[2]
    log_probabilities = y - jnp.log(2 + jnp.sum(jnp.exp(y), axis=1, keepdims=True))
    return -jnp.mean(sequence[1:] * log_probabilities)


def last_layer(x: jax.Array, main: jax.Array, state: jax.Array) -> jax.Array:
    """Compute the hidden states `[c, b]` of the last of `l` layers along the inputs `[c, b]`.

        forget, output = sigmoid(x w0 + b0), sigmoid(x w2 + b2)
        input, change = sigmoid(h w1 + b1), tanh(h w3 + b3)
        cell = cell forget + input change;  h = output tanh(cell)

    A step takes all layers at once, as one vector of `l b` numbers. Each layer is one character
    behind the layer below it, whose hidden state of the step before is its input. So there are
    c + l - 1 steps and not c l, and a step of so few numbers costs what it takes to start it.
    A layer rests until the first character reaches it.

    Args:
        x: `[c, b]` inputs of the first layer.
        main: `[l, 2, 4b]` weights and biases of the gates forget, input, output, change.
        state: `[l, 2, b]` initial hidden and cell state.

    Example:
        >>> main, state = jnp.zeros((3, 2, 8)), jnp.zeros((3, 2, 2))
        >>> jax.jit(last_layer)(jnp.ones((5, 2)), main, state)[0]
        Array([0., 0.], dtype=float32)
    """
    (layers, _, width), characters = state.shape, len(x)
    by_gate = main.reshape(layers, 2, 4, width).transpose(1, 2, 0, 3)
    weight, bias = by_gate.reshape(2, 4, layers * width)

    # The gates are cheaper to compute again, backwards, than to store and load at every step.
    @jax.checkpoint
    def step(carry: tuple, inputs: tuple) -> tuple:
        hidden, cell = carry
        x, awake = inputs
        below = jnp.concatenate([x, hidden[:-width]])
        forget, output = (jax.nn.sigmoid(below * weight[k] + bias[k]) for k in (0, 2))
        taken = jax.nn.sigmoid(hidden * weight[1] + bias[1])
        next_cell = cell * forget + taken * jnp.tanh(hidden * weight[3] + bias[3])
        next_hidden = output * jnp.tanh(next_cell)
        carry = jnp.where(awake, next_hidden, hidden), jnp.where(awake, next_cell, cell)
        return carry, next_hidden[-width:]

    delay = layers - 1
    awake = np.arange(characters + delay)[:, None] >= np.repeat(np.arange(layers), width)
    inputs = jnp.pad(x, ((0, delay), (0, 0))), jnp.asarray(awake)
    initial = state[:, 0].ravel(), state[:, 1].ravel()
    return jax.lax.scan(step, initial, inputs)[1][delay:]
