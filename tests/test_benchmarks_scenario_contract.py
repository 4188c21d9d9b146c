"""Every scenario of every suite keeps the same promises: in float64, at the smallest size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from benchmarks.derivatives.candidate import as_method
from benchmarks.derivatives.method import dense, ravel
from benchmarks.derivatives.problem import make_problem
from benchmarks.scenarios.table import SUITES

CASES = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
#: The mode that cannot be taken, where there is one.
IMPOSSIBLE = {"pathologies/custom_vjp": "forward", "pathologies/while_loop": "reverse"}
#: Differences of fourth order: where they look, and the weights of what they see there.
OFFSETS = 1e-3 * np.array([-2.0, -1.0, 1.0, 2.0])
WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12e-3


@pytest.mark.parametrize("name", CASES)
def test_modes_oracle_and_candidates_agree(name):
    with jax.enable_x64(True):
        scenario = CASES[name]()
        assert scenario.name == name
        assert scenario.purpose.endswith(".")
        dtypes = [getattr(leaf, "dtype", None) for leaf in jax.tree.leaves(scenario.inputs)]
        assert np.int64 not in dtypes  # float32 runs would not know what to do with it
        inputs = jax.tree.map(in_float64, scenario.inputs)
        case = make_problem(scenario.fn, inputs, argnums=scenario.argnums)
        x, unravel = ravel_pytree(case.x)
        tangent = direction(x.size)
        near = x + OFFSETS[:, None] * tangent

        def fn(x):
            return ravel_pytree(case.fn(unravel(x), case.fixed))[0]

        def oracle(x):
            arguments = jax.tree.map(np.asarray, case.arguments(unravel(x), case.fixed))
            assert scenario.oracle
            return ravel(scenario.oracle(*arguments))

        targets = [fn] if scenario.order == 1 else [fn, jax.grad(lambda x: fn(x)[0])]
        candidates = [as_method(candidate, scenario.order) for candidate in scenario.candidates]
        programs = [candidate.build(case, None) for candidate in candidates]  # type: ignore[arg-type]

        @jax.jit
        def everything():
            values = [jax.vmap(target)(near) for target in targets]
            products = [by_mode(target, x, tangent, IMPOSSIBLE.get(name)) for target in targets]
            return values, products, [program.fn(*program.args) for program in programs]

        values, products, derivatives = everything()
        if scenario.oracle:
            expected = np.array([oracle(each) for each in near])
            np.testing.assert_allclose(values[0], expected, rtol=1e-9, atol=1e-10)
            values[0] = expected
        for value, product in zip(values, products, strict=True):
            slope = WEIGHTS @ value
            for mode, found in product.items():
                assert_close(found, slope if mode == "forward" else direction(slope.size) @ slope)
        for candidate, derivative in zip(candidates, derivatives, strict=True):
            applied = (
                ravel(candidate.product(derivative, case, unravel(jnp.asarray(tangent))))
                if candidate.product
                else dense(derivative, case) @ tangent
            )
            assert_close(applied, WEIGHTS @ values[-1])


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_the_mode_that_cannot_be_taken_is_refused(name):
    scenario = CASES[name]()
    take = {"forward": jax.jacfwd, "reverse": jax.jacrev}[IMPOSSIBLE[name]]
    with pytest.raises((TypeError, ValueError), match=r"custom_vjp|while_loop"):
        jax.eval_shape(take(scenario.fn), *scenario.inputs)


def by_mode(fn, x, tangent, impossible):
    """The derivative along `tangent` forward, and of a random sum of the outputs in reverse."""
    found = {}
    if impossible != "forward":
        found["forward"] = jax.jvp(fn, (x,), (tangent,))[1]
    if impossible != "reverse":
        value, pullback = jax.vjp(fn, x)
        found["reverse"] = pullback(direction(value.size))[0] @ tangent
    return found


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-7 * (1 + np.abs(expected).max()))


def direction(size):
    return np.random.default_rng(7).standard_normal(size) / np.sqrt(size)


def in_float64(leaf):
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
