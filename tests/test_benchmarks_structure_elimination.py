"""Jacobians by elimination: what JAX gives, from the partial derivatives of each example alone."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import EXACT, WIDER, assert_as_jax, normal

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.program.flops import flops
from benchmarks.scenarios.adbench import ba, data
from benchmarks.structure.elimination import way
from benchmarks.structure.modes import blocked_modes
from benchmarks.structure.pattern.detection import find_pattern
from benchmarks.structure.sought import Sought

# Of 64 bits, JAX would take those of one mode for the other's.
_COUNT = np.arange(60, dtype=np.int32)
EDGE = _COUNT % 17, (7 * _COUNT + 3) % 17
TRIANGLE = np.stack([(step * _COUNT[:40] + step) % 13 for step in (1, 3, 5)])
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]


def springs(x):
    """Each edge is of two points, some of both its ends at one."""
    apart = x[EDGE[0]] - 2 * x[EDGE[1]]
    return apart * (jnp.sum(apart**2, axis=1, keepdims=True) - 1)


def areas(x):
    """Indices of two axes; outputs put side by side, of which one is another's mirror."""
    a, b, c = jnp.moveaxis(x[TRIANGLE.T], 1, 0)
    double = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    middle = jnp.sin((a + b + c) @ TURN[:2, :2])
    return jnp.concatenate([middle.ravel(), double[::-1], jnp.pad(double**2, (2, 1))])


def flows(h, slope):
    """Each cell is of the edges beside it, and each edge of the points at its ends."""
    deep = h[:-1] * h[1:] * jnp.cosh(h[1:] - h[:-1]) + slope[1] * h[:-1]
    steep = jnp.exp(slope[0] * deep) / (1 + deep[::-1] ** 2)
    return {"rate": steep[1:] * deep[:-1] + slope[2], "edge": jnp.where(h[2:] > 0, steep[1:], 0)}


@jax.custom_jvp
def doubled(x):
    return x**2


doubled.defjvp(lambda x, t: (x[0] ** 2, 3 * x[0] * t[0]))


def turned(x, y):
    """Components on axes before and after that of the examples; a rule of the user's."""
    apart = jnp.einsum("ij,jn->in", TURN, x[:, EDGE[0]]) + y[EDGE[1]].T
    lengths = jnp.sqrt(1 + jnp.sum(doubled(apart), axis=0))
    first, second = jnp.stack([apart / lengths, lax.rev(apart, (0,)) * lengths])
    return jnp.concatenate([first, second[:1], second[:, ::-1][2:]]), -lengths.reshape(60, 1)


_BY_NIGHT = ("areas", "flows")
EXAMPLES = {
    "springs": (springs, normal(17, 3)),
    "areas": (areas, normal(13, 2)),
    "flows": (flows, normal(30), normal(3)),
    "turned": (turned, normal(3, 17), normal(17, 3)),
}


@pytest.fixture(autouse=True)
def calls_are_free(request, monkeypatch):
    """Let it be taken for few examples too."""
    if "weighed" not in request.node.name:
        monkeypatch.setattr(way, "_CALL", 0)


def by_jax(fn, *inputs):
    """The dense matrix, by forward mode."""
    places = tuple(range(len(inputs)))
    lines = jax.tree.leaves(jax.jacfwd(fn, places)(*inputs))
    sizes = [np.size(leaf) for leaf in inputs]
    blocks = [np.asarray(line).reshape(-1, sizes[k % len(sizes)]) for k, line in enumerate(lines)]
    width = len(sizes)
    return np.block([blocks[k : k + width] for k in range(0, len(blocks), width)])


def taken(fn, *inputs, output="csr", **told):
    found = gradwise.jacobian(fn, *inputs, output=output, measure=False, **told)
    assert found.way.startswith("elimination"), found
    return found


def test_few_examples_are_weighed_against_the_calls_that_they_take():
    x = jnp.asarray(normal(17, 3), jnp.float32)
    assert gradwise.jacobian(springs, x, measure=False).way.startswith("coloured")


@pytest.mark.parametrize(
    "name", ["springs", "turned", *(pytest.param(n, marks=pytest.mark.nightly) for n in _BY_NIGHT)]
)
def test_elimination_is_what_jax_gives(name):
    fn, *inputs = EXAMPLES[name]
    with jax.enable_x64(True):
        found = taken(fn, *map(jnp.asarray, inputs))
        for moved in (inputs, [leaf + 0.3 for leaf in inputs]):
            moved = list(map(jnp.asarray, moved))
            assert np.allclose(found(*moved).todense(), by_jax(fn, *moved), rtol=1e-10, atol=1e-10)


def test_a_way_by_elimination_has_every_form():
    x = jnp.asarray(normal(17, 3), jnp.float32)
    true = by_jax(springs, x)
    dense = taken(springs, x, output="dense")(x)
    assert (dense.shape, dense.dtype) == ((60, 3, 17, 3), x.dtype)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(dense.reshape(true.shape), true)
    close(taken(springs, x, output="bcoo")(x).todense(), true)

    def costly(x):
        y = springs(x)
        for _ in range(40):
            y = jnp.sin(y)
        return y

    v = normal(51).astype(np.float32)
    close(taken(costly, x, output="operator")(x) @ v, by_jax(costly, x) @ v)


def test_a_result_by_elimination_is_transformed():
    x = jnp.asarray(normal(17, 3), jnp.float32)
    found, close = taken(springs, x), partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-3)
    numbers = lambda x: found(x).data  # noqa: E731
    several = jnp.stack([x, 2 * x, x - 1])
    close(jax.vmap(numbers)(several), jnp.stack(list(map(numbers, several))))
    close(lax.scan(lambda c, x: (c, numbers(x)), 0, several)[1], jax.vmap(numbers)(several))
    tangent, step = jnp.asarray(normal(17, 3), jnp.float32), 1e-2
    slope = (numbers(x + step * tangent) - numbers(x - step * tangent)) / (2 * step)
    close(jax.jvp(numbers, (x,), (tangent,))[1], slope)


def test_indices_that_are_arguments_are_bound():
    def fn(x, index):
        return springs(x[index])

    x, index = jnp.asarray(normal(17, 3), jnp.float32), jnp.arange(17)[::-1]
    found = taken(fn, x, index, output="dense")
    assert np.allclose(found(x, index), jax.jacfwd(fn)(x, index), atol=1e-3)
    with pytest.raises(ValueError, match="other values"):
        found(x, index[::-1])


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: springs(x - x.mean(0)),
        lambda x: springs(jnp.cumsum(x, 0)),
        lambda x: springs(jnp.sort(x, 0)),
        lambda x: springs(x).sum(0),
        lambda x: springs(x[jnp.argsort(x[:, 0])]),
        lambda x: springs(lax.scan(lambda c, v: (c + v, c * v), x[0], x)[1]),
        # Of numbers that are one but for rounding, the order is another in another precision.
        lambda x: springs(x[jnp.argsort(jnp.arange(17) % 4 * 0.1 - jnp.arange(17) % 4 / 10)]),
    ],
    ids=["mean", "cumsum", "sort", "sum", "chosen", "scan", "rounded"],
)
def test_where_examples_meet_it_is_another_way(fn):
    x = jnp.asarray(normal(17, 3), jnp.float32)
    found = gradwise.jacobian(fn, x, measure=False)
    assert not found.way.startswith("elimination")


def test_it_ends_where_its_time_does():
    seconds = iter(np.linspace(2.0, -3.0, 50))
    problem = make_problem(springs, (jnp.asarray(normal(17, 3), jnp.float32),))
    rows = find_pattern(lambda x, fixed: [problem.fn(x, fixed)], problem.x, ()).rows
    rows.sort_indices()
    # A clock that each look at it moves on.
    assert way.elimination(Sought(problem, rows, left=lambda: next(seconds))) is None
    assert -0.5 < next(seconds) < 0
    assert way.elimination(Sought(problem, rows)) is not None


def test_without_examples_it_does_not_look():
    assert not list(way._axes((jnp.ones(()), jnp.ones(()))))
    assert list(way._axes((jnp.ones(50),))) == [(0,)]  # and not as 50 components


def rodrigues(camera, point, weight, feature):
    """Bundle adjustment as textbooks write it, an observation at a time."""
    angle = jnp.sqrt(camera[:3] @ camera[:3])
    axis, offset = camera[:3] / angle, point - camera[3:6]
    y = jnp.cos(angle) * offset + jnp.sin(angle) * jnp.cross(axis, offset)
    y += (1 - jnp.cos(angle)) * (axis @ offset) * axis
    u = y[:2] / y[2]
    s = u @ u
    scale = camera[6] * (1 + s * (camera[9] + s * camera[10]))
    return weight * (scale * u + camera[7:9] - feature)


def bundle(count):
    """Two ways to write bundle adjustment, and its inputs."""
    *args, features, camera, point = map(jnp.asarray, data.draw_ba(3, 5, count))

    def textbook(cameras, points, weights):
        each = jax.vmap(rodrigues)(cameras[camera], points[point], weights, features)
        return each, 1 - weights**2

    def by_columns(cameras, points, weights):
        return ba.residuals(cameras, points, weights, features, camera, point)

    return {"textbook": textbook, "by columns": by_columns}, args, (features, camera, point)


@pytest.mark.parametrize(
    "written", [pytest.param("textbook", marks=pytest.mark.nightly), "by columns"]
)
def test_bundle_adjustment_is_as_little_work_as_by_hand(written):
    with jax.enable_x64(True):
        fns, args, others = bundle(1100)
        found = taken(fns[written], *args)
        assert found.way == "elimination (29 partials)"  # 31, of which two are always zero
        blocks = ba.block_jacobian(*args, *others)
        sizes = {"cameras": 3, "points": 5}
        by_hand = ba.csr_jacobian(blocks, *others[1:], **sizes)
        dense = np.zeros(found(*args).shape)
        lines = np.repeat(np.arange(dense.shape[0]), np.diff(by_hand.indptr))
        dense[lines, by_hand.indices] = by_hand.data
        assert np.allclose(found(*args).todense(), dense, rtol=1e-10, atol=1e-10)
        mine = flops(lambda *args: found(*args).data, *args)
        theirs = flops(ba.block_jacobian, *args, *others)
        assert mine.high <= 1.3 * theirs.high


def test_what_takes_long_is_computed_once_for_each_observation():
    fns, args, _ = bundle(1100)
    single = [jnp.asarray(leaf, jnp.float32) for leaf in args]
    text = jax.jit(taken(fns["textbook"], *single)).lower(*single).compile().as_text()
    assert len(re.findall(r" (?:sine|cosine)\(", text)) == 2
    assert len(re.findall(r" sqrt\(", text)) == 1


@pytest.mark.nightly
@pytest.mark.parametrize("name", [*EXACT, *WIDER])
def test_whatever_it_is_offered_for_it_is_right(name, monkeypatch):
    monkeypatch.setattr(way, "_FEW_COLOURS", 0)
    monkeypatch.setattr(way, "_FEW_EXAMPLES", 0)
    with jax.enable_x64(True):
        fn, *inputs = (EXACT | WIDER)[name]
        problem = make_problem(fn, tuple(map(jnp.asarray, inputs)))
        outputs = lambda x, fixed: jax.tree.leaves(problem.fn(x, fixed))  # noqa: E731
        rows = find_pattern(outputs, problem.x, problem.fixed).rows
        rows.sort_indices()
        if "forward" in blocked_modes(problem):
            return
        found = way.elimination(Sought(problem, rows))
        if found is not None:
            assert_as_jax(problem, found)
            # A program that is walked is not refused some day without anybody noticing.
        assert found is not None or name not in ("stencil", "pad that cuts", "cumprod")
