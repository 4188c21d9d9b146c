"""Colours: valid by a proof that finds planted faults, and few."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from structure_examples import arrow, brusselator, heat, stencil

from benchmarks.structure.colouring.colours import Colouring, colour, greedy, is_valid
from benchmarks.structure.colouring.plans import plans, proves
from benchmarks.structure.pattern.detection import find_pattern


def pattern(fn, *shapes):
    leaves = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    return find_pattern(lambda x, _: jax.tree.leaves(fn(*x)), leaves).rows


def volume(u):
    p = jnp.pad(u, 1)
    around = sum((jnp.roll(p, s, a) for s in (1, -1) for a in range(3)), jnp.zeros(()))
    return around[1:-1, 1:-1, 1:-1] + u**2


@pytest.mark.parametrize(
    ("fn", "shapes", "most"),
    [
        (stencil, [(1000,)], 3),
        (heat, [(32, 32)], 5),
        (brusselator, [(32, 32)] * 2, 7),
        (volume, [(8, 8, 8)], 7),
        (lambda x: x * x, [(50,)], 1),
        (lambda x: jnp.sum(x), [(7,)], 7),
        (lambda x: jnp.round(x), [(7,)], 0),
    ],
)
def test_grids_are_coloured_with_at_most_as_many_as_the_longest_row_asks_for(fn, shapes, most):
    rows = pattern(fn, *shapes)
    found = colour(rows, shapes)
    assert found.count <= most
    assert meets_nowhere(rows, found)


CROSS = {
    axes: [k for k in itertools.product((-1, 0, 1), repeat=axes) if sum(map(abs, k)) < 2]
    for axes in (2, 3)
}
BOX = list(itertools.product((-1, 0, 1), repeat=2))


def grid(shape, steps, *, rings=True, fields=1, last=False):
    """Rows of a stencil on a grid, each field's and one number of every other field beside it."""
    places = np.indices(shape).reshape(len(shape), -1)
    cells, dense = places.shape[1], []
    for step in steps:
        to = places + np.array(step)[:, None]
        sizes = np.array(shape)[:, None]
        inside = np.ones(cells, bool) if rings else np.all((to >= 0) & (to < sizes), axis=0)
        at = np.ravel_multi_index(tuple(to[:, inside] % sizes), shape)
        dense.append((np.flatnonzero(inside), at))
    line, at = np.concatenate(dense, axis=1)
    own = csr_array((np.ones(line.size, np.int8), (line, at)), shape=(cells, cells)).toarray()
    one, every = np.eye(fields, dtype=np.int8), np.eye(cells, dtype=np.int8)
    other = 1 - one
    parts = [(own, one), (every, other)] if last else [(one, own), (other, every)]
    return csr_array(sum(np.kron(*pair) for pair in parts))


def around(size, longest):
    """The fewest colours of a line whose ends meet: each is on so many of its numbers at most."""
    return math.ceil(size / (size // longest))


@pytest.mark.parametrize(
    ("rows", "shapes", "fewest"),
    [
        *[
            (grid((n,), [(k,) for k in range(-2, w - 2)]), [(n,)], around(n, w))
            for n in (10, 31, 601)
            for w in (3, 4, 5)
        ],
        (grid((13, 11), CROSS[2], rings=False), [(13, 11)], 5),
        (grid((13, 11), BOX, rings=False), [(13, 11)], 9),
        (grid((6, 7, 8), CROSS[3], rings=False), [(6, 7, 8)], 7),
        (grid((8, 7, 9), CROSS[3]), [(8, 7, 9)], 9),  # 7 where sizes divide by 7
        # E. Sopena, J. Wu, Coloring the Square of the Cartesian Product of Two Cycles (2010): five
        # do if both sizes divide by five, and six otherwise, but on small grids.
        (grid((15, 20), CROSS[2]), [(15, 20)], 5),
        (grid((32, 32), CROSS[2]), [(32, 32)], 6),
        (grid((31, 37), CROSS[2]), [(31, 37)], 6),
        # 106 squares of three by three have room on 32 by 32, so that ten colours at least.
        (grid((32, 32), BOX), [(32, 32)], 11),
        (grid((30, 33), BOX), [(30, 33)], 9),
        # The Brusselator: a solver of Boolean formulas has found that six do not on 32 by 32.
        (grid((30, 30), CROSS[2], fields=2), [(30, 30)] * 2, 6),
        (grid((32, 32), CROSS[2], fields=2), [(32, 32)] * 2, 7),
        (grid((32, 32), CROSS[2], fields=2), [(2048,)], 7),
        (grid((31, 37), CROSS[2], fields=2), [(2 * 31 * 37,)], 7),
        (grid((31, 37), CROSS[2], fields=2, last=True), [(31, 37, 2)], 7),
        (grid((31, 37), CROSS[2], fields=2, last=True, rings=False), [(2 * 31 * 37,)], 6),
        (grid((24, 50), CROSS[2], fields=3), [(24, 50)] * 3, 9),  # seven or eight may do
    ],
)
def test_a_grid_takes_the_fewest_colours_that_are_known_whether_its_ends_meet_or_not(
    rows, shapes, fewest
):
    found = colour(rows, shapes)
    assert found.count <= fewest
    assert meets_nowhere(rows, found)


def test_arrays_that_are_long_along_different_axes_are_coloured():
    shapes = [tuple(np.where(np.arange(4) == axis, 10**5, 1)) for axis in range(4)]
    ends = np.arange(4)[:, None] * 10**5 + [0, 10**5 - 1]
    rows = csr_array((np.ones(8, np.int8), ends.ravel(), np.array([0, 8])), shape=(1, 4 * 10**5))
    assert meets_nowhere(rows, colour(rows, [tuple(map(int, shape)) for shape in shapes]))


def first_free(rows):
    """How many colours asdex takes, which colours those first that meet the most others."""
    meet = ((rows.T @ rows) != 0).toarray()
    colours = np.full(len(meet), -1)
    for column in np.argsort(-meet.sum(0), kind="stable"):
        taken = set(colours[meet[column]].tolist())
        colours[column] = next(c for c in itertools.count() if c not in taken)
    return int(colours.max()) + 1


@pytest.mark.parametrize("seed", range(12))
def test_no_pattern_takes_more_colours_than_asdex_takes(seed):
    random = np.random.default_rng(seed)
    rows = csr_array((random.random((60, 80)) < 0.02 + 0.01 * (seed % 4)).astype(np.int32))
    assert colour(rows, [(80,)]).count <= first_free(rows)


def meets_nowhere(rows, colouring):
    """The oracle: no two entries of a row have one colour, looked at row by row."""
    for row in range(rows.shape[0]):
        used = colouring.colours[rows.indices[rows.indptr[row] : rows.indptr[row + 1]]].tolist()
        if len(set(used)) < len(used) or min(used, default=0) < 0:
            return False
    return True


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 0.6))
def test_any_pattern_is_coloured_rightly_and_a_fault_is_found(seed, m, n, density):
    random = np.random.default_rng(seed)
    rows = csr_array((random.random((m, n)) < density).astype(np.int8))
    found = colour(rows, [(n,)])
    assert meets_nowhere(rows, found)
    assert is_valid(rows, found)
    assert is_valid(rows, greedy(rows))
    changed = found.colours.copy()
    changed[random.integers(n)] = random.integers(found.count + 1) - 1
    other = Colouring(changed, found.count)
    assert is_valid(rows, other) == meets_nowhere(rows, other)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 14), st.integers(1, 14))
def test_each_plan_tells_every_entry_from_its_products_alone(seed, m, n):
    random = np.random.default_rng(seed)
    dense = (random.random((m, n)) < 0.15) * random.normal(size=(m, n))
    dense[random.integers(m)] = random.normal(size=n)  # a full row
    dense[:, random.integers(n)] = random.normal(size=m)  # and a full column
    rows = csr_array(dense)
    for plan in plans(rows, [(n,)], [(m,)]):
        assert proves(rows, plan)
        assert np.allclose(told(dense, rows, plan), dense, atol=1e-12)


def told(dense, rows, plan):
    """The matrix as it is read off the products of a plan."""
    found = np.zeros_like(dense)
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    for place, (i, j) in enumerate(zip(row_of, rows.indices, strict=True)):
        if plan.by_forward[place]:
            found[i, j] = dense[i] @ (plan.forward.colours == plan.forward.colours[j])
        else:
            found[i, j] = (plan.reverse.colours == plan.reverse.colours[i]) @ dense[:, j]
    return found


def test_a_plan_with_a_fault_is_refused():
    rows = csr_array(np.array([[1, 1, 0], [0, 1, 1]]))
    forward = plans(rows, [(3,)], [(2,)])[0]
    one = forward._replace(forward=Colouring(np.zeros(3, np.int64), 1))
    assert proves(rows, forward)
    assert not proves(rows, one)


def test_a_grid_with_one_row_that_no_sample_meets_is_coloured_right():
    n = 20_001
    rows = np.c_[np.arange(n - 2), np.arange(1, n - 1), np.arange(2, n)]
    rows[7001] = 4000, 7001, 7003  # as long as all others, with two places of one sum modulo 3
    starts = np.arange(0, rows.size + 1, 3)
    odd = csr_array((np.ones(rows.size, np.int8), rows.ravel(), starts), shape=(n - 2, n))
    assert is_valid(odd, colour(odd, [(n,)]))


def test_an_arrow_takes_three_products_however_large_it_is():
    for n in (9, 600):
        best = min(plans(pattern(arrow, (n,)), [(n,)], [(n,)]), key=lambda plan: plan.count)
        assert best.count == 3
        assert best.name == "coloured (forward, 2 + reverse, 1)"


def test_colouring_ends_once_its_time_is_over_with_a_colour_for_each_column():
    random = np.random.default_rng(0)
    rows = csr_array((random.random((400, 400)) < 0.03).astype(np.int8))
    assert greedy(rows).count < 100
    dense = csr_array((random.random((1000, 1000)) < 0.3).astype(np.int8))
    late = greedy(dense, left=lambda: -1.0)
    assert late.count == 1000
    assert is_valid(dense, late)
