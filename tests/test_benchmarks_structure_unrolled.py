"""Seeds that are pushed one by one: what JAX gives, and what is zero is not computed."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy.sparse import csr_array
from structure_examples import brusselator, normal, stencil

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.scenarios.adbench import ba, data
from benchmarks.structure.colouring.colours import Colouring, by_table, is_valid
from benchmarks.structure.colouring.unrolled import seeds_of

CAMERA, POINT = np.array([0, 2, 1, 0, 2, 2]), np.array([3, 1, 0, 0, 2, 3])


def observed(cameras, points, weights):
    """Each output is of one line of each table."""
    turned = jnp.sin(cameras[:, :2])[CAMERA] * points[POINT][:, :2]
    squeezed = jnp.stack([turned[:, 1], -turned[:, 0]], axis=1)[:, ::-1]
    shifted = lax.optimization_barrier((squeezed, cameras[:, 2]))
    return {
        "seen": shifted[0] * weights[:, None] - points[POINT, 2:] / shifted[1][CAMERA][:, None],
        "own": 1 - weights**2,
        "moved": jnp.concatenate([points[:, 1], 3 * cameras[:, 3]]) + jnp.pad(points[1:, 0], 4)[:7],
    }


def inputs(dtype="float64"):
    return [jnp.asarray(normal(*shape), dtype) for shape in ((3, 4), (4, 3), (6,))]


@pytest.mark.parametrize("output", ["dense", pytest.param("csr", marks=pytest.mark.nightly)])
def test_products_one_by_one_are_what_jax_gives(output):
    with jax.enable_x64(True):
        at = inputs()
        found = gradwise.jacobian(observed, *at, output=output, measure=False)
        assert found.way.startswith("coloured (forward")
        assert found._made.way.tables.seeds is not None
        for moved in (at, [leaf + 0.3 for leaf in at]):
            lines = jax.jacfwd(observed, (0, 1, 2))(*moved)
            if output == "dense":
                assert jax.tree.structure(found(*moved)) == jax.tree.structure(lines)
                jax.tree.map(partial(np.testing.assert_allclose, atol=1e-12), found(*moved), lines)
                continue
            blocks = [
                [np.reshape(block, (-1, leaf.size)) for block, leaf in zip(line, at, strict=True)]
                for line in lines.values()
            ]
            assert np.allclose(found(*moved).todense(), np.block(blocks), atol=1e-12)


def test_what_is_zero_is_not_computed():
    at = np.arange(50) % 3

    def fn(x):
        return sum(jnp.sin(x[:, k])[at] * jnp.arange(50.0) ** k for k in range(4))

    x = jnp.asarray(normal(3, 4), jnp.float32)
    found = gradwise.jacobian(fn, x, output="csr", measure=False)
    assert found.way == "coloured (forward, 4)"
    text = jax.jit(found).lower(x).as_text()
    products = re.findall(r"stablehlo.multiply .*tensor<([\dx]+)xf32>$", text, re.M)
    assert set(products) == {"50"}  # none of four directions at once, and none by a seed of ones
    lines = np.asarray(jax.jacfwd(fn)(x)).reshape(50, 12)
    assert np.allclose(found(x).todense(), lines, rtol=1e-5)


def test_bundle_adjustment_is_looked_at_by_columns_of_its_tables():
    with jax.enable_x64(True):
        c, p, w, features, camera, point = map(jnp.asarray, data.draw_ba(3, 5, 40))
        fn = lambda c, p, w: ba.residuals(c, p, w, features, camera, point)  # noqa: E731
        found = gradwise.jacobian(fn, c, p, w, output="csr", measure=False)
        assert found.way == "coloured (forward, 14)"
        assert found._made.way.tables.seeds.share < 0.35
        blocks = jax.jit(ba.block_jacobian)(c, p, w, features, camera, point)
        expected = ba.csr_jacobian(blocks, camera, point, cameras=3, points=5)
        mine = np.asarray(found(c, p, w).todense())
        rows = np.repeat(np.arange(120), np.diff(expected.indptr))
        assert np.allclose(mine[rows, expected.indices], expected.data, rtol=1e-9, atol=1e-9)
        assert np.count_nonzero(mine) <= np.count_nonzero(expected.data)


@pytest.mark.parametrize(
    ("fn", "shapes"),
    [
        (stencil, [(40,)]),  # each seed is all over the place
        (brusselator, [(5, 6), (5, 6)]),
        (lambda x: jnp.tanh(x @ np.ones((4, 4))), [(50, 4)]),  # one product for all is better
        (lambda x: lax.scan(lambda c, v: (c, v[0] * v[1]), 0.0, x)[1], [(50, 2)]),
    ],
)
def test_all_at_once_where_that_is_better(fn, shapes):
    x = [jnp.asarray(normal(*shape), jnp.float32) for shape in shapes]
    found = gradwise.jacobian(fn, *x, measure=False)
    assert getattr(found._made.way.tables, "seeds", None) is None


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("join", [jnp.stack, jnp.concatenate])
def test_what_is_joined_last_is_read_off_its_parts(join, axis):
    at = np.arange(50) % 3

    def fn(x):
        first, second = jnp.sin(x[:, 0][at]) * x[:, 1][at], jnp.cos(x[:, 2][at]) * x[:, 3][at] ** 2
        first, second = (v.reshape(10, 5) for v in (first, second))
        return join([first, second * jnp.arange(5.0), first], axis=axis), jnp.sin(
            x[:, 4][at] * x[:, 5][at]
        )

    x = jnp.asarray(normal(3, 6), jnp.float32)
    found = gradwise.jacobian(fn, x, output="csr", measure=False)
    pieces = found._made.way.tables.seeds.pieces
    assert [piece.size for piece in pieces] == [50, 50, 50, 50]
    lines = [np.asarray(leaf).reshape(-1, 18) for leaf in jax.jit(jax.jacfwd(fn))(x)]
    assert np.allclose(found(x).todense(), np.concatenate(lines), rtol=1e-5)
    text = jax.jit(found).lower(x).as_text()
    assert not re.search(r"stablehlo.concatenate.*tensor<\d+x\d+x\d+xf32>", text)


def test_columns_of_a_table_have_one_colour_each_and_meet_nowhere():
    random = np.random.default_rng(0)
    for _ in range(30):
        lines, wide, alone, m = random.integers(2, 9, 4)
        dense = np.zeros((m * 3, lines * wide + alone))
        for row in dense:
            start = random.integers(lines) * wide
            row[start : start + wide] = random.random(wide) < 0.7
            row[lines * wide :] = random.random(alone) < 0.4
        rows = csr_array(dense)
        rows.data[:] = 1
        found = by_table(rows, [(lines, wide), (alone,)])
        assert found is not None
        assert is_valid(rows, found)
        table = found.colours[: lines * wide].reshape(lines, wide)
        assert all(len(set(column[column >= 0])) <= 1 for column in table.T)


def test_a_table_of_which_a_row_meets_two_lines_is_not_joined():
    assert by_table(csr_array(np.ones((1, 6))), [(3, 2)]) is None


def test_few_seeds_or_very_many_numbers_are_pushed_at_once():
    problem = make_problem(lambda x: x**2, (jnp.ones(9),))
    assert seeds_of(problem, Colouring(np.zeros(9, np.int64), 1)) is None
