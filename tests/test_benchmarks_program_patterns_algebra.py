"""Matrices that are inverted, factored twice, or solved with one by one; constants; callbacks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from program_patterns import advice_on, executed, patterns_of, told_at

N, COUNT = 9, 10
RANDOM = np.random.default_rng(0)
HALF = RANDOM.normal(size=(N, N)).astype(np.float32)
A = jnp.asarray(HALF @ HALF.T + N * np.eye(N, dtype=np.float32))
B = jnp.asarray(RANDOM.normal(size=N).astype(np.float32))
AS = A + jnp.arange(COUNT)[:, None, None] * jnp.eye(N)
BS = B * (1 + jnp.arange(COUNT)[:, None])


def inverted(a, b):
    return jnp.linalg.inv(a) @ b


def inverted_twice(a, b):
    inverse = jnp.linalg.inv(a)
    return inverse.T @ b + b @ inverse


def returned(a, b):
    inverse = jnp.linalg.inv(a)
    return inverse @ b, inverse


def traced(a, b):
    return jnp.trace(jnp.linalg.inv(a)) * b


def solved(a, b):
    return jnp.linalg.solve(a, b)


def test_an_inverse_that_is_only_multiplied_by_is_to_be_a_solve():
    (advice,) = advice_on(inverted, A, B)
    assert advice.pattern == "inverse"
    assert told_at(advice, inverted, "jnp.linalg.inv")
    assert advice.cure == "solve with the matrix instead of inverting it"
    cured = executed(advice.code, A=A, b=B)["x"]
    np.testing.assert_allclose(cured, np.linalg.solve(np.asarray(A, np.float64), B), rtol=1e-4)
    (advice,) = advice_on(inverted_twice, A, B)
    assert advice.cure == "factor the matrix once, and solve with it"
    assert executed(advice.code, A=A, b=B, c=B)["y"].shape == (N,)


def test_an_inverse_that_is_returned_or_summed_is_none():
    for fn in (returned, traced, solved):
        assert patterns_of(fn, A, B) == [], fn.__name__
    assert patterns_of(inverted, A[:3, :3], B[:3]) == []  # which takes no time


def test_an_inverse_is_found_in_a_loop_a_branch_a_batch_and_not_in_a_rule():
    def ruled(a, b):
        rule = jax.custom_jvp(inverted)
        rule.defjvp(lambda primals, tangents: (inverted(*primals), tangents[1]))
        return rule(a, b)

    holders = {
        "scan": lambda a, b: jax.lax.scan(lambda s, _: (inverted(a, s), None), b, length=3)[0],
        "cond": lambda a, b: jax.lax.cond(b[0] > 0, inverted, lambda a, b: b, a, b),
        "vmap": lambda a, b: jax.vmap(inverted)(jnp.stack([a, a + 1]), jnp.stack([b, b])),
        "a rule": ruled,
    }
    for name, fn in holders.items():
        assert patterns_of(fn, A, B) == ["inverse"], name


def likelihood(a, x):
    spread = 2 * jnp.sum(jnp.log(jnp.diagonal(jnp.linalg.cholesky(a))))
    return spread + x @ jnp.linalg.solve(a, x)


def spectral(a, x):
    return jnp.sum(jnp.log(jnp.linalg.eigh(a)[0])) + x @ jnp.linalg.solve(a, x)


def twice_the_same(a, x):
    return jnp.linalg.solve(a, x) @ jnp.linalg.solve(a, x**2) + jnp.linalg.slogdet(a)[1]


def two_matrices(a, x):
    return jnp.sum(jnp.linalg.cholesky(a)) + jnp.sum(jnp.linalg.solve(a + 1, x))


def test_a_matrix_that_is_factored_in_two_ways_is_to_be_factored_once():
    for fn, kept in ((likelihood, "Cholesky"), (spectral, "eigh")):
        (advice,) = advice_on(fn, A, B)
        assert advice.pattern == "two factorizations"
        assert told_at(advice, fn, "jnp.linalg.solve")
        assert advice.cure == f"use the factor of {kept} for both"
        done = executed(advice.code, A=A, b=B)
        value = np.linalg.slogdet(np.asarray(A, np.float64))[1]
        np.testing.assert_allclose(done["logdet"], value, rtol=1e-4)
        np.testing.assert_allclose(A @ done["x"], B, rtol=1e-3, atol=1e-4)


def test_one_kind_of_factorization_or_two_matrices_are_no_concern():
    assert patterns_of(twice_the_same, A, B) == []  # which XLA factors once
    assert patterns_of(two_matrices, A, B) == []


def test_xla_factors_a_matrix_once_that_is_solved_with_twice():
    compiled = jax.jit(jax.grad(twice_the_same)).lower(A, B).compile().as_text()
    targets = [line for line in compiled.splitlines() if "getrf" in line and "custom_call" in line]
    if jax.default_backend() == "cpu":
        assert len(targets) == 1


def in_python(many, bs):
    return sum(jnp.sum(jnp.linalg.solve(many[i], bs[i])) for i in range(COUNT))


def in_a_map(many, bs):
    return jnp.sum(jax.lax.map(lambda pair: jnp.linalg.solve(*pair), (many, bs)))


def in_a_batch(many, bs):
    return jnp.sum(jax.vmap(jax.jit(jnp.linalg.solve))(many, bs))


def one_after_another(many, bs):
    x = bs[0]
    for i in range(COUNT):
        x = jnp.linalg.solve(many[i] + jnp.diag(x), bs[i])
    return jnp.sum(x)


def filtered(many, bs):
    def step(x, pair):
        return jnp.linalg.solve(pair[0], pair[1] + x), None

    return jnp.sum(jax.lax.scan(step, bs[0], (many, bs))[0])


@pytest.mark.parametrize("fn", [in_python, in_a_map])
def test_small_systems_one_by_one_are_to_be_solved_in_a_batch(fn):
    (advice,) = (one for one in advice_on(fn, AS, BS) if one.pattern == "small solves")
    assert told_at(advice, fn, "jnp.linalg.solve")
    assert advice.what == f"{COUNT} systems of {N} unknowns are solved one after the other"
    xs = executed(advice.code, As=AS, bs=BS)["xs"]
    expected = np.linalg.solve(np.asarray(AS, np.float64), np.asarray(BS)[..., None])[..., 0]
    np.testing.assert_allclose(xs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fn", [in_a_batch, one_after_another, filtered])
def test_systems_in_a_batch_or_that_need_one_another_are_left_alone(fn):
    assert "small solves" not in patterns_of(fn, AS, BS)


TABLE = np.linspace(0.0, 1.0, N)


def widened(x):
    return jnp.sum(jnp.sin(x) * TABLE)


def with_numbers(x):
    return jnp.sum(jnp.sin(x) * 2.5 + np.float32(0.5) * TABLE.astype(np.float32))


def of_data(x, data):
    return jnp.sum(x * (data * TABLE).astype(jnp.float32))


def asked_for(x):
    return jnp.sum(x.astype(jnp.float64) ** 2)


def test_a_float64_constant_that_widens_a_float32_function_is_named():
    with jax.enable_x64(True):
        x = jnp.asarray(B, jnp.float32)
        (advice,) = advice_on(widened, x)
        assert advice.pattern == "float64 constant"
        assert told_at(advice, widened, "TABLE")
        assert advice.what.startswith("a constant float64[9] makes float64")
        assert executed(advice.code, c=TABLE, x=x)["c"].dtype == jnp.float32
        assert patterns_of(lambda x: jax.lax.map(lambda y: widened(y + x), jnp.stack([x])), x) == [
            "float64 constant"
        ]
        assert patterns_of(with_numbers, x) == []
        assert patterns_of(asked_for, x) == []
        assert patterns_of(of_data, x, x, argnums=0) == []
        assert patterns_of(widened, x.astype(jnp.float64)) == []


def test_a_float64_constant_is_no_concern_where_float64_is_off():
    table = np.linspace(0.0, 1.0, N)
    assert patterns_of(lambda x: jnp.sum(jnp.sin(x) * table), B) == []


def printing(x):
    def body(i, y):
        jax.debug.print("{}", y[0])
        return jnp.sin(y)

    return jax.lax.fori_loop(0, 20, body, x)


def calling(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)

    def body(y, _):
        return jnp.sin(y) + jax.pure_callback(np.cos, shape, x, vmap_method="expand_dims"), None

    return jax.lax.scan(body, x, length=20)[0]


def in_a_rule(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)

    @jax.custom_jvp
    def sine(x):
        return jax.pure_callback(np.sin, shape, x, vmap_method="sequential")

    sine.defjvp(lambda x, t: (sine(*x), jnp.cos(x[0]) * t[0]))
    return sine(x)


def printed_once(x):
    jax.debug.print("{}", x[0])
    return jnp.sin(x)


def test_callbacks_in_a_loop_and_for_each_direction_are_named():
    (advice,) = advice_on(printing, B)
    assert advice.pattern == "callback in a loop"
    assert told_at(advice, printing, "jax.debug.print")
    assert advice.cure.startswith("return the numbers as outputs of the loop")
    (advice,) = advice_on(calling, B)
    assert told_at(advice, calling, "jax.pure_callback")
    assert advice.cure.startswith("compute it in JAX")
    (advice,) = advice_on(in_a_rule, B)
    assert advice.pattern == "callback one by one"
    assert patterns_of(printed_once, B) == []
