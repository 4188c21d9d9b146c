"""Cuts and splits of programs drawn at random are what JAX gives; looking for them ends in time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.choosing import further
from benchmarks.structure.choosing.further import further_ways
from benchmarks.structure.sought import Sought

SIZE = 24


def step(carry, one):
    return jnp.sin(carry + one), one**2


#: Each makes a wide value of two wide ones, a narrow one, and two narrow matrices.
WIDE = (
    lambda a, b, s, down, up: jnp.sin(a) + b,
    lambda a, b, s, down, up: a * s,
    lambda a, b, s, down, up: jnp.tanh(a @ down) @ up,
    lambda a, b, s, down, up: jnp.concatenate([b[1:], a[:1]]) * a,
    lambda a, b, s, down, up: lax.scan(step, s, a)[1] + s,
    lambda a, b, s, down, up: jnp.where(b > 0, a, s),
    lambda a, b, s, down, up: jax.jit(jax.nn.relu)(a) + lax.stop_gradient(b),
    lambda a, b, s, down, up: a.at[3].set(s),
    lambda a, b, s, down, up: lax.cond(s > 0, jnp.sin, jnp.cos, a),
    lambda a, b, s, down, up: a[jnp.argsort(b)],
    lambda a, b, s, down, up: jax.checkpoint(lambda a: jnp.exp(-a * a))(a),
)
NARROW = (
    lambda a, s: jnp.sum(a**2) / SIZE,
    lambda a, s: a[0] * s,
    lambda a, s: lax.scan(step, s, a)[0],
)


def drawn(seed):
    random = np.random.default_rng(seed)
    down, up = (jnp.asarray(random.normal(size=s) / 3) for s in ((SIZE, 2), (2, SIZE)))
    lines = random.integers(0, 1000, size=(random.integers(3, 9), 5))

    def fn(x):
        wide, narrow = [x], [jnp.asarray(1.5)]
        for which, one, other, small, is_narrow in lines:
            a, b = wide[one % len(wide)], wide[other % len(wide)]
            s = narrow[small % len(narrow)]
            if is_narrow % 3 == 0:
                narrow.append(NARROW[which % len(NARROW)](a, s))
            else:
                wide.append(WIDE[which % len(WIDE)](a, b, s, down, up))
        return wide[-1] * narrow[-1], wide[len(wide) // 2]

    return fn, jnp.asarray(random.normal(size=SIZE))


def agree(seed):
    """The names of the ways that a program has, each of which gives what JAX gives."""
    fn, x = drawn(seed)
    problem = make_problem(fn, (x,))
    ways, notes = further_ways(Sought(problem))
    assert notes == ()

    @jax.jit
    def every():
        x, fixed = problem.x, problem.fixed
        found = [way.dense(problem, way.tables, x, fixed) for way in ways]
        return found, jax.jacrev(problem.fn)(x, fixed)

    found, expected = jax.tree.map(np.asarray, every()) if ways else ([], ())
    largest = max((np.max(np.abs(leaf)) for leaf in jax.tree.leaves(expected)), default=0)
    for jacobian in found:
        for one, other in zip(*map(jax.tree.leaves, (jacobian, expected)), strict=True):
            assert np.max(np.abs(one - other)) <= 1e-12 * largest
    return [way.name.split()[0] for way in ways]


def test_ways_of_random_programs_give_what_jax_gives():
    with jax.enable_x64(True):
        names = [name for seed in range(20) for name in agree(seed)]
    assert names.count("split") >= 4  # so that something was compared
    assert names.count("cut") >= 1


def test_looking_ends_in_time():
    problem = make_problem(lambda x: jnp.sin(x) * jnp.sum(x), (jnp.ones(SIZE),))
    assert [way.name for way in further_ways(Sought(problem))[0]] == ["split (1+1+1)"]
    assert further_ways(Sought(problem, left=lambda: 0.0)) == ([], ())


def test_a_way_that_gradwise_fails_to_build_is_told_and_a_missing_mode_is_not(monkeypatch):
    def broken(problem, tables, x, fixed):
        raise KeyError("planted")

    (way,) = further_ways(Sought(make_problem(lambda x: x * jnp.sum(x), (jnp.ones(SIZE),))))[0]
    looks = {"look for it": lambda sought: way._replace(dense=broken)}
    monkeypatch.setattr(further, "_LOOKS", looks)
    problem = make_problem(lambda x: x * jnp.sum(x), (jnp.ones(SIZE),))
    ways, notes = further_ways(Sought(problem))
    assert ways == []
    assert notes == ("gradwise could not look for it (KeyError: 'planted'); please report it",)

    def endless(x):
        return lax.while_loop(lambda x: jnp.sum(x) > 1, lambda x: x / 2, x)

    assert further_ways(Sought(make_problem(endless, (jnp.ones(SIZE),)))) == ([], ())


@pytest.mark.parametrize("size", [2, 3])
def test_small_functions_are_not_looked_at(size):
    problem = make_problem(lambda x: jnp.sin(x) * jnp.sum(x), (jnp.ones(size),))
    assert further_ways(Sought(problem)) == ([], ())


def test_what_looks_for_long_leaves_time_to_the_others(monkeypatch):
    clock = {"left": 5.0}
    seen = {}

    def slow(sought):
        """Look for as long as it may."""
        while sought.left() > 0:
            clock["left"] -= 0.1

    def quick(sought):
        seen["left"] = sought.left()

    monkeypatch.setattr(further, "_LOOKS", {"slow": slow, "slow too": slow, "quick": quick})
    problem = make_problem(jnp.sin, (jnp.ones(SIZE),))
    assert further_ways(Sought(problem, left=lambda: clock["left"])) == ([], ())
    assert 0.4 < seen["left"] < 0.7
