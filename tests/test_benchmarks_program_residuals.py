"""What reverse mode keeps: the leaves of `jax.vjp`'s function, each with its line."""

import inspect

import jax
import jax.numpy as jnp
import pytest
from jax.ad_checkpoint import checkpoint_name

from benchmarks.program.residuals import by_line, residuals

W, X = jnp.ones((4, 5)), jnp.ones((3, 4))


def step(carry, x):
    carry = jnp.sin(carry * x)  # kept
    return carry, carry


def recurrent(x):
    return jax.lax.scan(step, x[0], x)


def jitted(x):
    return jax.jit(lambda x: jnp.sin(x) * 2.0)(x)  # kept


def branching(x):
    return jax.lax.cond(x[0, 0] > 0, lambda x: x * 2.0, jnp.sin, x)  # kept


def checkpointed(x):
    return jnp.sum(jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)))(x))


@jax.custom_vjp
def by_hand(x):
    return jnp.sin(x)


by_hand.defvjp(lambda x: (jnp.sin(x), (x, jnp.cos(x))), lambda kept, t: (kept[1] * t,))


def network(w, x):
    hidden = jax.nn.relu(x @ w)
    return jnp.sum(jax.nn.log_softmax(hidden @ w.T) ** 2)


CASES = {
    "network": (network, W, X),
    "pytrees": (lambda p, x: {"y": jnp.tanh(x @ p["w"] + p["b"])}, {"w": W, "b": W[0]}, X),
    "scan": (recurrent, X),
    "jit": (jitted, X),
    "cond": (branching, X),
    "checkpoint": (checkpointed, X),
    "custom_vjp": (by_hand, X),
    "closed-over array": (lambda x: jnp.sin(x @ W), X),
    "integers": (lambda x, i: jnp.sin(x[i]) * x[i], X, jnp.array([2, 0])),
    "identity": (lambda x: x, X),
    "constant": (lambda x: jnp.zeros(3), X),
    "exp": (jnp.exp, X),
    "solve": (lambda a, b: jnp.linalg.solve(a.T @ a, b), W[:, :3] + jnp.eye(4, 3), X[:, 0]),
}


def line_of(fn):
    lines, start = inspect.getsourcelines(fn)
    offset = next(n for n, line in enumerate(lines) if line.rstrip().endswith("# kept"))
    return f"{__file__.rpartition('/')[2]}:{start + offset} ({fn.__qualname__}"


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_are_those_of_the_leaves(name):
    fn, *inputs = CASES[name]
    kept = residuals(fn, *inputs)
    leaves = jax.tree.leaves(jax.vjp(fn, *inputs)[1])
    assert sum(residual.bytes for residual in kept) == sum(leaf.nbytes for leaf in leaves)
    assert sorted(residual.shape for residual in kept) == sorted(leaf.shape for leaf in leaves)
    assert [r.bytes for r in kept] == sorted((r.bytes for r in kept), reverse=True)


def test_residuals_takes_shapes_in_the_place_of_arrays():
    abstract = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (W, X)]
    of_shapes, of_arrays = residuals(network, *abstract), residuals(network, W, X)
    assert [(r.bytes, r.shape, r.dtype, r.what) for r in of_shapes] == [
        (r.bytes, r.shape, r.dtype, r.what) for r in of_arrays
    ]


@pytest.mark.parametrize("fn", [jitted, branching])
def test_a_residual_is_put_down_to_the_users_line(fn):
    cosine = next(r for r in residuals(fn, X) if r.what == "cos")
    assert (cosine.shape, cosine.dtype, cosine.bytes) == ((3, 4), "float32", 48)
    assert cosine.source.startswith(line_of(fn))
    assert cosine.storage == "new"


def test_a_stacked_residual_is_put_down_to_the_line_in_the_loop():
    cosine = next(r for r in residuals(recurrent, X) if r.what == "cos")
    assert cosine.shape == (3, 4)  # 3 steps
    assert cosine.source == line_of(step) + ")"
    assert by_line(residuals(recurrent, X))[cosine.source] >= cosine.bytes


def test_what_a_library_function_keeps_is_put_down_to_its_caller():
    def spread(x):
        return jnp.std(x)  # kept

    kept = [r for r in residuals(spread, X) if r.storage == "new"]
    assert kept
    assert {r.source.startswith(line_of(spread)) for r in kept} == {True}


def test_the_residuals_of_a_loop_grow_in_proportion_to_its_length():
    def loop(x, length):
        return jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, None, length=length)[0]

    short, long = (
        sum(r.bytes for r in residuals(lambda x, n=n: loop(x, n), X) if r.what == "cos")
        for n in (10, 100)
    )
    assert long == 10 * short == 100 * X.nbytes


def test_inputs_constants_and_outputs_are_no_new_memory():
    def fn(w, x):
        return jnp.exp(jnp.sin(x @ w))

    storage = {r.what: r.storage for r in residuals(fn, W, X)}
    assert storage == {"argument 0": "input", "argument 1": "input", "cos": "new", "exp": "output"}
    closed = residuals(lambda x: x @ (W + 1.0), X)
    assert {r.storage for r in closed} <= {"constant", "new"}
    kept = residuals(lambda w, x: jnp.sin(x @ w), W, X, argnums=0)
    assert [(r.what, r.storage) for r in kept] == [("cos", "new"), ("argument 1", "input")]


def test_an_input_in_a_pytree_is_told_by_its_place_in_it():
    kept = residuals(lambda p, x: jnp.tanh(x[0] @ p["w"] + p["b"]), {"w": W, "b": W[0]}, [X])
    inputs = {r.what for r in kept if r.storage == "input"}
    assert inputs == {"argument 0['w']", "argument 1[0]"}


def test_an_array_that_is_kept_twice_is_listed_once():
    @jax.custom_vjp
    def twice(x):
        return jnp.sin(x)

    def forward(x):
        cosine = jnp.cos(x)
        return jnp.sin(x), (cosine, cosine)

    twice.defvjp(forward, lambda kept, t: (kept[0] * t,))
    assert [r.storage for r in residuals(twice, X)] == ["new"]


def test_a_checkpoint_keeps_its_inputs_only():
    kept = residuals(checkpointed, X)
    assert [(r.what, r.storage) for r in kept] == [("argument 0", "input")]
    assert by_line(kept) == {}


def test_a_policy_that_saves_a_name_shows_it():
    def fn(x):
        return jnp.sin(checkpoint_name(jnp.sin(x), "hidden"))

    policy = jax.checkpoint_policies.save_only_these_names("hidden")
    kept = residuals(jax.checkpoint(fn, policy=policy), X)
    assert sum(r.bytes for r in kept if r.storage == "new") == X.nbytes
