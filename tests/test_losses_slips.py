"""What is easily done wrong with losses, and what is told then: who, what was expected, and got."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import losses

raw: Any = losses  # to call with arguments that a type checker would refuse
INTEGER = raw.softmax_cross_entropy_with_integer_labels
LOGITS = jnp.zeros((3, 4))
PARAMS = {"weight": jnp.ones((2, 3)), "bias": jnp.ones(3)}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: INTEGER(LOGITS, np.array([1, 4, 2])), ValueError,
         r"integer_labels: targets must be in 0 \.\. 3, got 4 at index \[1\] .* labels - 1"),
        (lambda: INTEGER(LOGITS, [1, -1, 2]), ValueError, r"got -1 at index \[1\] .* where="),
        (lambda: INTEGER(LOGITS, np.array([9, -1, 9]), where=np.array([True, False, False])),
         ValueError, r"got 9 at index \[0\] \(1 of 3 outside\)"),
        (lambda: raw.softmax_focal_with_integer_labels(LOGITS, np.array([0, 0, 7])), ValueError,
         "targets must be in"),
        (lambda: raw.hinge(LOGITS, np.full((3, 4), -1)), ValueError, r"\(labels \+ 1\) / 2"),
        (lambda: raw.focal(LOGITS, np.full((3, 4), 2)), ValueError, r"in 0 \.\. 1, got 2 at"),
        (lambda: raw.softmax_cross_entropy(LOGITS, np.full((3, 4), 1.5)), ValueError, "got 1.5"),
        (lambda: raw.poisson_nll(LOGITS, np.full((3, 4), -2)), ValueError, "0 or more, got -2"),
        (lambda: raw.squared_error({"a": LOGITS}, LOGITS), TypeError,
         "predictions must be one array of numbers, got dict: take one of its arrays"),
        (lambda: raw.squared_error(LOGITS, "mean"), TypeError, "targets must be .* got str"),
        (lambda: raw.squared_error(LOGITS, LOGITS, where="all"), TypeError, "where .* got str"),
        (lambda: raw.mean("values"), TypeError, "mean: values must be .* got str"),
        (lambda: raw.mean(None), TypeError, "mean: values must be .* got NoneType"),
        (lambda: raw.mean(jnp.ones(2), where={}), TypeError, "mean: where must be .* got dict"),
        (lambda: raw.huber(LOGITS, LOGITS, delta=1j), TypeError, "delta must be a number"),
        (lambda: raw.l2(PARAMS, select="weight"), TypeError, "l2: select must be a function"),
        (lambda: raw.elastic_net(PARAMS, select=None), TypeError, "elastic_net: select must be"),
        (lambda: raw.weight_mask(PARAMS, select=1), TypeError, "weight_mask: select must be"),
        (lambda: raw.penalized(PARAMS, select="w"), TypeError, "penalized: select must be"),
        (lambda: raw.check_labels(np.array([0]), "3"), ValueError, "classes must be .* got '3'"),
        (lambda: raw.class_weights(np.array([0]), 0), ValueError, "above 0, got 0"),
        (lambda: raw.class_weights(np.array([0]), 2.5), ValueError, "above 0, got 2.5"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_who_expected_what_and_got(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_wrong_targets_of_jax_or_hidden_ones_are_told_by_nan_or_not_at_all():
    labels = np.array([1, 4, 2])
    assert np.isnan(INTEGER(LOGITS, jnp.asarray(labels))).tolist() == [False, True, False]
    assert np.isnan(jax.jit(INTEGER)(LOGITS, labels)).tolist() == [False, True, False]
    shown = np.array([True, False, True])
    for where in (shown, shown.tolist(), jnp.asarray(shown)):
        assert np.isfinite(INTEGER(LOGITS, labels, where=where)).all()
    unknown = np.full((3, 4), np.nan, np.float32)
    assert np.isnan(losses.binary_cross_entropy_with_logits(LOGITS, unknown)).all()
