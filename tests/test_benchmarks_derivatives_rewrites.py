"""A rewritten function has the value and the derivative of the function, by a cheaper program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.derivatives.method import Probe, Program, Search
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.rewrites import REWRITES, rewrites
from benchmarks.derivatives.rewrites.blocks import without_whole_checkpoints
from benchmarks.derivatives.rewrites.scans import with_outputs, with_slices, with_stacked_carries
from benchmarks.derivatives.rewrites.unrolled import as_loops
from benchmarks.program.jaxpr import kind
from benchmarks.program.walk import equations

TURNS, WIDTH = 20, 3
X = jnp.linspace(0.2, 0.9, WIDTH)
WEIGHTS = jnp.arange(1.0, TURNS + 1)[:, None]


def forwards(x):
    def body(rows, i):
        return rows.at[i].set(jnp.sin(rows[i - 1]) * 0.9 + x), i * x

    rows, ys = jax.lax.scan(body, jnp.ones((TURNS, WIDTH)) * x, jnp.arange(1, TURNS))
    return jnp.sum(rows * WEIGHTS, axis=0) + jnp.sum(ys, axis=0)


def backwards(x):
    def body(rows, i):
        return rows.at[i].set(jnp.sin(rows[i + 1]) * x), i * x

    turns = jnp.arange(TURNS - 1)
    rows, ys = jax.lax.scan(body, jnp.ones((TURNS, WIDTH)) * x, turns, reverse=True)
    return jnp.sum(rows * WEIGHTS, axis=0) + jnp.sum(ys * turns[:, None], axis=0)


def downwards(x):
    def body(i, rows):
        return rows.at[-1 - i].set(jnp.cos(rows[-i]) * x)

    rows = jax.lax.fori_loop(1, TURNS, body, jnp.ones((TURNS, WIDTH)) * x)
    return jnp.sum(rows * WEIGHTS, axis=0)


def two_turns_ago(x):
    def body(i, rows):
        return rows.at[i].set(jnp.sin(rows[i - 2]) * x + rows[i - 1])

    rows = jax.lax.fori_loop(2, TURNS, body, jnp.ones((TURNS, WIDTH)) * x)
    return jnp.sum(rows * WEIGHTS, axis=0)


def every_other_column(x):
    def body(i, columns):
        new = jnp.sin(columns[:, 2 * i]) * x + columns[:, 2 * i + 1]
        return jax.lax.dynamic_update_index_in_dim(columns, new, 2 * i, axis=1)

    start = jnp.outer(x, jnp.arange(float(TURNS)))
    columns = jax.lax.fori_loop(0, TURNS // 2, body, start)
    return jnp.sum(columns * WEIGHTS.T, axis=1)


def blocks_of_two(x):
    def body(i, rows):
        last = jax.lax.dynamic_slice(rows, (2 * i - 2, 0), (2, WIDTH))
        return jax.lax.dynamic_update_slice(rows, jnp.sin(last) * x, (2 * i, 0))

    rows = jax.lax.fori_loop(1, TURNS // 2, body, jnp.ones((TURNS, WIDTH)) * x)
    return jnp.sum(rows * WEIGHTS, axis=0)


def two_buffers(x):
    def body(i, carry):
        rows, state, numbers = carry
        state = jnp.tanh(state * x)
        return rows.at[i].set(state), state, numbers.at[i].set(state[0])

    start = jnp.zeros((TURNS, WIDTH)), x, jnp.zeros(TURNS)
    rows, state, numbers = jax.lax.fori_loop(0, TURNS, body, start)
    return jnp.sum(rows * WEIGHTS, axis=0) + state + jnp.sum(numbers**2)


BUFFERS = [forwards, backwards, downwards, two_turns_ago, every_other_column, blocks_of_two]
BUFFERS += [two_buffers]


def names_of(fn, *inputs):
    return [kind(eqn) for eqn, _ in equations(jax.make_jaxpr(fn)(*inputs))]


def assert_the_same(fn, changed, *inputs):
    """The oracle is JAX on the function as it was written."""

    @jax.jit  # one program, which is compiled once
    def both(*x):
        derivatives = jax.jacrev(changed)(*x), jax.jacfwd(changed)(*x), jax.jacrev(fn)(*x)
        return changed(*x), fn(*x), derivatives

    value, true, (*jacobians, expected) = both(*inputs)
    np.testing.assert_allclose(value, true, rtol=2e-6)
    for jacobian in jacobians:
        np.testing.assert_allclose(jacobian, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fn", BUFFERS)
def test_rows_as_outputs_have_the_derivative_of_rows_in_a_buffer(fn):
    changed = with_outputs(fn)
    assert_the_same(fn, changed, X)
    inside = jax.make_jaxpr(changed)(X).eqns
    (loop,) = (eqn for eqn in inside if eqn.primitive.name == "scan")
    within = names_of(jax.extend.core.jaxpr_as_fun(loop.params["jaxpr"]), *_like(loop))
    assert not {"scatter", "dynamic_update_slice"} & set(within)


def _like(loop):
    return [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in loop.params["jaxpr"].in_avals]


def test_rows_become_outputs_inside_of_other_loops_branches_batches_and_checkpoints():
    holders = {
        "vmap": lambda x: jax.vmap(forwards)(jnp.stack([x, 2 * x])),
        "scan": lambda x: jax.lax.scan(lambda s, _: (forwards(s) * 0.01, None), x, length=2)[0],
        "cond": lambda x: jax.lax.cond(x[0] > 0, forwards, lambda x: x, x),
        "checkpoint": lambda x: jnp.sin(x) + jax.checkpoint(forwards)(x),
    }
    for name, fn in holders.items():
        writes = [names_of(each, X).count("scatter") for each in (fn, with_outputs(fn))]
        assert writes[0] > writes[1], name
        assert_the_same(fn, with_outputs(fn), X)


def read_whole(x):
    def body(i, rows):
        return rows.at[i].set(jnp.sum(rows, axis=0) * 0.1 * x)

    return jnp.sum(jax.lax.fori_loop(0, TURNS, body, jnp.ones((TURNS, WIDTH))), axis=0)


def written_twice(x):
    def body(i, rows):
        return rows.at[i // 2].set(rows[i // 2] * x)

    return jnp.sum(jax.lax.fori_loop(0, TURNS, body, jnp.ones((TURNS, WIDTH))), axis=0)


def out_of_bounds(x):
    def body(i, rows):
        return rows.at[3 * i].set(jnp.sin(x) * i, mode="drop")

    rows = jax.lax.fori_loop(0, 8, body, jnp.ones((TURNS, WIDTH)))  # the last one is row 21
    return jnp.sum(rows * WEIGHTS, axis=0)


@pytest.mark.parametrize("fn", [read_whole, written_twice, out_of_bounds])
def test_a_buffer_that_is_more_than_rows_is_left_as_it_is(fn):
    assert_the_same(fn, with_outputs(fn), X)
    assert names_of(with_outputs(fn), X).count("scatter") == names_of(fn, X).count("scatter")


def test_rows_as_slices_have_the_derivative_of_rows_by_a_counter():
    rows = jnp.linspace(0.1, 0.9, TURNS * WIDTH).reshape(TURNS, WIDTH)

    def read(rows):
        def body(i, y):
            return jnp.tanh(y * rows[i] + rows[i - 1])

        return jax.lax.fori_loop(1, TURNS, body, jnp.ones(WIDTH))

    assert_the_same(read, with_slices(read), rows)
    assert "dynamic_slice" not in names_of(with_slices(read), rows)


def test_stacked_numbers_have_the_derivative_of_single_ones():
    def apart(x):
        def body(carry, y):
            a, b, rest = carry
            return (jnp.sin(a) + y, b * a, rest * b), a

        (a, b, rest), ys = jax.lax.scan(body, (x[0], x[1], x), jnp.arange(1.0, 9.0))
        return a + b + rest + jnp.sum(ys)

    assert_the_same(apart, with_stacked_carries(apart), X)
    (loop,) = (e for e in jax.make_jaxpr(with_stacked_carries(apart))(X).eqns if kind(e) == "scan")
    assert [var.aval.shape for var in loop.outvars] == [(WIDTH,), (2,), (8,)]


def chain(x):
    for _ in range(50):
        x = jnp.sin(x) * x + 1.0
    return x


def leapfrog(x):
    place, speed = x, 0 * x
    for i in range(40):
        speed = speed - 0.01 * i * jnp.sin(place)
        place = place + 0.01 * speed
    return place + speed


def swapped(x):
    a, b = x, 2 * x
    for _ in range(60):
        a, b = b, jnp.sin(a) + 0.1 * b
    return a + b


def layers(x):
    weights = jnp.stack([jnp.eye(WIDTH) * i + x for i in range(20)])
    states = [x]
    for i in range(20):
        states.append(states[-1] + jnp.tanh(weights[i] @ states[-1]))
    return states[-1] + states[3] + sum(states[10:15])


def independent(x):
    rows = jnp.outer(jnp.arange(30.0), x)
    return jnp.stack([jnp.sum(jnp.exp(jnp.sin(rows[i]) * 0.1)) for i in range(20)])


@pytest.mark.parametrize("fn", [chain, leapfrog, swapped, layers, independent])
def test_a_loop_has_the_derivative_of_what_was_written_out(fn):
    assert_the_same(fn, as_loops(fn), X)
    assert len(names_of(as_loops(fn), X)) < len(names_of(fn, X))


def test_a_function_without_its_whole_checkpoint_keeps_its_derivative():
    assert_the_same(chain, without_whole_checkpoints(jax.checkpoint(chain)), X)
    assert "remat2" not in names_of(without_whole_checkpoints(jax.checkpoint(chain)), X)


def programs(method, problem):
    described = method.build(problem, Probe(problem.x, problem.x))
    return described.trials.values() if isinstance(described, Search) else [described]


@pytest.mark.parametrize("pattern", REWRITES)
def test_a_rewrite_is_a_method_that_gives_the_gradient(pattern):
    functions = {
        "carried buffer": forwards,
        "gather in a loop": two_turns_ago,
        "scalar leaves": lambda x: chain(x),
        "whole checkpoint": jax.checkpoint(chain),
    }

    def fn(parts):
        return jnp.sum(functions.get(pattern, chain)(jnp.stack(parts)))

    parts = [jnp.float32(x) for x in X]
    problem = make_problem(fn, (parts,))
    (method,) = rewrites([pattern], problem)
    assert method.rewrite
    assert method.name == REWRITES[pattern].row
    expected = jax.grad(fn)(parts)
    for program in programs(method, problem):
        assert isinstance(program, Program)
        result = jax.jit(program.fn)(*program.args)
        result = method.whole(result, problem) if method.whole else result
        np.testing.assert_allclose(jnp.stack(result), jnp.stack(expected), rtol=1e-4)


def test_a_rewrite_takes_the_mode_of_fewer_passes_that_is_possible():
    wide = make_problem(lambda x: jnp.outer(x, x), (X,))
    narrow = make_problem(lambda x: jnp.sum(x), (X,))
    assert [m.mode for m in rewrites(["carried buffer"], wide)] == ["forward"]
    assert [m.mode for m in rewrites(["carried buffer"], narrow)] == ["reverse"]
    assert [m.mode for m in rewrites(["carried buffer"], narrow, stops=["reverse"])] == ["forward"]
    hessians = rewrites(list(REWRITES), narrow, order=2)
    assert {method.kind for method in hessians} == {"hessian"}
