"""Targets that are NumPy's can be looked at, so that a wrong one is told and not NaN alone."""

import numpy as np

from ._checks import Kind

# Of each kind the least and the largest target; how far beyond it rounding may be; what to do.
_RANGES: dict[Kind, tuple[float, float, str]] = {
    "binary": (0, 1, "labels of -1 and 1 become (labels + 1) / 2"),
    "distribution": (0, 1, "a distribution over the classes has shares from 0 to 1"),
    "counts": (0, np.inf, "counts are 0 or more"),
}
_LABELS = "labels that count from 1 become labels - 1; what is not known is hidden by where="
_SLACK = 2.0**-7  # as the losses forgive it


def check_host_targets(who: str, kind: Kind, targets: object, where: object, classes: int) -> None:
    """Check that targets that are NumPy's, or numbers in a list, are in the range of their kind.

    What `where` hides may be anything. Those in an array of JAX are not looked at: under `jit` they
    have no values, and elsewhere it would wait for the device. A target that is NaN is left to
    itself.

    Raises:
        ValueError: If one is outside; the message has the index of the first one.
    """
    if not isinstance(targets, np.ndarray | list | int) or kind == "real":
        return
    values = np.asarray(targets)
    low, high, cure = (0, classes - 1, _LABELS) if kind == "labels" else _RANGES[kind]
    slack = 0 if kind == "labels" else _SLACK
    outside = (values < low) if high == np.inf else (values < low - slack) | (values > high + slack)
    if where is not None:
        if not isinstance(where, np.ndarray | list | bool):
            return
        shown = np.asarray(where)
        outside &= shown.reshape(shown.shape + (1,) * (values.ndim - shown.ndim))
    if outside.any():
        index = tuple(np.argwhere(outside)[0].tolist())
        wanted = f"in {low} .. {high}" if high < np.inf else f"{low} or more"
        raise ValueError(
            f"{who}: targets must be {wanted}, got {values[index]} at index {[*index]} "
            f"({outside.sum()} of {values.size} outside): {cure}"
        )
