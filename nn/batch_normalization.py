"""Batch norm, which normalises each feature over the rows of a batch."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import (
    NO_INPUT,
    canonical,
    check_features,
    check_params,
    check_train,
    real_entries,
)
from ._moments import divisor, standardise
from ._options import check_number, positive_int
from ._precision import at_least_float32
from ._spread import beside, like, with_axes
from .layer import Layer

AxisName = str | tuple[str, ...] | None


class BatchNorm(NamedTuple):
    """Parameters of `batch_norm`.

    Example:
        Before the first training step, inference computes `gamma x + beta`:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.batch_norm(2)
        >>> _, state = layer.init(jax.random.key(0))
        >>> params = nn.BatchNorm(gamma=jnp.array([2.0, 3.0]), beta=jnp.array([0.0, 1.0]))
        >>> layer.apply(params, state, jnp.array([[10.0, 20.0]]))[0]
        Array([[20., 61.]], dtype=float32)
    """

    gamma: jax.Array  # [features]
    beta: jax.Array  # [features]


class BatchNormState(NamedTuple):
    """Running statistics of `batch_norm`, in float32 unless the caller converts them.

    `seen` is the total weight of all batches so far, `1 - momentum^steps`. It is 0 before the
    first step; set it to 1 for statistics that come from elsewhere.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.batch_norm(1)
        >>> params, _ = layer.init(jax.random.key(0))
        >>> mean, var = jnp.array([5.0]), jnp.array([4.0])
        >>> state = nn.BatchNormState(mean, var, seen=jnp.ones(()))
        >>> layer.apply(params, state, jnp.array([[9.0]]))[0].round(3)
        Array([[2.]], dtype=float32)
    """

    mean: jax.Array  # [features]
    var: jax.Array  # [features], unbiased
    seen: jax.Array  # []


def batch_norm(
    features: int,
    *,
    momentum: float | jax.Array = 0.99,
    eps: float | jax.Array = 1e-5,
    axis_name: AxisName = None,
) -> Layer[BatchNorm, BatchNormState]:
    """Return the layer that normalises each feature, `[batch, ..., features]` to the same shape.

    `y = gamma (x - mean) / sqrt(var + eps) + beta`. With `train=True`, mean and variance are those
    of the batch, over all axes but the last, and the running statistics take one step of a moving
    average towards them; otherwise they are the running ones. For float32 data with means up to 1e7
    the error of the output is below 1e-6, and a constant feature gives exactly `beta`.

    The moving average is debiased: the weights of the batches so far add up to 1, so inference
    works after a single step. Before any step, inference gives `gamma x + beta`. The running
    variance is the unbiased one (`count - 1`). No gradient flows through the state.

    Statistics are computed in float32 or better; the output has the input's dtype. The output of a
    row, or of a step, that the mask hides is `beta`, and it affects nothing else, whatever it
    holds. If the mask leaves fewer than two values of a feature, the state stays and the output is
    `beta`.

    Under `jit`, a batch that is sharded over devices is one batch, without an `axis_name`.

    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift" (2015).

    Args:
        features: Size of the last axis.
        momentum: Share of the running statistics that one step keeps, in `[0, 1)`.
        eps: Added to the variance.
        axis_name: Under `shard_map`, `pmap` or `vmap`, the mapped axes that hold the shards of one
            batch; sums and counts are taken over all of them.

    Raises:
        ValueError: If an argument is out of range, the input's last axis is not `features`, the
            mask has another shape, or a training batch has a single value for each feature.
        TypeError: If an argument is not a number, the input is not floating-point, or the mask is
            not bool.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.batch_norm(2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> x = jnp.array([[1.0, 5.0], [3.0, 5.0]])
        >>> y, state = layer.apply(params, state, x, train=True)
        >>> y.round(3)
        Array([[-1.,  0.],
               [ 1.,  0.]], dtype=float32)
        >>> state.mean, state.var
        (Array([2., 5.], dtype=float32), Array([2., 0.], dtype=float32))
    """
    who = f"batch_norm({features})"
    features = positive_int(who, "features", features)
    check_number(who, "momentum", momentum, "in [0, 1)", lambda value: 0 <= value < 1)
    check_number(who, "eps", eps, "positive", lambda value: value > 0)

    def init(key: jax.Array, /) -> tuple[BatchNorm, BatchNormState]:
        del key
        params = BatchNorm(jnp.ones(features), jnp.zeros(features))
        mean, var = jnp.zeros(features, jnp.float32), jnp.ones(features, jnp.float32)
        return params, BatchNormState(mean, var, jnp.zeros((), jnp.float32))

    def apply(
        params: BatchNorm,
        state: BatchNormState,
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, BatchNormState]:
        del key
        check_train(who, train)
        check_params(who, params, BatchNorm)
        check_params(who, state, BatchNormState)
        x = canonical(x)
        check_features(who, x, features)
        real = None if mask is None else real_entries(who, x, mask)
        # Hidden entries become 0 before anything is computed; a NaN in one would make its gradient
        # NaN, even where the gradient that comes in is 0.
        rows = _hide(at_least_float32(x), real)
        if train:
            count = _count(who, rows, real, axis_name)
            centred, mean, var = standardise(rows, _mean_over(real, count, axis_name))
            scale = with_axes(lax.rsqrt(var + eps), x.ndim)
            state = _advance(state, mean, var, count, momentum)
        else:
            centred = rows - beside(x, state.mean)
            scale = jnp.where(state.seen > 0, lax.rsqrt(beside(x, state.var) + eps), 1)
        gamma = beside(x, at_least_float32(params.gamma))
        beta = beside(x, at_least_float32(params.beta))
        y = _hide(centred, real) * (scale * gamma) + beta
        return y.astype(x.dtype), state

    apply.__qualname__ = who
    return Layer(init, apply)


def _hide(x: jax.Array, real: jax.Array | None) -> jax.Array:
    """Return `x` with 0 in the rows that are not `real`."""
    return x if real is None else jnp.where(real, x, 0)


def _sum(x: jax.Array, axis_name: AxisName) -> jax.Array:
    """Return the sum of each feature over all rows, on all devices together."""
    total = jnp.sum(x, axis=tuple(range(x.ndim - 1)))
    return total if axis_name is None else lax.psum(total, axis_name)


def _count(who: str, x: jax.Array, real: jax.Array | None, axis_name: AxisName) -> jax.Array:
    """Return the number of real values of each feature, on all devices together."""
    devices = 1 if axis_name is None else lax.psum(1, axis_name)
    values = x.size // x.shape[-1] * devices
    if values == 1:
        raise ValueError(
            f"{who} expected more than one row while training, got shape {x.shape}: "
            f"a single row has no variance; use a larger batch or train=False"
        )
    if real is None:
        return jnp.asarray(values, x.dtype)
    return _sum(jnp.broadcast_to(real, (*x.shape[:-1], 1)).astype(x.dtype), axis_name)[0]


def _mean_over(
    real: jax.Array | None, count: jax.Array, axis_name: AxisName
) -> Callable[[jax.Array], jax.Array]:
    """Return the function that computes the mean over the real rows of all devices."""
    divide_by = divisor(jnp.maximum(count, 1))
    return lambda v: _sum(_hide(v, real), axis_name) / divide_by


def _advance(
    state: BatchNormState,
    mean: jax.Array,
    var: jax.Array,
    count: jax.Array,
    momentum: float | jax.Array,
) -> BatchNormState:
    """Return the state after one step of the moving average.

    A batch of fewer than two values has no variance and leaves the state as it is.
    """
    seen = momentum * state.seen + (1 - momentum)
    share = (1 - momentum) / seen
    unbiased = var * (count / jnp.maximum(count - 1, 1))

    def step(old: jax.Array, new: jax.Array) -> jax.Array:
        return lax.stop_gradient(jnp.where(count > 1, like(old, new), old)).astype(old.dtype)

    return BatchNormState(
        mean=step(state.mean, (1 - share) * state.mean + share * like(state.mean, mean)),
        var=step(state.var, (1 - share) * state.var + share * like(state.var, unbiased)),
        seen=step(state.seen, seen),
    )
