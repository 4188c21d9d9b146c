"""Values that a derivative meets: any type, NaN where it is made, arrays that change later."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import normal, stencil

import gradwise

X = jnp.asarray(normal(24), jnp.float32)

#: A function, where it is looked at, and where it is taken.
CASES = {
    "bfloat16": (stencil, (X.astype("bfloat16"),), None),
    "float32 to bfloat16": (lambda a: (a * jnp.arange(5.0)).astype("bfloat16"), (X[0],), None),
    "a number to a vector": (lambda a: a * jnp.arange(5.0), (2.0,), (3.0,)),
    "a function that is constant": (lambda x: (jnp.ones(5), x[:2]), (X,), None),
    "an empty leaf": (lambda t: (t["a"] * t["b"].sum(), t["a"][:0]), ({"a": X, "b": X[:0]},), None),
    "complex inside": (lambda x: jnp.abs(jnp.fft.fft(x.reshape(4, 6))), (X,), None),
    "another side of a branch": (
        lambda x: jnp.where(x > 0, x**2, x[::-1]),
        (jnp.abs(X) + 5,),
        (-jnp.abs(X),),
    ),
    "another branch": (
        lambda x: lax.cond(x[0] > 1e3, jnp.cumsum, lambda x: x**2, x),
        (X,),
        (X.at[0].set(2e3),),
    ),
    "another branch by an argument": (
        lambda x, k: lax.switch(k, [lambda x: x**2, lambda x: x[::-1] * x], x),
        (X, np.int32(0)),
        (X, np.int32(1)),
    ),
    "another key": (
        lambda x, key: x * jax.random.normal(key, x.shape),
        (X, jax.random.key(0)),
        (X, jax.random.key(1)),
    ),
    "another mask": (lambda x, m: jnp.where(m, x**2, 0), (X, X > 0), (X, X < 0)),
    "zeros where it is looked at": (lambda x: jax.nn.relu(x) * x[::-1], (0 * X,), (X,)),
    "NaN where it is looked at": (stencil, (X * jnp.nan,), (X,)),
    "a NaN where it is looked at": (stencil, (X.at[3].set(jnp.nan),), (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_derivative_is_what_jax_gives(name):
    fn, inputs, elsewhere = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(fn, *inputs, argnums=0, measure=False)
    at = elsewhere or inputs
    with jax.debug_key_reuse(False):  # both draw from one key
        mine, true = found(*at), jax.jacrev(fn)(*at)
    assert jax.tree.structure(mine) == jax.tree.structure(true)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(true), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        a, b = (np.asarray(leaf, np.float64) for leaf in (a, b))
        assert np.allclose(a, b, rtol=1e-2 if "16" in name else 1e-5, atol=1e-6)


def test_what_cannot_be_checked_is_taken_in_a_plain_mode_without_blame():
    endless = lambda x: x * jnp.float32(jnp.inf)  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(lambda x: endless(x) ** 2, X, measure=False)
    assert found.way in ("forward", "reverse")
    assert any("no product with it is finite here" in note for note in found.notes)
    taken = gradwise.jacobian(stencil, X, measure=False)
    with pytest.raises(ValueError, match="no product with the derivative is finite here"):
        taken.check(X * jnp.nan)


@pytest.mark.parametrize("output", ["dense", "csr"])
def test_arrays_that_are_written_to_later_are_held_as_they_were(output):
    factors, indices = np.arange(24, dtype=np.float32) % 2, np.arange(24)

    def fn(x):
        return x[indices] ** 2 * factors + jax.jit(lambda x: x * factors)(x)

    expected = np.asarray(jax.jacrev(fn)(X))
    found = gradwise.jacobian(fn, X, output=output, measure=False)
    factors[:], indices[:] = 2, 0
    result = found(X)
    assert np.allclose(result if output == "dense" else result.todense(), expected, atol=1e-6)
    assert found.check(X + 1)


def test_rules_that_change_later_are_held_as_they_were():
    held = {"factors": np.arange(24) % 2}

    @jax.custom_jvp
    def scaled(x):
        return x

    scaled.defjvp(lambda x, t: (x[0], x[0] * t[0] * held["factors"]))
    found = gradwise.jacobian(scaled, X, measure=False)
    expected = np.diag(X * held["factors"])
    held["factors"] = np.ones((24, 24))
    assert np.allclose(found(X), expected, atol=1e-6)
