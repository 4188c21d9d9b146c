"""What the picture says that an operation hands back, in the user's names."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from benchmarks.graph.build import graph as drawn
from benchmarks.graph.parts import Node, Operand, Quantity, Result
from benchmarks.graph.record import Graph
from benchmarks.graph.words import rules


def graph_of(operation, *operands, literals=None, params=(), name="", custom=None):
    """A graph of one operation on inputs; an operand is a name, or a name and a shape."""
    inputs = []
    for place, operand in enumerate(operands):
        called, shape = operand if isinstance(operand, tuple) else (operand, ())
        made = Result(shape=shape, dtype="float32", **(custom or {}).get(called, {}))
        inputs.append(
            Node(id=place, kind="input", operation="x", name=called.strip("_"), results=(made,))
        )
    node = Node(
        id=len(inputs),
        kind="operation",
        operation=operation,
        name=name,
        literals=literals or (None,) * len(inputs),
        params=params,
        operands=tuple(Operand(node=n) for n in range(len(inputs))),
        results=(Result(shape=(), dtype="float32"),),
    )
    return Graph(title="one", nodes=(*inputs, node)), node


def back(*args, place=0, **options):
    graph, node = graph_of(*args, **options)
    return rules.handed_back(graph, node, place)


def test_what_is_handed_back_is_written_in_the_users_names():
    assert back("log", "p") == "ḡ / p"
    assert back("sin", "w") == "ḡ · cos w"
    assert back("mul", "h", literals=(None, 0.1)) == "ḡ · 0.1"
    assert back("sub", "y", literals=(1.0, None)) == "−ḡ"
    assert back("neg", "y") == "−ḡ"
    assert back("add", "h", "b") == "ḡ"
    assert back("div", "h", "n", place=1, name="q") == "−ḡ · q / n"
    assert back("logistic", "z", name="p") == "ḡ · p · (1 − p)"
    assert back("integer_pow", "e", params=(("y", 2),)) == "ḡ · 2 e"
    assert back("integer_pow", "e", params=(("y", 3),)) == "ḡ · 3 e²"
    assert back("max", "h", literals=(None, 0.0)) == "ḡ where h > 0"
    assert back("reduce_sum", ("e", (3,))) == "ḡ to all"
    assert back("mul", "h", literals=(None, 0.0)) == "0"


def test_an_operand_without_a_name_has_a_letter_and_a_matrix_a_capital_one():
    assert back("log", "") == "ḡ / a"
    assert back("dot_general", ("", (2, 3)), ("", (3,)), place=1) == "Aᵀ ḡ"
    assert back("dot_general", ("", (2, 3)), ("", (3,)), place=0) == "ḡ bᵀ"
    assert back("dot_general", ("w", (3,)), ("x", (3,)), place=0) == "ḡ · x"
    assert back("mul", "a", "", place=0) == "ḡ · b"
    assert back("sqrt", "y") == "ḡ / (2 z)"


def test_nothing_is_handed_back_to_what_no_derivative_goes_to():
    graph, node = graph_of("select_n", "c", "p", "q")
    assert [rules.handed_back(graph, node, n) for n in range(3)] == [
        "",
        "ḡ where not c",
        "ḡ where c",
    ]
    assert back("argmax", "p") == ""


def test_an_unknown_operation_has_its_derivative():
    assert back("of_tomorrow", "p") == "ḡ · its derivative"
    graph, node = graph_of("of_tomorrow", "p")
    assert rules.tangent(graph, node) == "ṗ · its derivative"
    assert rules.formula(graph, node) == "of_tomorrow(p)"


def test_a_tangent_is_written_with_a_dot():
    def tangent(*args, **options):
        return rules.tangent(*graph_of(*args, **options))

    assert tangent("sin", "a") == "ȧ · cos a"
    assert tangent("mul", "w", "x") == "ẇ · x + ẋ · w"
    assert tangent("sub", "p", "q") == "ṗ − q̇"
    assert tangent("dot_general", ("w", (2, 3)), ("x", (3,))) == "ẇ @ x + w @ ẋ"
    assert tangent("reduce_sum", ("e", (3,))) == "Σ ė"
    assert tangent("exp", "loss") == "(loss)˙ · y"
    assert tangent("argmax", "p") == ""


def test_a_name_of_the_users_does_not_stand_for_two_things():
    graph, node = graph_of("logistic", "y")
    assert rules.handed_back(graph, node, 0) == "ḡ · z · (1 − z)"
    graph, node = graph_of("add", "b", "")
    assert rules.formula(graph, node) == "b + a"


def _with_numbers(operation, value, result, adjoint, handed):
    def quantity(number):
        return Quantity(array=np.asarray(number, float))

    x = Node(
        id=0,
        kind="input",
        operation="x",
        name="x",
        results=(Result(shape=(), dtype="float32", value=quantity(value)),),
    )
    edge = Operand(node=0, adjoint=quantity(handed))
    made = Result(shape=(), dtype="float32", value=quantity(result), adjoint=quantity(adjoint))
    node = Node(id=1, kind="operation", operation=operation, operands=(edge,), results=(made,))
    return Graph(title="one", nodes=(x, node)), node


def test_a_custom_rule_is_told_only_where_the_numbers_agree_with_it():
    graph, node = _with_numbers("relu", 2.0, 2.0, 3.0, 3.0)
    assert rules.handed_back(graph, node, 0) == "ḡ where x > 0"
    leaky, node = _with_numbers("relu", -2.0, -0.2, 3.0, 0.3)
    assert rules.handed_back(leaky, node, 0) == "ḡ · its derivative"


@pytest.mark.parametrize(
    ("contracted", "written"),
    [
        (((1,), (0,)), ("p @ q", "ḡ qᵀ", "pᵀ ḡ")),
        (((1,), (1,)), ("p @ qᵀ", "ḡ q", "ḡᵀ p")),
        (((0,), (0,)), ("pᵀ @ q", "q ḡᵀ", "p ḡ")),
        (((0,), (1,)), ("pᵀ @ qᵀ", "qᵀ ḡᵀ", "ḡᵀ pᵀ")),
    ],
)
def test_a_product_of_matrices_hands_back_products_that_jax_hands_back_too(contracted, written):
    shapes = [
        (3, 4) if contracted[0] == (1,) else (4, 3),
        (4, 2) if contracted[1] == (0,) else (2, 4),
    ]
    graph, node = graph_of(
        "dot_general",
        ("p", shapes[0]),
        ("q", shapes[1]),
        params=(("contracted", contracted),),
    )
    told = [rules.formula(graph, node), *(rules.handed_back(graph, node, n) for n in range(2))]
    assert told == list(written)
    random = np.random.default_rng(0)
    arrays = {name: random.normal(size=s) for name, s in zip("pq", shapes, strict=True)}

    def product(p, q):
        return lax.dot_general(p, q, (contracted, ((), ())))

    with jax.enable_x64(True):
        y, pull = jax.vjp(product, arrays["p"], arrays["q"])
        arrays["ḡ"] = random.normal(size=y.shape)
        back = pull(jnp.asarray(arrays["ḡ"]))
    np.testing.assert_allclose(_multiplied(told[0].replace(" @ ", " "), arrays), y, rtol=1e-12)
    for text, wanted in zip(told[1:], back, strict=True):
        np.testing.assert_allclose(_multiplied(text, arrays), wanted, rtol=1e-12)


def _multiplied(text, arrays):
    left, right = (
        arrays[w.removesuffix("ᵀ")].T if w.endswith("ᵀ") else arrays[w] for w in text.split()
    )
    return left @ right


def test_what_was_broadcast_is_handed_back_a_sum():
    graph, node = graph_of("mul", "slope", ("h", (3,)))
    wide = replace(node, results=(Result(shape=(3,), dtype="float32"),))
    assert rules.handed_back(graph, wide, 0) == "Σ ḡ · h"
    assert rules.handed_back(graph, wide, 1) == "ḡ · slope"
    graph, node = graph_of("sub", ("h", (2, 3)), ("b", (3,)))
    edges = (node.operands[0], replace(node.operands[1], notes=("reshape", "broadcast")))
    noted = replace(node, operands=edges, results=(Result(shape=(2, 3), dtype="float32"),))
    assert [rules.handed_back(graph, noted, n) for n in range(2)] == ["ḡ", "−Σ ḡ"]


def noted(note, *args, place=0, **options):
    graph, node = graph_of(*args, **options)
    edges = list(node.operands)
    edges[place] = replace(edges[place], notes=(note,))
    node = replace(node, operands=tuple(edges))
    return replace(graph, nodes=(*graph.nodes[:-1], node)), node


def test_what_is_transposed_on_its_way_is_handed_back_transposed():
    contracted = {"params": (("contracted", ((1,), (0,))),)}
    graph, node = noted("transpose", "dot_general", ("w", (4, 3)), ("x", (4, 2)), **contracted)
    assert rules.formula(graph, node) == "wᵀ @ x"
    assert [rules.handed_back(graph, node, n) for n in range(2)] == ["x ḡᵀ", "w ḡ"]
    graph, node = noted("transpose", "mul", ("w", (4, 3)), ("x", (3, 4)))
    assert rules.formula(graph, node) == "wᵀ × x"
    assert [rules.handed_back(graph, node, n) for n in range(2)] == ["(ḡ · x)ᵀ", "ḡ · wᵀ"]
    assert rules.tangent(graph, node) == "ẇᵀ · x + ẋ · wᵀ"


def test_what_is_stopped_is_said_to_be_and_gets_nothing():
    graph, node = noted("stop_gradient", "mul", "w", "x")
    assert rules.formula(graph, node) == "stop(w) × x"
    assert [rules.handed_back(graph, node, n) for n in range(2)] == ["", "ḡ · stop(w)"]
    assert rules.tangent(graph, node) == "ẋ · stop(w)"


def test_a_condition_without_a_name_is_written_out():
    def prelu(h, slope):
        return jnp.where(h > 0, h, slope * h)

    found = drawn(prelu, jnp.array([1.0, -2.0]), 0.25)
    select = found.nodes[-1]
    told = {rules.handed_back(found, select, n) for n in range(len(select.operands))}
    assert told == {"", "ḡ where h > 0", "ḡ where not (h > 0)"}


def test_no_letter_of_a_rule_is_a_name_of_the_users_elsewhere():
    def fn(a, y):
        c = jnp.exp(a * y)
        return (c + 1) * jnp.sin(jnp.exp(c * y))

    found = drawn(fn, 1.0, 2.0)
    names = {"a", "y", "c", "A", "Y", "C"}
    assert found.names == {"a", "y"} | ({"c"} & found.names)
    for node in found.nodes:
        own = {found.nodes[operand.node].name for operand in node.operands} | {node.name}
        for place in range(len(node.operands)):
            rule = rules.handed_back(found, node, place)
            letters = {letter for letter in rule if letter.isalpha() and letter.isascii()}
            if "exp" not in rule and "cos" not in rule:
                assert not letters & (names - own), (node, rule)


def test_letters_go_on_where_a_user_has_them_all():
    named = [
        Node(id=k, kind="input", operation="input", name=letter)
        for k, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
    ]
    sine = Node(id=26, kind="operation", operation="sin", operands=(Operand(node=0),))
    exp = Node(id=27, kind="operation", operation="exp", operands=(Operand(node=26),))
    made = Result(shape=(), dtype="float32")
    nodes = tuple(replace(node, results=(made,)) for node in (*named, sine, exp))
    found = Graph(title="alphabet", nodes=nodes)
    assert rules.formula(found, nodes[27]) == "exp v1"
    assert rules.handed_back(found, nodes[27], 0) == "ḡ · y1"
