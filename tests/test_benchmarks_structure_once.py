"""What no seed changes is computed once, and products are written down where they are read."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import normal

import gradwise

#: On the CPU, older versions take barriers away before they fuse.
_KEEPS_BARRIERS = jax.version.__version_info__ >= (0, 11)


def band(x):
    return x[2:] - 2 * x[1:-1] ** 2 + jnp.sin(3 * x[:-2])


def few_rows(x):
    """Four neighbours to a row, but two rows to a column: fewer colours in reverse mode."""
    y = jnp.sin(x).reshape(-1, 3)
    return y[:, 0] * y[:, 1] * y[:, 2] + jnp.roll(y[:, 0], -1)


def flat_band(x):
    return x[2:] - 2 * x[1:-1] ** 2 + x[:-2] ** 3


def single(n):
    return jnp.asarray(normal(n), jnp.float32)


def found(fn, x, output="csr", **options):
    return gradwise.jacobian(fn, x, output=output, measure=False, **options)


def lowered(jacobian, *inputs):
    return jacobian._made._direct.lower(*jacobian._made._arrays, *inputs)


def barriers(jacobian, *inputs):
    text = lowered(jacobian, *inputs).as_text()
    return re.findall(r"stablehlo.optimization_barrier %\S+ : tensor<(\S+)xf32>", text)


@pytest.mark.skipif(not _KEEPS_BARRIERS, reason="XLA takes barriers away before it fuses")
@pytest.mark.parametrize("output", ["csr", "dense"])
def test_a_cosine_is_computed_once_for_all_seeds(output):
    x = single(50)
    text = lowered(found(band, x, output), x).compile().as_text()
    computations = [part for part in text.split("\n\n") if "cosine(" in part]
    assert [part.count("cosine(") for part in computations] == [1]
    assert not re.search(r"\[3,48\]|gather\(", computations[0])


@pytest.mark.parametrize(("fn", "held"), [(band, ["48", "3x48"]), (flat_band, ["3x48"])])
def test_what_is_dear_is_held_back_and_what_is_cheap_is_not(fn, held):
    x = single(50)
    assert barriers(found(fn, x), x) == held


def test_reverse_products_hold_back_what_no_cotangent_changes():
    x = single(30)
    jacobian = found(few_rows, x)
    assert jacobian.way == "coloured (reverse, 2)"
    assert barriers(jacobian, x) == ["30", "30", "2x30"]  # sines, cosines, products
    assert np.allclose(jacobian(x).todense(), jax.jacrev(few_rows)(x), atol=1e-6)


def test_products_that_nobody_reads_are_not_written():
    def fn(x):
        return jnp.concatenate([jnp.prod(x[:10]) + x[:10] ** 2, jnp.sin(x)])

    x = single(200)
    jacobian = found(fn, x)
    assert jacobian.way == "coloured (forward, 10)"
    assert not [shape for shape in barriers(jacobian, x) if shape.startswith("10x")]
    assert np.allclose(jacobian(x).todense(), jax.jacfwd(fn)(x), atol=1e-5)


@pytest.mark.parametrize("fn", [band, few_rows], ids=["forward", "reverse"])
def test_such_a_jacobian_is_transformed_as_any_function(fn):
    x, points = single(12), jnp.stack([single(12), single(12)[::-1]])
    jacobian = found(fn, x, "dense")
    true = jax.jacrev(fn)
    assert np.allclose(jax.vmap(jacobian)(points), jax.vmap(true)(points), atol=1e-5)
    _, scanned = lax.scan(lambda carry, x: (carry, jax.jit(jacobian)(x)), 0, points)
    assert np.allclose(scanned, jax.vmap(true)(points), atol=1e-5)
    second = jax.jacfwd(jax.jacrev(fn))(x)
    assert np.allclose(jax.jacfwd(jacobian)(x), second, atol=1e-5)
    assert np.allclose(jax.jacrev(jacobian)(x), second, atol=1e-5)


def test_a_rule_of_the_users_own_is_kept_for_the_next_derivative():
    @jax.custom_jvp
    def slope(x):
        return jnp.cos(x)

    slope.defjvp(lambda x, t: (slope(x[0]), 5 * t[0]))

    @jax.custom_jvp
    def value(x):
        return jnp.sin(x)

    value.defjvp(lambda x, t: (value(x[0]), slope(x[0]) * jnp.cos(x[0]) * t[0]))
    x = single(6)
    jacobian = found(lambda x: value(x[1:]) * x[:-1], x, "dense")
    true = jax.jacfwd(jax.jacfwd(lambda x: value(x[1:]) * x[:-1]))(x)
    assert np.allclose(jax.jacfwd(jacobian)(x), true, atol=1e-6)


def test_loops_of_any_length_are_pushed_through():
    def fn(x, count):
        grown = lax.fori_loop(0, count, lambda _, y: 1.1 * y + jnp.sin(x), x)
        carried = lax.scan(lambda carry, step: (carry + jnp.cos(step), carry), 0.0, x[:3])[0]
        return grown[1:] * jnp.sin(x[:-1]) + carried

    x = single(8)
    jacobian = gradwise.jacobian(fn, x, 4, measure=False)
    assert np.allclose(jacobian(x, 4), jax.jacfwd(fn)(x, 4), atol=1e-5)


def test_a_long_program_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr("benchmarks.structure.colouring.once._MOST_EQUATIONS", 3)
    x = single(50)
    assert barriers(found(band, x), x) == ["3x48"]
