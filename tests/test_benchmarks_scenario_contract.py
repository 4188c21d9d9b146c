"""Every scenario of every suite keeps the same promises: in float64, at the smallest size.

Derivatives are compared with differences of the scenario's NumPy oracle. Where there is no oracle,
and for second derivatives, the differences are of the function and of its gradient.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.derivatives.candidate import as_method
from benchmarks.derivatives.method import dense, ravel
from benchmarks.derivatives.problem import make_problem
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
#: The mode that cannot be taken, where there is one.
IMPOSSIBLE = {"pathologies/custom_vjp": "forward", "pathologies/while_loop": "reverse"}
#: Differences of fourth order: the points, as multiples of the direction, and their weights.
OFFSETS = 1e-3 * np.array([-2.0, -1.0, 1.0, 2.0])
WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12e-3


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_modes_and_every_candidate_agree_with_differences(name):
    with jax.enable_x64(True):
        scenario = SCENARIOS[name]()
        assert_described(scenario, name)
        inputs = jax.tree.map(in_float64, scenario.inputs)
        problem = make_problem(scenario.fn, inputs, argnums=scenario.argnums)
        x = ravel(problem.x)
        tangent = direction(x.size)
        near = x + OFFSETS[:, None] * tangent

        def fn(x):
            return joined(problem.fn(split(x, problem), problem.fixed))

        def oracle(x):
            arguments = problem.arguments(split(x, problem), problem.fixed)
            assert scenario.oracle
            return ravel(scenario.oracle(*jax.tree.map(np.asarray, arguments)))

        targets = [fn] if scenario.order == 1 else [fn, jax.grad(lambda x: fn(x)[0])]
        without_oracle = targets[1:] if scenario.oracle else targets
        candidates = [as_method(candidate, scenario.order) for candidate in scenario.candidates]

        @jax.jit
        def everything(x, near):
            by_modes = [by_mode(target, x, tangent, IMPOSSIBLE.get(name)) for target in targets]
            values_near = [jax.vmap(target)(near) for target in without_oracle]
            by_candidates = [results(method, problem, tangent) for method in candidates]
            return by_modes, values_near, by_candidates

        by_modes, values_near, by_candidates = everything(x, near)
        if scenario.oracle:
            values_near.insert(0, np.array([oracle(point) for point in near]))
            for value, _ in by_modes[0].values():
                np.testing.assert_allclose(value, oracle(x), rtol=1e-9, atol=1e-10)
        slopes = [WEIGHTS @ values for values in values_near]
        for slope, modes in zip(slopes, by_modes, strict=True):
            assert_products(modes, slope)
        for jacobian, product in by_candidates:
            applied = product if jacobian is None else dense(jacobian, problem) @ tangent
            assert_close(applied, slopes[-1])


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_the_mode_that_cannot_be_taken_is_refused(name):
    scenario = SCENARIOS[name]()
    jacobian = {"forward": jax.jacfwd, "reverse": jax.jacrev}[IMPOSSIBLE[name]]
    with pytest.raises((TypeError, ValueError), match=r"custom_vjp|while_loop"):
        jax.eval_shape(jacobian(scenario.fn), *scenario.inputs)


def assert_products(modes, slope):
    """Check the product of each mode, where the outputs have the slope `[m]` along the tangent."""
    expected = {"forward": slope, "reverse": direction(slope.size) @ slope}
    for mode, (_, product) in modes.items():
        assert_close(product, expected[mode])


def assert_described(scenario, name):
    assert scenario.name == name
    assert scenario.purpose.endswith(".")
    dtypes = [getattr(leaf, "dtype", None) for leaf in jax.tree.leaves(scenario.inputs)]
    assert np.int64 not in dtypes  # a run in float32 would cast it with a warning


def by_mode(fn, x, tangent, impossible):
    """The value and a product by each mode: forward along `tangent`; reverse of a random sum of
    the outputs, times `tangent`."""
    products = {}
    if impossible != "forward":
        products["forward"] = jax.jvp(fn, (x,), (tangent,))
    if impossible != "reverse":
        value, pullback = jax.vjp(fn, x)
        products["reverse"] = value, pullback(direction(value.size))[0] @ tangent
    return products


def results(method, problem, tangent):
    """A candidate's Jacobian, or if it has another form the product with `tangent`."""
    program = method.build(problem, None)
    derivative = program.fn(*program.args)
    if method.product is None:
        return derivative, None
    return None, joined(method.product(derivative, problem, split(tangent, problem)))


def split(x, problem):
    """The leaves of a problem's inputs from one vector, of NumPy or of JAX."""
    ends = np.cumsum([leaf.size for leaf in problem.x])
    pieces = [x[end - leaf.size : end] for end, leaf in zip(ends, problem.x, strict=True)]
    return tuple(piece.reshape(leaf.shape) for piece, leaf in zip(pieces, problem.x, strict=True))


def joined(leaves):
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(leaves)])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-7 * (1 + np.abs(expected).max()))


def direction(size):
    return np.random.default_rng(7).standard_normal(size) / np.sqrt(size)


def in_float64(leaf):
    return np.asarray(leaf, np.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
