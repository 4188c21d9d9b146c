"""The contract of losses: each loss is one entry of the table, and every test runs on it."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from loss_cases import CASES, ROWS, SHARES, Case, every_loss, one_hot

import losses


def _single(case: Case) -> tuple[np.ndarray, np.ndarray]:
    targets = case.targets if case.targets.ndim == 1 else case.targets.astype(np.float32)
    return case.predictions.astype(np.float32), targets


def _total(case: Case):
    """The sum of a loss over the shown examples."""

    def total(predictions, targets, where=None):
        return jnp.sum(case.loss(predictions, targets, where=where))

    return total


def test_every_public_loss_is_in_the_table():
    others = {"mean", "l1", "l2", "elastic_net", "penalized", "is_weight", "weight_mask"}
    others |= {"check_labels", "class_weights", "per_output", "Share"}
    tested = {getattr(case.loss, "func", case.loss) for case in CASES.values()}
    assert tested == {getattr(losses, name) for name in set(losses.__all__) - others}


@every_loss
def test_a_loss_has_one_value_for_each_example_and_equals_the_oracle(case):
    values = case.loss(*_single(case))
    assert values.shape == (ROWS,)
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, case.oracle(case.predictions, case.targets), rtol=2e-6)


@every_loss
def test_jit_and_vmap_change_no_value_and_new_data_is_not_traced_again(case):
    predictions, targets = _single(case)
    eager = case.loss(predictions, targets)
    traces = []

    @jax.jit
    def one(prediction, target):
        traces.append(prediction.shape)
        return case.loss(prediction, target)

    @jax.jit
    def all_and_mapped(predictions, targets):
        return case.loss(predictions, targets), jax.vmap(case.loss)(predictions, targets)

    one_by_one = [one(p, t) for p, t in zip(predictions, targets, strict=True)]
    assert traces == [predictions.shape[1:]]  # not once for each row
    assert one_by_one[0].shape == ()
    for values in (*all_and_mapped(predictions, targets), one_by_one):
        np.testing.assert_allclose(values, eager, rtol=1e-6)


@every_loss
def test_several_leading_axes_are_batch_axes(case):
    predictions, targets = _single(case)
    stacked = jax.eval_shape(case.loss, predictions[:, None], targets[:, None])
    assert stacked.shape == (ROWS, 1)


@every_loss
def test_forward_reverse_and_central_differences_agree_in_64_bits(case):
    total, targets = _total(case), case.targets
    floating = (0, 1) if np.issubdtype(targets.dtype, np.floating) else (0,)

    @jax.jit
    def three_ways(*arguments):
        numerical = [_central_differences(total, arguments, which) for which in floating]
        forward, reverse = (mode(total, floating) for mode in (jax.jacfwd, jax.jacrev))
        return forward(*arguments), reverse(*arguments), numerical

    with jax.enable_x64(True):
        derivatives = three_ways(case.predictions, targets)
    for forward, reverse, numerical in zip(*derivatives, strict=True):
        assert forward.dtype == jnp.float64
        np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(reverse, numerical, rtol=1e-7, atol=1e-8)


def _central_differences(function, arguments, which, step=1e-5):
    point = arguments[which]

    def at(x):
        return function(*(x if i == which else a for i, a in enumerate(arguments)))

    offsets = step * np.eye(point.size).reshape(point.size, *point.shape)
    after, before = jnp.split(jax.vmap(at)(jnp.concatenate([point + offsets, point - offsets])), 2)
    return ((after - before) / (2 * step)).reshape(point.shape)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=name) for name, c in CASES.items() if c.link is not None]
)
def test_the_gradient_of_a_canonical_loss_is_the_inverse_link_minus_the_target(case):
    assert case.link is not None
    gradient = jax.jit(jax.grad(_total(case)))(*_single(case))
    targets = one_hot(case.targets) if case.targets.ndim == 1 else case.targets
    expected = case.link(case.predictions) - targets
    np.testing.assert_allclose(gradient, expected, rtol=2e-6, atol=1e-7)


@every_loss
def test_hidden_examples_have_value_and_gradient_zero_and_change_no_others(case):
    predictions, targets = _single(case)
    masks = np.array(list(itertools.product([False, True], repeat=ROWS)))
    garbage = np.array([np.nan, np.inf, -np.inf], np.float32)[:, None, None, None]
    p = np.where(masks[:, :, None], predictions, garbage)  # [garbage, masks, rows, outputs]
    if targets.ndim == 1:
        t = np.where(masks, targets, np.where(garbage[..., 0] > 0, 99, -1))
    else:
        t = np.where(masks[:, :, None], targets, garbage)
    where = np.broadcast_to(masks, p.shape[:-1])

    def total(p):
        values = case.loss(p, t, where=where)
        return jnp.sum(values), values

    @jax.jit
    def compute(p):
        reverse, values = jax.grad(total, has_aux=True)(p)
        return values, reverse, jax.jacfwd(total, has_aux=True)(p)[0]

    values, reverse, forward = map(np.asarray, compute(p))
    assert values.shape == (3, 2**ROWS, ROWS)
    assert (values[:, -1] != 0).all()
    np.testing.assert_array_equal(values, np.where(masks, values[:, -1:], 0))
    np.testing.assert_array_equal(reverse, np.where(masks[..., None], reverse[:, -1:], 0))
    np.testing.assert_allclose(forward, reverse, rtol=1e-5, atol=1e-6)


@every_loss
def test_half_precision_is_computed_and_returned_in_single_precision(case):
    predictions, targets = _single(case)
    halves = [predictions.astype(dtype) for dtype in (jnp.bfloat16, jnp.float16)]

    @jax.jit
    def compute(halves):
        return [(*values_and_slopes(x), case.loss(x.astype(jnp.float32), targets)) for x in halves]

    def values_and_slopes(x):
        def total(x):
            values = case.loss(x, targets)
            return jnp.sum(values), values

        slopes, values = jax.grad(total, has_aux=True)(x)
        return values, slopes

    for x, (values, slopes, of_longer) in zip(halves, compute(halves), strict=True):
        assert values.dtype == jnp.float32
        np.testing.assert_array_equal(values, of_longer)
        assert slopes.dtype == x.dtype
        assert np.isfinite(np.asarray(slopes, np.float32)).all()


@every_loss
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_predictions_decide_the_precision_in_64_bit_mode(case, dtype):
    with jax.enable_x64(True):
        predictions = case.predictions.astype(dtype)
        assert jax.eval_shape(case.loss, predictions, case.targets).dtype == dtype


@every_loss
def test_extreme_predictions_give_no_nan_in_value_or_gradient(case):
    probabilities = case.predictions is SHARES
    points = [0, 1, 1e-30, 1 - 6e-8] if probabilities else [0, 1e4, -1e4, 1e38, -1e38]
    points += [] if probabilities else [np.inf, -np.inf]
    grid = np.array(list(itertools.product(points, repeat=2)), np.float32)
    if case.targets.ndim == 1:
        targets = [np.zeros(len(grid), int), np.ones(len(grid), int)]
    else:
        rows = np.array([[0.0, 1.0], [0.25, 0.75]], np.float32)[:, : 2 // case.per_target]
        targets = [np.tile(row, (len(grid), 1)) for row in rows]
    loss = case.loss
    for name, fewer in {"pos_weight": 3.0, "alpha": [3.0, 0.5], "class_mask": [True, True]}.items():
        if np.ndim(_options(case).get(name)):
            loss = partial(loss, **{name: jnp.asarray(fewer)})

    @jax.jit
    @jax.vmap
    def compiled(p, t):
        return *jax.value_and_grad(loss)(p, t), jax.jacfwd(loss)(p, t)

    for target in targets:
        values, reverse, forward = map(np.asarray, compiled(grid, target))
        assert not np.isnan(values).any()
        assert not np.isnan(reverse).any()
        assert np.isfinite(values).all() or not probabilities
        # Forward mode multiplies an infinite slope by the zeros of the other directions: NaN.
        finite = np.isfinite(reverse).all(axis=-1)
        np.testing.assert_allclose(forward[finite], reverse[finite], rtol=1e-5, atol=1e-6)


def _options(case: Case) -> dict:
    return getattr(case.loss, "keywords", {})
