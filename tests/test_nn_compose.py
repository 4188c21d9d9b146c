"""Combinators: serial, residual, repeat and mlp."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import exact_on_cpus

import nn


def normal(shape) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def shapes(model):
    """The shapes of a model's parameters and state."""
    return jax.eval_shape(model.init, jax.random.key(0))


def test_serial_equals_its_layers_one_after_the_other():
    layers = (nn.dense(3, 4), nn.activation(nn.tanh), nn.batch_norm(4))
    model = nn.serial(*layers)
    params, state = jax.jit(model.init)(jax.random.key(0))
    assert len(params) == len(state) == 3

    @jax.jit
    def both(params, state, x):
        expected = x
        for layer, p, s in zip(layers, params, state, strict=True):
            expected, _ = layer.apply(p, s, expected, train=True)
        return model.apply(params, state, x, train=True)[0], expected

    np.testing.assert_array_equal(*both(params, state, normal((5, 3))))


def test_parameters_of_another_number_of_layers_raise_an_error_in_serial():
    model = nn.serial(nn.activation(nn.relu), nn.activation(nn.tanh))
    with pytest.raises(ValueError, match=r"params and state of 2 layers, got 1 and 2"):
        model.apply(((),), ((), ()), normal((5, 3)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([nn.dense(2, 3)], r"serial expected a Layer, got a list of 1: take it apart, serial\("),
        (nn.dropout, r"serial .* got dropout, which makes a layer: call dropout\(\)"),
        (nn.relu, r"serial .* got <function relu.*wrap a function as nn.activation"),
    ],
)
def test_what_is_no_layer_is_told_how_to_become_one(wrong, message):
    with pytest.raises(TypeError, match=message):
        nn.serial(nn.dense(4, 2), wrong)
    with pytest.raises(TypeError, match=r"got a list of 1: make it one, nn.serial\(\*layers\)"):
        nn.residual([nn.dense(2, 2)])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"activation .* got prelu, which makes a layer: call"):
        nn.activation(nn.prelu)


def test_an_input_that_is_no_array_is_told_how_to_become_one():
    layer = nn.dense(2, 2)
    params, state = layer.init(jax.random.key(0))
    with pytest.raises(TypeError, match=r"dense\(2, 2\) .* a list of 1; .* jax.numpy.asarray"):
        layer.apply(params, state, [[1.0, 2.0]])  # pyright: ignore[reportArgumentType]
    pair: Any = layer.apply(params, state, jnp.ones((1, 2)))
    with pytest.raises(TypeError, match=r"a tuple of 2; .* two things, y, state = layer.apply"):
        layer.apply(params, state, pair)


def test_a_number_is_no_key():
    model = nn.serial(nn.dense(4, 2), nn.dropout(0.5))
    with pytest.raises(TypeError, match=r"init expected a key, got 3: make one, jax.random.key\(3"):
        model.init(3)
    params, state = model.init(jax.random.key(3))
    x = jnp.ones((2, 4))
    for call in (model.apply, functools.partial(nn.monte_carlo, model, samples=2)):
        with pytest.raises(TypeError, match="expected a key, got 3"):
            call(params, state, x, key=3)
    with pytest.raises(TypeError, match="expected a key, got 3"):
        nn.dropout(0.5).apply((), (), x, key=3)


def test_residual_adds_the_input_and_passes_key_train_and_mask_to_its_layer():
    inner = nn.serial(nn.batch_norm(3), nn.dropout(0.5))
    block = nn.residual(inner)
    params, state = jax.jit(block.init)(jax.random.key(0))

    @jax.jit
    def both(x, key):
        settings = {"train": True, "mask": np.arange(5) < 4}
        y, after = block.apply(params, state, x, key=jax.random.clone(key), **settings)
        inside, expected = inner.apply(params, state, x, key=key, **settings)
        return (y, after[0].mean), (x + inside, expected[0].mean)

    for ours, expected in zip(*both(normal((5, 3)), jax.random.key(2)), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_repeat_equals_its_copies_in_a_loop_with_a_key_for_each():
    block = nn.serial(nn.dense(3, 3), nn.batch_norm(3), nn.dropout(0.5))
    deep = nn.repeat(block, 4)
    params, state = jax.jit(deep.init)(jax.random.key(0))
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


def test_the_program_of_repeat_does_not_grow_with_the_number_of_copies():
    def program(n):
        deep = nn.repeat(nn.residual(nn.mlp((8, 8, 8), batch_norm=True, dropout=0.1)), n)
        params, state = jax.eval_shape(deep.init, jax.random.key(0))
        x = jax.ShapeDtypeStruct((5, 8), jnp.float32)

        def loss(params, state, x, key):
            return deep.apply(params, state, x, key=key, train=True)[0].sum()

        lowered = jax.jit(jax.grad(loss)).lower(params, state, x, jax.random.key(1))
        return lowered.as_text().count("\n")

    assert program(24) == program(2)


def test_repeat_of_a_layer_that_changes_the_dtype_raises_an_error():
    widen = nn.stateless(lambda _: (), lambda _, x: x.astype(jnp.float32))
    with pytest.raises(TypeError, match=r"repeat expected its layer to keep bfloat16, got float32"):
        nn.repeat(widen, 2).apply((), (), normal((2, 3)).astype(jnp.bfloat16))


def test_mlp_has_dense_batch_norm_activation_dropout_and_a_dense_at_the_end():
    params, state = shapes(nn.mlp((3, 5, 4, 2), batch_norm=True, dropout=0.1))
    kinds = [type(p).__name__ for p in params]
    assert kinds == ["Dense", "BatchNorm", "tuple", "tuple"] * 2 + ["Dense"]
    assert [p.bias is None for p in params if isinstance(p, nn.Dense)] == [True, True, False]
    assert [p.weight.shape for p in params if isinstance(p, nn.Dense)] == [(3, 5), (5, 4), (4, 2)]
    assert state[1].mean.shape == (5,)


def test_mlp_with_layer_norm_has_biases_and_its_weights_are_drawn_by_weight_init():
    ones = jax.nn.initializers.ones
    params, _ = nn.mlp((3, 5, 2), layer_norm=True, weight_init=ones).init(jax.random.key(0))
    assert [type(p).__name__ for p in params] == ["Dense", "LayerNorm", "tuple", "Dense"]
    assert params[0].bias.shape == (5,)
    assert all((np.asarray(p.weight) == 1).all() for p in (params[0], params[3]))


def test_mlp_by_default_has_dense_and_activation_alone():
    model = nn.mlp((3, 5, 2), activation=nn.tanh)
    params, state = jax.jit(model.init)(jax.random.key(0))
    first, _, last = jax.tree.map(np.asarray, params)
    x = normal((4, 3))
    expected = np.tanh(x @ first.weight + first.bias) @ last.weight + last.bias
    y, _ = jax.jit(model.apply)(params, state, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_mlp_gives_each_hidden_layer_its_own_parameters_of_an_activation_layer():
    params, _ = shapes(nn.mlp((3, 5, 4, 2), activation=nn.prelu()))
    assert [p.slope.shape for p in params if isinstance(p, nn.PReLU)] == [(), ()]
    params, _ = shapes(nn.mlp((3, 5, 5, 2), activation=nn.prelu(5)))
    assert [p.slope.shape for p in params if isinstance(p, nn.PReLU)] == [(5,), (5,)]


def test_stateless_returns_the_state_and_ignores_the_switches():
    layer = nn.stateless(lambda _: np.float32(2.0), lambda p, x: p * x)
    x = np.ones(3, np.float32)
    y, state = layer.apply(np.float32(2.0), (), x, train=True, mask=np.ones(3, bool))
    np.testing.assert_array_equal(y, 2.0)
    assert state == ()


def test_the_init_of_repeat_compiles_what_one_layer_does_and_joins_the_copies(caplog):
    # Shapes of their own, so that nothing is compiled before.
    layer = nn.serial(nn.dense(13, 13), nn.batch_norm(13))
    with jax.log_compiles():
        layer.init(jax.random.key(0))
        of_one = len(compiled(caplog))
        nn.repeat(layer, 7).init(jax.random.key(0))
    more = compiled(caplog)[of_one:]
    assert of_one
    assert len(more) == 3  # a stack for each shape: of matrices, of vectors, of single numbers
    assert all("jit(stack)" in line for line in more)


def compiled(caplog):
    return [line for line in caplog.messages if "Finished XLA compilation" in line]


@exact_on_cpus
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_the_copies_of_repeat_are_drawn_as_the_layers_written_out_in_a_program_or_not(impl):
    layer, key = nn.dense(3, 3), jax.random.key(5, impl=impl)
    deep = nn.repeat(layer, 4)
    copies = [layer.init(jax.random.fold_in(key, i))[0] for i in range(4)]
    for params in (
        deep.init(key)[0],
        jax.jit(deep.init)(key)[0],
        jax.jit(lambda: deep.init(key))()[0],
    ):
        np.testing.assert_array_equal(params.weight, [copy.weight for copy in copies])


@exact_on_cpus
def test_an_ensemble_of_repeats_is_drawn_as_each_of_them():
    deep, keys = nn.repeat(nn.dense(3, 3), 4), jax.random.split(jax.random.key(1), 2)
    together = jax.vmap(deep.init)(keys)[0]
    for i in range(2):
        np.testing.assert_array_equal(together.weight[i], deep.init(keys[i])[0].weight)


def test_the_init_of_repeat_in_a_program_has_one_copy_of_the_layers_text():
    few, many = (
        jax.jit(nn.repeat(nn.dense(3, 3), n).init).lower(jax.random.key(0)).as_text()
        for n in (2, 64)
    )
    assert len(many) < 1.1 * len(few)
