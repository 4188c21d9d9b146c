"""Loss and metrics of a data set, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.sharding import NamedSharding

from .. import data as datasets
from .._checks import positive
from .._global_arrays import check_global
from .._places import Places, places_of, whole
from .._processes import check_same
from .._programs import program
from .._sharding import placed
from .._spread import Rows
from .._types import Data
from ..data.accepted import data_set
from ..metrics import Figure
from .contracts import Objective, check_objective
from .optional import check_targets, with_loss
from .state import Batch, TrainState, check_train_state


def evaluate(
    objective: Objective,
    train_state: TrainState,
    data: Data,
    *,
    batch_size: int,
    sharding: NamedSharding | None = None,
) -> dict[str, jax.Array]:
    """Compute loss and metrics over all rows of a data set, without randomness or training.

    It is a pure function; called outside of `jit` it compiles once for an objective and the shapes
    of the data.

    Args:
        objective: What `supervised` makes, or any `Objective`.
        train_state: The parameters and what the layers remember.
        data: Arrays `(x, y)`, `[rows, ...]`, as `train.data` says.
        batch_size: How many rows are evaluated at a time, on all devices together.
        sharding: How the rows are to be spread over a mesh; by default as they are, see `make_run`.

    Returns:
        The value of each metric over all rows, by name: a number, or an array where the metric
        gives one. The loss is always there.

    Raises:
        ValueError: If there is no row, if the arrays do not have the same rows, or if `batch_size`
            is not an integer above 0; if a label of NumPy's is none that the model has an output
            for; or if there are several processes, and the data are of this one alone.
        TypeError: If the data are no pair of arrays of numbers, or the objective or the train state
            is none.

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
    check_objective(objective)
    check_train_state("evaluate", train_state)
    batch_size = positive("batch_size", batch_size)
    data = data_set("the data", data)
    check_global("the data", data)
    check_same({"train_state": train_state})
    if not any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(data[1])):
        check_targets(objective, train_state, data)  # of JAX's, it would wait for the device
    data, rows = placed("the data", data, datasets.length(data), sharding, train_state)
    given = train_state, data
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        return values(totals(objective, *given, batch_size, rows))
    options = objective, batch_size, rows, places_of(train_state[:2])
    return values(program(make_totals, *options, arguments=given)(*given))


def make_totals(
    objective: Objective, batch_size: int, rows: Rows, places: Places = None
) -> Callable[[TrainState, Data], dict[str, Figure]]:
    """Fix the objective, the batch size and the rows of `totals`, for a program of its own."""
    return partial(totals, objective, batch_size=batch_size, rows=rows, places=places)


def totals(
    objective: Objective,
    train_state: TrainState,
    data: Data,
    batch_size: int,
    rows: Rows,
    places: Places = None,
) -> dict[str, Figure]:
    """Compute what `evaluate` does, as sums and weights that are yet to be divided.

    The data are read where they are, by each device its own rows; nothing is copied to pad the last
    batch.
    """
    size = min(rows.share(batch_size), rows.block)
    train_state = gathered(train_state, places, rows.axes)

    def window(i: jax.Array) -> dict[str, Figure]:
        # The last window starts early enough to be whole; the mask hides the rows that the window
        # before it has counted.
        start = jnp.minimum(i * size, rows.block - size)
        places, mask = rows.window(start + jnp.arange(size), i * size)
        x, y = rows.take(data, places)
        return measure(objective, train_state, Batch(x, y, mask))

    windows = jax.lax.map(window, jnp.arange(-(-rows.block // size)))
    return jax.tree.map(lambda leaf: leaf.sum(axis=0), windows)


def gathered(train_state: TrainState, places: Places, axes: tuple[str, ...]) -> TrainState:
    """Return a train state whose parameters and layers' state are gathered, as `whole` says."""
    params, state = whole(places, (train_state.params, train_state.state), axes)
    return train_state._replace(params=params, state=state)


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
