"""Programs that hypothesis writes: forward and reverse mode meet at every cut of their graphs."""

import jax
import jax.numpy as jnp
import numpy as np
from graph_checks import (
    assert_adjoints_are_sums,
    assert_as_jax,
    assert_cut_sums_agree,
    assert_flops_add_up,
    assert_structure,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_benchmarks_derivatives_random_programs import HEADS, PIECES, N

from gradwise import graph

#: Pieces that a derivative flows through in more ways than one, or not at all.
MORE = {
    "square": lambda x: x * x,
    "stopped": lambda x: x * jax.lax.stop_gradient(jnp.cos(x)),
    "relu": jax.nn.relu,
    "where": lambda x: jnp.where(x > 0, x, 0.1 * x),
    "sorted": lambda x: jnp.sort(x) + x[jnp.argmax(x)],
    "scattered": lambda x: jnp.zeros(2 * N, x.dtype).at[1 : 2 * N : 2].set(x)[N // 2 : N // 2 + N],
    "outer": lambda x: (x[:, None] * x[None, :]).sum(0),
    "jitted": jax.jit(lambda x: x + jnp.sin(x)),
    "checkpointed": jax.checkpoint(lambda x: jnp.sin(jnp.cos(x))),
    "mapped": jax.vmap(lambda x: x * jnp.tanh(x)),
    "gradient": jax.grad(lambda x: jnp.sum(jnp.sin(x) * x)),
    "fourier": lambda x: jnp.fft.fft(x * (1 + 1j)).real / N,
    "looped in a loop": lambda x: jax.lax.fori_loop(
        0, 2, lambda i, x: jax.lax.fori_loop(0, 2, lambda j, x: jnp.sin(x) + 0.1 * i * j, x), x
    ),
    "branch in a loop": lambda x: jax.lax.fori_loop(
        0, 3, lambda i, x: jax.lax.cond(i > 1, lambda x: x * x, jnp.sin, x), x
    ),
}
PIECES = PIECES | MORE


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=5),
    st.sampled_from(sorted(HEADS)),
    st.integers(0, 1000),
)
def test_every_cut_of_a_program_has_the_same_sum_and_the_ends_are_jaxs(names, head, seed):
    def fn(x):
        for name in names:
            x = PIECES[name](x)
        return HEADS[head](x)

    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, N))
        drawn = graph(fn, x)
        assert (drawn.forward, drawn.reverse) == ("", "")
        assert_structure(drawn)
        assert_as_jax(drawn, ["x"], lambda x, _: fn(*x), [x], tolerance=1e-12)
        assert_adjoints_are_sums(drawn, 1e-12)
        assert_cut_sums_agree(drawn, 1e-10)
        assert_flops_add_up(drawn, fn, x)
