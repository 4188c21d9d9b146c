"""Whatever a program is made of can be run equation by equation: a planted root of 0 is found."""

import jax
import jax.numpy as jnp
import pytest
from nightly import sampled

from benchmarks import explain_nonfinite

X = jnp.array([0.3, 0.2, 0.9])


def planted(total):
    """The number itself, with a derivative that is not finite."""
    return total + jnp.sqrt(jnp.abs(total - jax.lax.stop_gradient(total)))


def drawn(x, key):
    one, other = jax.random.split(key)
    return x * jax.random.normal(one, (3,)) + jax.random.gamma(other, 2.0, (3,))


def many_outputs(x):
    return {"a": planted(jnp.sum(x)), "place": jnp.argmax(x), "turned": jnp.exp(1j * x)}


@jax.vmap
def looped(x):
    return jax.lax.fori_loop(0, 3, lambda _, c: jnp.sin(c), x)


def printed(x):
    jax.debug.callback(lambda _: None, x)
    return jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)))(x)


PROGRAMS = {
    "sorted and transformed": lambda x: jnp.sort(x) * jnp.abs(jnp.fft.fft(x)),
    "a matrix exponential": lambda x: jax.scipy.linalg.expm(jnp.diag(x)),
    "cumulative": lambda x: jax.lax.associative_scan(jnp.multiply, x) + jax.lax.cummax(x),
    "mapped loops": looped,
    "mapped branches": lambda x: jax.lax.map(
        lambda v: jax.lax.cond(v > 0.25, jnp.sin, jnp.cos, v), x
    ),
    "a determinant": lambda x: jnp.linalg.slogdet(jnp.outer(x, x) + jnp.eye(3))[1],
    "a linear solve": lambda x: jnp.linalg.solve(jnp.outer(x, x) + jnp.eye(3), x),
    "callbacks": printed,
}


@pytest.mark.parametrize("name", sampled(PROGRAMS))
def test_every_kind_of_program_can_be_run_one_by_one(name):
    found = explain_nonfinite(lambda x: planted(jnp.sum(PROGRAMS[name](x))), X, mode="reverse")
    assert (found.operation, found.happened) == ("sqrt", "0.5 / 0 = inf, at sqrt(0)")


def test_keys_several_outputs_and_narrow_types_are_no_obstacle():
    one = explain_nonfinite(
        lambda x, key: planted(jnp.sum(drawn(x, key))), X, jax.random.key(0), mode="reverse"
    )
    two = explain_nonfinite(many_outputs, X, mode="reverse")
    three = explain_nonfinite(
        lambda x: planted(jnp.sum(x * x)), X.astype(jnp.bfloat16), mode="forward"
    )
    assert [found.operation for found in (one, two, three)] == ["sqrt"] * 3
