"""What is tried first: a short time is left for the method that is likely the best."""

import jax.numpy as jnp
import pytest

from benchmarks import compare
from benchmarks.comparison import work
from benchmarks.comparison.attempt import Attempt, not_tried
from benchmarks.comparison.pace import Planned

NAMES = ["numerical", "forward", "reverse"]


def tried(monkeypatch, fn, x, ready=()):
    """Return the methods in the order that they were tried, each with its share of the time."""
    shares = {}

    def planted(method, experiment, *, share):
        shares[method.name] = share
        planned = Planned(1e-6, 1, None) if method.name in ready else None
        return Attempt(not_tried(method, "planted"), None, planned)

    monkeypatch.setattr(work, "attempt", planted)
    found = compare(fn, x, methods=NAMES, budget=0.05)
    assert [row.method for row in found.rows] == ["value", *NAMES]
    return shares


@pytest.mark.parametrize(
    ("fn", "size", "order"),
    [
        (lambda x: jnp.sum(x**2), 7, ["value", "reverse", "forward", "numerical"]),
        (lambda x: jnp.outer(x, x), 3, ["value", "forward", "reverse", "numerical"]),
    ],
)
def test_the_mode_of_fewest_passes_is_tried_first_and_differences_last(
    monkeypatch, fn, size, order, nothing_is_too_slow
):
    assert list(tried(monkeypatch, fn, jnp.ones(size))) == order


def test_until_a_derivative_is_ready_a_method_may_take_more_of_the_time(
    monkeypatch, nothing_is_too_slow
):
    def square(x):
        return jnp.sum(x**2)

    none = tried(monkeypatch, square, jnp.ones(7), ready=("value",))
    one = tried(monkeypatch, square, jnp.ones(7), ready=("value", "reverse"))
    assert none["forward"] == one["reverse"] == none["reverse"] > one["forward"]
