"""Which equation of a labelled program each residual is kept for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_nn_contract import BATCH, LAYERS

from benchmarks.program.inputs import first_that_traces, sort_inputs
from benchmarks.program.jaxpr import bodies, kind, opened
from benchmarks.program.labels import label_of, labelled
from benchmarks.program.residual_labels import kept_by_label
from benchmarks.program.residuals import by_line, residuals
from benchmarks.program.walk import endless_loops
from benchmarks.scenarios.table import SUITES

SCENARIOS = {name: build for suite in SUITES.values() for name, build in suite("small").items()}
W, X = jnp.arange(20.0).reshape(4, 5), jnp.ones((3, 4))


def placed(fn, *inputs, argnums=None):
    """What is kept with its place, and the kind of each equation by its number."""

    def traced(way):
        return jax.make_jaxpr(way.arrays_only(fn))(way.x, way.fixed)

    way, program = first_that_traces(traced, sort_inputs(inputs, argnums), endless_loops)
    program = labelled(program)
    return kept_by_label(fn, way, program), dict(kinds(program)), program


def kinds(program):
    for eqn in opened(program).eqns:
        yield label_of(eqn), kind(eqn)
        for body in bodies(eqn):
            yield from kinds(body)


def assert_same_and_placed(fn, inputs, argnums):
    kept, by_number, program = placed(fn, *inputs, argnums=argnums)
    expected = residuals(fn, *inputs, argnums=argnums)
    assert tuple(sorted((one for one, _ in kept), key=lambda one: -one.bytes)) == expected
    assert by_line(one for one, _ in kept) == by_line(expected)
    for residual, place in kept:
        assert sum(part is not None for part in place) == 1, residual
        assert place.label is None or place.label in by_number
        if place.input is not None:
            assert residual.storage == "input"
            assert residual.shape == program.jaxpr.invars[place.input].aval.shape
        if place.constant is not None:
            assert residual.storage == "constant"
            assert residual.shape == np.shape(program.consts[place.constant])


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_residual_of_a_scenario_has_its_place(name):
    scenario = SCENARIOS[name]()
    assert_same_and_placed(scenario.fn, scenario.inputs, scenario.argnums)


@pytest.mark.parametrize("name", LAYERS)
def test_every_residual_of_a_layer_has_its_place(name):
    model, shape = LAYERS[name]
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((BATCH, *shape), "float32")

    def apply(params, x, state, key):
        return model.apply(params, state, x, key=key, train=True)

    assert_same_and_placed(apply, (params, x, state, jax.random.key(1)), (0, 1))


def labels(fn, *inputs):
    """The operation that each residual is kept for, beside what it is."""
    kept, by_number, _ = placed(fn, *inputs)
    return [(one.what, by_number[place.label]) for one, place in kept if place.label is not None]


def test_what_a_derivative_computes_is_put_down_to_the_operation_that_it_is_for():
    assert labels(lambda x: jnp.sin(jnp.exp(x)), X) == [("exp", "exp"), ("cos", "sin")]
    cubed = labels(lambda x: jnp.sum(jnp.cos(x) ** 3), X)
    assert cubed == [("sin", "cos"), ("mul", "integer_pow")]


def test_a_number_is_put_down_to_the_operation_that_it_stands_in():
    kept, by_number, _ = placed(lambda x: jnp.exp(x + 3.0) * 2.0 / 5.0, X)
    numbers = [by_number[place.label] for one, place in kept if one.storage == "constant"]
    assert numbers == ["mul", "div"]


def test_an_input_and_a_constant_are_told_apart():
    def fn(w, x):
        return jnp.sin(x @ w) @ CONSTANT

    kept, _, program = placed(fn, W, X)
    assert {(one.what, place.input) for one, place in kept if place.input is not None} == {
        ("argument 0", 0),
        ("argument 1", 1),
    }
    constant = next(place.constant for _, place in kept if place.constant is not None)
    np.testing.assert_array_equal(program.consts[constant], CONSTANT)


CONSTANT = jnp.arange(10.0).reshape(5, 2)


def test_what_a_loop_a_call_or_a_branch_keeps_is_put_down_to_an_operation_inside():
    def scanned(x):
        return jax.lax.scan(lambda c, row: (jnp.tanh(c + row), None), x[0], x)[0]

    def branching(x):
        return jax.lax.cond(x[0, 0] > 0, lambda x: x * 2.0, jnp.exp, x)

    assert "tanh" in [operation for _, operation in labels(scanned, X)]
    assert labels(jax.jit(lambda x: jnp.sin(x) + 1), X) == [("cos", "sin")]
    assert "exp" in [operation for _, operation in labels(branching, X)]


def test_what_a_custom_rule_keeps_is_put_down_to_the_call_of_the_rule():
    @jax.custom_vjp
    def by_hand(x):
        return jnp.sin(x)

    by_hand.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda kept, t: (kept * t,))

    @jax.custom_jvp
    def steep(x):
        return jnp.exp(x)

    steep.defjvp(lambda x, t: (steep(*x), jnp.tanh(x[0]) * t[0]))
    assert labels(lambda x: by_hand(x * x), X)[-1] == ("cos", "custom_vjp_call")
    assert labels(lambda x: steep(x * x), X)[-1] == ("tanh", "custom_jvp_call")


def test_a_python_number_whose_weak_type_is_cast_leaves_every_place_known():
    def logistic(w, b, x, y):
        p = jax.nn.sigmoid(w @ x + b)
        return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))

    kept, by_number, _ = placed(logistic, jnp.ones(2), 0.1, jnp.ones(2), 1.0, argnums=(0, 1))
    made = [by_number.get(place.label) for _, place in kept if place.input is None]
    assert None not in made
    assert made.count("logistic") == 2
