"""Programs that hypothesis writes: the modes and the differences agree on all of them."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.derivatives.method import Program, dense
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.selection import select

N = 4
WEIGHTS = np.random.default_rng(7).uniform(-0.5, 0.5, (N, N))
MODES = ("forward", "reverse", "complex_step", "numerical")


def affine(x):
    return WEIGHTS @ x + 0.1


def recurrent(x):
    def step(state, weight):
        return jnp.tanh(weight * state + 0.2), state

    return jax.lax.scan(step, x, jnp.asarray(WEIGHTS))[0]


def branching(x):
    return jax.lax.cond(jnp.sum(x.real) > 0, lambda x: x * x, lambda x: 2 * x + 1, x)


def looping(x):
    return jax.lax.fori_loop(0, 3, lambda i, x: 0.5 * x * jnp.cos(x), x)


#: Analytic pieces from R^N to R^N, tame enough that compositions stay of order one.
PIECES = {
    "affine": affine,
    "sin": jnp.sin,
    "tanh": jnp.tanh,
    "exp": lambda x: jnp.exp(-x * x),
    "divide": lambda x: x / (2 + x * x),
    "reverse": lambda x: x[::-1],
    "sum": lambda x: x + jnp.sum(x) / N,
    "product": lambda x: x * jnp.roll(x, 1),
    "normalize": lambda x: x / jnp.sqrt(1 + jnp.sum(x * x)),
    "scan": recurrent,
    "cond": branching,
    "loop": looping,
}
HEADS = {
    "vector": lambda x: x,
    "sum": jnp.sum,
    "logsumexp": lambda x: jnp.log(jnp.sum(jnp.exp(x))),
    "pair": lambda x: (x[:2], jnp.sum(x * x)),
}


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=5),
    st.sampled_from(sorted(HEADS)),
    st.integers(0, 1000),
)
def test_forward_reverse_complex_step_and_differences_agree(names, head, seed):
    def fn(x):
        for name in names:
            x = PIECES[name](x)
        return HEADS[head](x)

    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, N))
        target = make_problem(fn, (x,))
        found = {}
        for method in select(MODES)[1:]:
            built = method.build(target, None)
            program = built if isinstance(built, Program) else built.unguided
            found[method.name] = dense(jax.jit(program.fn)(*program.args), target)
    reverse = found["reverse"]
    assert np.all(np.isfinite(reverse))
    np.testing.assert_allclose(
        found["forward"], reverse, rtol=0, atol=1e-12 * np.max(np.abs(reverse))
    )
    np.testing.assert_allclose(
        found["complex_step"], reverse, rtol=0, atol=1e-12 * np.max(np.abs(reverse))
    )
    np.testing.assert_allclose(
        found["numerical"], reverse, rtol=0, atol=1e-6 * np.max(np.abs(reverse))
    )
