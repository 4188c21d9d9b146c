"""Loss and metrics of a data set, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
from jax.core import Tracer

from .. import data as datasets
from .._checks import positive
from .._processes import check_global, check_same
from .._programs import program
from .._types import Data
from ..data.accepted import data_set, on_device
from ..metrics import Figure
from .contracts import Objective
from .optional import with_loss
from .state import Batch, TrainState


def evaluate(
    objective: Objective, train_state: TrainState, data: Data, *, batch_size: int
) -> dict[str, jax.Array]:
    """Compute loss and metrics over all rows of a data set, without randomness or training.

    It is a pure function; called outside of `jit` it compiles once for an objective and the shapes
    of the data.

    Args:
        objective: What `supervised` makes, or any `Objective`.
        train_state: The parameters and what the layers remember.
        data: Arrays `(x, y)`, `[rows, ...]`, as `train.data` says.
        batch_size: How many rows are evaluated at a time.

    Returns:
        The value of each metric over all rows, by name: a number, or an array where the metric
        gives one. The loss is always there.

    Raises:
        ValueError: If there is no row, if the arrays do not have the same rows, or if `batch_size`
            is not an integer above 0; or if there are several processes, and the data are of this
            one alone.
        TypeError: If the data are no pair of arrays of numbers.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> from gradwise.train.metrics import mean
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = mean(jnp.abs(batch.x - params), where=batch.mask)
        ...     return error.value, (state, {"loss": error})
        >>> train_state = train.init(jnp.array(1.0), (), optax.sgd(0.1))
        >>> data = jnp.arange(3.0), jnp.zeros(3)
        >>> train.evaluate(objective, train_state, data, batch_size=2)
        {'loss': Array(0.6666667, dtype=float32)}
    """
    batch_size = positive("batch_size", batch_size)
    sets = data_set("the data", data)
    check_global("the data", sets)
    check_same({"train_state": train_state})
    given = train_state, on_device(sets)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        return values(totals(objective, *given, batch_size))
    return values(program(make_totals, objective, batch_size, arguments=given)(*given))


def make_totals(
    objective: Objective, batch_size: int
) -> Callable[[TrainState, Data], dict[str, Figure]]:
    """Fix the objective and the batch size of `totals`, for a program of its own."""
    return partial(totals, objective, batch_size=batch_size)


def totals(
    objective: Objective, train_state: TrainState, data: Data, batch_size: int
) -> dict[str, Figure]:
    """Compute what `evaluate` does, as sums and weights that are yet to be divided.

    The data are read where they are; nothing is copied to pad the last batch.
    """
    rows = datasets.length(data)
    size = min(batch_size, rows)

    def window(i: jax.Array) -> dict[str, Figure]:
        # The last window starts early enough to be whole; the mask hides the rows that the window
        # before it has counted.
        start = jnp.minimum(i * size, rows - size)
        mask = start + jnp.arange(size) >= i * size
        x, y = datasets.take(data, start + jnp.arange(size))
        return measure(objective, train_state, Batch(x, y, mask))

    windows = jax.lax.map(window, jnp.arange(-(-rows // size)))
    return jax.tree.map(lambda leaf: leaf.sum(axis=0), windows)


def measure(objective: Objective, train_state: TrainState, batch: Batch) -> dict[str, Figure]:
    """Compute the metrics of one batch without training."""
    value, (_, metrics) = objective(
        train_state.params, train_state.state, batch, key=None, train=False
    )
    return with_loss(value, metrics, batch)


def values(means: Mapping[str, Figure]) -> dict[str, jax.Array]:
    """Return the figures that are made of sums.

    Example:
        >>> from gradwise import train
        >>> mean = train.metrics.Mean(jnp.array(3.0), jnp.array(2.0))
        >>> float(values({"loss": mean})["loss"])
        1.5
    """
    return {name: mean.value for name, mean in means.items()}
