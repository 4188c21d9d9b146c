"""A user's function is traced once for each type, and its program is as good as the function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.traced import traced_once

X = jnp.linspace(0.1, 1.5, 3)

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


def counted():
    calls = []

    def fn(x):
        calls.append(x.dtype.name)
        return jnp.sum(jnp.tanh(x) ** 2)

    return fn, calls


@pytest.mark.parametrize(
    "options",
    [{"methods": "all"}, {"order": 2}],
    ids=["all methods", "second order"],
)
def test_the_function_is_traced_twice_in_its_own_type_and_never_in_float64(options):
    fn, calls = counted()
    compare(fn, X, budget=0.05, **options)
    assert calls.count("float32") <= 2  # to read what it returns, and its program
    assert set(calls) <= {"float32", "complex64"}  # what is checked in float64 is its program


def test_a_weak_type_and_another_mode_of_products_are_traced_anew():
    fn, calls = counted()
    once = traced_once(fn)
    once(jnp.asarray(1.0))
    once(jnp.ones(()))
    with jax.default_matmul_precision("bfloat16"):
        once(jnp.ones(()))
    once(jnp.ones(()))
    assert len(calls) == 3


def test_the_program_keeps_source_lines_callbacks_and_custom_rules():
    @jax.custom_jvp
    def tripled(x):
        return x

    tripled.defjvp(lambda primals, tangents: (primals[0], 3 * tangents[0]))
    shown = []

    def fn(x):
        jax.debug.callback(shown.append, x[0])
        return jnp.sum(tripled(jnp.sin(x)))

    problem = make_problem(fn, (X,))
    (gradient,) = jax.jit(jax.grad(problem.fn))(problem.x, problem.fixed)
    jax.effects_barrier()
    np.testing.assert_allclose(gradient, 3 * np.cos(X), rtol=1e-6)
    assert len(shown) == 1
    program = jax.make_jaxpr(jax.grad(problem.fn))(problem.x, problem.fixed)
    assert "test_benchmarks_derivatives_traced.py" in program.pretty_print(source_info=True)


def closing_over(mask_of):
    """A function whose custom rule holds an array of the trace."""

    def fn(x, mask):
        held = mask_of(mask)

        @jax.custom_vjp
        def masked(x):
            return x * held

        masked.defvjp(lambda x: (masked(x), None), lambda _, cotangent: (cotangent * held,))
        return jnp.sum(masked(x) ** 2)

    return fn


def test_a_custom_rule_that_holds_an_array_of_the_trace_works_as_it_does_in_jax():
    mask = jnp.arange(3)
    found = compare(closing_over(lambda m: 2 * m), X, mask, methods=["reverse"], budget=0.05)
    assert found.row("reverse").status == "ok"
