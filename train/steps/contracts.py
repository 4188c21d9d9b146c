"""The functions that training takes from a user, as types to annotate them with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import jax

from .._types import Params, State, Tree
from ..metrics import Figure
from .state import Batch


class Apply(Protocol):
    """A model's function, such as `nn.mlp(...).apply`; `supervised` takes any function like this.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def apply(
        ...     params: train.Params, state: train.State, x: jax.Array, *,
        ...     key: jax.Array | None = None, train: bool = False, mask: jax.Array | None = None,
        ... ) -> tuple[jax.Array, train.State]:
        ...     return x @ params, state
        >>> linear: train.Apply = apply
        >>> linear(jnp.ones((3, 2)), (), jnp.ones((5, 3)), key=None, train=True, mask=None)[0].shape
        (5, 2)
    """

    def __call__(
        self,
        params: Params,
        state: State,
        x: Tree,
        /,
        *,
        key: jax.Array | None,
        train: bool,
        mask: jax.Array | None,
    ) -> tuple[Tree, State]:
        """Return predictions `[batch, ...]` and the new state.

        Args:
            params: The parameters.
            state: What the layers remember.
            x: Features `[batch, ...]`.
            key: The model is random if and only if there is one.
            train: Whether layers work as in training, such as batch norm with the batch's moments.
            mask: `[batch]` bool, the rows that are real; None: all of them.
        """
        ...


class Loss(Protocol):
    """A loss for each example, such as those of `losses`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def squared(
        ...     predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
        ... ) -> jax.Array:
        ...     return (predictions - targets) ** 2
        >>> loss: train.Loss = squared
        >>> loss(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        Array([0., 4.], dtype=float32)
    """

    def __call__(
        self, predictions: Tree, targets: Tree, /, *, where: jax.Array | None = None
    ) -> jax.Array:
        """Return one value for each example, `[batch, ...]`.

        Args:
            predictions: What the model returned, `[batch, ...]`.
            targets: What it should have returned.
            where: A mask of the values' shape; what is false there is hidden, and its value is 0.
        """
        ...


#: A model, whose state and options may be missing, as `supervised` says.
Model: TypeAlias = Apply | Callable[[Params, Any], Tree] | Callable[[Params, Any, Any], Tree]
#: A loss, whose `where` may be missing.
AnyLoss: TypeAlias = Loss | Callable[[Any, Any], Any]


class Metric(Protocol):
    """A figure to watch, such as those of `train.metrics`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def largest_error(
        ...     predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
        ... ) -> train.metrics.Mean:
        ...     return train.metrics.mean(jnp.abs(predictions - targets).max(-1), where=where)
        >>> metric: train.Metric = largest_error
        >>> float(metric(jnp.ones((2, 3)), jnp.zeros((2, 3)), where=None).value)
        1.0
    """

    def __call__(self, predictions: Tree, targets: Tree, /, *, where: jax.Array | None) -> Figure:
        """Return sums over the rows, which are added over batches: `metrics.Mean` or `Sums`.

        Args:
            predictions: What the model returned, `[batch, ...]`.
            targets: What it should have returned.
            where: `[batch]` bool, the rows that count, or with more axes where weights of that
                shape hide time steps or outputs; None: all of them.
        """
        ...


class Objective(Protocol):
    """What training brings down: `make_step`, `make_run`, `fit` and `evaluate` take one.

    `supervised` makes one of a model and a loss; any function like this is one. It is called with
    both keywords: `key=None, train=False` when it is measured, a key and `train=True` in a step.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def mean_square(
        ...     params: train.Params, state: train.State, batch: train.Batch, *,
        ...     key: jax.Array | None = None, train: bool = False,
        ... ) -> tuple[jax.Array, tuple[train.State, dict[str, train.metrics.Mean]]]:
        ...     return ((batch.x @ params - batch.y) ** 2).mean(), (state, {})
        >>> objective: train.Objective = mean_square
        >>> batch = train.Batch(jnp.eye(2), jnp.array([1.0, 3.0]))
        >>> float(objective(jnp.zeros(2), (), batch, key=None, train=False)[0])
        5.0
    """

    def __call__(
        self,
        params: Params,
        state: State,
        batch: Batch,
        /,
        *,
        key: jax.Array | None,
        train: bool,
    ) -> tuple[jax.Array, tuple[State, Mapping[str, Figure]]]:
        """Return `(scalar, (new state, metrics))`.

        Args:
            params: The parameters, by which the scalar is differentiated.
            state: What the layers remember.
            batch: The examples. Where the mask is false a row is padding, and must not count.
            key: The randomness of this step; None: nothing is random.
            train: Whether this is a training step.
        """
        ...


def check_objective(objective: object) -> None:
    """Check that an objective is a function that can be called as one.

    Raises:
        TypeError: If it is none, such as a model or a loss alone.

    Example:
        >>> check_objective(lambda params, batch: 0.0)
        Traceback (most recent call last):
        TypeError: objective must be train.supervised(model.apply, loss), or a function ...
    """
    wanted = "objective must be train.supervised(model.apply, loss)"
    if not callable(objective):
        raise TypeError(f"{wanted}, got {type(objective).__name__}")
    if inspect.isbuiltin(objective):
        return
    try:
        arguments = inspect.signature(objective)
    except (TypeError, ValueError):  # it has none that can be read
        return
    name = getattr(objective, "__name__", type(objective).__name__)
    if "mask" in arguments.parameters:
        raise TypeError(f"{wanted}, got {name}{arguments}, which is the model alone")
    try:
        arguments.bind("params", "state", "batch", key=None, train=True)
    except TypeError as error:
        raise TypeError(
            f"{wanted}, or a function (params, state, batch, *, key, train), got "
            f"{name}({', '.join(arguments.parameters)}): {error}"
        ) from None
