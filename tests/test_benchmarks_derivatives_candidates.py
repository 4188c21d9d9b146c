"""Derivatives of one's own in the table of `compare`."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

from benchmarks import Candidate, compare

X = jnp.linspace(0.1, 1.5, 6)
QUICK = {"budget": 0.05}

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


def diagonal(factor):
    """The diagonal of the Jacobian of sin, off by `factor` in entry 3, and how it is applied."""
    return Candidate(
        name="diagonal",
        mode="forward",
        derivative=lambda x: jnp.cos(x) * jnp.ones_like(x).at[3].set(factor),
        product=lambda diagonal, tangents: diagonal * tangents[0],
    )


def test_a_candidate_stands_in_the_table_and_is_checked_like_the_rest():
    found = compare(jnp.sin, X, methods=["forward"], candidates=[diagonal(1.0)], **QUICK)
    assert found.row("diagonal").status == "ok"
    found = compare(jnp.sin, X, methods=["forward"], candidates=[diagonal(1.0001)], **QUICK)
    assert found.row("diagonal").status == "wrong"


def test_a_candidate_of_the_standard_structure_needs_no_product():
    own = Candidate(
        name="mine",
        mode="reverse",
        derivative=jax.jacrev(lambda x, y: {"a": x * y, "b": y}, (0, 1)),
    )
    found = compare(
        lambda x, y: {"a": x * y, "b": y}, X, 2 * X, methods=["forward"], candidates=[own], **QUICK
    )
    assert found.row("mine").status == "ok"


def cubes(params, y):
    return jnp.sum(params["w"] ** 3) * y + jnp.sum(params["v"] * y**2)


def scaled(params, y):
    return 1.001 * cubes(params, y)


@pytest.mark.parametrize("argnums", [0, (0, 1), (1, 0)])
def test_a_second_derivative_of_one_s_own_is_what_hessian_returns(argnums):
    inputs = {"w": X, "v": X[:2]}, jnp.float32(2.0)
    own = Candidate(name="own", mode="mixed", derivative=jax.hessian(cubes, argnums))
    off = Candidate(name="off", mode="mixed", derivative=jax.hessian(scaled, argnums))
    options = {"methods": ["columns"], "argnums": argnums, "candidates": [own, off]}
    found = compare(cubes, *inputs, order=2, **options, **QUICK)
    assert [row.status for row in found.rows] == ["ok", "ok", "ok", "wrong"]


def test_a_second_derivative_of_one_array_is_one_array():
    own = Candidate(name="own", mode="mixed", derivative=jax.hessian(lambda x: jnp.sum(jnp.sin(x))))
    found = compare(
        lambda x: jnp.sum(jnp.sin(x)), X, order=2, methods=["value"], candidates=[own], **QUICK
    )
    assert found.row("own").status == "ok"


def test_a_candidate_that_raises_is_a_row():
    def broken(x):
        raise RuntimeError("no idea")

    own = Candidate(name="broken", mode="reverse", derivative=broken)
    found = compare(jnp.sin, X, methods=["forward"], candidates=[own], **QUICK)
    assert found.row("broken").status == "failed"
    assert "no idea" in found.row("broken").note
    assert found.row("forward").status == "ok"


@pytest.mark.parametrize(
    ("candidates", "error", "message"),
    [
        ([diagonal(1.0), diagonal(2.0)], ValueError, "'diagonal': another row has this name"),
        ([replace(diagonal(1.0), name="reverse")], ValueError, "'reverse': another row has"),
        ([replace(diagonal(1.0), mode="sideways")], ValueError, "'diagonal': mode must be in"),
        (diagonal(1.0), TypeError, r"must be a list of Candidate\(...\), got a Candidate"),
        ([jnp.cos], TypeError, "got a list with <"),
        (None, TypeError, "got a NoneType"),
    ],
)
def test_a_candidate_with_the_name_of_another_row_is_refused(candidates, error, message):
    with pytest.raises(error, match=message):
        compare(jnp.sin, X, candidates=candidates)
