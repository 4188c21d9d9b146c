"""Penalties: the leaves they apply to, their values, and their gradient at zero."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

import losses


class Dense(NamedTuple):
    weight: jax.Array  # [in_dim, out_dim]
    bias: jax.Array  # [out_dim]


class BatchNorm(NamedTuple):
    gamma: jax.Array  # [features]
    beta: jax.Array  # [features]


class Slopes(NamedTuple):
    slope: jax.Array  # [features]


def _network():
    first = Dense(_f32([[1.0, -2.0, 0.5]]), _f32([7.0] * 3))
    norm = BatchNorm(_f32([5.0] * 3), _f32([5.0] * 3))
    last = {"weight": _f32([3.0, 0.0]), "bias": _f32([9.0] * 2)}
    return (first, (), norm, Slopes(_f32([0.25] * 3)), [last, None])


def _f32(values):
    return np.array(values, np.float32)


def _elastic(params, **options):
    return losses.elastic_net(params, l1_ratio=0.25, **options)


_PENALTIES = {
    "l1": (losses.l1, lambda w: np.abs(w).sum()),
    "l2": (losses.l2, lambda w: (w**2).sum()),
    "elastic_net": (_elastic, lambda w: 0.25 * np.abs(w).sum() + 0.75 * (w**2).sum()),
}
every_penalty = pytest.mark.parametrize(
    ("penalty", "oracle"), _PENALTIES.values(), ids=_PENALTIES.keys()
)


@every_penalty
def test_only_leaves_named_weight_are_penalised(penalty, oracle):
    weights = np.array([1.0, -2.0, 0.5, 3.0, 0.0])
    value, slopes = jax.jit(jax.value_and_grad(penalty))(_network())
    np.testing.assert_allclose(value, oracle(weights), rtol=1e-6)
    assert np.all(slopes[0].weight)
    for leaf in (slopes[0].bias, *slopes[2], slopes[3].slope, slopes[4][0]["bias"]):
        np.testing.assert_array_equal(leaf, 0)


@every_penalty
def test_a_bare_array_is_penalised_and_select_chooses_other_leaves(penalty, oracle):
    leaf = _f32([[0.5, -1.5], [2.0, 0.0]])

    @jax.jit
    def three_selections(leaf, network):
        by_path = penalty(network, select=lambda path, leaf: path == (2, "gamma"))
        by_leaf = penalty(network, select=lambda path, leaf: leaf.ndim == 2)
        return penalty(leaf), by_path, by_leaf

    selected = leaf, np.full(3, 5.0), np.array([1.0, -2.0, 0.5])
    expected = [oracle(entries) for entries in selected]
    np.testing.assert_allclose(three_selections(leaf, _network()), expected, rtol=1e-6)


def test_a_path_is_made_of_plain_names_and_positions():
    seen = []
    losses.l2(_network(), select=lambda path, _: seen.append(path) or True)
    assert seen == [
        (0, "weight"),
        (0, "bias"),
        (2, "gamma"),
        (2, "beta"),
        (3, "slope"),
        (4, 0, "bias"),
        (4, 0, "weight"),
    ]


def test_a_mask_of_jax_and_one_of_optax_are_true_for_the_leaves_that_are_penalised():
    expected = jax.tree.map(lambda leaf: False, _network())
    expected = (Dense(True, False), *expected[1:4], [{"weight": True, "bias": False}, None])
    assert jax.tree_util.tree_map_with_path(losses.is_weight, _network()) == expected
    assert losses.weight_mask(_network()) == expected
    for mask in (losses.weight_mask, losses.weight_mask(_network())):
        decay = optax.masked(optax.add_decayed_weights(0.5), mask)
        zeros = jax.tree.map(np.zeros_like, _network())
        updates, _ = decay.update(zeros, decay.init(_network()), _network())
        halves = jax.tree.map(
            lambda leaf, shown: leaf * np.float32(0.5 * shown), _network(), expected
        )
        jax.tree.map(np.testing.assert_array_equal, updates, halves)
    gammas = losses.weight_mask(_network(), select=lambda path, leaf: path == (2, "gamma"))
    assert [i for i, shown in enumerate(jax.tree.leaves(gammas)) if shown] == [2]


# As these libraries name their parameters: flax (linen, nnx), haiku, equinox.
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("params", "Dense_0", "kernel"), True),
        (("params", "Dense_0", "bias"), False),
        (("LayerNorm_0", "scale"), False),
        (("Embed_0", "embedding"), False),
        (("PReLU_0", "negative_slope"), False),
        ((DictKey("kernel"), GetAttrKey("value")), True),
        ((GetAttrKey("bias"), GetAttrKey("value")), False),
        (("attention", "value", "kernel"), True),
        (("lstm/linear", "w"), True),
        (("lstm/linear", "b"), False),
        ((GetAttrKey("layers"), SequenceKey(1), GetAttrKey("weight")), True),
        ((GetAttrKey("cell"), GetAttrKey("weight_hh")), True),
        ((FlattenedIndexKey(1),), False),
        ((), True),
    ],
)
def test_weights_are_known_by_the_names_of_other_libraries(path, expected):
    leaf = np.ones(2, np.float32)
    assert losses.is_weight(path, leaf) is expected


def test_a_path_that_is_one_string_is_an_error():
    with pytest.raises(TypeError, match="a tuple of names, got the string 'params/kernel'"):
        losses.is_weight("params/kernel", np.ones(2))


def test_a_mask_that_selects_nothing_and_leaves_that_are_no_arrays_are_told_apart():
    activation = {"weight": _f32([1.0]), "activation": jax.nn.relu, "rate": 0.5}
    assert losses.weight_mask(activation) == {"weight": True, "activation": False, "rate": False}
    assert float(losses.l2(activation)) == 1
    with pytest.raises(ValueError, match=r"weight_mask: no leaf is selected.*'gamma'.*select="):
        losses.weight_mask(BatchNorm(_f32([1.0]), _f32([1.0])))
    with pytest.raises(ValueError, match="weight_mask: no leaf"):
        optax.adamw(0.1, mask=losses.weight_mask).init({"bias": _f32([1.0])})
    with pytest.raises(TypeError, match=r"\('activation',\) must hold real numbers, got"):
        losses.l2(activation, select=lambda path, leaf: True)


@every_penalty
def test_at_zero_the_gradient_is_zero_in_both_modes(penalty, oracle):
    zeros = np.zeros((2, 3), np.float32)
    value, reverse = jax.jit(jax.value_and_grad(penalty))(zeros)
    assert float(value) == oracle(zeros) == 0
    np.testing.assert_array_equal(reverse, zeros)
    np.testing.assert_array_equal(jax.jit(jax.jacfwd(penalty))(zeros), zeros)


@every_penalty
def test_a_penalty_of_no_leaf_raises_an_error(penalty, oracle):
    del oracle
    with pytest.raises(ValueError, match=r"no leaf is selected.*'weight'.*'gamma'.*select="):
        penalty(BatchNorm(_f32([1.0]), _f32([1.0])))
    with pytest.raises(ValueError, match="no leaf is selected"):
        penalty(())
    with pytest.raises(ValueError, match="no leaf is selected"):
        penalty(_network(), select=lambda path, leaf: False)


@every_penalty
def test_half_precision_is_summed_in_single_precision(penalty, oracle):
    leaf = np.full(70_000, 300.0, np.float16)
    value, gradient = jax.jit(jax.value_and_grad(penalty))(leaf)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, oracle(np.full(70_000, 300.0)), rtol=1e-5)
    assert gradient.dtype == jnp.float16


@every_penalty
def test_a_jitted_penalty_equals_the_eager_one_and_is_traced_once(penalty, oracle):
    traces = []

    @jax.jit
    def compiled(params):
        traces.append(1)
        return penalty(params)

    for scale in (1.0, -2.0):
        params = jax.tree.map(lambda x, scale=scale: np.float32(scale) * x, _network())
        np.testing.assert_allclose(compiled(params), penalty(params), rtol=1e-6)
    assert compiled(_network()) == pytest.approx(oracle(np.array([1.0, -2.0, 0.5, 3.0, 0.0])))
    assert len(traces) == 1


def test_penalized_lists_each_leaf_with_its_share():
    shares = losses.penalized(_network())
    assert shares == (
        losses.Share(path="0.weight", shape=(1, 3), value=5.25, share=5.25 / 14.25),
        losses.Share(path="4.0.weight", shape=(2,), value=9.0, share=9.0 / 14.25),
    )
    by_size = losses.penalized(_network(), penalty=losses.l1)
    assert [leaf.value for leaf in by_size] == [3.5, 3.0]
    assert losses.penalized(np.zeros(3, np.float32)) == (
        losses.Share(path="", shape=(3,), value=0.0, share=0.0),
    )


def test_a_share_has_a_short_repr_an_html_form_and_equality_by_value():
    def share(path="0.<weight>", value=math.nan):
        return losses.Share(path=path, shape=(1, 3), value=value, share=0.25)

    assert repr(share()) == "Share(0.<weight> (1, 3): nan, 25.0% of the penalty)"
    assert "<td>0.&lt;weight&gt;</td>" in share()._repr_html_()
    assert share() == share(value=float("nan"))
    assert hash(share()) == hash(share(value=float("nan")))
    assert share() != share(value=1.0)
    assert share() != share(path="1.weight")
    with pytest.raises(dataclasses.FrozenInstanceError):
        share().value = 0.0
    with pytest.raises(TypeError, match="positional"):
        losses.Share("0.weight", (1, 3), 0.5, 1.0)


def test_a_selected_leaf_that_does_not_hold_real_numbers_raises_an_error():
    for leaf in (np.ones(3, np.complex64), jax.random.key(0)):
        with pytest.raises(TypeError, match=r"\('weight',\) must hold real numbers"):
            losses.l2({"weight": leaf})
