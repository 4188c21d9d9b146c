"""Derivatives and the lines to type for them, as a comparison hands them out, without measuring."""

import jax
import jax.numpy as jnp
import numpy as np

import gradwise
from benchmarks import METHODS
from benchmarks.comparison.callee import usage_of
from benchmarks.comparison.usage import use_line
from benchmarks.derivatives.by_method import Way, as_function
from benchmarks.derivatives.problem import make_problem


def network(params, x):
    """Two outputs of other shapes; the weights are used in one alone."""
    hidden = jnp.tanh(x @ params["w"] + params["b"])
    return {"hidden": hidden[0], "norm": jnp.sum(hidden**2) + jnp.sum(jnp.exp(x[0]))}


def loss(params, x):
    return jnp.sum(jnp.sin(network(params, x)["hidden"])) + network(params, x)["norm"]


def point(seed):
    rng = np.random.default_rng(seed)
    params = {"b": rng.normal(size=2), "w": rng.normal(size=(3, 2)) / 2}
    x = rng.normal(size=(4, 3)) / 2
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), (params, x))


def vector(seed):
    params, _ = point(seed)
    return params


def close(got, wanted, tolerance=2e-5):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


LABELS = {
    "forward_chunked": 2,
    "reverse_chunked": 2,
    "checkpointed": "products kept",
    "numerical": 0.01,
    "numerical_forward": 0.001,
}


class Handed:
    """What a comparison would hand out of a function, of which nothing is compiled or timed."""

    def __init__(self, fn, *inputs, argnums=None, has_aux=False):
        self.fn, self.form = fn, {"argnums": argnums, "has_aux": has_aux}
        problem = make_problem(fn, inputs, **self.form)
        self.usage = usage_of(fn, problem, argnums, has_aux=has_aux)

    def way(self, name):
        method = next(method for method in METHODS if method.name == name)
        return Way(method, LABELS.get(name))

    def derivative(self, name):
        return as_function(self.fn, self.way(name), **self.form)

    def line(self, name):
        return use_line(self.way(name), self.usage)

    def typed(self, name):
        return eval(self.line(name), {"jax": jax, "gradwise": gradwise, self.usage.name: self.fn})
