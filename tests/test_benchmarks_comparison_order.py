"""What is tried first: a short time is left for the method that is likely the best."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.comparison import work
from benchmarks.comparison.attempt import Attempt, not_tried
from benchmarks.comparison.pace import Planned, look_at

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


def test_a_function_that_calls_back_into_python_has_the_seconds_of_its_first_compilation(
    monkeypatch, nothing_is_too_slow
):
    def back(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jnp.sum(jax.pure_callback(np.sin, shape, x, vmap_method="sequential"))

    seen = []

    def looked(problem, left):
        seen.append(look_at(problem, left)._replace(compile_seconds=12.5))
        return seen[-1]

    monkeypatch.setattr(work, "look_at", looked)
    found = compare(back, jnp.ones(3), methods=["numerical"], budget=0.05)
    assert found.row("value").compile_seconds == 12.5
    assert found.row("numerical").compile_seconds < 12.5


def test_no_note_says_that_a_derivative_is_checked_where_none_is(nothing_is_too_slow):
    with jax.enable_x64(True):
        undefined = compare(jnp.log, jnp.float64(-1.0), methods=["reverse"], budget=0.05)
        infinite = compare(lambda x: 1 / x, jnp.float64(0.0), methods=["reverse"], budget=0.05)
    for found in (undefined, infinite):
        assert {row.status for row in found.rows} == {"failed"}
        assert not any("checked" in note or "Jacobian" in note for note in found.notes)


def test_a_reference_that_nothing_checks_is_not_said_to_check(nothing_is_too_slow):
    @jax.custom_vjp
    def sine(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(lambda x: np.sin(x, dtype=np.float32), shape, x)

    sine.defvjp(lambda x: (sine(x), x), lambda x, g: (jnp.cos(x) * g,))
    methods = ["numerical", "reverse"]
    found = compare(
        lambda x: jnp.sum(sine(x)), jnp.float32([0.3, 2.0]), methods=methods, budget=0.05
    )
    assert found.row("reverse").note.startswith("not checked independently")
    note = next(note for note in found.notes if note.startswith("derivatives"))
    assert note.startswith("derivatives compared with float64 reverse mode, itself not checked")
