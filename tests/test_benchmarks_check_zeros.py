"""What is zero but for rounding is right and timed; what is small and has digits is no zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import Candidate, compare
from benchmarks.check.directions import UNHURRIED
from benchmarks.check.noise import terms

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")
X = jnp.asarray(np.random.default_rng(0).standard_normal((5, 8)), jnp.float32)
QUICK = {"methods": ["forward", "reverse"], "budget": 0.05}
ZERO = "zero but for rounding"


def normalized(x):
    return jnp.sum((x - x.mean()) / jnp.sqrt(x.var() + 1e-5))


def exact(found):
    return [row for row in found.rows if row.exact and row.kind != "value"]


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: jnp.sum(jax.nn.softmax(x)),
        lambda x: jax.nn.softmax(x).sum(-1),
        lambda x: jax.nn.logsumexp(jax.nn.log_softmax(x), axis=-1),
        lambda x: jnp.sum(jnp.sin(x) ** 2 + jnp.cos(x) ** 2),
        normalized,
        lambda x: 1e-12 * normalized(x),
    ],
)
def test_a_derivative_that_is_zero_but_for_rounding_is_right_and_timed(fn):
    found = compare(fn, X, **QUICK)
    for row in exact(found):
        assert (row.status, row.error) in (("ok", None), ("ok", 0.0))
        assert (ZERO in row.note) == (row.error is None)
        assert row.samples is not None
    assert found.verdict.time.method in ("forward", "reverse", "tie", None)
    assert "nothing to choose from" not in found.verdict.time.text
    assert "did not agree" not in " ".join(found.notes)


@pytest.mark.parametrize(
    "fn", [lambda x: jnp.sum(jax.nn.softmax(x)), lambda x: jnp.log(jnp.prod(jnp.exp(x)))]
)
def test_a_hessian_that_is_zero_but_for_rounding_is_right(fn):
    found = compare(fn, X[0, :4], order=2, budget=0.05, methods=["forward_over_reverse", "columns"])
    for name in ("forward_over_reverse", "columns"):
        row = found.row(name)
        assert (row.status, row.error) in (("ok", None), ("ok", 0.0))
        assert (ZERO in row.note) == (row.error is None)


def test_the_outputs_that_are_zero_are_apart_from_those_that_are_not():
    scale = 1e-9  # so that rounding of the first output hides the second

    def outputs(x):
        return jnp.stack([jnp.sum(jax.nn.softmax(x)), scale * jnp.sum(jnp.sin(x))])

    wrong = Candidate(
        name="mine",
        mode="reverse",
        derivative=lambda x: jnp.stack([0 * x, scale * (1 + 1e-3) * jnp.cos(x)]),
    )
    found = compare(outputs, X.ravel(), candidates=[wrong], **QUICK)
    for row in exact(found)[:2]:
        assert (row.status, row.error < 1e-6) == ("ok", True)
        assert f"a part of it is {ZERO}" in row.note
    assert found.row("mine").status == "wrong"


@pytest.mark.parametrize(
    ("fn", "x", "status"),
    [
        (lambda x: jnp.sum((1 - jnp.cos(x)) / x**2), 1e-4 * X[0], "inaccurate"),
        (lambda x: jnp.sum((1 - jnp.cos(x)) / x**2), 1e-7 * X[0], "inaccurate"),
        (lambda x: jnp.sum(jax.nn.softmax(x)) + 1e-9 * jnp.sum(jnp.sin(x)), X, "inaccurate"),
        (lambda x: 1e-12 * jnp.sum(jnp.sin(x)), X[0], "ok"),
        (lambda x: 1 + 1e-17 * jnp.sum(jnp.sin(x)), X[0], "ok"),
    ],
)
def test_what_is_small_and_not_zero_is_not_called_zero(fn, x, status):
    found = compare(fn, x, **QUICK)
    for row in exact(found):
        assert row.status == status
        assert row.error is not None
        assert ZERO not in row.note


def test_a_candidate_of_a_zero_is_right_only_within_rounding():
    zero = Candidate(name="zero", mode="reverse", derivative=jnp.zeros_like)
    small = Candidate(name="small", mode="reverse", derivative=lambda x: 1e-6 * x)
    found = compare(normalized, X, candidates=[zero, small], **QUICK)
    assert (found.row("zero").status, found.row("zero").error) == ("ok", 0.0)
    assert found.row("small").status == "wrong"
    assert "where the derivative is zero" in found.row("small").note


def test_the_size_of_terms_is_that_of_what_cancels():
    with jax.enable_x64(True):
        x = jnp.float64(1.1)
        (size,) = terms(lambda x: [7.3 * x * 1e6 - 7.3e6 * x + x], (x,), UNHURRIED)(x)
    assert 1e6 < size < 1e8
