"""Products of the Jacobians of a program's parts: equal to JAX's own, in few passes, or refused."""

import itertools
import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy.sparse import csr_array
from structure_examples import assert_as_jax, only_backwards, straight_through

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.structure.decomposition import chains, links
from benchmarks.structure.decomposition.bracketing import cheapest
from benchmarks.structure.decomposition.links import Link, Weights
from benchmarks.structure.decomposition.pieces import piece_of
from benchmarks.structure.methods import structured
from benchmarks.structure.sought import Sought

_random = np.random.default_rng(5)


def normal(*shape):
    return _random.normal(size=shape)


WEIGHTS, BIAS, SECOND, THIRD = normal(30, 40) / 6, normal(30), normal(20, 30) / 5, normal(25, 20)
DOWN, UP, TENSOR = normal(4, 40) / 6, normal(40, 4), normal(4, 7, 5, 6)


def layer(x):
    return jnp.asarray(WEIGHTS, x.dtype) @ x


def second(x):
    return jnp.asarray(SECOND, x.dtype) @ x


def norm(x):
    return (x - jnp.mean(x)) / jnp.sqrt(jnp.var(x) + 1e-5)


def of_arguments(x, weights, bias):
    return jax.nn.softmax(x @ weights.T + bias)


def rows_of_a_table(x, table, index):  # whole numbers choose the weights
    return jax.nn.softmax(table[index] @ x)


def weights_held_still(x):  # they depend on x, and no derivative passes through them
    return jax.nn.softmax(lax.stop_gradient(jnp.outer(BIAS, jnp.sin(x)) / 40) @ x)


def of_a_tree(inputs):
    scores = layer(jnp.concatenate([inputs["a"].ravel(), inputs["b"]]))
    return {"p": jax.nn.softmax(scores).reshape(5, 6)}


def banded(x):
    scores = layer(x)
    return scores[1:] * scores[:-1]


def banded_before(x):  # rows and columns of one entry and of two
    return jax.nn.softmax(layer(jnp.sin(x).at[1:].add(x[:-1] ** 2)))


def three(x):
    return jnp.tanh(jnp.asarray(THIRD, x.dtype) @ jnp.sin(second(jnp.tanh(layer(x)))))


def used_twice(x):  # the narrow values are needed again behind the next narrow ones
    code = jnp.tanh(DOWN @ x)
    other = jnp.tanh(DOWN @ (jnp.sin(UP @ code) ** 2))
    return jnp.sin(UP @ other) * jnp.sum(code) + UP @ code


def beside(x):  # what goes around a layer
    return jax.nn.softmax(layer(x) + x[:30])


def weights_that_move(x):
    return jax.nn.softmax(jnp.outer(BIAS, jnp.sin(x)) @ x)


def branches(x):
    hidden = lax.cond(x[0] > 0, jnp.sin, jnp.cos, layer(x))
    return second(jnp.where(hidden > 0.1, hidden**2, 0.0))


def scan_between(x):
    def step(carry, _):
        return jnp.tanh(DOWN @ jnp.sin(UP @ carry)), ()

    return jnp.exp(UP @ lax.scan(step, DOWN @ x, None, length=3)[0] / 9)


def rules(x):
    return jnp.sin(second(straight_through(3 * layer(x))))


def halved(x):  # a loop without an end that is known: no reverse mode
    each = lambda h: lax.while_loop(lambda h: jnp.abs(h) > 1, lambda h: h / 2, h)  # noqa: E731
    return jax.vmap(each)(layer(x))


EXAMPLES = {
    "softmax": (lambda x: jax.nn.softmax(layer(x)), [normal(40)], "split (1+1+1)"),
    "log softmax": (lambda x: jax.nn.log_softmax(layer(x) + BIAS), [normal(40)], "split (1+1+1)"),
    "arguments": (of_arguments, [normal(40), WEIGHTS, BIAS], "split (1+1+1)"),
    "whole numbers": (rows_of_a_table, [normal(40), WEIGHTS, np.arange(30)], "split (1+1+1)"),
    "a nonlinearity": (lambda x: jax.nn.softmax(layer(jnp.tanh(x))), [normal(40)], "split (1+2+1)"),
    "layer norm": (lambda x: norm(layer(x)), [normal(40)], "split (2+1+2)"),
    "weights held still": (weights_held_still, [normal(40)], "split (1+1+1)"),
    "a tree": (of_a_tree, [{"a": normal(4, 5), "b": normal(20)}], "split (1+2+1)"),
    "a band": (banded, [normal(40)], "chain (30)"),
    "a band before": (lambda x: WEIGHTS[:, 1:] @ (x[1:] * x[:-1]), [normal(40)], "chain (39)"),
    "a padded band before": (banded_before, [normal(40)], "split (1+3+1)"),
    "one layer": (lambda x: jnp.tanh(layer(x) + BIAS), [normal(40)], "chain (30)"),
    "three layers": (three, [normal(40)], "chain (30 x 20)"),
    "branches": (branches, [normal(40)], "chain (30)"),
    "rules": (rules, [normal(40)], "chain (30)"),
    "only backwards": (lambda x: only_backwards(layer(x)), [normal(40)], "chain (30)"),
    "one row": (lambda x: jnp.tanh(x @ WEIGHTS.T), [normal(1, 40)], "chain (30)"),
    "a tensor": (lambda x: jnp.sin(jnp.tensordot(TENSOR, x, 2)), [normal(5, 6)], "chain (28)"),
    "turned": (
        lambda x: jnp.sin(jnp.einsum("ijkl,lk->ij", TENSOR, x)),
        [normal(6, 5)],
        "chain (28)",
    ),
}


def way_of(fn, inputs):
    inputs = jax.tree.map(jnp.asarray, tuple(inputs))
    problem = make_problem(fn, inputs, argnums=0)
    return problem, chains.chain(Sought(problem))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_product_of_all_parts_is_what_jax_gives(name):
    fn, inputs, called = EXAMPLES[name]
    with jax.enable_x64(True):
        problem, way = way_of(fn, inputs)
        assert way.name == called
        assert_as_jax(problem, way)


def test_a_part_without_reverse_mode_is_pushed_through():
    with jax.enable_x64(True):
        problem, way = way_of(halved, [normal(40)])
        assert way.name == "chain (30)"
        found, expected = jax.jit(
            lambda x: (way.dense(problem, way.tables, x, ()), jax.jacfwd(halved)(*x))
        )(problem.x)
    assert np.allclose(found[0][0], expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "fn",
    [
        beside,
        used_twice,
        scan_between,  # a cut is as good
        weights_that_move,
        jnp.cumsum,
        lambda x: jnp.sin(x) * x.sum(),  # a split, and no layer
        lambda x: layer(x) ** 2 + jnp.sort(x)[:30],
        lambda x: jnp.fft.fft(x).real,
    ],
)
def test_where_it_saves_nothing_there_is_no_chain(fn):
    with jax.enable_x64(True):
        assert way_of(fn, [normal(40)])[1] is None


def test_what_is_sparse_is_for_colours():
    problem, _ = way_of(banded, [normal(40)])
    assert chains.chain(Sought(problem, csr_array(np.eye(29, 40, dtype=np.int8)))) is None


def test_looking_ends_in_time_and_nothing_that_prints_is_done_twice():
    def printing(x):
        jax.debug.print("{}", x[0])
        return jnp.tanh(layer(x))

    assert way_of(printing, [normal(40)])[1] is None
    problem, _ = way_of(three, [normal(40)])
    assert chains.chain(Sought(problem, left=lambda: -1.0)) is None


def test_the_order_of_products_is_the_one_of_the_textbook():
    # Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, ch. 15.2.
    sizes = [30, 35, 15, 5, 10, 20, 25]
    part = Link(piece_of(lambda x: [x], [1.0]), [], [], [], 1e9, "", Weights(0, ()))
    tree, _ = cheapest(sizes, [part] * 6)

    def told(node):
        inside = "".join(map(told, node.parts))
        return f"({inside})" if node.parts else f"A{node.end}"

    assert told(tree) == "((A1(A2A3))((A4A5)A6))"
    written = sum(n * m for n, m in itertools.pairwise(sizes)) / 4
    assert tree.cost == 2 * 15_125 + written


@pytest.mark.parametrize(
    ("fn", "called"),
    [
        (lambda x: jax.nn.softmax(layer(x) + 1), "split (1+1+1)"),
        (lambda x: norm(layer(x)), "split (2+1+2)"),
        (lambda x: jnp.tanh(layer(x)), "chain (30)"),
    ],
)
def test_it_is_chosen_right_in_float64_and_pushes_no_basis(fn, called):
    x = jnp.asarray(normal(40), jnp.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(fn, x, measure=False)
    assert found.way == called
    assert np.allclose(found(x), jax.jit(jax.jacrev(fn))(x), atol=1e-5)
    assert found.check(x + 1)
    text = jax.jit(found).lower(x).as_text()
    # No product of matrices: the weights are scaled, and what is of low rank is added.
    text = jax.jit(found).lower(x).as_text()
    shapes = re.findall(r"dot_general.*\(tensor<([\dx]+)xf32>, tensor<([\dx]+)xf32>", text)
    sizes = [[[*map(int, shape.split("x"))] for shape in pair] for pair in shapes]
    assert [[30, 40], [40]] in sizes
    assert not [pair for pair in sizes if all(len(one) == 2 and min(one) > 2 for one in pair)]


def test_numbers_of_another_type_in_the_middle():
    fn = lambda x: jnp.tanh(second(jnp.tanh(layer(x)).astype("bfloat16").astype("float32")))  # noqa: E731
    x = jnp.asarray(normal(40), jnp.float32)
    found = gradwise.jacobian(fn, x, measure=False)
    assert np.allclose(found(x), jax.jit(jax.jacrev(fn))(x), atol=1e-2)


def test_structure_and_a_comparison_name_it_with_its_lines():
    x = jnp.asarray(normal(40), jnp.float32)
    assert gradwise.structure(three, jax.ShapeDtypeStruct((40,), "float32")).further == {
        "chain (30 x 20)": 3
    }
    (method,) = structured(make_problem(three, (x,)))
    assert (method.name, method.kind) == ("chain (30 x 20)", "jacobian")
    assert "between 30 and 20 numbers (test_benchmarks_structure_chains.py" in method.summary


def test_wrong_weights_are_not_handed_out(monkeypatch):
    right = links.weights_of
    monkeypatch.setattr(chains, "weights_of", lambda *args: right(*args).at[3].multiply(1.001))
    x = jnp.asarray(normal(40), jnp.float32)
    with pytest.warns(UserWarning, match=r"chain \(30\).*did not pass its check"):
        found = gradwise.jacobian(lambda x: jnp.tanh(layer(x)), x, measure=False)
    assert found.way in ("forward", "reverse")


def test_a_softmax_of_large_scores_is_right_but_for_the_rounding_of_its_terms():
    x, weights = (jnp.asarray(normal(*s), jnp.float32) for s in ((40,), (30, 40)))
    fn = lambda x: jax.nn.softmax(30 * (weights @ x))  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no report of a derivative whose digits JAX loses too
        found = gradwise.jacobian(fn, x, measure=False)
    assert found.way == "split (1+1+1)"
    slope = np.abs(jax.jit(jax.jacrev(fn))(x)).max()
    assert slope < 1e-6  # all of it is rounding of terms as large as 30 weights
    assert np.abs(found(x)).max() < 1e-4


def test_a_hessian_of_a_layer_is_its_weights_on_both_sides():
    x = jnp.asarray(normal(40), jnp.float32)
    fn = lambda x: jnp.sum(jnp.tanh(layer(x)) ** 2)  # noqa: E731
    found = gradwise.hessian(fn, x, measure=False)
    assert found.way.startswith("chain")
    slope = 2 * (1 - np.tanh(WEIGHTS @ x) ** 2)  # of tanh(y)^2: 2 t (1 - t^2), and once more
    curve = slope * (1 - 3 * np.tanh(WEIGHTS @ x) ** 2)
    assert np.allclose(found(x), WEIGHTS.T @ (curve[:, None] * WEIGHTS), atol=1e-5)


def test_weights_that_are_computed_just_before_they_are_used_are_weights_all_the_same():
    def late(x):  # as `three`
        hidden = jnp.tanh((1 * jnp.asarray(SECOND, x.dtype)) @ jnp.tanh(layer(x)))
        return jnp.tanh((2 * jnp.asarray(THIRD, x.dtype)) @ hidden)

    x = jnp.asarray(normal(40), jnp.float32)
    found = gradwise.jacobian(late, x, measure=False)
    assert (found.way, found.rivals[0].passes) == ("chain (30 x 20)", 3)
    assert np.allclose(found(x), jax.jit(jax.jacrev(late))(x), atol=1e-5)
