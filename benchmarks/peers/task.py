"""What every library is given: the same sizes, the same weights, the same data."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Task:
    """A classifier to train: dense, batch norm, ReLU and dropout in each hidden layer.

    Attributes:
        sizes: Inputs, hidden layers, classes. The hidden dense layers have no bias.
        rate: The share of hidden units that is dropped.
        x: `[rows, inputs]` float32.
        y: `[rows]` class ids.
        weights: `[in, out]` of each dense layer; all biases are 0.
        batch: Rows of a training step.
        momentum: Momentum of the running batch statistics.
        eps: What batch norm adds to a variance.
        learning_rate: The learning rate of Adam.

    Example:
        >>> make_task((8, 4, 3), rate=0.1, batch=5)
        Task(8-4-3, 5 rows in batches of 5)
    """

    sizes: tuple[int, ...]
    rate: float
    x: np.ndarray
    y: np.ndarray
    weights: tuple[np.ndarray, ...]
    batch: int
    momentum: float = 0.99
    eps: float = 1e-5
    learning_rate: float = 1e-3

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return f"Task({sizes}, {len(self.x):,} rows in batches of {self.batch})"


def make_task(
    sizes: tuple[int, ...],
    *,
    rate: float,
    batch: int,
    data: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> Task:
    """Build a task with He's initial weights (2015).

    Args:
        sizes: Inputs, hidden layers, classes.
        rate: The share of hidden units that is dropped.
        batch: Rows of a training step.
        data: `x` and `y`; random data of one batch if none is given.
        seed: Draws the weights, and random data.

    Example:
        >>> task = make_task((8, 4, 3), rate=0.1, batch=5)
        >>> task.x.shape, task.y.shape, [w.shape for w in task.weights]
        ((5, 8), (5,), [(8, 4), (4, 3)])
    """
    rng = np.random.default_rng(seed)
    weights = tuple(
        (rng.normal(size=(in_dim, out_dim)) * np.sqrt(2 / in_dim)).astype(np.float32)
        for in_dim, out_dim in pairwise(sizes)
    )
    if data is None:
        x = rng.normal(size=(batch, sizes[0])).astype(np.float32)
        data = x, rng.integers(0, sizes[-1], batch).astype(np.int32)
    x, y = data
    return Task(sizes=sizes, rate=rate, x=x, y=y, weights=weights, batch=batch)
