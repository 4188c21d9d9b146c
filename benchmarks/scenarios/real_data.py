"""Batches of real data for the lecture's networks: scikit-learn's own sets, nothing is fetched."""

import numpy as np


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits (Alpaydin and Kaynak, 1998): `[rows, 64]` in [0, 1], classes `[rows]`."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images[:rows] / 16).astype(np.float32), labels[:rows].astype(np.int32)


def diabetes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Disease progression (Efron et al., 2004): `[rows, 10]` and `[rows, 1]`, standardized."""
    from sklearn.datasets import load_diabetes

    x, y = map(np.asarray, load_diabetes(return_X_y=True))
    return _standardized(x)[:rows], _standardized(y[:, None])[:rows]


def breast_cancer(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Tumours (Street et al., 1993): `[rows, 30]` standardized, and `[rows, 1]` of 0 and 1."""
    from sklearn.datasets import load_breast_cancer

    x, y = map(np.asarray, load_breast_cancer(return_X_y=True))
    return _standardized(x)[:rows], y[:rows, None].astype(np.float32)


def _standardized(values: np.ndarray) -> np.ndarray:
    return ((values - values.mean(axis=0)) / values.std(axis=0)).astype(np.float32)
