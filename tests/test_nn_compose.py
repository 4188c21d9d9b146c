"""Combinators: serial, residual, repeat, mlp, and `saturation`, which looks through them all."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn


def normal(shape) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_serial_is_composition_and_keeps_one_entry_a_layer():
    layers = (nn.dense(3, 4), nn.activation(nn.tanh), nn.batch_norm(4))
    model = nn.serial(*layers)
    params, state = model.init(jax.random.key(0))
    assert len(params) == len(state) == 3
    x = normal((5, 3))
    y, _ = model.apply(params, state, x, train=True)
    expected = x
    for layer, p, s in zip(layers, params, state, strict=True):
        expected, _ = layer.apply(p, s, expected, train=True)
    np.testing.assert_array_equal(y, expected)


def test_serial_refuses_the_parameters_of_another_network():
    model = nn.serial(nn.dense(3, 4), nn.activation(nn.tanh))
    params, state = model.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"params and state of 2 layers, got 1 and 2"):
        model.apply(params[:1], state, jnp.ones((5, 3)))


def test_residual_adds_the_input_and_passes_key_train_and_mask_on():
    inner = nn.serial(nn.batch_norm(3), nn.dropout(0.5))
    block = nn.residual(inner)
    params, state = block.init(jax.random.key(0))
    x = normal((5, 3))
    settings = {"key": jax.random.key(2), "train": True, "mask": jnp.arange(5) < 4}
    y, after = block.apply(params, state, x, **settings)
    inside, expected = inner.apply(params, state, x, **settings)
    np.testing.assert_array_equal(y, x + inside)
    np.testing.assert_array_equal(after[0].mean, expected[0].mean)


def test_repeat_is_its_copies_in_a_loop_each_with_randomness_of_its_own():
    block = nn.serial(nn.dense(3, 3), nn.batch_norm(3), nn.dropout(0.5))
    deep = nn.repeat(block, 4)
    params, state = deep.init(jax.random.key(0))
    x = normal((5, 3))
    y, after = jax.jit(functools.partial(deep.apply, train=True))(
        params, state, x, key=jax.random.key(2)
    )
    one_copy = jax.jit(functools.partial(block.apply, train=True))
    for i in range(4):
        p, s = jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], (params, state))
        x, s = one_copy(p, s, x, key=jax.random.fold_in(jax.random.key(2), i))
        np.testing.assert_allclose(after[1].mean[i], s[1].mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-6)


def test_repeat_compiles_the_same_program_however_many_copies_there_are():
    def program(n):
        deep = nn.repeat(nn.residual(nn.mlp((8, 8, 8), batch_norm=True, dropout=0.1)), n)
        params, state = jax.eval_shape(deep.init, jax.random.key(0))
        x = jax.ShapeDtypeStruct((5, 8), jnp.float32)

        def loss(params, state, x, key):
            return deep.apply(params, state, x, key=key, train=True)[0].sum()

        lowered = jax.jit(jax.grad(loss)).lower(params, state, x, jax.random.key(1))
        return lowered.as_text().count("\n")

    assert program(24) == program(2)


def test_repeat_needs_a_layer_that_keeps_the_dtype():
    widen = nn.stateless(lambda _: (), lambda _, x: x.astype(jnp.float32))
    with pytest.raises(TypeError, match=r"repeat expected its layer to keep bfloat16, got float32"):
        nn.repeat(widen, 2).apply((), (), jnp.ones((2, 3), jnp.bfloat16))


def test_mlp_is_dense_batch_norm_activation_dropout_and_a_dense_at_the_end():
    params, state = nn.mlp((3, 5, 4, 2), batch_norm=True, dropout=0.1).init(jax.random.key(0))
    kinds = [type(p).__name__ for p in params]
    assert kinds == ["Dense", "BatchNorm", "tuple", "tuple"] * 2 + ["Dense"]
    assert [p.bias is None for p in params if isinstance(p, nn.Dense)] == [True, True, False]
    assert [p.weight.shape for p in params if isinstance(p, nn.Dense)] == [(3, 5), (5, 4), (4, 2)]
    assert state[1].mean.shape == (5,)


def test_mlp_without_extras_is_dense_and_activation_alone():
    model = nn.mlp((3, 5, 2), activation=nn.tanh)
    params, state = model.init(jax.random.key(0))
    first, _, last = params
    x = normal((4, 3))
    expected = np.tanh(x @ np.asarray(first.weight) + first.bias) @ last.weight + last.bias
    np.testing.assert_allclose(model.apply(params, state, x)[0], expected, rtol=1e-5, atol=1e-6)


def test_mlp_with_a_layer_for_activation_gives_each_hidden_layer_parameters_of_its_own():
    params, _ = nn.mlp((3, 5, 4, 2), activation=nn.prelu()).init(jax.random.key(0))
    assert [p.slope.shape for p in params if isinstance(p, nn.PReLU)] == [(), ()]
    params, _ = nn.mlp((3, 5, 5, 2), activation=nn.prelu(5)).init(jax.random.key(0))
    assert [p.slope.shape for p in params if isinstance(p, nn.PReLU)] == [(5,), (5,)]


def test_stateless_hands_back_the_state_and_ignores_the_switches():
    layer = nn.stateless(lambda _: jnp.float32(2.0), lambda p, x: p * x)
    y, state = layer.apply(jnp.float32(2.0), (), jnp.ones(3), train=True, mask=jnp.ones(3, bool))
    np.testing.assert_array_equal(y, 2.0)
    assert state == ()


def parallel(*layers):
    """A combinator that the library does not have: the mean of several layers."""

    def init(key):
        pairs = [layer.init(k) for layer, k in zip(layers, jax.random.split(key, 2), strict=True)]
        return [p for p, _ in pairs], {f"branch {i}": s for i, (_, s) in enumerate(pairs)}

    @jax.checkpoint
    def both(params, state, x):
        branches = zip(layers, params, state.values(), strict=True)
        ys, states = zip(*[layer.apply(p, s, x) for layer, p, s in branches], strict=True)
        return sum(ys) / len(ys), dict(zip(state, states, strict=True))

    def apply(params, state, x, /, *, key=None, train=False, mask=None):
        del key, train, mask
        return both(params, state, x)

    return nn.Layer(init, apply)


def test_saturation_sees_through_every_combinator_and_through_user_written_ones():
    sigmoid, relu = nn.activation(nn.sigmoid), nn.activation(nn.relu)
    model = nn.serial(
        sigmoid,
        nn.residual(nn.serial(nn.dropout(0.5), nn.activation(nn.tanh))),
        nn.repeat(nn.residual(nn.prelu(4)), 2),
        parallel(relu, nn.activation(nn.elu)),
    )
    params, state = model.init(jax.random.key(0))
    x = jnp.array([[-9.0, 0.0, 9.0, 1.0], [9.0, -1.0, 9.0, 0.0]])
    report = nn.saturation(model, params, state, x)
    assert [row.layer for row in report.layers] == [
        *("0", "1.1", "2[0]", "2[1]", "3.branch 0", "3.branch 1")
    ]
    assert [row.activation for row in report.layers] == [
        *("sigmoid", "tanh", "prelu", "prelu", "relu", "elu")
    ]
    assert report.layers[0].saturated == 0.5
    assert report.layers[0].units == 4


def test_saturation_counts_small_derivatives_and_units_dead_on_every_row():
    model = nn.activation(nn.relu)
    x = jnp.array([[-1.0, 2.0, -3.0], [-4.0, -5.0, -6.0], [-7.0, 8.0, 9.0]])
    (row,) = nn.saturation(model, (), (), x).layers
    assert row.saturated == pytest.approx(6 / 9)
    assert row.dead == pytest.approx(1 / 3)


@pytest.mark.parametrize("threshold", [0.2, 1e-3, 1e-12])
def test_saturation_of_a_sigmoid_is_the_share_of_inputs_beyond_the_known_point(threshold):
    x = jnp.linspace(-40, 40, 4001).reshape(-1, 1)
    (row,) = nn.saturation(nn.activation(nn.sigmoid), (), (), x, threshold=threshold).layers
    beyond = 2 * np.arccosh(1 / (2 * np.sqrt(threshold)))  # the derivative is sech(x / 2)^2 / 4
    assert row.saturated == pytest.approx(np.mean(np.abs(x) > beyond), abs=1e-3)
    assert row.dead == 0


def test_saturation_counts_only_real_rows():
    x = jnp.array([[-1.0, 2.0], [3.0, -4.0], [jnp.nan, 5.0]])
    mask = jnp.array([True, False, False])
    (row,) = nn.saturation(nn.activation(nn.relu), (), (), x, mask=mask).layers
    assert (row.saturated, row.dead) == (0.5, 0.5)


def test_saturation_of_an_activation_that_mixes_its_units_is_not_a_number():
    x = jnp.array([[1.0, 2.0, 3.0]])
    for fn in (nn.softmax, nn.log_softmax):
        (row,) = nn.saturation(nn.activation(fn), (), (), x).layers
        assert np.isnan([row.saturated, row.dead]).all()


def test_saturation_counts_each_use_of_a_shared_layer():
    shared = nn.activation(nn.relu)

    def apply(params, state, x, /, *, key=None, train=False, mask=None):
        del key, train, mask
        y, state = shared.apply(params, state, x)
        return shared.apply(params, state, y - 1)

    twice = nn.Layer(shared.init, apply)
    rows = nn.saturation(twice, (), (), jnp.array([[0.5, 2.0]])).layers
    assert [row.dead for row in rows] == [0.0, 0.5]


def test_watching_a_model_leaves_its_output_and_its_state_alone():
    model = nn.mlp((3, 8, 2), batch_norm=True, dropout=0.5)
    params, state = model.init(jax.random.key(0))
    x = normal((5, 3))
    before, _ = model.apply(params, state, x)
    nn.saturation(model, params, state, x)
    after, same = model.apply(params, state, x)
    np.testing.assert_array_equal(after, before)
    assert jax.tree.structure(same) == jax.tree.structure(state)


def test_the_report_prints_a_row_for_each_activation_layer():
    model = nn.mlp((3, 8, 4, 2), activation=nn.tanh)
    params, state = model.init(jax.random.key(0))
    table = str(nn.saturation(model, params, state, jnp.ones((5, 3)), threshold=1e-3))
    head, *rows = table.splitlines()
    assert head.split() == ["layer", "activation", "units", "|slope|", "<", "0.001", "dead"]
    assert [row.split()[:3] for row in rows] == [["1", "tanh", "8"], ["3", "tanh", "4"]]
