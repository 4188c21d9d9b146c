"""How far the mean score of a setting may be off."""

from __future__ import annotations

import numpy as np


def standard_error(scores: np.ndarray) -> float:
    """Return the standard error of the mean of scores `[repeats, folds]`; NaN for a single run.

    All repeats share one data set, so they are independent only once the data are given: more of
    them take away the noise of the seeds and of the cutting into folds, and nothing else. The folds
    of one repeat validate on different rows with different keys, so each of them is a sample of all
    that is random. With

    * `W`, the variance over the folds, the mean of all repeats,
    * `B`, the variance over the repeats of their means,

    the mean of one repeat has the variance `W / folds`. Another repeat would change `B` of it, and
    the rest is the data's. So the mean of all repeats has `W / folds - B + B / repeats`, and not
    less than `W / folds / repeats`, as if all runs were independent. With one repeat that is the
    usual `W / folds`, and without folds it is `B / repeats`, the validation data being given.

    Two things are left out. The training parts of two folds overlap, which no formula of one
    cross-validation can tell: Bengio and Grandvalet, No Unbiased Estimator of the Variance of
    K-Fold Cross-Validation (2004). And where the data have no share in the noise, the result is too
    large, by a third with three repeats, for a share cannot be estimated as less than nothing.

    Example:
        >>> round(standard_error(np.array([[1.0, 3.0, 5.0]])), 3)
        1.155
        >>> round(standard_error(np.array([[1.0, 3.0, 5.0], [5.0, 3.0, 1.0]])), 3)  # the same data
        1.155
    """
    repeats, folds = scores.shape
    if scores.size < 2:
        return float("nan")
    if folds == 1:
        return float(scores.std(ddof=1) / np.sqrt(repeats))
    of_one = scores.var(axis=1, ddof=1).mean() / folds
    change = scores.mean(axis=1).var(ddof=1) if repeats > 1 else 0.0
    return float(np.sqrt(max(of_one - change + change / repeats, of_one / repeats)))
