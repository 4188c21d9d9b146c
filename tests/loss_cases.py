"""The table of losses that the tests of their contract run on: one entry for each loss."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

import losses

_rng = np.random.default_rng(0)
ROWS, OUTPUTS = 3, 4
_REAL = _rng.normal(size=(ROWS, OUTPUTS)) * 2
SHARES = special.softmax(_rng.normal(size=(ROWS, OUTPUTS)), axis=-1)  # rows add up to 1
_TARGET_SHARES = special.softmax(_rng.normal(size=(ROWS, OUTPUTS)), axis=-1)
_COUNTS = _rng.poisson(2.0, size=(ROWS, OUTPUTS)) + 0.5
_LABELS = np.array([2, 0, 3])
_WEIGHT = np.array([0.5, 1.0, 3.0, 2.0])
_ALLOWED = np.array([True, False, True, True])


class Case(NamedTuple):
    loss: Callable[..., jax.Array]
    predictions: np.ndarray  # [rows, outputs]
    targets: np.ndarray
    oracle: Callable[[np.ndarray, np.ndarray], np.ndarray]  # in NumPy or SciPy
    link: Callable[[np.ndarray], np.ndarray] | None = None  # gradient = link(predictions) - targets

    @property
    def per_target(self) -> int:
        """How many predictions there are for each target."""
        return 1 if self.targets.ndim == 1 else OUTPUTS // self.targets.shape[-1]


def _binary_entropy(p, y, weight: float | np.ndarray = 1.0):
    return -(weight * special.xlogy(y, p) + special.xlog1py(1 - y, -p)).sum(-1)


def _focal(z, y, gamma, alpha=(1.0, 1.0)):
    p = special.expit(z)
    one = alpha[0] * (1 - p) ** gamma * -np.log(p)
    return (y * one + (1 - y) * alpha[1] * p**gamma * -np.log(1 - p)).sum(-1)


def _softmax_entropy(z, t, smoothing=0.0):
    t = (1 - smoothing) * t + smoothing / z.shape[-1]
    return -(t * special.log_softmax(z, axis=-1)).sum(-1)


def one_hot(labels):
    return np.eye(OUTPUTS)[labels]


def _softmax_focal(z, y, gamma, alpha=(1.0,) * OUTPUTS):
    p = special.softmax(z, axis=-1)[np.arange(ROWS), y]
    return np.asarray(alpha)[y] * (1 - p) ** gamma * -np.log(p)


def _masked_entropy(z, y):
    """With a smoothing of 0.1 over the three classes that are allowed."""
    return _softmax_entropy(z[:, _ALLOWED], one_hot(y)[:, _ALLOWED], 0.1)


def _gaussian(p, y):
    return -stats.norm.logpdf(y, p[:, :2], np.exp(p[:, 2:] / 2)).sum(-1)


def _pinball(p, y, quantiles):
    error = y[..., None] - p.reshape(ROWS, -1, len(quantiles))
    q = np.asarray(quantiles)
    return np.maximum(q * error, (q - 1) * error).sum((1, 2))


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
        losses.binary_cross_entropy, SHARES, _TARGET_SHARES, _binary_entropy
    ),
    "binary_cross_entropy, weighted": Case(
        partial(losses.binary_cross_entropy, pos_weight=jnp.asarray(_WEIGHT)),
        SHARES,
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
        losses.cross_entropy, SHARES, _TARGET_SHARES, lambda p, t: -special.xlogy(t, p).sum(-1)
    ),
    "kl_divergence": Case(
        losses.kl_divergence,
        SHARES,
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
    "softmax focal": Case(
        losses.softmax_focal_with_integer_labels,
        _REAL,
        _LABELS,
        partial(_softmax_focal, gamma=2.0),
    ),
    "softmax focal, weighted": Case(
        partial(losses.softmax_focal_with_integer_labels, gamma=0.5, alpha=jnp.asarray(_WEIGHT)),
        _REAL,
        _LABELS,
        partial(_softmax_focal, gamma=0.5, alpha=_WEIGHT),
    ),
    "gaussian_nll": Case(losses.gaussian_nll, _REAL, _COUNTS[:, :2], _gaussian),
    "quantile": Case(
        partial(losses.quantile, quantiles=(0.1, 0.75)),
        _REAL,
        _COUNTS[:, :2],
        partial(_pinball, quantiles=(0.1, 0.75)),
    ),
    "integer labels": Case(
        _integer, _REAL, _LABELS, lambda z, y: _softmax_entropy(z, one_hot(y)), _softmax
    ),
    "integer labels, masked": Case(
        partial(_integer, label_smoothing=0.1, class_mask=jnp.asarray(_ALLOWED)),
        _REAL,
        _LABELS,
        _masked_entropy,
    ),
    "integer labels, smoothed": Case(
        partial(_integer, label_smoothing=0.1),
        _REAL,
        _LABELS,
        lambda z, y: _softmax_entropy(z, one_hot(y), 0.1),
    ),
}

every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def f32(*values):
    return np.array(values, np.float32)


def value_and_slopes(loss, predictions, targets):
    """The loss of one example with its gradient, the same in both modes."""
    value, reverse, forward = _compute(loss, predictions, targets)
    np.testing.assert_allclose(forward, reverse, rtol=1e-6)
    return float(value), np.asarray(reverse)


@partial(jax.jit, static_argnums=0)
def _compute(loss, p, t):
    return *jax.value_and_grad(loss)(p, t), jax.jacfwd(loss)(p, t)
