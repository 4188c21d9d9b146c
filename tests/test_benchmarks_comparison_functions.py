"""Several functions side by side: whether they give the same, and which of them is faster."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradwise
from benchmarks import compare_functions
from benchmarks.comparison.agreement import as_computed, difference
from benchmarks.comparison.asked import Settings
from benchmarks.comparison.worked import worked

X = jnp.linspace(0.1, 1.0, 6)


def direct(x):
    return {"sines": jnp.sin(x), "norm": jnp.sum(x**2)}


def slow(x):
    """The same by a long detour."""
    x = jax.lax.fori_loop(0, 3000, lambda step, x: x[::-1], x)
    return {"sines": jnp.sin(x), "norm": x @ x}


@pytest.fixture(scope="module")
def found():
    functions = {"slow": slow, "direct": direct}
    return compare_functions(functions, X, mode="reverse", budget=0.4)


def looked_at(fn, *inputs):
    """What is found of one function before anything is timed side by side."""
    settings = Settings(["reverse"], (), 1, 0.05, 60.0, 0, False)
    work, error = worked(fn, inputs, settings, argnums=None)
    assert error is None
    return work


def test_functions_that_give_the_same_are_equal_and_both_are_timed_in_turns(found):
    assert found.equal
    assert found.same == "all results are equal to 1e-05, compared in float64"
    assert [row.name for row in found.rows] == ["slow", "direct"]
    for row in found.rows:
        assert row.derivative.method == "reverse"
        assert row.derivative.samples.wall.size >= 3
        assert row.value.samples.wall.size >= 3
    assert found.rows[0].derivative.ratio.median == 1
    assert found.row("direct").derivative.use == "jax.jit(jax.jacrev(direct))"


def test_what_to_type_runs_as_it_is_printed(found):
    names = {"jax": jax, "gradwise": gradwise, "slow": slow, "direct": direct}
    for row in found.rows:
        jacobian = eval(row.derivative.use, names)(X)
        np.testing.assert_allclose(jacobian["norm"], 2 * X, rtol=1e-6)
        np.testing.assert_allclose(jacobian["sines"], np.diag(np.cos(X)), rtol=1e-5)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            lambda x: {**direct(x), "sines": jnp.sin(x).at[2].add(0.25)},
            "differs from direct, by 0.25: 0.693948 at output['sines'][2] where direct has 0.4439",
        ),
        (
            lambda x: {**direct(x), "norm": jnp.sum(x**2) + 0.001 * x[0]},
            "differs from direct, by 0.0001: 2.3821 at output['norm'] where direct has 2.382",
        ),
        (
            lambda x: {**direct(x), "norm": jnp.sum(x**2) + 0.1 * (x[0] - X[0])},
            "differs from direct in its derivative, by 0.1: 0.3 at output['norm'] by argument 0[0]",
        ),
        (
            lambda x: {**direct(x), "sines": jnp.sin(x)[:3]},
            "returns {'norm': [], 'sines': [3]} where direct returns {'norm': [], 'sines': [6]}",
        ),
        (lambda x: {**direct(x), "norm": jnp.sum(x**2) * jnp.float32(1 + 5e-7)}, ""),
        (lambda x: {"norm": x @ x, "sines": jnp.cos(x - jnp.pi / 2)}, ""),
    ],
)
def test_what_differs_is_told_with_its_place_and_rounding_is_no_difference(other, said):
    first, second = looked_at(direct, X), looked_at(other, X)
    told = difference("direct", first, second)
    assert told.startswith(said) if said else told == ""


def test_functions_that_differ_are_said_to_and_are_not_called_the_same():
    works = {"direct": direct, "off": lambda x: {**direct(x), "norm": jnp.sum(x**2) + 1}}
    found = compare_functions(works, X, mode="reverse", budget=0.1)
    assert not found.equal
    assert found.same == ""
    assert (
        str(found)
        .splitlines()[2]
        .startswith("  DIFFERS  off differs from direct, by 1: 3.382 at output['norm']")
    )
    assert "<th" in found._repr_html_()


def test_the_faster_mode_of_each_function_is_taken():
    wide = {"tanh": lambda x: jnp.tanh(x).sum(), "same": lambda x: jnp.sum(jnp.tanh(x))}
    found = compare_functions(wide, jnp.linspace(0.0, 1.0, 2000), budget=0.4)
    assert [row.derivative.method for row in found.rows] == ["reverse", "reverse"]


def test_a_function_without_a_right_derivative_has_none_and_is_named():
    @jax.custom_jvp
    def twice(x):
        return 2.0 * x

    twice.defjvp(lambda x, t: (twice(*x), 3.0 * t[0]))
    found = compare_functions({"right": lambda x: 2.0 * x, "wrong": twice}, X, budget=0.1)
    assert found.row("wrong").derivative is None
    assert found.row("wrong").value.seconds > 0
    assert "none" in str(found)


@pytest.mark.parametrize(
    ("functions", "options", "error", "message"),
    [
        ({"one": jnp.sin}, {}, TypeError, "needs at least two functions by name"),
        ([jnp.sin, jnp.cos], {}, TypeError, "needs at least two functions by name"),
        ({"a": jnp.sin, "b": 3}, {}, TypeError, "needs at least two functions by name"),
        ({"a": jnp.sin, "b": jnp.cos}, {"mode": "back"}, ValueError, "mode must be forward, rev"),
        ({"a": jnp.sin, "b": jnp.cos}, {"budget": 0}, ValueError, "budget must be a positive"),
    ],
)
def test_what_cannot_be_compared_is_refused(functions, options, error, message):
    with pytest.raises(error, match=message):
        compare_functions(functions, X, **options)


def test_it_is_written_and_read_and_fits_80_columns(found, tmp_path):
    found.save(tmp_path / "found.json")
    assert gradwise.load(tmp_path / "found.json") == found
    for ending in ("md", "html"):
        found.save(tmp_path / f"found.{ending}")
        assert "direct" in (tmp_path / f"found.{ending}").read_text()
    with pytest.raises(ValueError, match=r"must end in \.json or \.html or \.md"):
        found.save(tmp_path / "found.csv")
    assert max(map(len, str(found).splitlines())) <= 80
    lines = str(found).splitlines()
    assert lines[2].startswith("  ANSWER ")
    assert any(line.startswith("  USE ") for line in lines)


def test_a_cure_is_equal_to_what_it_cures_whose_derivative_is_not_finite():
    forms = {"norm": lambda x: jnp.linalg.norm(x) ** 2, "cured": lambda x: jnp.sum(x**2)}
    found = compare_functions(forms, jnp.zeros(5), budget=0.1)
    assert found.equal
    assert found.row("norm").derivative is None
    reason = "wrong (the derivative is not finite, though the function is)"
    assert found.notes[0] == (
        f"norm has no derivative that is right: forward {reason}; reverse {reason}"
    )
    assert found.row("cured").derivative.use == "jax.jit(jax.grad(cured))"  # a lambda, by its key
    slightly = {**forms, "other": lambda x: jnp.sum(x**2) + 1e-9 * x[0]}
    found = compare_functions(slightly, jnp.zeros(5), budget=0.1)
    assert "differs from norm in its derivative" in found.row("other").differs


def test_an_error_says_which_function_it_is_of():
    with pytest.raises(TypeError, match=r"^broken: JAX cannot trace the function"):
        compare_functions({"sum": jnp.sum, "broken": lambda x: x @ jnp.ones(9)}, X, budget=0.1)


def test_where_no_function_is_finite_nothing_is_timed_and_that_is_said():
    functions = {"one": lambda x: jnp.log(x - 0.5), "two": lambda x: jnp.log(x - 0.5)}
    found = compare_functions(functions, X, mode="forward", budget=0.05)
    assert [row.value.status for row in found.rows] == ["failed", "failed"]
    assert "forward failed (at this point 3 of 6 outputs are NaN or infinite)" in found.notes[0]


def test_what_rounding_in_a_narrow_type_leaves_apart_is_told():
    half = jnp.float32(1) / 3
    calls = {"wide": lambda: half, "narrow": lambda: half.astype(jnp.bfloat16)}
    assert as_computed(calls) == (
        "as computed, narrow is 2.0e-03 from wide, by rounding in a narrow type"
    )
    assert as_computed({"wide": lambda: half, "same": lambda: half * (1 + 1e-6)}) == ""
    assert as_computed({"alone": lambda: half, "nan": lambda: half * jnp.nan}) == ""
    assert as_computed({}) == ""
