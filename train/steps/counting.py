"""How many steps an epoch has."""

from __future__ import annotations

from .._checks import positive


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return how many steps an epoch over `rows` rows makes, for a schedule's length.

    The last batch is padded where `batch_size` does not divide the rows.

    Args:
        rows: How many rows the training data have.
        batch_size: Rows of a step.

    Raises:
        ValueError: If either is no integer above 0.

    Example:
        >>> import optax
        >>> from gradwise import train
        >>> steps = 20 * train.steps_per_epoch(1000, 64)
        >>> schedule = optax.cosine_decay_schedule(1e-3, decay_steps=steps)
        >>> steps
        320
    """
    return -(-positive("rows", rows) // positive("batch_size", batch_size))
