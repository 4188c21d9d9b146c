"""Metrics as sums that add over batches and devices, exact over padded rows and any batch size.

A metric is a function `metric(predictions, targets, *, where=None)`, see `train.Metric`, that
returns sums: `Mean`, a total and its weight, or `Sums`, any tree and what is made of it at the end.
The sums of several batches are added, and only then divided, so that a last batch of three rows
weighs as much as three rows, and an F1 score is that of all rows. The value may be a number, one
for each class, or a matrix. Options are keywords: fix them with `functools.partial`.

Example:
    >>> import jax.numpy as jnp
    >>> from gradwise import train
    >>> def error_above(predictions, targets, *, where=None):
    ...     return train.metrics.mean(jnp.abs(predictions - targets) > 0.5, where=where)
    >>> error_above(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])).value
    Array(0.5, dtype=float32)
"""

from .counts import Average, confusion_matrix, f1, precision, recall
from .errors import mean_absolute_error, r_squared
from .hits import accuracy, binary_accuracy, top_k_accuracy
from .positives import binary_f1, binary_precision, binary_recall
from .scores import binary_auc, calibration_error
from .sums import Figure, Mean, Sums, mean, rows, wide

__all__ = [
    "Average",
    "Figure",
    "Mean",
    "Sums",
    "accuracy",
    "binary_accuracy",
    "binary_auc",
    "binary_f1",
    "binary_precision",
    "binary_recall",
    "calibration_error",
    "confusion_matrix",
    "f1",
    "mean",
    "mean_absolute_error",
    "precision",
    "r_squared",
    "recall",
    "rows",
    "top_k_accuracy",
    "wide",
]
