"""The metrics that a step measures of itself, beside those of its objective."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from .._precision import at_least_float32
from .._types import Params
from ..metrics import Figure, Mean
from .loss_scale import OVERFLOWS, SCALE, LossScaleState, is_forgiven

NORM = "gradient_norm"  # the metric and the curve of that name


def with_own(
    metrics: Mapping[str, Figure],
    slope: Params | None,
    scaling: LossScaleState | None,
    overflow: jax.Array,
) -> dict[str, Figure]:
    """Return the metrics with those of the step: the norm of the slope, and the loss's scale."""
    if slope is not None:
        metrics = _with_norm(metrics, slope, is_forgiven(scaling))
    return _with_scale(metrics, scaling.scale, overflow) if scaling is not None else {**metrics}


def _with_norm(
    metrics: Mapping[str, Figure], slope: Params, forgiven: jax.Array | bool
) -> dict[str, Figure]:
    """Return the metrics with the Euclidean norm of all gradients, in float32 or wider.

    One that is not finite and forgiven does not count.
    """
    squares = [jnp.square(at_least_float32(jnp.abs(leaf))).sum() for leaf in jax.tree.leaves(slope)]
    norm = jnp.sqrt(sum(squares, jnp.float32(0)))
    counts = jnp.isfinite(norm) | ~jnp.asarray(forgiven)
    figure = Mean(jnp.where(counts, norm, 0), counts.astype(norm.dtype))
    return _with_metric(metrics, NORM, figure, "gradient_norm=True")


def _with_scale(
    metrics: Mapping[str, Figure], scale: jax.Array, overflow: jax.Array
) -> dict[str, Figure]:
    """Return the metrics with the scale of the loss, and whether it was too large."""
    figures = {SCALE: scale, OVERFLOWS: overflow.astype(scale.dtype)}
    for name, figure in figures.items():
        metrics = _with_metric(metrics, name, Mean(figure, jnp.ones(())), "loss_scaling")
    return {**metrics}


def _with_metric(
    metrics: Mapping[str, Figure], name: str, figure: Figure, taken_by: str
) -> dict[str, Figure]:
    """Return the metrics with one more of a name that no metric of the user's may have."""
    if name in metrics:
        raise ValueError(f"a metric is named {name!r}, which {taken_by} takes: rename it")
    return {**metrics, name: figure}
