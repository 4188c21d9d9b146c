"""Batches of real data for the networks, from the sets that scikit-learn brings: no download."""

from typing import Any

import numpy as np

from ..._extras import import_extra


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Load handwritten digits (Alpaydin and Kaynak, 1998).

    Returns:
        Pixels `[rows, 64]` in [0, 1], and class ids `[rows]`.

    Example:
        >>> x, y = digits(3)
        >>> x.shape, y
        ((3, 64), array([0, 1, 2], dtype=int32))
    """
    images, labels = _datasets().load_digits(return_X_y=True)
    return (images[:rows] / 16).astype(np.float32), labels[:rows].astype(np.int32)


def diabetes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Load the progression of diabetes in patients (Efron et al., 2004).

    Returns:
        Features `[rows, 10]` and progression `[rows, 1]`, both standardized.

    Example:
        >>> [part.shape for part in diabetes(3)]
        [(3, 10), (3, 1)]
    """
    x, y = map(np.asarray, _datasets().load_diabetes(return_X_y=True))
    return _standardized(x)[:rows], _standardized(y[:, None])[:rows]


def breast_cancer(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Load features of breast tumours (Street et al., 1993).

    Returns:
        Features `[rows, 30]`, standardized, and `[rows, 1]` of 0 (malignant) and 1 (benign).

    Example:
        >>> [part.shape for part in breast_cancer(3)]
        [(3, 30), (3, 1)]
    """
    x, y = map(np.asarray, _datasets().load_breast_cancer(return_X_y=True))
    return _standardized(x)[:rows], y[:rows, None].astype(np.float32)


def _datasets() -> Any:
    return import_extra("sklearn.datasets", "suite")


def _standardized(values: np.ndarray) -> np.ndarray:
    return ((values - values.mean(axis=0)) / values.std(axis=0)).astype(np.float32)
