"""The rules of the picture: how operations are called, and what their derivatives are."""

from unittest.mock import Mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special

from benchmarks.graph.parts import Node, Operand
from benchmarks.graph.words import rules
from benchmarks.graph.words.rule_table import CUSTOM, NOTHING, RULES
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
