"""What is laid over a graph: saturation, zeros, where a NaN is made, where digits are lost."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import flops, residuals
from benchmarks.graph.build import graph
from benchmarks.graph.example import EXAMPLE
from benchmarks.graph.overlays import OVERLAYS, for_page, overlay
from benchmarks.graph.parts import Group
from gradwise import nn

X = jnp.array([-30.0, -3.0, -0.1, 0.0, 0.2, 2.0, 5.9, 30.0])


@pytest.mark.parametrize(
    "fn",
    [
        jnp.tanh,
        nn.tanh,
        nn.sigmoid,
        jax.nn.sigmoid,
        jax.nn.relu,
        jax.nn.relu6,
        jax.scipy.special.erf,
        lambda x: jnp.maximum(x, 0.0),
        lambda x: jax.lax.clamp(-1.0, x, 1.0),
    ],
)
def test_the_share_of_saturated_entries_is_that_of_small_derivatives(fn):
    found = graph(fn, X).overlay("saturation")
    ((share, text),) = found.values()
    slopes = jax.vmap(jax.grad(fn))(X)
    assert share == np.mean(np.abs(slopes) < 0.01)
    assert text == f"{100 * share:.3g} % saturated: |f'| < 0.01"


def test_what_is_no_activation_is_not_said_to_saturate():
    assert graph(lambda x: jnp.sum(x**2 * jnp.sin(x)) / 3, X).overlay("saturation") == {}


def test_a_function_that_is_called_like_an_activation_is_not_taken_for_one():
    @jax.custom_jvp
    def relu(x):
        return jnp.maximum(x, 0.1 * x)

    relu.defjvp(lambda x, t: (relu(*x), jnp.where(x[0] > 0, 1.0, 0.1) * t[0]))
    found = graph(relu, X)
    assert [node.operation for node in found.nodes] == ["input", "relu"]
    assert found.overlay("saturation") == {}


def test_the_share_of_zeros_is_told_of_values_and_of_adjoints():
    found = graph(lambda x: jnp.sum(jax.nn.relu(x)), X)
    relu = next(node.id for node in found.nodes if node.operation == "relu")
    assert found.overlay("zeros")[0] == (0.5, "50 % of the adjoint 0, 12.5 % of the value 0")
    assert found.overlay("zeros")[relu] == (0.5, "50 % of the value 0, 0 % of the adjoint 0")


def test_kept_bytes_and_flops_are_those_of_the_nodes():
    def fn(x):
        return jnp.sum(jnp.tanh(x) * x)

    found = graph(fn, X)
    marks = found.overlay("flops")
    assert sum(number for number, _ in marks.values()) == flops(fn, X).mean
    kept = found.overlay("kept")
    assert sum(number for number, _ in kept.values()) == sum(r.bytes for r in residuals(fn, X))
    assert overlay(EXAMPLE, "kept") == {5: (8.0, "keeps 8 B")}


def operations_of(found, marks):
    return {found.nodes[node].operation: text for node, (_, text) in marks.items()}


def test_a_nan_is_told_where_it_is_made_and_not_where_it_is_handed_on():
    def fn(x):
        return jnp.sum(jnp.exp(jnp.sqrt(x))) + 1

    found = graph(fn, jnp.array([-1.0, 4.0, 9.0]))
    said = operations_of(found, found.overlay("not finite"))
    assert said == {"sqrt": "makes 1 of 3 NaN"}


def test_a_nan_of_reverse_mode_is_told_at_the_operation_that_hands_it_back():
    def fn(x):
        safe = jnp.where(x > 0, jnp.sqrt(x), 0.0)
        return jnp.sum(safe)

    found = graph(fn, jnp.array([0.0, 4.0]))
    assert np.isnan(found.nodes[0].results[0].adjoint.array).any()
    said = operations_of(found, found.overlay("not finite"))
    assert said == {"sqrt": "hands 1 of 2 NaN back to x"}


def test_an_infinity_is_told_as_one_and_an_input_holds_it():
    found = graph(lambda x, y: jnp.log(x) + y, jnp.array([0.0, 1.0]), jnp.array([jnp.inf, 1.0]))
    said = {found.nodes[n].name or found.nodes[n].operation: text
            for n, (_, text) in found.overlay("not finite").items()}  # fmt: skip
    assert said["log"].startswith("makes 1 of 2 ∞")
    assert said["y"] == "holds 1 of 2 ∞"
    assert graph(jnp.exp, X).overlay("not finite") == {}


def test_digits_are_lost_as_the_errors_of_numpy_say():
    def variance(x):
        return jnp.mean(x**2) - jnp.mean(x) ** 2

    x = jnp.asarray(np.random.default_rng(0).normal(100.0, 0.1, 50), jnp.float32)
    found = graph(variance, x)
    number, text = found.overlay("digits")[len(found.nodes) - 1]
    exact = np.var(np.asarray(x, np.float64))
    error = abs(float(found.nodes[-1].results[0].value.array) - exact) / exact
    eps = 2.0**-24
    # The subtraction itself is exact: what is lost was lost by rounding what it takes.
    np.testing.assert_allclose(number, np.log10(error / eps), atol=0.01)
    assert number > 3
    assert text.startswith(f"value: {number:.1f} of 7.2 digits lost")
    assert "value" not in found.overlay("digits")[0][1]


def test_random_numbers_are_the_same_on_both_sides_and_lose_no_digit():
    key = jax.random.key(3)

    def fn(x):
        return jnp.sum(jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2, 0.0))

    found = graph(fn, X)
    assert max(number for number, _ in found.overlay("digits").values()) < 1


def test_the_digits_of_adjoints_are_told_with_weights_of_the_output():
    def fn(x):
        return jnp.log(x), x * 2

    found = graph(fn, X**2 + 1, cotangent=(jnp.arange(8.0), jnp.zeros(8)))
    assert set(found.overlay("digits")) == {0, 1, 2}


def test_a_graph_without_its_function_or_its_numbers_says_so(tmp_path):
    found = graph(jnp.sin, X)
    found.save(tmp_path / "graph.json")
    from gradwise import load

    with pytest.raises(ValueError, match=r"read from a file; call gradwise\.graph\(fn"):
        load(tmp_path / "graph.json").overlay("digits")
    shapes = graph(jnp.sin, jax.ShapeDtypeStruct((3,), jnp.float32))
    with pytest.raises(ValueError, match="graph of shapes: give it arrays"):
        shapes.overlay("digits")
    assert {name for name in OVERLAYS if name != "digits" and shapes.overlay(name)} == {
        "flops",
        "kept",
    }


def test_an_unknown_overlay_is_refused():
    with pytest.raises(ValueError, match="unknown overlay 'time'; there are: kept, flops, "):
        EXAMPLE.overlay("time")


def test_a_page_gets_a_tint_for_each_box_and_a_closed_group_the_strongest_of_its_own():
    found = graph(lambda x: jnp.tanh(jnp.tanh(x) * 5), X)
    marks = found.overlay("saturation")
    assert len(marks) == 2
    nodes = tuple(replace(node, groups=(0,)) for node in found.nodes)
    grouped = replace(found, nodes=nodes, groups=(Group(id=0, name="g", kind="scope"),))
    tints = for_page(grouped)["saturation"]
    assert {key: tint for key, (tint, _) in tints.items() if key != "g0"} == {
        f"n{node}": round(number, 2) for node, (number, _) in marks.items()
    }
    strongest, text = max(marks.values())
    assert tints["g0"] == (round(strongest, 2), f"up to {text}")
    assert all(0 <= tint <= 1 for boxes in for_page(found).values() for tint, _ in boxes.values())
    assert "digits" not in for_page(found)
