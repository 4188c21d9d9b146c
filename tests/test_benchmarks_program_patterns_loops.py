"""Loops that hand on arrays, or solve equations, and could be written in a cheaper way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from program_patterns import advice_on, executed, patterns_of, told_at

TURNS, WIDTH = 20, 3
X = jnp.linspace(0.2, 0.9, WIDTH)


def rollout(x):
    def body(buf, i):
        return buf.at[i].set(jnp.sin(buf[i - 1]) * 0.99), None

    buf = jnp.zeros((TURNS, WIDTH)).at[0].set(x)
    return jnp.mean(jax.lax.scan(body, buf, jnp.arange(1, TURNS))[0] ** 2)


def written_only(x):
    def body(i, carry):
        rows, state = carry
        state = jnp.tanh(state * x)
        return jax.lax.dynamic_update_index_in_dim(rows, state, i, axis=1), state

    start = jnp.zeros((WIDTH, TURNS)), jnp.ones(WIDTH)
    return jnp.sum(jax.lax.fori_loop(0, TURNS, body, start)[0] ** 2)


def in_place(x):
    def body(i, rows):
        return rows.at[i].set(jnp.sin(rows[i] * x))

    return jnp.sum(jax.lax.fori_loop(0, TURNS, body, jnp.ones((TURNS, WIDTH))))


@pytest.mark.parametrize(
    ("fn", "text", "last"),
    [
        (rollout, "buf.at[i].set", "_, buf = jax.lax.scan(body, first_row, xs)"),
        (written_only, "dynamic_update", "carry, rows = jax.lax.scan(body, carry, xs)"),
        (in_place, "rows.at[i].set", "carry, rows = jax.lax.scan(body, carry, rows)"),
    ],
)
def test_rows_that_a_loop_writes_into_an_array_it_hands_on_are_to_be_its_outputs(fn, text, last):
    (advice,) = advice_on(fn, X)
    assert advice.pattern == "carried buffer"
    assert told_at(advice, fn, text)
    assert advice.cure == "return the rows as the outputs of lax.scan"
    assert advice.code.splitlines()[-1] == last
    assert advice.factor > 2


def test_a_buffer_is_found_inside_of_another_loop_a_branch_a_batch_and_a_jitted_function():
    holders = {
        "jit": jax.jit(rollout),
        "vmap": lambda x: jax.vmap(rollout)(jnp.stack([x, 2 * x])),
        "scan": lambda x: jax.lax.scan(lambda s, _: (rollout(x) + s, None), 0.0, length=2)[0],
        "cond": lambda x: jax.lax.cond(x[0] > 0, rollout, lambda x: x[1], x),
        "checkpoint": lambda x: rollout(x) + jax.checkpoint(rollout)(x),
    }
    for name, fn in holders.items():
        assert patterns_of(fn, X) == ["carried buffer"], name


def test_a_buffer_inside_of_a_function_with_a_rule_of_its_own_is_no_concern():
    ruled = jax.custom_jvp(rollout)
    ruled.defjvp(lambda primals, tangents: (rollout(*primals), jnp.sum(tangents[0])))
    assert patterns_of(ruled, X) == []


def whole_buffer_read(x):
    def body(buf, i):
        return buf.at[i].set(jnp.sum(buf, axis=0) * x), None

    return jnp.sum(jax.lax.scan(body, jnp.ones((TURNS, WIDTH)), jnp.arange(TURNS))[0])


def read_in_a_branch(x):
    def body(buf, i):
        last = jax.lax.cond(i > 3, lambda: buf[i - 1], lambda: jnp.sum(buf, axis=0))
        return buf.at[i].set(last * x), None

    return jnp.sum(jax.lax.scan(body, jnp.ones((TURNS, WIDTH)), jnp.arange(1, TURNS))[0])


def index_of_data(x, places):
    def body(buf, i):
        return buf.at[i].set(x), None

    return jnp.sum(jax.lax.scan(body, jnp.ones((TURNS, WIDTH)), places)[0])


def added_up(x):
    def body(i, buf):
        return buf.at[i % 2].set(buf[i % 2] * x)

    return jnp.sum(jax.lax.fori_loop(0, TURNS, body, jnp.ones((TURNS, WIDTH))))


def constant_rows(x):
    def body(i, carry):
        rows, state = carry
        return rows.at[i].set(1.0 * i), state * x

    start = jnp.zeros((TURNS, WIDTH)), jnp.ones(WIDTH)
    rows, state = jax.lax.fori_loop(0, TURNS, body, start)
    return jnp.sum(rows[2] * state)


def outputs_of_the_scan(x):
    def body(state, _):
        state = jnp.sin(state)
        return state, state

    return jnp.sum(jax.lax.scan(body, x, length=TURNS)[1])


@pytest.mark.parametrize(
    "fn",
    [whole_buffer_read, read_in_a_branch, added_up, constant_rows, outputs_of_the_scan],
    ids=lambda f: f.__name__,
)
def test_a_buffer_that_is_read_whole_written_twice_or_not_differentiated_is_none(fn):
    assert patterns_of(fn, X) == []


def test_rows_at_places_that_only_the_data_know_are_left_alone():
    assert patterns_of(index_of_data, X, jnp.arange(TURNS)) == []


def conjugate_gradients(b):
    matrix = jnp.diag(jnp.arange(1.0, 4.0)) + 0.1

    def going_on(state):
        return (state[3] > 1e-10) & (state[4] < 50)

    def body(state):
        x, r, p, rr, k = state
        ap = matrix @ p
        a = rr / jnp.vdot(p, ap)
        x, r = x + a * p, r - a * ap
        new = jnp.vdot(r, r)
        return x, r, r + new / rr * p, new, k + 1

    return jax.lax.while_loop(going_on, body, (0 * b, b, b, jnp.vdot(b, b), 0))[0]


def newton(a):
    def moving(state):
        return jnp.max(jnp.abs(state[1])) > 1e-6

    def step(state):
        y = state[0] - (state[0] ** 3 + state[0] - a) / (3 * state[0] ** 2 + 1)
        return y, y - state[0]

    return jax.lax.while_loop(moving, step, (a, jnp.ones_like(a)))[0]


def until_close(a):
    def apart(state):
        return ~jnp.all(jnp.abs(state[0] - state[1]) < 1e-6)

    return jax.lax.while_loop(apart, lambda s: (jnp.cos(a * s[0]), s[0]), (a, a + 1))[0]


def bisection(a):
    def body(ends):
        low, high = ends
        middle = (low + high) / 2
        above = middle**3 + middle > a
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    return jax.lax.while_loop(lambda e: jnp.max(jnp.abs(e[1] - e[0])) > 1e-6, body, (0 * a, a))[0]


def a_fixed_number_of_conjugate_steps(b):
    matrix = jnp.diag(jnp.arange(1.0, 4.0))

    def body(i, state):
        x, r, p = state
        ap = matrix @ p
        a = (r @ r) / (p @ ap)
        left = r - a * ap
        return x + a * p, left, left + (left @ left) / (r @ r) * p

    return jax.lax.fori_loop(0, 40, body, (0 * b, b, b))[0]


@pytest.mark.parametrize(
    ("fn", "cure"),
    [
        (conjugate_gradients, "custom_linear_solve"),
        (newton, "custom_root"),
        (until_close, "custom_root"),
        (bisection, "custom_root"),
        (a_fixed_number_of_conjugate_steps, "custom_linear_solve"),
    ],
)
def test_a_loop_that_ends_when_a_size_is_small_is_to_be_differentiated_at_its_solution(fn, cure):
    (advice,) = advice_on(fn, X)
    assert advice.pattern == "implicit solve"
    loop = "fori_loop(" if fn is a_fixed_number_of_conjugate_steps else "while_loop("
    assert told_at(advice, fn, loop)
    assert advice.cure == f"differentiate the solution by jax.lax.{cure}"


def marching(x):
    def body(state):
        t, y = state
        return t + 0.1, y + 0.1 * jnp.sin(x * y)

    return jax.lax.while_loop(lambda s: s[0] < 1.0, body, (0.0, x))[1]


def marching_to_an_end(x):
    def body(state):
        return state[0] + 0.1, state[1] * jnp.sin(x)

    return jax.lax.while_loop(lambda s: jnp.abs(s[0] - 1.0) > 1e-3, body, (0.0, x))[1]


def with_adaptive_steps(x):
    def body(state):
        t, step, y = state
        error = jnp.max(jnp.abs(x * y)) * step
        step = step * jnp.clip(jnp.sqrt(1e-3 / error), 0.2, 5.0)
        return t + step, step, y - step * x * y

    def going_on(state):
        return (state[0] < 1.0) & (jnp.abs(state[1]) > 1e-6)

    return jax.lax.while_loop(going_on, body, (0.0, 0.1, x))[2]


def power_iteration(x):
    def body(v, _):
        w = x * v
        return w * ((v @ w) / (v @ v)) / jnp.sqrt(w @ w), None

    return jax.lax.scan(body, jnp.ones_like(x), length=40)[0]


def growing(x):
    return jax.lax.while_loop(lambda y: jnp.max(jnp.abs(y)) < 9.0, lambda y: y * (1 + x), x)


def line_search(x):
    def too_high(t):
        return jnp.sum((x - t * x) ** 2) > jnp.sum(x**2) - 0.9 * t

    return x * jax.lax.while_loop(too_high, lambda t: t / (2 + x[0] ** 2), 3.0)


def backtracking(x):
    def too_high(t):
        return jnp.sum((x - t * x) ** 2) > jnp.sum(x**2)

    return x * jax.lax.while_loop(too_high, lambda t: t / 2, 3.0 + x[0])


def halving(x):
    return jax.lax.while_loop(lambda y: y[0] > 1, lambda y: y / 2 + x, x)


def recurrence(x):
    return jax.lax.fori_loop(0, 50, lambda i, h: jnp.tanh(h * x), x)


@pytest.mark.parametrize(
    "fn",
    [
        *(marching, marching_to_an_end, with_adaptive_steps, power_iteration),
        *(growing, line_search, backtracking, halving, recurrence),
    ],
    ids=lambda f: f.__name__,
)
def test_a_march_a_growth_a_search_and_a_recurrence_solve_no_equation(fn):
    assert patterns_of(fn, X) == []


def test_a_solve_that_has_a_derivative_of_its_own_is_left_alone():
    def solved(a):
        return jax.lax.custom_root(
            lambda y: y**3 + y - a, a, lambda _, y: newton(a), lambda g, b: b / g(jnp.ones_like(b))
        )

    assert patterns_of(solved, X) == []


def test_the_code_for_a_root_gives_the_derivative_of_the_solution():
    (advice,) = advice_on(newton, X)

    def cured(a):
        def step(y):
            return y - (y**3 + y - a) / (3 * y**2 + 1)

        return executed(advice.code, step=step, loop=lambda y: newton(a), y0=a)["y"]

    slope = jnp.diagonal(jax.jacrev(cured)(X))
    root = np.asarray(newton(X), np.float64)
    np.testing.assert_allclose(slope, 1 / (3 * root**2 + 1), rtol=1e-4)


def test_the_code_for_a_linear_system_gives_the_derivative_of_the_solution():
    (advice,) = advice_on(conjugate_gradients, X)
    matrix = np.diag(np.arange(1.0, 4.0)) + 0.1
    code = advice.code.replace("    ...", "    return run(b)")

    def cured(b):
        names = {"run": conjugate_gradients, "matvec": lambda v: jnp.asarray(matrix) @ v, "b": b}
        return executed(code, **names)["x"]

    np.testing.assert_allclose(jax.jacrev(cured)(X), np.linalg.inv(matrix), rtol=1e-4)


def two_rows_read(x):
    def body(i, y):
        return jnp.tanh(y * x[i] * x[i - 1])

    return jax.lax.fori_loop(1, TURNS, body, jnp.ones(WIDTH))


def one_row_read(x):
    return jax.lax.fori_loop(1, TURNS, lambda i, y: jnp.tanh(y * x[i]), jnp.ones(WIDTH))


def test_rows_that_a_loop_reads_by_its_counter_are_to_be_slices_if_there_are_several():
    rows = jnp.ones((TURNS, WIDTH)) * 0.9
    (advice,) = advice_on(two_rows_read, rows)
    assert advice.pattern == "gather in a loop"
    assert told_at(advice, two_rows_read, "x[i - 1]")
    assert advice.cure == "hand the rows to lax.scan as its slices"
    assert patterns_of(one_row_read, rows) == []  # whose derivative XLA adds in place
    assert patterns_of(lambda y: two_rows_read(rows) * y, X) == []  # the rows are data
