"""A comparison knows what it was made of, as long as the process lives, and no file says so."""

import copy
import json
import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare, load


def loss(w, x):
    return jnp.sum(jnp.tanh(x @ w)), x


@pytest.fixture(scope="module")
def comparison():
    w, x = jnp.ones((3, 2)) / 3, jnp.linspace(0.0, 1.0, 12).reshape(4, 3)
    return compare(loss, w, x, argnums=(0,), has_aux=True, methods=["reverse"], budget=0.1)


def test_a_comparison_holds_the_function_and_its_inputs_as_they_were_given(comparison):
    source = comparison.source
    assert source.fn is loss
    assert [leaf.shape for leaf in source.inputs] == [(3, 2), (4, 3)]
    assert (source.argnums, source.has_aux) == ((0,), True)
    assert copy.deepcopy(comparison).source is source
    assert replace(comparison, name="other").source is source


def test_the_source_is_neither_compared_nor_saved_nor_shown(comparison, tmp_path):
    without = replace(comparison, source=None)
    assert without == comparison
    assert str(without) == str(comparison)
    assert comparison._repr_html_() == without._repr_html_()
    comparison.save(tmp_path / "found.json")
    assert "source" not in json.loads((tmp_path / "found.json").read_text())["record"]
    assert load(tmp_path / "found.json") == comparison
    assert load(tmp_path / "found.json").source is None


def test_a_comparison_of_a_lambda_can_be_pickled_and_leaves_the_lambda_behind():
    made = compare(lambda x: x**2, 3.0, methods=["reverse"], budget=0.1)
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert again.source is None


def test_a_comparison_draws_its_function_as_long_as_it_knows_it(comparison, tmp_path):
    drawn = comparison.graph(names=["W"])
    assert drawn.title == "loss"
    assert (drawn.n, drawn.m) == (6, 1)  # by the first argument alone, and without aux
    assert {node.name for node in drawn.nodes if node.kind == "input"} == {"W"}
    wanted = jax.grad(lambda w, x: loss(w, x)[0])(*comparison.source.inputs)
    np.testing.assert_allclose(drawn.nodes[0].results[0].adjoint.array, wanted, rtol=1e-5)
    comparison.save(tmp_path / "found.json")
    with pytest.raises(ValueError, match=r"holds no function: call gradwise\.graph\(fn, \*inputs"):
        load(tmp_path / "found.json").graph()
