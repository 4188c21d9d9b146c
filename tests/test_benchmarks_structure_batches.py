"""Examples that share parameters: rows one by one, equal to JAX's, and refused where mixed."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from structure_examples import assert_as_jax, normal

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.batches import shared as batches
from benchmarks.structure.methods import structured
from benchmarks.structure.sought import Sought

EXAMPLES, FEATURES, HIDDEN = 7, 3, 5


def network(params, x):
    inner, outer = params
    return jnp.tanh(x @ inner) @ outer


def with_labels(params, x, labels):
    logits = network(params, x)
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)[:, 0]


def two_outputs(params, x):
    hidden = network(params, x)
    return {"sum": hidden.sum(1), "outer": hidden[:, :, None] * x[:, None, :]}


def recurrent(params, x):
    def step(state, one):
        return jnp.tanh(state @ params[0][:, :3] + one), state.sum(-1)

    state = jnp.zeros((x.shape[0], FEATURES))
    return lax.scan(step, state, jnp.moveaxis(x[..., None] * jnp.ones(3), 1, 0))[1].T


def attention(params, x):
    keep = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape[1:])
    x = jax.nn.standardize(x * keep)
    mixed = jax.nn.softmax(jnp.einsum("bti,bsi->bts", x, x)) @ x
    return jax.nn.gelu(mixed @ params[0]) @ params[1]


def convolution(params, x):
    y = lax.conv_general_dilated(x, params[0], (1, 1), "SAME")
    return lax.reduce_window(jax.nn.relu(y), -np.inf, lax.max, (1, 1, 6, 6), (1, 1, 1, 1), "VALID")


PARAMS = (normal(FEATURES, HIDDEN), normal(HIDDEN, 2))
X, LABELS = normal(EXAMPLES, FEATURES), np.arange(EXAMPLES) % 2
GOOD = {
    "parameters": (network, (PARAMS, X), 0, 2),
    "parameters and inputs": (network, (PARAMS, X), (0, 1), 2),
    "labels": (with_labels, (PARAMS, X, LABELS), 0, 1),
    "two outputs": (two_outputs, (PARAMS, X), (0, 1), 7),
    "a scan": (recurrent, (PARAMS, X), 0, 3),
    # the examples are the indices, and share the rows that these choose
    "indices": (lambda p, x, i: network(p, x[i]), (PARAMS, X, np.arange(EXAMPLES)), 0, 2),
    "a loop over examples": (
        lambda p, x: lax.map(lambda v: network(p, v[None])[0], x),
        (PARAMS, X),
        0,
        2,
    ),
    "several rows of one example": (
        lambda p, x: network(p, x.reshape(-1, 3)).reshape(len(x), -1),
        (PARAMS, normal(7, 6)),
        0,
        4,
    ),
    "norms, attention and dropped features": (
        attention,
        (PARAMS, normal(7, 4, 3)),
        0,
        8,
    ),
    "a convolution and a pool": (
        convolution,
        ((normal(2, 1, 3, 3),), normal(7, 1, 6, 6)),
        0,
        2,
    ),
    # the weights are as many as the examples, and no example's own
    "square": (lambda w, x: jnp.sin(x @ w), (normal(7, 7), normal(7, 7)), 0, 7),
}


def way_of(fn, inputs, argnums):
    inputs = jax.tree.map(jnp.asarray, inputs)
    problem = make_problem(fn, inputs, argnums=argnums)
    return problem, batches.batch(Sought(problem))


@pytest.mark.parametrize("name", GOOD)
def test_rows_one_by_one_are_what_jax_gives(name):
    fn, inputs, argnums, passes = GOOD[name]
    with jax.enable_x64(True):
        problem, way = way_of(fn, inputs, argnums)
        assert (way.name, way.passes) == ("vmap (7 examples)", passes)
        assert_as_jax(problem, way)


def normed(params, x):
    hidden = x @ params[0]
    return (hidden - hidden.mean(0)) / (hidden.std(0) + 1e-3) @ params[1]


def with_positions(params, x):
    return network(params, x) * jnp.arange(1.0, x.shape[0] + 1)[:, None]


def rarely_mixed(params, x):  # no value tells, at any point near
    far = jnp.where(jnp.sum(x**2) > 1e6, jnp.mean(x, 0), x)
    return network(params, far)


def drawn_at_once(params, x):
    keep = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)
    return network(params, x * keep)


def of_this_many(params, x):
    if x.shape[0] != EXAMPLES:
        raise ValueError("seven examples, please")
    return network(params, x)


def counting_labels(params, x, labels):
    alike = (labels[:, None] == labels[None]).sum(1)
    return network(params, x) * alike[:, None]


def sometimes_placed(params, x, placed):
    places = jnp.arange(1.0, x.shape[0] + 1)[:, None]
    return network(params, x) * jnp.where(placed > 0, places, 1.0)


def sometimes_divided(params, x, divided):
    return jnp.where(divided > 0, network(params, x) / len(x), network(params, x))


def sometimes_alone(params, x):
    if len(x) == 1:
        return jnp.where(params[0][0, 0] > 1e3, 0.0, network(params, x))
    return network(params, x)


def in_a_branch(mixing):
    """A network, and in a branch that is not taken at these values, something of all examples."""

    def fn(params, x, flag):
        far = mixing(x)
        return network(params, x) * lax.cond(flag > 0, lambda: far, lambda: jnp.ones_like(far))

    return fn, (PARAMS, X, np.asarray(0)), 0


def of_one(x):
    """Whether the function is asked what it makes of one example alone."""
    return len(x) == 1


BAD = {
    # the same operations for one example alone, with other numbers, sizes or constants
    "another power alone": in_a_branch(lambda x: lax.integer_pow(x[:, :1], 3 if of_one(x) else 2)),
    "another factor alone": in_a_branch(lambda x: x[:, :1] * (3.0 if of_one(x) else 2.0)),
    "other columns alone": in_a_branch(
        lambda x: jnp.sum(jnp.sin(x[:, : 2 if of_one(x) else 3]), 1, keepdims=True)
    ),
    "other constants alone": in_a_branch(
        lambda x: x[:, :2] @ np.array([[3.0], [1.0 if of_one(x) else 2.0]])
    ),
    "another bound for all of them": in_a_branch(
        lambda x: jnp.minimum(x[:, :1], jnp.full((len(x), 1), 9e9 if of_one(x) else 1e3))
    ),
    "another bound for all of them, by NumPy": in_a_branch(
        lambda x: jnp.minimum(x[:, :1], np.full((len(x), 1), 9e9 if of_one(x) else 1e3))
    ),
    "another column": in_a_branch(lambda x: x[:, 1:2] if of_one(x) else x[:, :1]),
    "a sum that decides": (
        lambda p, x: network(p, x) * jnp.where(jnp.sum(x) > 1e3, 2.0, 1.0),
        (PARAMS, X),
        0,
    ),
    "a test of all that decides": (
        lambda p, x: lax.cond(jnp.all(x < 1e3), lambda v: v, lambda v: 2 * v, network(p, x)),
        (PARAMS, X),
        0,
    ),
    "as many turns as the slowest example needs": (
        lambda p, x: network(
            p, lax.while_loop(lambda v: jnp.any(v > 1e3), lambda v: v / 2, lax.stop_gradient(x))
        ),
        (PARAMS, X),
        0,
    ),
    "places by NumPy": in_a_branch(lambda x: jnp.asarray(np.arange(len(x))[:, None] * 1.0)),
    "how many they are": in_a_branch(lambda x: jnp.full((len(x), 1), jnp.ones(len(x)).sum())),
    "ranks": in_a_branch(lambda x: jnp.argsort(x[:, :1], 0) * 1.0),
    "the largest": in_a_branch(
        lambda x: jnp.broadcast_to(lax.top_k(x[:, :1], 1, axis=0)[0], (len(x), 1))
    ),
    "neighbours": in_a_branch(lambda x: jnp.roll(x[:, :1], 1, 0)),
    "the first": in_a_branch(lambda x: jnp.broadcast_to(x[:1, :1], (len(x), 1))),
    "so far": in_a_branch(lambda x: jnp.cumsum(x[:, :1], 0)),
    "by transposes": in_a_branch(lambda x: x.T.reshape(-1)[: len(x), None]),
    "by windows": in_a_branch(
        lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 3), (1, 1), "SAME")[:, :1]
    ),
    "a loop from example to example": in_a_branch(
        lambda x: lax.scan(lambda c, v: (c + v[:1], c), jnp.zeros(1), x)[1]
    ),
    # a branch that is not taken here
    "sometimes placed": (sometimes_placed, (PARAMS, X, np.asarray(0)), 0),
    "sometimes divided": (sometimes_divided, (PARAMS, X, np.asarray(0)), 0),
    "one example is another matter": (sometimes_alone, (PARAMS, X), 0),
    "batch norm": (normed, (PARAMS, X), 0),
    "a sum over the batch": (lambda p, x: network(p, x).sum(0), (PARAMS, X), 0),
    "a small share of the mean": (lambda p, x: network(p, x + 1e-9 * x.mean(0)), (PARAMS, X), 0),
    "positions": (with_positions, (PARAMS, X), 0),
    "divided by the length": (lambda p, x: network(p, x) / len(x), (PARAMS, X), 0),
    "mixed far away": (rarely_mixed, (PARAMS, X), 0),
    "random numbers for all": (drawn_at_once, (PARAMS, X), 0),
    "a length that is asked for": (of_this_many, (PARAMS, X), 0),
    # as many labels as examples, so that at these values each counts once
    "labels that are counted": (counting_labels, (PARAMS, X, np.arange(EXAMPLES)), 0),
    "nothing shared": (lambda x: jnp.sin(x) * x[:, :1], (X,), 0),
    "reversed": (lambda p, x: network(p, x)[::-1], (PARAMS, X), 0),
}


@pytest.mark.parametrize("name", BAD)
def test_what_mixes_examples_is_refused(name):
    fn, inputs, argnums = BAD[name]
    with jax.enable_x64(True):
        assert way_of(fn, inputs, argnums)[1] is None


def single(inputs):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), inputs)


def test_it_is_chosen_and_pulls_one_cotangent_for_each_output_of_an_example():
    params, x = single((PARAMS, normal(32, FEATURES)))
    found = gradwise.jacobian(network, params, x, argnums=0, measure=False)
    assert found.way == "vmap (32 examples)"
    assert found.rivals[0].passes == 2
    assert "2 passes do for 25 inputs and 64 outputs (each example's rows" in found.why
    expected = jax.jit(jax.jacrev(network))(params, x)
    for one, other in zip(*map(jax.tree.leaves, (found(params, x), expected)), strict=True):
        assert np.allclose(one, other, atol=1e-5)
    text = jax.jit(found).lower(params, x).as_text()
    shapes = {tuple(map(int, s.split("x"))) for s in re.findall(r"tensor<([\dx]+)xf32>", text)}
    assert max(np.prod(shape) for shape in shapes) == 32 * 2 * 15  # the largest block, once
    assert found.check(*single((PARAMS, normal(32, FEATURES))))


def test_a_comparison_has_a_row_for_it():
    params, x = single((PARAMS, normal(32, FEATURES)))
    methods = structured(make_problem(network, (params, x), argnums=0))
    assert "vmap (32 examples)" in [method.name for method in methods]
    row = gradwise.compare(network, params, x, argnums=0, budget=0.2).row("vmap (32 examples)")
    assert (row.status, row.kind) == ("ok", "jacobian")


def test_a_wrong_block_is_not_handed_out(monkeypatch):
    right = batches._block
    monkeypatch.setattr(batches, "_block", lambda *args: right(*args).at[3].multiply(1.001))
    params, x = single((PARAMS, normal(32, FEATURES)))
    with pytest.warns(UserWarning, match=r"vmap \(32 examples\).*did not pass its check"):
        found = gradwise.jacobian(network, params, x, argnums=0, measure=False)
    assert not found.way.startswith("vmap")
