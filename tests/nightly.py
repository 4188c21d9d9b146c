"""Cases that run every night and not every time: of twins in a table one runs every time.

Twins are made of the same operations, and differ in a size, a constant or the order of an axis.
"""

from collections.abc import Iterable
from typing import Any

import pytest

#: Each case of the night with its twin of the day.
TWINS = {
    "lecture/mlp_diabetes": "lecture/mlp_breast_cancer",
    "lecture/l2": "lecture/prelu_penalty",
    "jacobian/18x2": "jacobian/2x18",
    "jacobian/6x6": "jacobian/2x18",
    "memory/scan_T9": "memory/scan_T4",
    "helmholtz/n1": "hessian/helmholtz",
    "helmholtz/n4": "hessian/helmholtz",
    "adbench/hand_simple_2": "adbench/hand_complicated_2",
    "pathologies/sines_barrier": "pathologies/rewrite_barrier",
    "a matrix exponential": "a linear solve",
    "batch_norm": "batch_norm of images",
    "prelu with one slope": "prelu",
    "conv 3-D": "conv 2-D",
    "lstm": "lstm backwards, its last state",
    "attention, causal": "attention",
}


def sampled(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test, those of the night with that marker."""
    return [pytest.param(n, marks=pytest.mark.nightly) if n in TWINS else n for n in names]
