"""Examples that share nothing: the structure of one, for all at once, equal to JAX's own."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import assert_as_jax

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.batches.separate import apart
from benchmarks.structure.choosing.further import further_ways
from benchmarks.structure.sought import Sought

_random = np.random.default_rng(6)


def normal(*shape):
    return _random.normal(size=shape)


WEIGHTS, DOWN, UP = normal(24, 20) / 5, normal(24, 3), normal(3, 20)


def layer_norm(x, gain=1.0):
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred / jnp.sqrt(jnp.var(x, -1, keepdims=True) + 1e-5) * gain


def softmax_of_layer(x):
    return jax.nn.softmax(x @ jnp.asarray(WEIGHTS, x.dtype), -1)


def autoencoder(x):
    return jnp.tanh(jnp.tanh(x @ DOWN) @ UP)


def masked(x, lengths):  # whole numbers that each example has of its own
    real = jnp.arange(x.shape[1]) < lengths[:, None]
    return jax.nn.softmax(jnp.where(real, x, -1e9), -1) * x


def scanned(x):
    total, _ = lax.scan(lambda c, column: (jnp.sin(c + column), ()), jnp.zeros(x.shape[0]), x.T)
    return x**2 * total[:, None]


def branches(x, which):
    return layer_norm(lax.cond(which > 0, jnp.sin, jnp.cos, x))


def of_a_tree(inputs):
    return {
        "out": layer_norm(inputs["a"]).reshape(-1, 4, 6) * jnp.sum(inputs["b"], 1)[:, None, None]
    }


EXAMPLES = {
    "layer norm": (layer_norm, [normal(5, 24)], "vmap (5 examples, split (2+1+2))"),
    "gain": (layer_norm, [normal(20, 20), normal(20)], "vmap (20 examples, split (2+1+2))"),
    "a tree": (
        of_a_tree,
        [{"a": normal(5, 24), "b": normal(5, 2)}],
        "vmap (5 examples, split (3+1+3))",
    ),
    "layer": (softmax_of_layer, [normal(5, 24)], "vmap (5 examples, split (1+1+1))"),
    "dense layer": (
        lambda x: jnp.tanh(x @ WEIGHTS),
        [normal(5, 24)],
        "vmap (5 examples, chain (20))",
    ),
    "autoencoder": (autoencoder, [normal(5, 24)], "vmap (5 examples, cut (3))"),
    "tokens": (
        layer_norm,
        [normal(4, 5, 24)],
        "vmap (4 examples, vmap (5 examples, split (2+1+2)))",
    ),
    "masks": (
        masked,
        [normal(5, 24), np.arange(7, 12)],
        "vmap (5 examples, split (1+1+1))",
    ),
    "a scan": (scanned, [normal(5, 24)], "vmap (5 examples, split (1+1+1))"),
    "a branch": (branches, [normal(5, 24), np.int32(1)], "vmap (5 examples, split (2+1+2))"),
}


def problem_of(fn, inputs):
    return make_problem(fn, jax.tree.map(jnp.asarray, tuple(inputs)), argnums=0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_all_examples_together_are_what_jax_gives(name):
    fn, inputs, called = EXAMPLES[name]
    with jax.enable_x64(True):
        problem = problem_of(fn, inputs)
        way = apart(Sought(problem))
        assert way.name == called
        of_one = [*map(int, re.findall(r"\d+", called.rpartition("examples, ")[2]))]
        assert way.passes == (2 if "chain" in called else sum(of_one))  # no number for each example
        assert_as_jax(problem, way)


def if_alone(x):  # another function of one example
    return layer_norm(x) if x.shape[0] > 1 else layer_norm(x) * 2


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5),  # of the batch
        lambda x: layer_norm(x) + jnp.roll(x, 1, 0),
        lambda x: layer_norm(x) * jnp.cumsum(x, 0),
        lambda x: layer_norm(x) * lax.stop_gradient(x.mean(0)),  # values meet
        lambda x: layer_norm(x) * jnp.arange(5.0)[:, None],  # each knows its place
        lambda x: layer_norm(x)[::-1],
        lambda x: layer_norm(x.T).T,
        lambda x: x * jnp.sum(layer_norm(x)),
        jnp.tanh,  # colours do
        lambda x: jnp.sort(x, -1),
        if_alone,
        lambda x: layer_norm(x[:, :3]),  # examples of three numbers
    ],
)
def test_where_examples_meet_or_save_nothing_it_is_not_taken(fn):
    problem = problem_of(fn, [normal(5, 24).astype("f")])
    assert apart(Sought(problem)) is None


@pytest.mark.parametrize("output", ["dense", "csr"])
def test_a_layer_norm_takes_as_many_passes_for_a_batch_as_for_one(output):
    x = jnp.asarray(normal(5, 24), jnp.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(layer_norm, x, output=output, measure=False)
    assert found.way == "vmap (5 examples, split (2+1+2))"
    names = [rival.name for rival in found.rivals]
    assert not [name for name in names if name.startswith("split")]  # of 2 x 5 numbers held still
    expected = np.asarray(jax.jit(jax.jacrev(layer_norm))(x)).reshape(120, 120)
    result = found(x).todense() if output == "csr" else found(x)
    assert np.allclose(np.asarray(result).reshape(120, 120), expected, atol=1e-5)
    assert found.check(x + 1)


def test_looking_ends_in_time_and_runs_nothing_if_it_must_not():
    problem = problem_of(layer_norm, [normal(5, 24).astype("f")])
    assert apart(Sought(problem, left=lambda: -1.0)) is None
    like = jax.ShapeDtypeStruct((5, 24), "float32")
    assert gradwise.structure(layer_norm, like).further == {"vmap (5 examples, split (2+1+2))": 5}
    ways, notes = further_ways(Sought(problem))
    assert [way.name for way in ways] == ["vmap (5 examples, split (2+1+2))"]
    assert not notes
