"""What a model predicts for a batch beside what it should: one output, or several by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._types import Tree
from .._weighted import targets_of
from ..metrics import Figure, Mean, Sums, mean, rows
from .contracts import AnyLoss, Metric
from .foreign_losses import values_of
from .state import Batch, real_rows
from .weighting import WeightsOf, shown, weights_of


class Output(NamedTuple):
    """An output of a model, its targets and how much they count."""

    name: str  # "" where it is the only one
    loss: AnyLoss
    predictions: Tree
    targets: Tree
    weights: jax.Array | None


def outputs_of(
    loss: AnyLoss | Mapping[str, AnyLoss],
    predictions: Tree,
    batch: Batch,
    weights: WeightsOf | Mapping[str, WeightsOf] | None,
) -> dict[str, Output]:
    """Return the outputs of a model by name.

    Raises:
        TypeError: If there are several losses, and predictions or targets do not have their names.
    """
    targets = targets_of(batch.y)
    if not isinstance(loss, Mapping):
        return {"": Output("", loss, predictions, targets, weights_of(batch, None, weights))}
    for what, tree in (("predictions", predictions), ("targets", targets)):
        if not isinstance(tree, Mapping) or loss.keys() - tree.keys():
            got = sorted(tree) if isinstance(tree, Mapping) else type(tree).__name__
            raise TypeError(
                f"supervised with a loss for each of {sorted(loss)} needs {what} in a dictionary "
                f"of these names, got {got}"
            )
    return {
        name: Output(name, fn, predictions[name], targets[name], weights_of(batch, name, weights))
        for name, fn in loss.items()
    }


def mean_loss(output: Output, batch: Batch) -> tuple[Mean, jax.Array]:
    """Return the weighted sum of an output's loss with the sum of weights, and the quotient.

    In a micro-batch the quotient is by its share of the whole batch's weights.

    Raises:
        ValueError: If the loss does not give a value for each row, or no value for each weight.
    """
    _, loss, predictions, targets, weights = output
    where = shown(batch.mask, weights)
    if where is None:
        values = loss(predictions, targets)
        check_shape(output.name, real_rows(batch).shape, jnp.shape(values))
        figure = mean(values)
        return figure, _quotient(figure.total, figure.weight)
    shape = jax.eval_shape(loss, predictions, targets).shape
    check_shape(output.name, where.shape, shape)
    real = rows(where, shape)
    values = values_of(loss, predictions, targets, where, real)
    figure = mean(values, where=real, weights=weights)
    divisor = figure.weight
    if weights is not None and output.name in (batch.divisors or {}):
        divisor = batch.divisors[output.name] * (math.prod(shape) // weights.size)
    return figure, _quotient(figure.total, divisor)


def _quotient(total: jax.Array, divisor: jax.Array) -> jax.Array:
    return jnp.where(divisor == 0, 0, total / jnp.where(divisor == 0, 1, divisor))


def check_shape(name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Check the shape of a loss's values by that of the mask and weights of an output.

    Raises:
        ValueError: If there is not a value for each row, or for each weight.
    """
    if shape[:1] != given[:1]:
        raise ValueError(
            f"a loss must give one value for each of {given[0]} rows, got shape "
            f"{shape}: leave their mean to supervised"
        )
    if shape[: len(given)] != given:
        of = f" of {name!r}" if name else ""
        raise ValueError(
            f"weights{of} must have the first axes of the loss's values, {shape}, got {given}; for "
            "weights of single outputs take a loss that gives a value for each, such as "
            "losses.per_output(losses.squared_error)"
        )


def losses_of(figures: Mapping[str, Mean]) -> dict[str, Figure]:
    """Return the figures of the losses by the names of their curves: of all, and of each output."""
    if figures.keys() == {""}:
        return {"loss": figures[""]}
    each = {f"{name}_loss": figure for name, figure in figures.items()}
    return {"loss": Sums(sums=dict(figures), finish=_sum_of_means), **each}


def _sum_of_means(figures: Mapping[str, Mean]) -> jax.Array:
    """Add the means of the outputs that count; NaN if there is none, as `Mean` has it."""
    known = jnp.stack([figure.weight != 0 for figure in figures.values()])
    values = jnp.stack([figure.value for figure in figures.values()])
    return jnp.where(known.any(), jnp.where(known, values, 0).sum(), jnp.nan)


def metric_calls(
    metrics: Mapping[str, Metric | Mapping[str, Metric]],
    outputs: Mapping[str, Output],
    predictions: Tree,
    batch: Batch,
) -> Iterator[tuple[str, Figure]]:
    """Yield what each metric gives, by the name of its curve.

    Raises:
        ValueError: If metrics are for an output that has no loss.
        TypeError: If a metric does not give sums.
    """
    for name, metric in metrics.items():
        if isinstance(metric, Mapping):
            if name not in outputs:
                raise ValueError(
                    f"metrics of {name!r} need an output of this name: the losses are of "
                    f"{sorted(outputs)}"
                )
            for inner, one in metric.items():
                yield f"{name}_{inner}", _measured(f"{name}_{inner}", one, outputs[name], batch)
        elif "" in outputs:
            yield name, _measured(name, metric, outputs[""], batch)
        else:
            value = metric(predictions, targets_of(batch.y), where=batch.mask)
            yield name, _as_figure(name, value)


def _measured(name: str, metric: Metric, output: Output, batch: Batch) -> Figure:
    where = shown(batch.mask, output.weights)
    return _as_figure(name, metric(output.predictions, output.targets, where=where))


def _as_figure(name: str, value: object) -> Figure:
    if isinstance(value, Mean | Sums):
        return value
    raise TypeError(
        f"metric {name!r} must give a sum and its weight, got {type(value).__name__}: return "
        "train.metrics.mean(values, where=where)"
    )


def of_output(name: str | None, tree: Tree) -> Tree:
    """Return an output's part; None where it is missing, which the objective tells when called."""
    if name is None:
        return tree
    return tree.get(name) if isinstance(tree, Mapping) else None


def check_functions(loss: object, penalty: object, metrics: object) -> None:
    """Check that a loss, a penalty and metrics are functions, not their names or numbers.

    Raises:
        TypeError: If one is none.
    """
    for one in loss.values() if isinstance(loss, Mapping) else [loss]:
        if not callable(one):
            raise TypeError(f"loss must be a function, such as losses.squared_error, got {one!r}")
    if penalty is not None and not callable(penalty):
        raise TypeError(
            "penalty must be a function, such as lambda params: 1e-3 * losses.l2(params), "
            f"got {penalty!r}"
        )
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(
            'metrics must have names, such as {"accuracy": train.metrics.accuracy}, got '
            f"{type(metrics).__name__}"
        )


def check_names(
    loss: AnyLoss | Mapping[str, AnyLoss],
    metrics: Mapping[str, Metric | Mapping[str, Metric]],
    weights: WeightsOf | Mapping[str, WeightsOf] | None,
) -> None:
    """Check the names of outputs and of metrics.

    Raises:
        ValueError: If two metrics have one name, or one has the name of one that is always there.
        TypeError: If there are weights or metrics by output of a loss without names.
    """
    outputs = set(loss) if isinstance(loss, Mapping) else set()
    by_output = {name for name, metric in metrics.items() if isinstance(metric, Mapping)}
    by_output |= set(weights) if isinstance(weights, Mapping) else set()
    if by_output - outputs:
        raise TypeError(
            f"supervised has weights or metrics of {sorted(by_output)}, which need a loss of each "
            f"of these names, got {sorted(outputs) or 'one loss without a name'}"
        )
    if odd := [name for name in metrics if not isinstance(name, str)]:
        raise TypeError(f"metrics must have names of texts, got {odd[0]!r}")
    names = [name for name, metric in metrics.items() if not isinstance(metric, Mapping)]
    for output, metric in metrics.items():
        names += [f"{output}_{name}" for name in metric] if isinstance(metric, Mapping) else []
    own = ["loss", "penalty", "skipped", *(f"{output}_loss" for output in outputs)]
    taken = sorted(name for name in set(names) if (own + names).count(name) > 1)
    if taken:
        raise ValueError(
            f"supervised keeps the metric name {taken[0]!r} for itself: choose another"
        )
