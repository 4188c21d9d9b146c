"""Values that a derivative meets: any type, NaN where it is made, arrays that change later."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Literal
from structure_examples import normal, stencil

import gradwise
from benchmarks.structure import ways
from benchmarks.structure.pattern.held import Held, computed, held

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
    "another order of what depends on all": (
        lambda x, order: jax.nn.softmax(x)[order],
        (X, np.arange(24)),
        (X, np.arange(24)[::-1].copy()),
    ),
    "another mask": (lambda x, m: jnp.where(m, x**2, 0), (X, X > 0), (X, X < 0)),
    "zeros where it is looked at": (lambda x: jax.nn.relu(x) * x[::-1], (0 * X,), (X,)),
    "NaN where it is looked at": (stencil, (X * jnp.nan,), (X,)),
    "a NaN where it is looked at": (stencil, (X.at[3].set(jnp.nan),), (X,)),
}


def test_a_constant_of_rounded_numbers_passes_its_check_and_one_of_wrong_numbers_does_not(
    monkeypatch,
):
    for fn in (
        lambda x: x * jnp.sin(jnp.arange(6.0)),
        lambda x: jax.image.resize(x, (5, 9), "linear"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = gradwise.jacobian(fn, X.reshape(4, 6), measure=False)
        assert found.way == "constant"
    right = ways.Constant
    monkeypatch.setattr(ways, "Constant", lambda tables, data: right(tables, data * 1.001))
    with pytest.warns(UserWarning, match="the constant derivative of"):
        gradwise.jacobian(fn, X.reshape(4, 6), measure=False)


@pytest.mark.parametrize("way", ["cut (4)", "split (1+1+1)", "vmap (9 examples)"])
def test_what_computes_in_single_precision_inside_passes_its_check_in_double(way):
    narrow, wide = normal(40, 4).astype("float32"), normal(4, 40).astype("float32")

    def single(fn):
        return lambda *x: fn(*(leaf.astype("float32") for leaf in x)).astype("float64")

    fn, *inputs = {
        "cut (4)": (single(lambda x: jnp.tanh(narrow @ jnp.tanh(wide @ x))), normal(40)),
        "split (1+1+1)": (single(lambda x: jnp.sin(x) * x.sum()), normal(24)),
        "vmap (9 examples)": (single(lambda w, x: jnp.tanh(x @ w)), normal(5), normal(9, 5)),
    }[way]
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradwise.jacobian(fn, *inputs, measure=False).way == way


#: Constants whose last digit decides, as it is rounded: in float64, and where XLA folds them, it is
#: another one.
ROUNDED = {
    "a mask of a grid": lambda x: jnp.where(jnp.linspace(0.0, 1.0, 11) >= 0.3, x**2, x[::-1]),
    "a grid made twice": lambda x: jnp.where(
        jnp.arange(11) * 0.1 == jnp.arange(11) / 10, x**2, x[::-1]
    ),
    "a factor that is zero but for rounding": lambda x: (
        x**2 + (jnp.float32(0.1) * jnp.float32(10) - 1) * x.sum()
    ),
    "a sum that is large enough": lambda x: jnp.where(
        jnp.cumsum(jnp.full(11, 0.1)) > 0.7, x**2, x[::-1]
    ),
    "one plus nearly nothing": lambda x: jnp.where(1 + jnp.full(11, 1e-9) > 1, x[::-1], x**2),
    "a remainder": lambda x: jnp.where(jnp.mod(jnp.arange(11) * 0.1, 0.2) < 0.05, x[::-1], x**2),
    "hat functions": lambda x: (
        jnp.maximum(0, 1 - jnp.abs(jnp.linspace(0, 1, 11)[:, None] - jnp.linspace(0, 1, 11)) / 0.1)
        @ x
        * x
    ),
    "neighbours within a distance": lambda x: (
        jnp.where(
            jnp.abs(jnp.linspace(0, 1, 11)[:, None] - jnp.linspace(0, 1, 11)) <= 0.1, 1.0, 0.0
        )
        @ x
        * x
    ),
    "an index of a time": lambda x: x[jnp.floor(jnp.linspace(0.0, 1.0, 11) * 10).astype(int)] ** 2,
    "a branch by a time": lambda x: jax.lax.cond(
        jnp.cumsum(jnp.full(11, 0.1))[6] > 0.7, lambda x: x**2, lambda x: x[::-1], x
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_a_pattern_does_not_hang_on_the_last_digit_of_a_constant(name):
    fn, x = ROUNDED[name], X[:11]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(fn, x, output="csr", measure=False)
    rows = found.pattern.toarray()
    with jax.enable_x64(True):
        wide = jax.jit(jax.jacrev(fn))(jnp.asarray(x, jnp.float64))
    for true in (jax.jacrev(fn)(x), jax.jit(jax.jacrev(fn))(x), wide):
        assert not np.any((np.asarray(true) != 0) & (rows == 0))


def test_numbers_that_are_one_but_for_rounding_are_in_any_order():
    fn = lambda x: x[jnp.argsort(jnp.arange(11) % 4 * 0.1 - jnp.arange(11) % 4 / 10)] ** 2  # noqa: E731
    assert gradwise.structure(fn, X[:11]).columns.size == 11 * 11
    fn = lambda x: x[jnp.argsort(jnp.sin(jnp.arange(11.0)))] ** 2  # noqa: E731
    assert gradwise.structure(fn, X[:11]).columns.size == 11


def test_constants_that_are_exact_or_far_from_where_they_decide_tell_all():
    grid = lambda: jnp.linspace(0.0, 1.0, 12)  # noqa: E731
    for fn in (
        lambda x: jnp.where(jnp.arange(12.0) * 2 >= 8, x**2, x[::-1]),
        lambda x: jnp.where(jnp.arange(12) / 4 > 1.5, x**2, x[::-1]),
        lambda x: jnp.where(grid() < 0.51, x**2, x[::-1]),
        lambda x: jnp.maximum(0, 0.99 - 11 * jnp.abs(grid()[:, None] - grid())) @ x,
    ):
        assert gradwise.structure(fn, X[:12]).columns.size == 12


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


def test_a_value_rounded_up_and_down_mirror_each_other_through_a_chain_of_operations():
    program = jax.make_jaxpr(lambda x: jnp.sin(x * 0.7) / 0.3 - jnp.exp(x) * 0.1)(X)
    values = {program.jaxpr.invars[0]: held(X)}
    for eqn in program.jaxpr.eqns:
        operands = [held(v.val) if isinstance(v, Literal) else values[v] for v in eqn.invars]
        (found,) = computed(eqn, operands)
        values[eqn.outvars[0]] = Held(lambda found=found: found)
        _ = values[eqn.outvars[0]].values
    own, up, down = (np.asarray(v, np.float64) for v in values[program.jaxpr.outvars[0]].values)
    apart = np.abs(up - down).max()
    assert apart > 1e-5  # far more than roundings
    assert np.abs(up + down - 2 * own).max() < 0.05 * apart
