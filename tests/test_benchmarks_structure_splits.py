"""Sparse plus low rank: equal to JAX's own, of few passes, and refused where wrong."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import assert_as_jax, normal, stencil

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.decomposition import splits
from benchmarks.structure.methods import structured
from benchmarks.structure.sought import Sought


def layer_norm(x, gain):
    centred = x - jnp.mean(x)
    return centred / jnp.sqrt(jnp.mean(centred**2) + 1e-5) * gain


def softmax(x):
    return jax.nn.softmax(3 * x + 1)


def rank_one(x):
    return jnp.sin(x) + x**2 * jnp.sum(jnp.cos(x))


def banded(x):
    return stencil(x) * jnp.linalg.norm(x)


def several(a, b):
    total = jnp.sum(a) * jnp.sum(b**2)
    return {"a": a * total, "b": b**2 + total}


def scanned(x):
    state, _ = lax.scan(lambda c, one: (jnp.sin(c + one), ()), 0.0, x)
    return x**3 * state


def two_results(x):  # the loop that makes the narrow value makes a wide one too
    total, running = lax.scan(lambda c, one: (c + one**2, one**3), 0.0, x)
    return running * total + x


def indices(x):
    order = jnp.argsort(lax.stop_gradient(x))
    return x * jnp.sum(x[order] * jnp.arange(40.0))


GAIN = normal(40)
EXAMPLES = {
    "layer norm": (layer_norm, [normal(40), GAIN], 0, "split (2+1+2)"),
    "softmax": (softmax, [normal(40)], None, "split (1+1+1)"),
    "rank one": (rank_one, [normal(40)], None, "split (1+1+1)"),
    "a band": (banded, [normal(40)], None, "split (1+3+1)"),
    "several": (several, [normal(5, 4), normal(20)], None, "split (1+1+1)"),
    "a scan": (scanned, [normal(40)], None, "split (1+1+1)"),
    "two results": (two_results, [normal(40)], None, "split (1+1+1)"),
    "indices": (indices, [normal(40)], None, "split (1+1+1)"),
    # what is left is linear, and so the same numbers for all inputs
    "a residual": (lambda x: x + GAIN * jnp.tanh(GAIN @ x), [normal(40)], None, "split (1+1+1)"),
    "a mirror": (lambda x: 2 * x + x[::-1] + jnp.sin(x.sum()), [normal(40)], None, "split (1+2+1)"),
}


def way_of(fn, inputs, argnums=None):
    problem = make_problem(fn, tuple(map(jnp.asarray, inputs)), argnums=argnums)
    return problem, splits.split(Sought(problem))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_sum_of_both_parts_is_what_jax_gives(name):
    fn, inputs, argnums, called = EXAMPLES[name]
    with jax.enable_x64(True):
        problem, way = way_of(fn, inputs, argnums)
        assert way.name == called
        assert way.passes == sum(map(int, re.findall(r"\d+", called)))
        assert_as_jax(problem, way)


@pytest.mark.parametrize(
    "fn",
    [
        stencil,  # nothing mixes
        jnp.cumsum,
        lambda x: jnp.outer(x, x).sum(0) @ jnp.ones((40, 40)),  # nothing sparse is left
        lambda x: jnp.sort(x) * x.sum(),
        lambda x: jnp.ones(40) * jnp.sin(x.sum()),  # a cut
        lambda x: jnp.fft.fft(x).real * x.sum(),
        lambda x: x * jnp.repeat(x.reshape(10, 4).sum(1), 4),  # ten numbers are too many
    ],
)
def test_without_sparse_and_narrow_there_is_no_split(fn):
    assert way_of(fn, [jnp.arange(40.0)])[1] is None


def test_whole_numbers_that_decide_are_not_bound():
    order = jnp.asarray(np.random.default_rng(0).permutation(40))
    assert way_of(lambda x, i: x[i] * x.sum(), [normal(40).astype("f"), order])[1] is None


def single(*inputs):
    return [jnp.asarray(leaf, jnp.float32) for leaf in inputs]


def test_it_is_chosen_and_takes_as_many_passes_as_it_says():
    x, gain = single(normal(40), GAIN)
    found = gradwise.jacobian(layer_norm, x, gain, argnums=0, measure=False)
    assert found.way == "split (2+1+2)"
    assert "5 passes do for 40 inputs and 40 outputs (with 2 numbers held still" in found.why
    assert np.allclose(found(x, gain), jax.jit(jax.jacrev(layer_norm))(x, gain), atol=1e-5)
    assert found.check(x + 1, 2 * gain)
    text = jax.jit(found).lower(x, gain).as_text()
    results = re.findall(r"(?:multiply|divide|subtract)\b.*tensor<([\dx]+)xf32>$", text, re.M)
    assert "2x40" in results  # two tangents at a time
    assert results.count("40x40") == 2  # the two terms of low rank, and no tangent for each input
    assert "40x40x1" not in results


def test_a_comparison_has_a_row_for_it():
    x, gain = single(normal(40), GAIN)
    methods = structured(make_problem(layer_norm, (x, gain), argnums=0))
    assert [method.name for method in methods] == ["split (2+1+2)"]
    assert "2 numbers held still" in methods[0].summary
    row = gradwise.compare(layer_norm, x, gain, argnums=0, budget=0.2).row("split (2+1+2)")
    assert (row.status, row.kind) == ("ok", "jacobian")


def test_a_hessian_of_a_norm_is_split():
    (x,) = single(normal(40))
    fn = lambda x: jnp.sum(x**3) + jnp.sum(x**2) ** 2  # noqa: E731
    found = gradwise.hessian(fn, x, measure=False)
    assert found.way == "split (1+1+1)"
    expected = jax.jit(jax.hessian(fn))(x)
    assert np.allclose(found(x), expected, atol=1e-5 * np.abs(expected).max())


def test_a_wrong_part_is_not_handed_out(monkeypatch):
    right = splits.product
    monkeypatch.setattr(splits, "product", lambda *args: right(*args).at[3].multiply(1.001))
    x, gain = single(normal(40), GAIN)
    with pytest.warns(UserWarning, match=r"split \(2\+1\+2\).*did not pass its check"):
        found = gradwise.jacobian(layer_norm, x, gain, argnums=0, measure=False)
    assert found.way in ("forward", "reverse")
    assert np.allclose(found(x, gain), jax.jit(jax.jacrev(layer_norm))(x, gain), atol=1e-5)


def test_inputs_drawn_from_a_usual_seed_are_no_direction_of_the_check():
    # A layer norm has no slope along its own input, and of zero nothing is within a tolerance.
    x = jnp.asarray(np.random.default_rng(0).standard_normal(256))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jac = gradwise.jacobian(lambda x: layer_norm(x, 1.0), x, measure=False)
    assert jac.way == "split (2+1+2)"
