"""What holds for every loss: one line in the table, and all of this is checked of it."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import losses

_rng = np.random.default_rng(0)
_ROWS, _OUTPUTS = 3, 4
_REAL = _rng.normal(size=(_ROWS, _OUTPUTS)) * 2
_SHARES = special.softmax(_rng.normal(size=(_ROWS, _OUTPUTS)), axis=-1)  # rows add up to 1
_TARGET_SHARES = special.softmax(_rng.normal(size=(_ROWS, _OUTPUTS)), axis=-1)
_COUNTS = _rng.poisson(2.0, size=(_ROWS, _OUTPUTS)) + 0.5
_LABELS = np.array([2, 0, 3])
_WEIGHT = np.array([0.5, 1.0, 3.0, 2.0])


class Case(NamedTuple):
    loss: Callable[..., jax.Array]
    predictions: np.ndarray  # [rows, outputs]
    targets: np.ndarray
    oracle: Callable[[np.ndarray, np.ndarray], np.ndarray]  # in NumPy or SciPy
    link: Callable[[np.ndarray], np.ndarray] | None = None  # gradient = link(predictions) - targets


def _binary_entropy(p, y, weight: float | np.ndarray = 1.0):
    return -(weight * special.xlogy(y, p) + special.xlog1py(1 - y, -p)).sum(-1)


def _focal(z, y, gamma, alpha=(1.0, 1.0)):
    p = special.expit(z)
    one = alpha[0] * (1 - p) ** gamma * -np.log(p)
    return (y * one + (1 - y) * alpha[1] * p**gamma * -np.log(1 - p)).sum(-1)


def _softmax_entropy(z, t, smoothing=0.0):
    t = (1 - smoothing) * t + smoothing / z.shape[-1]
    return -(t * special.log_softmax(z, axis=-1)).sum(-1)


def _one_hot(labels):
    return np.eye(_OUTPUTS)[labels]


_softmax = partial(special.softmax, axis=-1)
_integer = losses.softmax_cross_entropy_with_integer_labels
_with_logits = losses.binary_cross_entropy_with_logits

CASES = {
    "squared_error": Case(
        losses.squared_error, _REAL, _COUNTS, lambda p, t: ((p - t) ** 2).sum(-1)
    ),
    "absolute_error": Case(
        losses.absolute_error, _REAL, _COUNTS, lambda p, t: np.abs(p - t).sum(-1)
    ),
    "huber": Case(
        partial(losses.huber, delta=1.5),
        _REAL,
        _COUNTS,
        lambda p, t: special.huber(1.5, p - t).sum(-1),
    ),
    "poisson_nll": Case(
        losses.poisson_nll, _REAL, _COUNTS, lambda z, k: (np.exp(z) - k * z).sum(-1), np.exp
    ),
    "binary_cross_entropy": Case(
        losses.binary_cross_entropy, _SHARES, _TARGET_SHARES, _binary_entropy
    ),
    "binary_cross_entropy, weighted": Case(
        partial(losses.binary_cross_entropy, pos_weight=jnp.asarray(_WEIGHT)),
        _SHARES,
        _TARGET_SHARES,
        partial(_binary_entropy, weight=_WEIGHT),
    ),
    "binary_cross_entropy_with_logits": Case(
        _with_logits,
        _REAL,
        _TARGET_SHARES,
        lambda z, y: _binary_entropy(special.expit(z), y),
        special.expit,
    ),
    "binary_cross_entropy_with_logits, weighted": Case(
        partial(_with_logits, pos_weight=3.0),
        _REAL,
        _TARGET_SHARES,
        lambda z, y: _binary_entropy(special.expit(z), y, 3.0),
    ),
    "hinge": Case(
        losses.hinge,
        _REAL,
        _TARGET_SHARES,
        lambda s, y: (y * np.maximum(1 - s, 0) + (1 - y) * np.maximum(1 + s, 0)).sum(-1),
    ),
    "focal": Case(losses.focal, _REAL, _TARGET_SHARES, partial(_focal, gamma=2.0)),
    "focal, weighted": Case(
        partial(losses.focal, gamma=0.5, alpha=0.25),
        _REAL,
        _TARGET_SHARES,
        partial(_focal, gamma=0.5, alpha=(0.25, 0.75)),
    ),
    "cross_entropy": Case(
        losses.cross_entropy, _SHARES, _TARGET_SHARES, lambda p, t: -special.xlogy(t, p).sum(-1)
    ),
    "kl_divergence": Case(
        losses.kl_divergence,
        _SHARES,
        _TARGET_SHARES,
        lambda p, t: special.rel_entr(t, p).sum(-1),
    ),
    "softmax_cross_entropy": Case(
        losses.softmax_cross_entropy, _REAL, _TARGET_SHARES, _softmax_entropy, _softmax
    ),
    "softmax_cross_entropy, smoothed": Case(
        partial(losses.softmax_cross_entropy, label_smoothing=0.1),
        _REAL,
        _TARGET_SHARES,
        partial(_softmax_entropy, smoothing=0.1),
    ),
    "integer labels": Case(
        _integer, _REAL, _LABELS, lambda z, y: _softmax_entropy(z, _one_hot(y)), _softmax
    ),
    "integer labels, smoothed": Case(
        partial(_integer, label_smoothing=0.1),
        _REAL,
        _LABELS,
        lambda z, y: _softmax_entropy(z, _one_hot(y), 0.1),
    ),
}

every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def _single(case: Case) -> tuple[jax.Array, jax.Array]:
    targets = case.targets if case.targets.ndim == 1 else case.targets.astype(np.float32)
    return jnp.asarray(case.predictions, jnp.float32), jnp.asarray(targets)


def _total(case: Case):
    """The sum of a loss over what is shown, as a function of the predictions."""

    def total(predictions, targets, where=None):
        return jnp.sum(case.loss(predictions, targets, where=where))

    return total


def test_every_public_loss_is_in_the_table():
    others = {"mean", "l1", "l2", "elastic_net", "penalized", "is_weight", "check_labels", "Share"}
    tested = {getattr(case.loss, "func", case.loss) for case in CASES.values()}
    assert tested == {getattr(losses, name) for name in set(losses.__all__) - others}


@every_loss
def test_values_are_those_of_the_oracle_one_for_each_example(case):
    values = case.loss(*_single(case))
    assert values.shape == (_ROWS,)
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, case.oracle(case.predictions, case.targets), rtol=2e-6)


@every_loss
def test_jit_and_vmap_change_nothing_and_new_data_is_not_traced_again(case):
    predictions, targets = _single(case)
    eager = case.loss(predictions, targets)
    traces = []

    @jax.jit
    def compiled(predictions, targets):
        traces.append(predictions.shape)
        return case.loss(predictions, targets)

    np.testing.assert_allclose(compiled(predictions, targets), eager, rtol=1e-6)
    one_by_one = [compiled(p, t) for p, t in zip(predictions, targets, strict=True)]
    assert traces == [predictions.shape, predictions.shape[1:]]  # not once for each row
    assert one_by_one[0].shape == ()
    np.testing.assert_allclose(one_by_one, eager, rtol=1e-6)
    mapped = jax.jit(jax.vmap(case.loss))(predictions, targets)
    np.testing.assert_allclose(mapped, eager, rtol=1e-6)


@every_loss
def test_leading_axes_are_only_a_batch(case):
    predictions, targets = _single(case)
    stacked = jax.eval_shape(case.loss, predictions[:, None], targets[:, None])
    assert stacked.shape == (_ROWS, 1)


@every_loss
def test_forward_reverse_and_central_differences_agree_in_64_bits(case):
    with jax.enable_x64(True):
        predictions, targets = jnp.asarray(case.predictions), jnp.asarray(case.targets)
        floating = (0, 1) if jnp.issubdtype(targets.dtype, jnp.floating) else (0,)
        total = _total(case)

        @jax.jit
        def both(p, t):
            return jax.jacfwd(total, floating)(p, t), jax.jacrev(total, floating)(p, t)

        forward, reverse = both(predictions, targets)
        for argument, (fwd, rev) in enumerate(zip(forward, reverse, strict=True)):
            assert fwd.dtype == jnp.float64
            np.testing.assert_allclose(fwd, rev, rtol=1e-12, atol=1e-14)
            numerical = _central_differences(total, (predictions, targets), argument)
            np.testing.assert_allclose(rev, numerical, rtol=1e-7, atol=1e-8)


def _central_differences(function, arguments, which, step=1e-5):
    point = arguments[which]

    def slope(direction):
        def at(x):
            return function(*(x if i == which else a for i, a in enumerate(arguments)))

        return (at(point + step * direction) - at(point - step * direction)) / (2 * step)

    directions = jnp.eye(point.size).reshape(point.size, *point.shape)
    return jax.jit(jax.vmap(slope))(directions).reshape(point.shape)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=name) for name, c in CASES.items() if c.link is not None]
)
def test_the_gradient_of_a_canonical_loss_is_the_inverse_link_less_the_target(case):
    assert case.link is not None
    gradient = jax.grad(_total(case))(*_single(case))
    targets = _one_hot(case.targets) if case.targets.ndim == 1 else case.targets
    expected = case.link(case.predictions) - targets
    np.testing.assert_allclose(gradient, expected, rtol=2e-6, atol=1e-7)


@every_loss
def test_what_is_hidden_gives_zero_whatever_it_holds_and_leaves_the_rest_alone(case):
    predictions, targets = _single(case)
    masks = jnp.array(list(itertools.product([False, True], repeat=_ROWS)))
    garbage = jnp.array([jnp.nan, jnp.inf, -jnp.inf])[:, None]

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    @partial(jax.vmap, in_axes=(None, 0))
    def masked(garbage, mask):
        p = jnp.where(mask[:, None], predictions, garbage)
        if targets.ndim == 1:
            t = jnp.where(mask, targets, jnp.where(garbage > 0, 99, -1))
        else:
            t = jnp.where(mask[:, None], targets, garbage)
        gradients = [mode(_total(case))(p, t, mask) for mode in (jax.grad, jax.jacfwd)]
        return case.loss(p, t, where=mask), gradients

    values, (reverse, forward) = masked(garbage, masks)  # [garbage, masks, ...]
    assert values.shape == (3, 2**_ROWS, _ROWS)
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
        return [
            (case.loss(x, targets), case.loss(x.astype(jnp.float32), targets), gradient(x))
            for x in halves
        ]

    def gradient(x):
        return jax.grad(_total(case))(x, targets)

    for x, (values, of_longer, slopes) in zip(halves, compute(halves), strict=True):
        assert values.dtype == jnp.float32
        np.testing.assert_array_equal(values, of_longer)
        assert slopes.dtype == x.dtype
        assert np.isfinite(np.asarray(slopes, np.float32)).all()


@every_loss
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_predictions_decide_the_precision_in_64_bit_mode(case, dtype):
    with jax.enable_x64(True):
        predictions = jnp.asarray(case.predictions, dtype)
        assert jax.eval_shape(case.loss, predictions, case.targets).dtype == dtype


@every_loss
def test_no_prediction_however_extreme_gives_nan_in_value_or_gradient(case):
    probabilities = case.predictions is _SHARES
    points = [0, 1, 1e-30, 1 - 6e-8] if probabilities else [0, 1e4, -1e4, 1e38, -1e38]
    points += [] if probabilities else [np.inf, -np.inf]
    grid = jnp.array(list(itertools.product(points, repeat=2)), jnp.float32)
    if case.targets.ndim == 1:
        targets = [jnp.zeros(len(grid), int), jnp.ones(len(grid), int)]
    else:
        targets = [jnp.tile(jnp.array(row), (len(grid), 1)) for row in ([0.0, 1.0], [0.25, 0.75])]
    loss = partial(case.loss, pos_weight=3.0) if "pos_weight" in _options(case) else case.loss
    compiled = jax.jit(
        jax.vmap(lambda p, t: (loss(p, t), jax.grad(loss)(p, t), jax.jacfwd(loss)(p, t)))
    )
    for target in targets:
        values, reverse, forward = compiled(grid, target)
        assert not np.isnan(values).any()
        assert not np.isnan(reverse).any()
        assert np.isfinite(values).all() or not probabilities
        # Where a slope is infinite, forward mode meets it with the zero of the other direction.
        finite = np.isfinite(reverse).all(axis=-1)
        np.testing.assert_allclose(forward[finite], reverse[finite], rtol=1e-5, atol=1e-6)


def _options(case: Case) -> dict:
    return getattr(case.loss, "keywords", {})
