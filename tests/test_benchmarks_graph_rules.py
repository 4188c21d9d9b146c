"""The rules of the picture: how operations are called, and what their derivatives are."""

from dataclasses import replace
from unittest.mock import Mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special

from benchmarks.graph.build import graph as drawn
from benchmarks.graph.example import EXAMPLE
from benchmarks.graph.parts import Group, Node, Operand, Quantity, Result
from benchmarks.graph.record import Graph
from benchmarks.graph.words import rules
from benchmarks.graph.words.rule_table import CUSTOM, NOTHING, RULES
from benchmarks.graph.words.sentences import MODES, sentence
from benchmarks.graph.words.symbols import computed
from benchmarks.program.primitives.table import NOTHING as INDEPENDENT
from benchmarks.program.primitives.table import PLACE, PRIMITIVES

LOOPS = {"scan", "while", "cond", "custom_linear_solve"}

#: What the names in a rule mean, by JAX.
FUNCTIONS = {
    **vars(jnp),
    **vars(special),
    "rem": jnp.fmod,
    "polygamma": lambda n, x: lax.polygamma(jnp.asarray(n, x.dtype), x),
    "max": jnp.maximum,
    "min": jnp.minimum,
    "lgamma": special.gammaln,
    "log_beta": special.betaln,
    "igamma_by_a": lax.igamma_grad_a,
    "larger": lambda a, b: (a > b) + (a == b) / 2,
    "smaller": lambda a, b: (a < b) + (a == b) / 2,
    "between": lambda a, b, c: (a < b) & (b < c),
    "bool": bool,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "π": np.pi,
    "σ": special.expit,
}
#: Where the rules are held against JAX; two points for each, on both sides of what matters.
POINTS = [(0.3,), (-0.7,)], [(0.4, 1.7), (2.5, 0.6)]
SPECIAL = {
    "acosh": [(1.5,), (3.0,)],
    "bessel_i0e": [(0.3,), (2.0,)],
    "clamp": [(0.0, 0.4, 1.0), (0.0, -0.4, 1.0), (0.0, 1.4, 1.0)],
    "integer_pow": [(0.4,), (-1.2,)],
    "select_n": [(True, 0.4, 1.7), (False, 0.4, 1.7)],
    "regularized_incomplete_beta": [(1.5, 2.5, 0.3), (0.7, 1.2, 0.6)],
    "polygamma": [(1.0, 1.3), (2.0, 0.6)],
    "max": [(0.4, 1.7), (1.7, 0.4), (0.5, 0.5)],
    "min": [(0.4, 1.7), (1.7, 0.4), (0.5, 0.5)],
    "relu": [(0.3,), (-0.7,), (0.0,)],
    "relu6": [(0.3,), (-0.7,), (7.0,)],
    "rem": [(7.3, 2.0), (-7.3, 2.0)],
}
SPECIAL |= {
    name: [(0.3,), (2.5,)]
    for name in ("lgamma", "digamma", "log", "log2", "sqrt", "rsqrt", "cbrt", "log1mexp")
}
#: The functions that make the operations that are not in `jax.lax` under their own names.
MAKERS = {
    "abs": jnp.abs,
    "add_any": lax.add,
    "convert_element_type": lambda a: lax.convert_element_type(a, jnp.float64),
    "integer_pow": lambda a: lax.integer_pow(a, 3),
    "log2": jnp.log2,
    "name": lambda a: a,
    "one_minus_square": lambda a: 1 - a**2,
    "regularized_incomplete_beta": lax.betainc,
    "select_n": lambda a, b, c: lax.select_n(a, b, c),
    "square": lax.square,
    "asin": lax.asin,
    "log1mexp": lambda a: jnp.log1p(-jnp.exp(-a)),
    "logaddexp": jnp.logaddexp,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}
#: Identities that one process on one machine does not make, or whose value is a matter of place.
PLACES = {
    name for name, rule in RULES.items() if rule.numbers and rule.value == "a" and name != "copy"
} - set(MAKERS)
NUMERIC = [
    (table, name)
    for table, rules_of in (("primitive", RULES), ("custom", CUSTOM))
    for name, rule in rules_of.items()
    if rule.numbers and name not in PLACES
]


def test_every_primitive_has_a_rule_and_no_rule_is_of_an_unknown_one():
    assert set(RULES) == set(PRIMITIVES) | LOOPS


def test_what_depends_on_its_operands_hands_something_back():
    for name, primitive in PRIMITIVES.items():
        flat = RULES[name].back == (NOTHING,) or set(RULES[name].back) <= {"0", NOTHING}
        assert flat == (primitive.depends == INDEPENDENT) or name in ("igamma_grad_a", "zeta"), name


def test_a_rule_of_numbers_is_one_of_an_operation_place_by_place():
    moved = {"select_n"}
    for name, rule in RULES.items():
        if rule.numbers and name not in moved and set(rule.back) != {"0"}:
            assert PRIMITIVES[name].depends == PLACE, name


@pytest.mark.parametrize(("table", "name"), NUMERIC)
def test_a_rule_of_numbers_has_the_value_and_the_derivatives_that_jax_has(table, name):
    function = MAKERS.get(name) or getattr(lax, name, None)
    if function is None:
        pytest.skip("JAX has no function of this name that could be asked")
    rule = (RULES if table == "primitive" else CUSTOM)[name]
    arity = max(["abc".find(letter) + 1 for letter in "abc" if letter in _names(rule)])
    for point in SPECIAL.get(name, POINTS[min(arity, 2) - 1]):
        with jax.enable_x64(True):
            _hold(rule, function, point)


def _names(rule):
    import ast

    trees = [ast.parse(text) for text in (rule.value, *rule.back) if text != NOTHING]
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _hold(rule, function, point):
    arrays = [np.asarray(p, None if isinstance(p, bool) else np.float64) for p in point]
    y = function(*arrays)
    names = FUNCTIONS | dict(zip("abc", arrays, strict=False)) | {"n": 3, "y": y}
    np.testing.assert_allclose(computed(rule.value, names), y, rtol=1e-12)
    for place, back in enumerate(rule.back[: len(point)]):
        if back != NOTHING:
            wanted = jax.grad(function, argnums=place)(*arrays)
            np.testing.assert_allclose(computed(back, names), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("operation", "literals", "params", "wanted"),
    [
        ("add", (None, None), {}, "+"),
        ("add", (None, 1e-5), {}, "+ 1e−05"),
        ("sub", (1.0, None), {}, "1 −"),
        ("mul", (None, 0.1), {}, "× 0.1"),
        ("mul", (2.0, None), {}, "2 ×"),
        ("mul", (None, 0.0), {}, "× 0"),
        ("div", (None, 5.0), {}, "÷ 5"),
        ("sub", (None, -2.0), {}, "− (−2)"),
        ("mul", (-0.5, None), {}, "−0.5 ×"),
        ("select_n", (None, -np.inf, None), {}, "select −∞"),
        ("ge", (None, -1.0), {}, "≥ −1"),
        ("gather", (None, None), {}, "[ ]"),
        ("neg", (None,), {}, "−"),
        ("integer_pow", (None,), {"y": 2}, "( )²"),
        ("integer_pow", (None,), {"y": -1}, "( )⁻¹"),
        ("square", (None,), {}, "( )²"),
        ("pow", (2.0, None), {}, "2^( )"),
        ("pow", (None, 0.5), {}, "( )^0.5"),
        ("sqrt", (None,), {}, "√"),
        ("rsqrt", (None,), {}, "1/√"),
        ("abs", (None,), {}, "|( )|"),
        ("log", (None,), {}, "log"),
        ("logistic", (None,), {}, "σ"),
        ("max", (None, 0.0), {}, "max 0"),
        ("select_n", (None, None, None), {}, "select"),
        ("clamp", (0.0, None, 6.0), {}, "clamp 0 6"),
        ("reduce_sum", (None,), {"axes": (0,)}, "Σ"),
        ("reduce_prod", (None,), {}, "Π"),
        ("reduce_max", (None,), {}, "max"),
        ("dot_general", (None, None), {}, "@"),
        ("conv_general_dilated", (None, None), {"window": (3, 3)}, "conv 3×3"),
        ("conv_general_dilated", (None, None), {"window": (1, 1)}, "conv 1×1"),
        ("reduce_window_max", (None,), {"window_dimensions": (1, 2, 2, 1)}, "max pool 2×2"),
        ("scan", (None,), {"length": 12}, "scan × 12"),
        ("gt", (None, 0.0), {}, "> 0"),
        ("cholesky", (None,), {}, "cholesky"),
        ("sort", (None,), {}, "sort"),
        ("transpose", (None,), {}, "transpose"),
        ("relu", (None,), {}, "relu"),
        ("sigmoid", (None,), {}, "σ"),
        ("_shift", (None,), {}, "shift"),
        ("of_tomorrow", (None,), {}, "of_tomorrow"),
    ],
)
def test_an_operation_is_written_as_a_teacher_writes_it(operation, literals, params, wanted):
    operands = tuple(Operand(node=0) for literal in literals if literal is None)
    node = Node(
        id=1,
        kind="operation",
        operation=operation,
        literals=literals,
        params=tuple(params.items()),
        operands=operands,
    )
    assert rules.label(node) == wanted


def test_no_primitive_that_has_a_sign_shows_its_raw_name():
    def written(name):
        return rules.label(Node(id=0, kind="operation", operation=name, operands=(Mock(),) * 3))

    raw = {name for name in PRIMITIVES if written(name) == name}
    assert not {name for name in raw if "_" in name or "-" in name}
    signed = {"add", "sub", "mul", "div", "neg", "pow", "abs", "sqrt", "rsqrt", "square", "exp2"}
    signed |= {"eq", "ne", "lt", "le", "gt", "ge", "logistic", "log1p", "iota", "reduce_sum"}
    assert not raw & signed


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


def test_each_step_of_a_way_is_one_sentence():
    def told(mode, **options):
        return [sentence(EXAMPLE, node, mode, **options) for node in EXAMPLE.nodes]

    assert told("pass") == [
        "x is held fixed: [2 1]",
        "w is given: [0.5 −1]",
        "b is given: 0.1",
        "w @ x is 0",
        "z = (w @ x) + b is 0.1",
        "p = σ z is 0.525; reverse mode keeps 8 B of it",
        "log p is −0.644",
        "L = −(log p) is 0.644",
    ]
    assert told("reverse")[1:] == [
        "w has the gradient [−0.95 −0.475]",
        "b has the gradient −0.475",
        "@ hands back ḡ · x = [−0.95 −0.475] to w",
        "z hands back ḡ = −0.475 to w @ x and b",
        "p hands back ḡ · p · (1 − p) = −0.475 to z",
        "log hands back ḡ / p = −1.9 to p",
        "L hands back −ḡ = −1 to log p",
    ]
    assert told("forward", number=1)[3:6] == [
        "@ has the tangent ẇ @ x = 1 by w[1]",
        "z has the tangent ȧ + ḃ = 1 by w[1]",
        "p has the tangent ż · p · (1 − p) = 0.249 by w[1]",
    ]
    assert told("forward")[0] == "x is held fixed: its tangent is 0"


def test_a_closed_group_is_told_of_as_one():
    first = Group(id=0, name="0 dense", kind="layer")
    nodes = [replace(node, groups=(0,) if node.id < 5 else ()) for node in EXAMPLE.nodes]
    nodes = [replace(node, groups=(1,)) if node.id in (5, 6) else node for node in nodes]
    groups = (first, Group(id=1, name="1 batch_norm", kind="layer"))
    graph = replace(EXAMPLE, nodes=tuple(nodes), groups=groups, shut=frozenset([0, 1]))
    second = graph.groups[1]
    assert sentence(graph, second, "reverse") == "1 batch_norm hands an adjoint to 0 dense"
    assert sentence(graph, second, "pass") == "1 batch_norm takes 0 dense and makes −0.644"
    assert sentence(graph, second, "forward") == "1 batch_norm hands the tangent of 0 dense on"
    assert sentence(graph, first, "reverse") == (
        "0 dense hands nothing further back; w and b have the gradient"
    )


def test_a_graph_of_shapes_alone_is_told_of_without_numbers():
    bare = [
        replace(node, results=(Result(shape=(2, 3), dtype="float32"),), operands=tuple(
            replace(operand, adjoint=None) for operand in node.operands))
        for node in EXAMPLE.nodes
    ]  # fmt: skip
    graph = replace(EXAMPLE, nodes=tuple(bare))
    z = graph.nodes[4]
    assert sentence(graph, z, "pass") == "z = (w @ x) + b is of shape 2×3"
    assert sentence(graph, z, "reverse") == "z hands back ḡ to w @ x and b"
    assert sentence(graph, z, "forward") == "z has the tangent Ȧ + ḃ by w[0]"
    assert sentence(graph, graph.nodes[1], "reverse") == "w has the gradient"


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="mode must be one of pass, forward, reverse, got 'back'"):
        sentence(EXAMPLE, EXAMPLE.nodes[0], "back")
    assert len(MODES) == 3


def test_the_example_is_right():
    def loss(w, b):
        return -jnp.log(special.expit(w @ jnp.array([2.0, 1.0]) + b))

    at = [node.results[0].value.array for node in EXAMPLE.nodes[1:3]]
    with jax.enable_x64(True):
        wanted = jax.grad(loss, argnums=(0, 1))(*map(jnp.asarray, at))
    for node, gradient in zip(EXAMPLE.nodes[1:3], wanted, strict=True):
        np.testing.assert_allclose(node.results[0].adjoint.array, gradient, rtol=1e-12)
    moved = np.array([float(q.array) for q in EXAMPLE.nodes[-1].results[0].tangents])
    np.testing.assert_allclose(moved, [*wanted[0], wanted[1]], rtol=1e-12)


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


def test_an_operand_without_a_name_is_called_by_what_it_computes_or_by_its_letter_in_the_rule():
    def fn(w, y):
        error = (w * w - y) ** 2
        penalty = 0.1 * jnp.sum(w**2)
        return error + penalty

    found = drawn(fn, jnp.array([0.5, 2.0]), 1.0, argnums=0)
    said = [sentence(found, node, "reverse") for node in found.nodes]
    assert "Σ hands back [0.2 0.2] to w² (ḡ to all)" in said
    assert "− hands back ḡ = [−1.5 6] to w × w" in said
    # 2 a speaks of a, and so does who it is handed to.
    assert "error hands back ḡ · 2 a = [−1.5 6] to a (−)" in said
