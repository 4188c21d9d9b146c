"""Losses: one value for each example, exact at the edges, in both modes of differentiation.

Every loss is `loss(predictions, targets, *, where=None) -> values`. The last axis of the
predictions holds the outputs or classes of one example, and `mean` makes one number of the values.
Values are computed and returned in the predictions' dtype, or in float32 if that is shorter.
"""

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, focal, hinge
from .classification import cross_entropy, kl_divergence
from .distributions import gaussian_nll, quantile
from .labels import check_labels, class_weights
from .penalties import elastic_net, is_weight, l1, l2, weight_mask
from .penalty_shares import Share, penalized
from .reduction import mean, per_output
from .regression import absolute_error, huber, poisson_nll, squared_error
from .softmax import (
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    softmax_focal_with_integer_labels,
)

__all__ = [
    "Share",
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check_labels",
    "class_weights",
    "cross_entropy",
    "elastic_net",
    "focal",
    "gaussian_nll",
    "hinge",
    "huber",
    "is_weight",
    "kl_divergence",
    "l1",
    "l2",
    "mean",
    "penalized",
    "per_output",
    "poisson_nll",
    "quantile",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
    "softmax_focal_with_integer_labels",
    "squared_error",
    "weight_mask",
]
