"""The table of primitives: complete for the installed JAX, and each of its rules right.

Every rule is run on a small example, and judged by what JAX makes of the example: its derivative,
its complex step, XLA's count. What is computed of the examples is one program for all of them.
"""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import primitive_examples as examples
import pytest
from backends import counted_by_xla
from jax.extend.core import Primitive

from benchmarks.derivatives.symbolic import UnsupportedError, differentiate
from benchmarks.instrument.compile import xla_operations
from benchmarks.program.flops import flops
from benchmarks.program.jaxpr import dtype, kind
from benchmarks.program.primitives import (
    AXES,
    MOVED,
    NOTHING,
    PLACE,
    PRIMITIVES,
    UNCOUNTED,
    WITH_PROGRAMS,
    cost_of,
)
from benchmarks.program.primitives.cost import each, elementary, free
from benchmarks.program.walk import equations

INSTALLED = examples.known_primitives().keys() | examples.wrapped_primitives()
PRESENT = [name for name in examples.EXAMPLES if name in INSTALLED]


def equation(name):
    """The equation of a primitive in the program of its example."""
    fn, *inputs = examples.EXAMPLES[name]
    found = [eqn for eqn, _ in equations(jax.make_jaxpr(fn)(*inputs)) if kind(eqn) == name]
    assert found, f"the example of {name} has no {name}"
    return found[0]


def is_smooth(name):
    """Whether a primitive takes and gives floating numbers in its example."""
    eqn = equation(name)
    sides = eqn.invars, eqn.outvars[:1]
    return all(any(jnp.issubdtype(dtype(v), jnp.inexact) for v in side) for side in sides)


#: JAX has no derivative of these, or the example is no function of the one equation.
WITHOUT_DERIVATIVE = {"geqp3", "geqrf", "hessenberg", "schur", "tridiagonal", "nextafter"}
WITHOUT_DERIVATIVE |= {"igamma_grad_a", "householder_product", "igamma", "igammac", "eig", "fft"}
#: These are parts of a derivative: that of the example itself is 0.
WITHOUT_DERIVATIVE |= {"select_and_gather_add", "select_and_scatter_add", "one_minus_square"}
WITHOUT_DERIVATIVE |= {"complex", "zeta", *examples.PLACES_OF_DATA}
SMOOTH = [name for name in PRESENT if name not in WITHOUT_DERIVATIVE and is_smooth(name)]


def floats(name):
    """The example as a function of its floating inputs alone, and these inputs."""
    fn, *inputs = examples.EXAMPLES[name]
    places = [i for i, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.floating)]

    def of_floats(*moving):
        changed = dict(zip(places, moving, strict=True))
        result = fn(*(changed.get(i, x) for i, x in enumerate(inputs)))
        return result[0] if isinstance(result, (list, tuple)) else result

    return of_floats, tuple(jnp.asarray(inputs[i]) for i in places)


def every(names, compute):
    """`compute(fn, inputs)` of many examples, as one program."""
    prepared = {name: floats(name) for name in names}
    run = jax.jit(lambda inputs: {n: compute(prepared[n][0], inputs[n]) for n in names})
    return jax.device_get(run({name: inputs for name, (_, inputs) in prepared.items()}))


def of_all(fn, inputs):
    """The Jacobians of an example by each of its inputs."""
    return jax.jacfwd(fn, tuple(range(len(inputs))))(*inputs)


@pytest.fixture(scope="module")
def jacobians():
    return every(SMOOTH, of_all)


def test_the_table_knows_every_primitive_of_the_installed_jax():
    known = PRIMITIVES.keys() | WITH_PROGRAMS
    for names in UNCOUNTED.values():
        known |= names
    assert sorted(INSTALLED - known) == []


EXPERIMENTAL = """
buffer_callback compute_on fused key_reuse multihost_utils overlap rnn scheduling_groups
shard_alike sparse xla_metadata
"""


def test_the_table_knows_what_the_public_experimental_modules_put_into_a_program():
    modules = [f"jax.experimental.{name}" for name in EXPERIMENTAL.split()]
    present = [importlib.import_module(m) for m in modules if importlib.util.find_spec(m)]
    named = {one.name for m in present for one in vars(m).values() if isinstance(one, Primitive)}
    named |= {"program_order", "compute_on", "xla_metadata_call", "xla_metadata_value"}
    known = PRIMITIVES.keys() | WITH_PROGRAMS.union(*UNCOUNTED.values())
    assert sorted(named - known) == []


@pytest.mark.skipif(not importlib.util.find_spec("jax.experimental.overlap"), reason="newer JAX")
def test_a_program_whose_order_is_kept_is_counted_as_what_it_runs():
    program_order = importlib.import_module("jax.experimental.overlap").program_order

    ordered = program_order(lambda x: jnp.sin(x) * x, enforce=True)
    assert flops(ordered, examples.VECTOR) == flops(lambda x: jnp.sin(x) * x, examples.VECTOR)


def test_a_primitive_is_listed_once():
    listed = [*PRIMITIVES, *WITH_PROGRAMS, *(n for names in UNCOUNTED.values() for n in names)]
    assert len(listed) == len(set(listed))


def test_every_primitive_of_the_table_has_an_example_or_a_reason():
    excused = {name for names in examples.WITHOUT_EXAMPLE.values() for name in names.split()}
    assert sorted(PRIMITIVES.keys() - examples.EXAMPLES.keys() - excused) == []
    assert sorted(excused & examples.EXAMPLES.keys()) == []


#: Where XLA counts something else, and why.
XLA_COUNTS_OTHERWISE = {
    "it has no figure for a program that makes complex numbers": "conj imag real",
    "it counts what it writes the operation as": "lu_pivots_to_permutation nextafter",
    "it counts a change of type": "bitcast_convert_type",
    "it counts one device's share": "all_gather axis_index",
    "it counts a key of constants as a constant": "random_seed random_unwrap random_wrap",
}


def test_each_primitive_is_counted_and_an_elementary_function_is_one_operation():
    for name in PRESENT:
        counted = cost_of(equation(name))
        assert counted is not None, name
        assert counted.operations >= max(counted.transcendental, counted.library) >= 0, name
        if PRIMITIVES[name].cost is elementary:
            size = equation(name).outvars[0].aval.size
            assert counted.operations == counted.transcendental == size, name


@counted_by_xla
def test_the_operations_of_each_primitive_are_those_that_xla_counts():
    """Those whose rule is their own are compared with closed forms in the tests of `flops`."""
    excused = {name for names in XLA_COUNTS_OTHERWISE.values() for name in names.split()}
    astray = {}
    for name in PRESENT:
        if PRIMITIVES[name].cost in (free, each) and name not in excused:
            fn, *inputs = examples.EXAMPLES[name]
            by_xla = xla_operations(jax.jit(fn).lower(*inputs).cost_analysis() or {})
            if flops(fn, *inputs).high != (by_xla or 0.0):
                astray[name] = (flops(fn, *inputs).high, by_xla)
    assert astray == {}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_result_depends_on_what_the_table_says(name, jacobians):
    _, inputs = floats(name)
    blocks = jacobians[name]
    shape = blocks[0].shape[: blocks[0].ndim - inputs[0].ndim]
    flat = [np.asarray(b).reshape(int(np.prod(shape)), -1) for b in blocks]
    depends = PRIMITIVES[name].depends
    assert (depends == NOTHING) == (not any(block.any() for block in flat))
    if depends == PLACE:
        for block, x in zip(flat, inputs, strict=True):
            assert x.shape in (shape, ())
            assert x.shape == () or not np.any(block[~np.eye(len(block), dtype=bool)])
    if depends == MOVED:
        whole = np.concatenate(flat, axis=1)
        assert set(np.unique(whole)) <= {0.0, 1.0}
        assert np.all(whole.sum(axis=1) <= 1)
    if depends == AXES:
        assert stays_in_its_row(name, blocks[0])


def stays_in_its_row(name, block):
    """Whether rows do not see one another, along the axis that the example works over."""
    kept = 1 if name in ("reduce_min", "reduce_sum") else 0
    out_axis = 0  # a reduction leaves the other axis, and the rest keep both
    for row in range(examples.X.shape[kept]):
        other = [i for i in range(examples.X.shape[kept]) if i != row]
        if block.ndim == 4:
            out_axis = kept
        crossing = np.take(np.take(block, row, out_axis), other, block.ndim - 3 + kept)
        if np.any(crossing):
            return False
    return True


def directions(inputs):
    """A direction to differentiate along: no two of its entries are equal."""
    return tuple(np.linspace(0.5, 1.5, x.size, dtype=x.dtype).reshape(x.shape) for x in inputs)


def by_step(fn, inputs):
    """The derivative along `directions(inputs)` by a step off the real axis."""
    moved = (jax.lax.complex(x, 1e-20 * v) for x, v in zip(inputs, directions(inputs), strict=True))
    return jnp.imag(fn(*moved)) / 1e-20


def along(blocks, inputs):
    """The derivative along `directions(inputs)` by the Jacobians of an example."""
    parts = zip(blocks, directions(inputs), strict=True)
    return sum(np.tensordot(block, v, v.ndim) for block, v in parts)


def test_a_complex_step_passes_where_the_table_says(jacobians):
    # Casts to real types are looked at where a function is traced with complex inputs.
    casts = {"convert_element_type", "reduce_precision"}
    names = [n for n in SMOOTH if PRIMITIVES[n].complex_step and n not in casts]
    for name, found in every(names, by_step).items():
        expected = along(jacobians[name], floats(name)[1])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["abs", "sign", "floor", "erf", "atan2", "cbrt", "real", "rem"])
def test_a_complex_step_is_lost_where_the_table_says(name):
    assert not PRIMITIVES[name].complex_step
    fn, inputs = floats(name)
    try:
        found, expected = by_step(fn, inputs), jax.jvp(fn, inputs, directions(inputs))[1]
    except (TypeError, ValueError, NotImplementedError):
        return  # JAX has no such function of complex numbers
    assert not np.allclose(found, expected, rtol=1e-2) or PRIMITIVES[name].depends == NOTHING


READ = [n for n in SMOOTH if PRIMITIVES[n].read or PRIMITIVES[n].depends == MOVED]


def test_a_formula_has_the_derivative_of_the_primitive(jacobians):
    made = {}
    for name in READ:
        fn, inputs = floats(name)
        made[name] = differentiate(fn, *inputs, argnums=tuple(range(len(inputs)))).program
    run = jax.jit(lambda inputs: {name: made[name](*inputs[name]) for name in made})
    for name, blocks in run({name: floats(name)[1] for name in READ}).items():
        coarse = name in ("convert_element_type", "reduce_precision")
        tolerance = 1e-2 if coarse else 1e-5
        for block, expected in zip(blocks, jacobians[name], strict=True):
            np.testing.assert_allclose(
                np.asarray(block, np.float32),
                np.asarray(expected, np.float32),
                rtol=tolerance,
                atol=tolerance,
                err_msg=name,
            )


DECIDING = ["and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "is_finite"]
DECIDING += ["reduce_and", "reduce_or"]


def test_a_formula_that_is_true_or_false_decides_as_the_primitive_does():
    made, values = {}, {}
    for name in DECIDING:
        fn, *inputs = examples.EXAMPLES[name]
        values[name] = [jnp.where(x, 0.7, 0.2) if x.dtype == bool else x for x in inputs]
        truths = [x.dtype == bool for x in inputs]

        def weighed(*floats, fn=fn, truths=truths):
            seen = [x > 0.5 if truth else x for x, truth in zip(floats, truths, strict=True)]
            return jnp.sum(jnp.where(fn(*seen), 3.0, 2.0)) * jnp.sum(floats[0])

        made[name] = weighed, differentiate(weighed, *values[name]).program
    run = jax.jit(
        lambda values: {
            name: (formula(*values[name]), jax.jacrev(fn)(*values[name]))
            for name, (fn, formula) in made.items()
        }
    )
    for name, (found, expected) in run(values).items():
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=name)


def test_what_the_table_does_not_read_is_refused_by_its_name():
    for name in SMOOTH:
        if not PRIMITIVES[name].read and PRIMITIVES[name].depends != MOVED:
            fn, inputs = floats(name)
            with pytest.raises(UnsupportedError, match="no expression here"):
                differentiate(fn, *inputs)
