"""What a symbolic derivative is made of: expressions, sizes as SymPy counts them, and limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from benchmarks.derivatives.symbolic import (
    StoppedError,
    UnsupportedError,
    differentiate,
    expressions,
    gradient,
)
from benchmarks.program.obstacles import obstacles


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_the_expressions_are_those_written_by_hand():
    a, b = sympy.symbols("x0_0 x0_1", real=True)
    by_hand = (1 - a) ** 2 + 100 * (b - a**2) ** 2
    assert sympy.simplify(expressions(rosenbrock, np.ones(2)).item() - by_hand) == 0
    derivatives = gradient(rosenbrock, np.ones(2))
    for ours, symbol in zip(derivatives, (a, b), strict=True):
        assert sympy.simplify(ours - sympy.diff(by_hand, symbol)) == 0


def test_a_choice_is_written_without_heavisides_step():
    (written,) = gradient(lambda x: jnp.sum(jax.nn.relu(x) + jnp.abs(x)), np.ones(1))
    assert written.has(sympy.Piecewise)
    assert not written.has(sympy.Heaviside, sympy.DiracDelta)


def test_sympys_own_derivative_respects_stop_gradient():
    (written,) = [expressions(lambda x: x * jax.lax.stop_gradient(x), 2.0).item()]
    (x,) = written.free_symbols
    assert sympy.diff(written, x).doit().args == (x,)


def tanh_layers(weights, x):
    for matrix in weights:
        x = jnp.tanh(matrix @ x)
    return x.sum()


@pytest.mark.parametrize("layers", [1, 2])
def test_the_tree_is_as_large_as_the_formulas_that_sympy_writes(layers):
    matrices, x = normal(0, layers, 4, 4), normal(1, 4)
    report = differentiate(tanh_layers, matrices, x, argnums=1).report
    formula = expressions(tanh_layers, matrices, x).item()
    assert report.value.tree == sympy.count_ops(formula)
    by_sympy = [sympy.diff(formula, sympy.Symbol(f"x1_{n}", real=True)) for n in range(4)]
    assert report.derivative.tree == sum(sympy.count_ops(one) for one in by_sympy)


def test_the_size_of_a_tree_too_large_for_memory_is_counted():
    matrices, x = normal(0, 30, 4, 4), normal(1, 4)
    report = differentiate(tanh_layers, matrices, x, argnums=1).report
    assert report.value.tree == 4 * (8 * (4**30 - 1) // 3) + 3  # T = 4 T + 8, four times, summed
    assert report.derivative.tree > 10**20
    assert report.value.dag == 30 * 32 + 3
    assert report.derivative.dag < 6 * report.value.dag


def test_beyond_its_limit_the_symbolic_derivative_reports_how_far_it_got():
    matrices, x = normal(0, 3, 4, 4), normal(1, 4)
    found = differentiate(tanh_layers, matrices, x, limit=700)
    assert found.program is None
    assert 0 < found.report.reached < found.report.inputs == matrices.size
    assert "by" in str(found.report)
    assert str(found.report).endswith("stopped: 700 nodes")
    early = differentiate(tanh_layers, matrices, x, limit=50).report
    assert early.stopped == "50 nodes while the function was read, 50 operations so far"
    assert str(early) == f"stopped: {early.stopped}"
    assert early.reached == 0
    with pytest.raises(StoppedError, match="50 nodes"):
        expressions(tanh_layers, matrices, x, limit=50)


def test_a_deadline_stops_the_symbolic_derivative():
    asked = []

    def deadline():
        asked.append(None)
        return len(asked) > 3

    found = differentiate(tanh_layers, normal(0, 4, 8, 8), normal(1, 8), deadline=deadline)
    assert found.program is None
    assert "its time was up" in found.report.stopped
    assert len(asked) == 4  # and not again


UNSUPPORTED = {
    "sort": (lambda x: jnp.sort(x), "`sort`"),
    "cholesky": (lambda x: jnp.linalg.cholesky(jnp.diag(x)), "`cholesky`"),
    "solve": (lambda x: jnp.linalg.solve(jnp.diag(x), x), "`lu`"),
    "cast": (lambda x: x[x[0].astype(int)], "a cast to an integer"),
    "while": (lambda x: jax.lax.while_loop(lambda c: c[0] < 3, lambda c: 2 * c, x), "`while`"),
    "integers": (lambda x: x * ((x > 0).astype(int) // 2), "a division of integers"),
    "complex": (lambda x: jnp.abs(x * 1j), "`convert_element_type` of complex numbers"),
    "argmax": (lambda x: x * jnp.argmax(x), "`argmax`"),
    "callback": (lambda x: jax.pure_callback(np.sin, x, x), "`pure_callback`"),
    "in a scan": (lambda x: jax.lax.scan(lambda c, v: (jnp.sort(c), v), x, x)[0], "`sort`"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_has_no_expression_is_named_with_its_line_before_and_when_it_is_met(name):
    fn, operation = UNSUPPORTED[name]
    x = jnp.asarray([0.3, 0.2, 0.7])
    place = f"{__file__.rpartition('/')[2]}:{fn.__code__.co_firstlineno} ("
    with pytest.raises(UnsupportedError, match=f"^{operation}.* has no expression here") as raised:
        differentiate(fn, x)
    assert place in str(raised.value)
    foreseen = obstacles(fn, x)["symbolic"]
    assert foreseen.reason.startswith(operation)
    assert foreseen.source.startswith(place)


def test_integer_inputs_are_not_differentiated_symbolically():
    with pytest.raises(TypeError, match="got an input or an output of int"):
        differentiate(lambda n: n * 2.0, np.arange(3))
    with pytest.raises(TypeError, match="got an input or an output of int"):
        differentiate(lambda x: jnp.argmax(x), np.ones(3))
    with pytest.raises(ValueError, match="argnums must name arguments 0 to 0, got 1"):
        differentiate(jnp.sin, 1.0, argnums=1)
