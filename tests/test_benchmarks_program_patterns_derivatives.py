"""Functions that differentiate themselves, or that are written out, checkpointed or in pieces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from program_patterns import advice_on, executed, patterns_of, told_at

import nn

N = 9
X = jnp.linspace(0.2, 0.9, N)
V = jnp.cos(jnp.arange(1.0, N + 1))
VS = jnp.stack([V, 2 * V, V**2])


def energy(x):
    return jnp.sum(jnp.sin(x) ** 3) * jnp.sum(x**2)


def field(x):
    return jnp.sin(x) * x[0]


def newton(x, v):
    return jax.hessian(energy)(x) @ v


def reverse_twice(x, v):
    return jax.jacrev(jax.grad(energy))(x) @ v


def jacobian_first(x, v):
    return jax.jacfwd(field)(x) @ v


def jacobian_last(x, v):
    return v @ jax.jacrev(field)(x)


def solved(x, v):
    return jnp.linalg.solve(jax.hessian(energy)(x), v)


def whole(x, v):
    return jax.hessian(energy)(x), v


def directions(x, v):
    def product(u):
        return u @ jax.jvp(jax.grad(energy), (x,), (u,))[1]

    return jnp.mean(jax.vmap(product)(v * VS))


def directions_of_ones_own(x, v):
    def product(u):
        return jax.jvp(jax.grad(energy), (x,), (u,))[1]

    return jax.vmap(product)(jnp.outer(jnp.arange(1.0, N + 1), v)) @ v


def all_products(x, v):
    return jax.hessian(energy)(x) @ jnp.outer(v, v)


@pytest.mark.parametrize("fn", [newton, reverse_twice])
def test_a_hessian_that_is_only_multiplied_by_is_to_be_products(fn):
    (advice,) = advice_on(fn, X, V)
    assert advice.pattern == "whole matrix"
    assert told_at(advice, fn, "energy")
    assert advice.cure == "take products with the Hessian"
    product = executed(advice.code, f=energy, x=X, v=V)["Hv"]
    np.testing.assert_allclose(product, jax.hessian(energy)(X) @ V, rtol=1e-4, atol=1e-5)


def test_a_jacobian_that_is_only_multiplied_by_is_to_be_products():
    for fn, name in ((jacobian_first, "Jv"), (jacobian_last, "vJ")):
        (advice,) = advice_on(fn, X, V)
        assert advice.cure == "take products with the Jacobian"
        product = executed(advice.code, f=field, x=X, v=V)[name]
        np.testing.assert_allclose(product, fn(X, V), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fn", [solved, whole, directions, directions_of_ones_own, all_products])
def test_a_matrix_that_is_solved_with_returned_or_never_made_is_no_concern(fn):
    assert patterns_of(fn, X, V) == []


def test_a_small_hessian_is_no_concern():
    assert patterns_of(newton, X[:3], V[:3]) == []


@pytest.mark.parametrize("name", ["trace", "diagonal", "diag"])
def test_a_hessian_of_which_the_diagonal_is_used_is_to_be_that(name):
    def laplacian(x):
        return jnp.sum(getattr(jnp, name)(jax.hessian(energy)(x)))

    (advice,) = advice_on(laplacian, X)
    assert told_at(advice, laplacian, "energy")
    assert advice.cure == "take one entry of a product for each input"
    diagonal = executed(advice.code, f=energy, x=X)["diagonal"]
    np.testing.assert_allclose(jnp.sum(diagonal), laplacian(X), rtol=1e-4)
    assert patterns_of(lambda x: jax.vmap(laplacian)(jnp.stack([x, 2 * x])), X) == ["whole matrix"]


def looped(x):
    return jax.lax.scan(lambda y, _: (jnp.sin(y) * x, None), x, length=5)[0]


def one_by_one(x):
    return sum(jax.jvp(looped, (x,), (i * V,))[1] for i in range(4))


def by_rows(x):
    return sum(jax.vjp(looped, x)[1](i * V)[0] for i in range(4))


def at_many_points(x):
    return sum(jax.jvp(looped, (i * x,), (V,))[1] for i in range(4))


def linearized(x):
    push = jax.linearize(looped, x)[1]
    return sum(push(i * V) for i in range(4))


def test_products_with_one_jacobian_are_to_be_taken_of_one_linearization():
    for fn in (one_by_one, by_rows):
        (advice,) = (one for one in advice_on(fn, X) if one.pattern == "repeated products")
        assert told_at(advice, looped, "jax.lax.scan")
        assert advice.factor == 4
    products = executed(advice.code, f=looped, x=X, tangents=VS)["products"]
    np.testing.assert_allclose(products, VS @ jax.jacfwd(looped)(X).T, rtol=1e-4, atol=1e-6)
    for fn in (at_many_points, linearized):
        assert "repeated products" not in patterns_of(fn, X), fn.__name__


def deep(x):
    for _ in range(40):
        x = jnp.sin(x) * x + 1.0
    return x


def branches(x):
    return sum(jnp.sum(jnp.exp(jnp.sin(x[i]) * jnp.cos(x[i]))) for i in range(N))


def test_what_is_written_out_again_and_again_is_to_be_written_once():
    (advice,) = advice_on(deep, X)
    assert advice.pattern == "repetition"
    assert told_at(advice, deep, "jnp.sin(x) * x")
    assert advice.what == "40 runs of 3 equal operations are written out"
    assert advice.cure == "write one of them, in jax.lax.scan"
    code = advice.code.replace("    ...", "    x = jnp.sin(x) * x + w")
    x = executed(code, x=X, ws=[jnp.ones(N)] * 40)["x"]
    np.testing.assert_allclose(x, deep(X), rtol=1e-5)


def test_equal_operations_on_different_numbers_are_to_be_a_batch():
    rows = jnp.outer(jnp.arange(1.0, 21.0), X)

    def apart(rows):
        return jnp.stack([jnp.sum(jnp.exp(jnp.sin(rows[i]) * 0.5)) for i in range(20)])

    (advice,) = advice_on(apart, rows)
    assert advice.cure == "write one of them, in jax.vmap"
    step = executed(advice.code, xs=list(rows), step=lambda x: jnp.sum(jnp.exp(jnp.sin(x) * 0.5)))
    np.testing.assert_allclose(step["ys"], apart(rows), rtol=1e-5)


def test_a_short_repetition_a_loop_and_layers_of_different_sizes_are_none():
    def short(x):
        for _ in range(8):
            x = jnp.sin(x) * x + 1.0
        return x

    def scanned(x):
        return jax.lax.fori_loop(0, 100, lambda i, x: jnp.sin(x) * x + 1.0, x)

    model = nn.mlp((N, *range(30, 10, -1)), activation=nn.tanh)
    params, state = model.init(jax.random.key(0))
    assert patterns_of(short, X) == []
    assert patterns_of(scanned, X) == []
    assert patterns_of(lambda p: model.apply(p, state, X[None])[0], params) == []
    equal = nn.mlp((N,) * 30, activation=nn.tanh)  # of which every layer is the same
    params, state = equal.init(jax.random.key(0))
    assert patterns_of(lambda p: equal.apply(p, state, X[None])[0], params) == ["repetition"]


def test_a_checkpoint_around_the_whole_is_to_be_around_blocks():
    def rolled(x):
        return jax.lax.scan(lambda y, _: (jnp.sin(y) * x, None), x, length=50)[0]

    for fn, code in ((deep, "for layer in layers:"), (rolled, "body = jax.checkpoint(body,")):
        (advice,) = (a for a in advice_on(jax.checkpoint(fn), X) if a.pattern == "whole checkpoint")
        assert advice.code.startswith(code)
    keeping = jax.checkpoint(deep, policy=jax.checkpoint_policies.everything_saveable)
    told = [one.what for one in advice_on(keeping, X) if one.pattern == "whole checkpoint"]
    assert told == ["one checkpoint is around the whole function: reverse mode keeps everything"]


def test_checkpoints_around_blocks_and_around_a_little_are_right():
    def in_blocks(x):
        for _ in range(20):
            x = jax.checkpoint(lambda x: jnp.sin(x) * x + 1.0)(x)
        return x

    def a_little(x):
        return jax.checkpoint(lambda x: jnp.sin(x) * x)(deep(x))

    for fn in (in_blocks, a_little, jax.checkpoint(in_blocks)):
        assert "whole checkpoint" not in patterns_of(fn, X)


def test_many_single_numbers_are_to_be_one_array():
    params = {f"p{i}": jnp.float32(i) for i in range(20)}

    def fn(params):
        return sum(jnp.sin(value) * value for value in params.values())

    (advice,) = (a for a in advice_on(fn, params) if a.pattern == "scalar leaves")
    assert advice.what == "20 of the inputs are single numbers"
    import jax.flatten_util

    made = executed(advice.code, fn=fn, params=params)
    expected = jax.grad(fn)(params)
    jax.tree.map(np.testing.assert_allclose, made["gradient"], expected)
    few = {name: params[name] for name in list(params)[:8]}
    assert patterns_of(fn, few) == []
    assert "scalar leaves" not in patterns_of(lambda p, x: fn(p) * x, params, 1.0, argnums=1)


def test_many_single_numbers_from_turn_to_turn_are_to_be_one_array():
    def apart(x):
        def body(i, numbers):
            return tuple(jnp.sin(a) * b for a, b in zip(numbers, numbers[::-1], strict=True))

        return sum(jax.lax.fori_loop(0, 20, body, tuple(x)))

    (advice,) = advice_on(apart, X)
    assert advice.pattern == "scalar carries"
    assert told_at(advice, apart, "jax.lax.fori_loop")
    assert patterns_of(apart, X[:7]) == []
