"""Compositions of two modes: each is the one that its name says.

A `custom_vjp` allows reverse mode alone. Functions that have one inside, in their first derivative
or in their second, can be differentiated by exactly the compositions that go backwards there.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check.directions import random_probe
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.table import METHODS

X = jnp.linspace(0.2, 1.1, 4)


def backwards_only(fn, slope):
    """`fn` with a rule for reverse mode and none for forward mode."""
    ruled = jax.custom_vjp(fn)
    ruled.defvjp(lambda x: (fn(x), x), lambda x, u: (u * slope(x),))
    return ruled


def forwards_by(fn, slope):
    """`fn` whose rule for forward mode uses `slope`."""
    ruled = jax.custom_jvp(fn)
    ruled.defjvp(lambda primals, tangents: (fn(*primals), slope(*primals) * tangents[0]))
    return ruled


cosine = backwards_only(jnp.cos, lambda x: -jnp.sin(x))
#: By what the outer and the inner mode must be: "any" or "reverse".
FUNCTIONS = {
    ("any", "reverse"): backwards_only(jnp.sin, jnp.cos),
    ("reverse", "reverse"): backwards_only(jnp.sin, cosine),
    ("reverse", "any"): forwards_by(jnp.sin, cosine),
}
SECOND = [m for m in METHODS if m.order == 2 and m.kind not in ("value", "gradient")]
MODES = {m.name: re.sub("^(hvp|diagonal|trace)_", "", m.name).split("_over_") for m in SECOND}
#: These are forward over reverse too.
MODES |= dict.fromkeys(("columns", "diagonal_in_turn", "trace_in_turn"), ("forward", "reverse"))


@pytest.mark.parametrize("method", SECOND, ids=lambda method: method.name)
@pytest.mark.parametrize("allowed", FUNCTIONS, ids=lambda allowed: "-over-".join(allowed))
def test_a_composition_goes_backwards_where_its_name_says(method, allowed):
    sine = FUNCTIONS[allowed]
    problem = make_problem(lambda x: jnp.sum(sine(x)), (X,))
    program = method.build(problem, random_probe(problem, 0))
    fits = all(a in ("any", mode) for a, mode in zip(allowed, MODES[method.name], strict=True))
    if not fits:
        with pytest.raises((TypeError, NotImplementedError), match=r"custom_(vjp|lin)"):
            jax.jit(program.fn)(*program.args)
        return
    result = jax.tree.leaves(jax.jit(program.fn)(*program.args))[0]
    hessian = np.diag(-np.sin(np.asarray(X, np.float64)))
    tangent = np.asarray(random_probe(problem, 0).tangent[0])
    expected = {
        "hessian": hessian,
        "hvp": hessian @ tangent,
        "diagonal": np.diag(hessian),
        "trace": np.trace(hessian),
    }[method.kind]
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
