"""`flops`, `residuals` and `obstacles` take the inputs that `compare` takes."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from benchmarks import flops, obstacles, residuals

X = jnp.linspace(0.1, 0.9, 5)


def power(x, n):
    for _ in range(n):
        x = jnp.sin(x)
    return x


def chosen(x, how, scale=None):
    scaled = x if scale is None else scale * x
    return {"sine": jnp.sin, "cosine": jnp.cos}[how](scaled)


def flagged(x, wide):
    return jnp.sin(x) if wide else x


class Wave(NamedTuple):
    times: int

    def of(self, x):
        return power(x, self.times)


CASES = {
    "an int that a loop goes round by": (power, X, 3),
    "an int that is static to jit": (jax.jit(power, static_argnums=1), X, 3),
    "a text": (chosen, X, "sine"),
    "nothing": (chosen, X, "sine", None),
    "a truth": (flagged, X, True),
    "a partial": (functools.partial(chosen, how="sine"), X),
    "a bound method": (Wave(3).of, X),
    "a function": (lambda x, fn: fn(x), X, jnp.sin),
    "a record": (lambda x, of: of.of(x), X, Wave(3)),
    "a shape": (power, jax.ShapeDtypeStruct((5,), jnp.float32), 3),
}

THRICE = ("an int that a loop goes round by", "an int that is static to jit", "a shape")
THRICE += ("a bound method", "a record")


@pytest.mark.parametrize("name", CASES)
def test_what_compare_takes_is_counted_kept_and_looked_at(name):
    fn, *inputs = CASES[name]
    sines = 3 if name in THRICE else 1
    assert flops(fn, *inputs).high == 5 * sines
    assert [r.what for r in residuals(fn, *inputs) if r.storage == "new"] == ["cos"] * sines
    assert obstacles(fn, *inputs, modes=("value", "forward", "reverse")) == {}


def test_a_number_that_can_be_an_array_is_one():
    def half(x, n):
        return x * n

    assert flops(half, X, 3).high == 5 + 1  # the int becomes a float
    assert residuals(half, X, jnp.float32(3), argnums=0)[0].what == "argument 1"


def test_what_is_returned_and_is_no_array_is_left_out_of_the_count():
    assert flops(lambda x: {"y": jnp.sin(x), "name": "wave"}, X).high == 5


def test_a_function_of_ints_alone_is_counted():
    assert flops(lambda n: jnp.arange(4) * n * n, jnp.int32(3)).high == 8
    assert flops(lambda n: jnp.zeros(n) + 1, 3).high == 3
