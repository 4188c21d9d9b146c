"""Make an objective, the scalar that training brings down, of a model and a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import TypeVar

import jax
import jax.numpy as jnp

from .._explicit import with_rows_alone
from .._programs import program
from .._text import excerpt
from .._types import Params, State, Tree
from .._weighted import targets_of
from ..metrics import Figure, Mean, rows, wide
from .contracts import AnyLoss, Metric, Model
from .foreign import Form, call, form_of
from .labels import are_labels, check_labels
from .outputs import (
    check_functions,
    check_names,
    check_shape,
    losses_of,
    mean_loss,
    metric_calls,
    of_output,
    outputs_of,
)
from .state import Batch, check_batch, real_rows
from .weighting import WeightsOf, weight_sum, weights_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class SupervisedObjective:
    """The objective that `supervised` makes; it is an `Objective`, and can check labels.

    Attributes:
        apply: The model.
        loss: The loss for each example, or one for each output, by name.
        penalty: What is added for the parameters themselves, or None.
        metrics: The figures to watch, by name; those of one output in a mapping of its name.
        weights: How much each example counts, a function of the batch, or one for each output.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import losses, nn, train
        >>> model = nn.dense(3, 2)
        >>> objective = train.supervised(model.apply, losses.squared_error)
        >>> type(objective).__name__, objective.loss is losses.squared_error
        ('SupervisedObjective', True)
    """

    apply: Model
    loss: AnyLoss | Mapping[str, AnyLoss]
    penalty: Callable[[Params], jax.Array] | None
    metrics: Mapping[str, Metric | Mapping[str, Metric]]
    weights: WeightsOf | Mapping[str, WeightsOf] | None = None

    def __call__(
        self,
        params: Params,
        state: State,
        batch: Batch,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
    ) -> tuple[jax.Array, tuple[State, dict[str, Figure]]]:
        """Return the mean loss over the real rows plus the penalty, the new state and the metrics.

        Raises:
            ValueError: If the loss does not give a value for each row, or the penalty is several.
            TypeError: If a metric does not give sums.
        """
        check_batch("an objective", batch)
        batch = batch._replace(x=_zero_hidden_rows(batch.x, batch.mask))
        form = form_of("supervised", self.apply)
        predictions, state = call(
            form, self.apply, params, state, batch.x, key=key, train=train, mask=batch.mask
        )
        predictions = with_rows_alone(predictions)
        outputs = outputs_of(self.loss, predictions, batch, self.weights)
        means = {name: mean_loss(output, batch) for name, output in outputs.items()}
        results = losses_of({name: figure for name, (figure, _) in means.items()})
        results |= metric_calls(self.metrics, outputs, predictions, batch)
        value = reduce(jnp.add, [value for _, value in means.values()])
        if self.penalty is not None:
            penalty = wide(self.penalty(params))
            if penalty.shape:
                raise ValueError(
                    f"a penalty must be one number, got shape {penalty.shape}: add its entries up"
                )
            count = real_rows(batch).sum(dtype=penalty.dtype)
            results["penalty"] = Mean(penalty * count, count)
            value = value + penalty
        return value, (state, results)

    def weight_sums(self, batch: Batch) -> dict[str, jax.Array]:
        """Return the sums of the weights of each output that has any, by which losses are divided.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import losses, nn, train
            >>> objective = train.supervised(
            ...     nn.dense(3, 2).apply, losses.squared_error, weights=lambda batch: batch.x[:, 0]
            ... )
            >>> batch = train.Batch(jnp.array([[2.0], [3.0]]), jnp.zeros((2, 2)))
            >>> {name: float(total) for name, total in objective.weight_sums(batch).items()}
            {'': 5.0}
        """
        names = self.loss if isinstance(self.loss, Mapping) else [None]
        weights = {name or "": weights_of(batch, name, self.weights) for name in names}
        return {n: weight_sum(batch.mask, w) for n, w in weights.items() if w is not None}

    def check(self, params: Params, state: State, x: Tree, y: Tree) -> None:
        """Check labels by the model's outputs, and the shape of the loss; compile nothing.

        Targets are labels if they are integers with one axis less than the predictions, whose last
        axis is the classes; of one output only if the loss is one of integer labels. Other targets
        are not checked, nor labels of weight 0.

        Args:
            params: The parameters.
            state: What the layers remember.
            x: Features `[rows, ...]`.
            y: Targets `[rows, ...]`.

        Raises:
            ValueError: If a label is negative, or not below the number of outputs; or if the loss
                does not give a value for each row.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import losses, nn, train
            >>> model = nn.dense(3, 2)
            >>> objective = train.supervised(
            ...     model.apply, losses.softmax_cross_entropy_with_integer_labels
            ... )
            >>> params, state = model.init(jax.random.key(0))
            >>> objective.check(params, state, jnp.ones((2, 3)), jnp.array([0, 2]))
            Traceback (most recent call last):
            ValueError: labels must be in 0 .. 1 for a model of 2 outputs, got 2 at index (1,); ...
        """
        given, form = (params, state, x), form_of("supervised", self.apply)
        try:
            model = program(_measured, self.apply, form, arguments=given)
            predictions, _ = jax.eval_shape(model, *given)
        except Exception as error:
            shapes = excerpt(jax.tree.map(jax.typeof, x))
            error.add_note(f"this is the model's answer to x of the data: {shapes}")
            raise
        names = self.loss if isinstance(self.loss, Mapping) else [None]
        targets = targets_of(y)
        for name in names:
            scores, labels = of_output(name, predictions), of_output(name, targets)
            if scores is None or labels is None:
                continue
            loss = self.loss[name or ""] if isinstance(self.loss, Mapping) else self.loss
            values = jax.eval_shape(loss, scores, labels)
            check_shape(name or "", jax.tree.leaves(labels)[0].shape[:1], values.shape)
            if are_labels(loss, scores, labels):
                weights = weights_of(Batch(x, y), name, self.weights)
                check_labels(labels, scores.shape[-1], weights)


def _measured(apply: Model, form: Form) -> Callable[[Params, State, Tree], tuple[Tree, State]]:
    return partial(call, form, apply, key=None, train=False, mask=None)


def _zero_hidden_rows(x: T, mask: jax.Array | None) -> T:
    """Return `x` with zeros in hidden rows: a NaN there, times a gradient of 0, would be NaN."""
    if mask is None:
        return x
    return jax.tree.map(lambda leaf: jnp.where(rows(mask, leaf.shape), leaf, leaf.dtype.type(0)), x)


def supervised(
    apply: Model,
    loss: AnyLoss | Mapping[str, AnyLoss],
    *,
    penalty: Callable[[Params], jax.Array] | None = None,
    metrics: Mapping[str, Metric | Mapping[str, Metric]] | None = None,
    weights: WeightsOf | Mapping[str, WeightsOf] | None = None,
) -> SupervisedObjective:
    """Make the objective `weighted mean loss over the real rows + penalty(params)`.

    The mean is `sum w v / sum w` over the values `v` of the loss; their weights `w` are 1, or come
    with the targets (`Weighted`), or from `weights`, or are the product of both. What has the
    weight 0 is hidden from the loss and from the metrics, whatever it holds: a time step after the
    end, a label that is not known. Otherwise weights do not count in metrics. The mean is that of
    the whole batch, also over micro-batches, and the curves are those of the whole epoch.

    Args:
        apply: A model's `apply(params, state, x, *, key, train, mask) -> (predictions, state)`. One
            that has no state and works in training as elsewhere may be `apply(params, x)` or
            `apply(params, key, x)`, such as haiku's, or flax linen's `net.apply`; each row by
            itself, as it does not see the mask.
        loss: `loss(predictions, targets, *, where=None) -> values`, one value for each example or
            for each time step. Without a parameter `where`, and for the losses of optax, what is
            hidden is replaced before and left out after it. Several outputs have a loss each, by
            the names that predictions and targets have, too; the objective adds their means, and
            each has a curve `{name}_loss`.
        penalty: A function of the parameters, its weight included.
        metrics: Functions like those of `train.metrics`, by name; those of one of several outputs
            in a mapping of its name. The metrics `loss` (without the penalty) and, where there is
            one, `penalty` are always there.
        weights: `weights(batch) -> w`, 0 or more or bool, of the shape of the loss's values or of
            their first axes: class weights are `lambda batch: class_weights[batch.y]`, a mask over
            time `lambda batch: jnp.arange(steps) < batch.x["lengths"][:, None]`, and
            `lambda batch: batch.y != -1` hides an id. Of several outputs, by name, or one for all.

    Returns:
        `objective(params, state, batch, *, key=None, train=False) -> (scalar, (state, metrics))`.

    Raises:
        ValueError: If two metrics have one name, or one has the name of one that is always there.
        TypeError: If the loss or the penalty is no function, or the metrics no mapping of names; if
            there are weights or metrics by output of a loss without names; or if a model can be
            called in several ways, such as a module of equinox: the message has the lines to write.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses, train
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> objective = train.supervised(
        ...     apply, losses.squared_error, penalty=lambda params: 0.5 * (params**2).sum()
        ... )
        >>> batch = train.Batch(jnp.eye(2), jnp.array([[1.0], [3.0]]))
        >>> value, (state, metrics) = objective(jnp.ones((2, 1)), (), batch)
        >>> float(value), float(metrics["loss"].value)
        (3.0, 2.0)
    """
    form_of("supervised", apply)
    check_functions(loss, penalty, metrics)
    metrics = dict(metrics or {})
    check_names(loss, metrics, weights)
    return SupervisedObjective(
        apply=apply, loss=loss, penalty=penalty, metrics=metrics, weights=weights
    )
