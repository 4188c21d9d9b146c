"""Recurrent layers, attention and positional encodings, against NumPy in float64."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import losses
import nn

BATCH, TIME, IN, UNITS = 4, 5, 3, 2
LENGTHS = np.array([5, 3, 1, 0])
MASK: Any = np.arange(TIME) < LENGTHS[:, None]
CELLS = {"elman": nn.elman, "lstm": nn.lstm, "gru": nn.gru}
every_cell = pytest.mark.parametrize("name", CELLS)


def normal(*shape, seed=0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def drawn(layer):
    """Parameters of the layer's shapes, drawn by NumPy."""
    params, _ = jax.eval_shape(layer.init, jax.random.key(0))
    random = np.random.default_rng(1)
    return jax.tree.map(lambda p: random.normal(size=p.shape).astype(np.float32), params)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elman_step(p, x, h):
    return (np.tanh(x @ p.input.weight + p.input.bias + h[0] @ p.recurrent.weight),)


def lstm_step(p, x, carry):
    h, c = carry
    i, f, g, o = np.split(x @ p.input.weight + p.input.bias + h @ p.recurrent.weight, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(p, x, carry):
    (h,) = carry
    of_x = np.split(x @ p.input.weight + p.input.bias, 3)
    of_h = np.split(h @ p.recurrent.weight, 3)
    r, z = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
    n = np.tanh(of_x[2] + r * (of_h[2] + p.candidate_bias))
    return ((1 - z) * n + z * h,)


STEPS = {"elman": elman_step, "lstm": lstm_step, "gru": gru_step}


def sequence(name, params, steps, reverse):
    """The hidden state after each of one sequence's steps, in float64, each at its step's place."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    carry, outputs = (np.zeros(UNITS),) * (2 if name == "lstm" else 1), []
    for x in steps[::-1] if reverse else steps:
        carry = STEPS[name](p, x.astype(np.float64), carry)
        outputs.append(carry[0])
    last = carry[0]
    return np.array(outputs[::-1] if reverse else outputs).reshape(-1, UNITS), last


@pytest.mark.parametrize("reverse", [False, True])
@every_cell
def test_a_recurrent_layer_reads_the_real_steps_of_each_sequence(name, reverse):
    every, last = (
        CELLS[name](IN, UNITS, reverse=reverse, every_step=every_step)
        for every_step in (True, False)
    )
    params, x = drawn(every), normal(BATCH, TIME, IN)

    @jax.jit
    def both(x):
        return [layer.apply(params, (), x, mask=MASK)[0] for layer in (every, last)]

    y, final = both(x)
    for row, length in enumerate(LENGTHS):
        steps, state = sequence(name, params, x[row, :length], reverse)
        np.testing.assert_allclose(y[row, :length], steps, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(y[row, length:], 0.0)
        np.testing.assert_allclose(final[row], state, rtol=1e-5, atol=1e-6)


@every_cell
def test_a_step_hidden_within_a_sequence_is_as_if_it_were_not_there(name):
    layer = CELLS[name](IN, UNITS)
    params, x = drawn(layer), normal(1, TIME, IN)
    real = np.array([False, True, True, False, True])
    apply = jax.jit(lambda x, mask: layer.apply(params, (), x, mask=mask)[0])
    y = apply(x, real[None])
    np.testing.assert_allclose(y[0, real], apply(x[:, real], None)[0], rtol=1e-6, atol=1e-6)


@every_cell
def test_a_sequence_of_no_steps_ends_in_zeros(name):
    layer = CELLS[name](IN, UNITS, every_step=False)
    y, _ = layer.apply(drawn(layer), (), normal(BATCH, 0, IN))
    np.testing.assert_array_equal(y, np.zeros((BATCH, UNITS)))


@every_cell
def test_recurrent_weights_start_orthogonal_for_each_gate_and_forget_gates_open(name):
    params, _ = jax.jit(CELLS[name](7, 5).init)(jax.random.key(0))
    gates = np.split(np.asarray(params.recurrent.weight), params.recurrent.weight.shape[1] // 5, 1)
    for weight in gates:
        np.testing.assert_allclose(weight.T @ weight, np.eye(5), atol=1e-5)
    assert not any(np.allclose(weight, gates[0]) for weight in gates[1:])
    biases = np.split(np.asarray(params.input.bias), len(gates))
    expected = [0, 1, 0, 0] if name == "lstm" else [0] * len(gates)
    np.testing.assert_array_equal([bias.mean() for bias in biases], expected)


@every_cell
def test_the_weights_of_a_recurrent_layer_are_what_losses_count_as_weights(name):
    params = drawn(CELLS[name](IN, UNITS))
    expected = sum(np.sum(part.weight.astype(np.float64) ** 2) for part in params[:2])
    assert float(losses.l2(params)) == pytest.approx(expected, rel=1e-6)


@every_cell
def test_a_recurrent_layer_has_one_product_for_all_inputs_and_one_a_step(name):
    layer = CELLS[name](IN, UNITS)

    def program(time):
        params, x = drawn(layer), normal(BATCH, time, IN)
        return jax.make_jaxpr(lambda x: layer.apply(params, (), x, mask=MASK[:, :1])[0])(x)

    names = [eqn.primitive.name for eqn in program(1).eqns]
    (loop,) = (eqn for eqn in program(1).eqns if eqn.primitive.name == "scan")
    inside = [eqn.primitive.name for eqn in loop.params["jaxpr"].eqns]
    assert names.count("dot_general") == inside.count("dot_general") == 1


def test_an_lstm_adds_up_its_cell_in_float32_even_in_bfloat16():
    zeros, steps = np.zeros((1, 4)), 600
    bias = np.array([50, 50, math.atanh(2**-10), 50])  # gates open: c grows by 2^-10 a step
    params = nn.LSTM(nn.Dense(zeros, bias), nn.Dense(zeros, None))
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), params)
    layer = nn.lstm(1, 1, every_step=False)
    y, _ = layer.apply(params, (), jnp.zeros((1, steps, 1), jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    assert float(y[0, 0]) == pytest.approx(math.tanh(steps * 2**-10), rel=2**-8)


def attended(params, x, heads, causal):
    """Attention over one sequence, in float64."""
    wide = [(np.asarray(w, np.float64), np.asarray(b, np.float64)) for w, b in params]
    q, k, v = (np.split(x.astype(np.float64) @ w + b, heads, axis=-1) for w, b in wide[:3])
    outputs = []
    for head in range(heads):
        logits = q[head] @ k[head].T / np.sqrt(q[head].shape[-1])
        logits = np.where(np.tri(len(x)) > 0, logits, -np.inf) if causal else logits
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        outputs.append(weights / weights.sum(-1, keepdims=True) @ v[head])
    return np.concatenate(outputs, axis=-1) @ wide[3][0] + wide[3][1]


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_a_softmax_over_the_real_steps_of_each_head(causal):
    layer = nn.attention(6, heads=3, causal=causal)
    params, x = drawn(layer), normal(BATCH, TIME, 6)
    y, _ = jax.jit(lambda x: layer.apply(params, (), x, mask=MASK))(x)
    for row, length in enumerate(LENGTHS):
        if length:
            expected = attended(params, x[row, :length], 3, causal)
            np.testing.assert_allclose(y[row, :length], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(y[row, length:], 0.0)


def test_attention_in_float64_keeps_its_digits():
    layer = nn.attention(6, heads=2, causal=True)
    params, x = drawn(layer), normal(1, TIME, 6)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
        y, _ = jax.jit(lambda x: layer.apply(wide, (), x))(x.astype(np.float64))
    np.testing.assert_allclose(y[0], attended(params, x[0], 2, True), rtol=1e-12)


def test_sinusoidal_positions_are_the_waves_of_the_formula():
    y, _ = nn.sinusoidal_positions(5).apply((), (), np.ones((2, 3000, 5), np.float32))
    for step, feature in ((0, 0), (1, 1), (7, 2), (2999, 3), (2999, 4)):
        phase = step / 10000 ** (2 * (feature // 2) / 5)
        expected = 1 + (math.cos(phase) if feature % 2 else math.sin(phase))
        assert float(y[1, step, feature]) == pytest.approx(expected, abs=3e-7)


def test_learned_positions_add_the_vector_of_each_step():
    layer = nn.learned_positions(7, IN)
    params, x = drawn(layer), normal(2, TIME, IN)
    np.testing.assert_array_equal(layer.apply(params, (), x)[0], x + params.weight[:TIME])
    with pytest.raises(ValueError, match=r"at most 7 steps, got shape \(2, 8, 3\)"):
        layer.apply(params, (), normal(2, 8, IN))


def test_concatenate_joins_the_outputs_of_layers_that_have_keys_of_their_own():
    drop = nn.dropout(0.5)
    layer = nn.concatenate(drop, nn.dense(8, 3), drop)
    params, state = jax.jit(layer.init)(jax.random.key(0))
    y, _ = layer.apply(params, state, np.ones((2, 8), np.float32), key=jax.random.key(1))
    assert y.shape == (2, 19)
    assert not np.array_equal(y[:, :8], y[:, 11:])
    with pytest.raises(ValueError, match=r"differ in size last, got \(2, 5, 3\), \(2, 3\)"):
        nn.concatenate(drop, nn.global_avg_pool()).apply(((), ()), ((), ()), normal(2, 5, 3))
