"""FLOPs against closed forms, and against XLA's count where that one is right."""

import math

import jax
import jax.numpy as jnp
import pytest
from backends import ON_CPU, counted_by_xla
from jax.sharding import PartitionSpec

from benchmarks.instrument.compile import xla_operations
from benchmarks.program.flops import Flops, flops, why_xla_differs


def of(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


def xla(fn, *inputs):
    return xla_operations(jax.jit(fn).lower(*inputs).compile().cost_analysis() or {})


def conv(x, k):
    return jax.lax.conv(x, k, (2, 2), "SAME")


def chain(x, length):
    return jax.lax.scan(lambda c, _: (jnp.sin(c) * 2.0, None), x, None, length=length)[0]


CLOSED_FORMS = {
    "matmul": (jnp.matmul, (of(3, 4), of(4, 5)), 2 * 3 * 4 * 5),
    "batched matmul": (jax.vmap(jnp.dot), (of(7, 3, 4), of(7, 4, 5)), 7 * 2 * 3 * 4 * 5),
    "convolution": (
        lambda x, k: jax.lax.conv(x, k, (1, 1), "VALID"),
        (of(2, 3, 8, 9), of(4, 3, 3, 2)),
        2 * (2 * 4 * 6 * 8) * (3 * 3 * 2),
    ),
    "elementwise": (lambda x: (x + 1.0) * x - x, (of(3, 5),), 3 * 15),
    "transcendental": (jnp.tanh, (of(3, 5),), 15),
    "sum": (lambda x: jnp.sum(x, axis=0), (of(3, 5),), 10),
    "power of seven": (lambda x: x**7, (of(3, 5),), 4 * 15),
    "power of minus two": (lambda x: x**-2, (of(3, 5),), 2 * 15),
    "cumulative sum": (lambda x: jnp.cumsum(x, axis=1), (of(3, 5),), 3 * 4),
    "sort": (lambda x: jax.lax.sort(x), (of(3, 8),), 3 * 8 * 3),
    "scatter add": (
        lambda x, i, u: jax.lax.scatter_add(
            x,
            i,
            u,
            jax.lax.ScatterDimensionNumbers((1,), (0,), (0,)),
        ),
        (of(7, 5), of(2, 1, dtype="int32"), of(2, 5)),
        10,
    ),
    "gather": (lambda x: x[jnp.array([2, 0])].T.reshape(-1), (of(3, 5),), 2 * 3),  # wraps indices
    "reduction by a function": (
        lambda x: jax.lax.reduce(x, 1.0, lambda a, b: a * b + 1.0, (0,)),
        (of(3, 5),),
        10 * 2,
    ),
    "pooling by a function": (
        lambda x: jax.lax.reduce_window(x, 1.0, lambda a, b: a * b + 1.0, (2, 2), (2, 2), "VALID"),
        (of(4, 6),),
        6 * 3 * 2,
    ),
    "pooling": (
        lambda x: jax.lax.reduce_window(x, -math.inf, jax.lax.max, (2, 2), (2, 2), "VALID"),
        (of(4, 6),),
        6 * 3,
    ),
    "scan": (lambda x: chain(x, 13), (of(5),), 13 * 10),
    "fori_loop with static bounds": (
        lambda x: jax.lax.fori_loop(0, 13, lambda _, c: c * 2.0, x),
        (of(5),),
        13 * 5,  # the counter is not needed
    ),
    "jit, remat and custom rules": (
        jax.jit(jax.checkpoint(lambda x: jax.nn.relu(x * 2.0))),
        (of(5),),
        10,
    ),
    "composite": (jax.lax.composite(lambda x: x * x, "square"), (of(5),), 5),
    "dead code": (lambda x: (jnp.sin(x), x + 1.0)[1], (of(5),), 5),
    "fft": (jnp.fft.fft, (of(8, dtype="complex64"),), 5 * 8 * 3),
    "cholesky": (
        lambda a: jax.lax.linalg.cholesky(a, symmetrize_input=False),
        (of(2, 9, 9),),
        2 * (9**3 // 3) + 2 * 2 * 81,  # and the mask that clears the upper triangle
    ),
    "lu": (lambda a: jax.lax.linalg.lu(a)[0], (of(6, 6),), 2 * 6**3 // 3),
    "qr": (lambda a: jax.lax.linalg.qr(a, full_matrices=False), (of(9, 6),), 2 * 2 * 36 * (9 - 2)),
    "householder product": (
        jax.lax.linalg.householder_product,
        (of(9, 6), of(6)),
        2 * 36 * (9 - 2),
    ),
    "triangular solve": (
        lambda a, b: jax.lax.linalg.triangular_solve(a, b, left_side=True),
        (of(4, 4), of(4, 3)),
        4 * 4 * 3,
    ),
    "singular values": (
        lambda a: jax.lax.linalg.svd(a, compute_uv=False),
        (of(9, 6),),
        4 * 9 * 36 - 4 * 6**3 // 3,
    ),
    "svd, thin": (
        lambda a: jax.lax.linalg.svd(a, full_matrices=False),
        (of(6, 9),),
        14 * 9 * 36 + 8 * 6**3,
    ),
    "svd, full": (
        jax.lax.linalg.svd,
        (of(9, 6),),
        4 * 81 * 6 + 8 * 9 * 36 + 9 * 6**3,
    ),
    "eigh": (
        lambda a: jax.lax.linalg.eigh(a, symmetrize_input=False)[1],
        (of(4, 4),),
        9 * 4**3,
    ),
    "tridiagonal solve": (jax.lax.linalg.tridiagonal_solve, (*(of(7),) * 3, of(7, 2)), 7 * 13),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_count_is_the_closed_form(name):
    fn, inputs, expected = CLOSED_FORMS[name]
    counted = flops(fn, *inputs)
    assert counted.known
    assert (counted.low, counted.mean, counted.high) == (expected, expected, expected)


AS_XLA = {
    "network": (lambda w, v, x: jnp.sum(jnp.tanh(x @ w) @ v), of(30, 40), of(40, 10), of(16, 30)),
    "strided, padded convolution": (conv, of(2, 3, 8, 9), of(4, 3, 3, 3)),
    "grouped convolution": (
        lambda x, k: jax.lax.conv_general_dilated(
            x, k, (1, 1), "SAME", feature_group_count=3, rhs_dilation=(2, 1)
        ),
        of(2, 3, 8, 9),
        of(6, 1, 3, 3),
    ),
    "gradient of a convolution": (
        jax.grad(lambda x, k: jnp.sum(conv(x, k))),
        of(2, 3, 8, 9),
        of(4, 3, 3, 3),
    ),
}


@counted_by_xla
@pytest.mark.parametrize("name", AS_XLA)
def test_the_count_is_that_of_xla_where_xla_is_right(name):
    fn, *inputs = AS_XLA[name]
    counted = flops(fn, *inputs)
    assert counted.mean == pytest.approx(xla(fn, *inputs), rel=0.02)
    assert why_xla_differs(counted, xla(fn, *inputs)) is None


def test_transcendental_operations_are_counted_and_told_apart():
    counted = flops(lambda x: jnp.exp(x) * 2.0 + jnp.sqrt(x), of(3, 5))
    assert (counted.high, counted.transcendental) == (60, 30)


def test_a_scan_of_100_costs_exactly_ten_times_a_scan_of_10():
    ten, hundred = (flops(lambda x, n=n: chain(x, n), of(7)) for n in (10, 100))
    assert hundred.mean == 10 * ten.mean > 0
    assert flops(lambda x: chain(x, 0), of(7)).mean == 0


def test_an_unused_result_of_a_scan_is_not_counted():
    def both(x):
        return jax.lax.scan(lambda c, _: (c + 1.0, jnp.sin(c)), x, None, length=6)

    assert flops(lambda x: both(x)[0], of(5)).mean == 6 * 5
    assert flops(both, of(5)).mean == 6 * 10


def test_a_branch_is_a_range_with_its_mean():
    def fn(x):
        return jax.lax.switch(1 + x[0].astype(int), [jnp.sin, lambda x: x * x * x, jnp.exp], x)

    counted = flops(lambda x: jax.lax.cond(x[0] > 0, jnp.sin, lambda x: x * x * x, x), of(5))
    test = 2  # the comparison and its cast to an index
    assert (counted.low, counted.mean, counted.high) == (test + 5, test + 7.5, test + 10)
    assert flops(fn, of(5)).mean == pytest.approx(flops(fn, of(5)).low + 5 / 3)


def test_a_choice_by_platform_is_no_branch():
    def fn(x):
        return jax.lax.platform_dependent(x, cpu=lambda x: x * x * x, default=jnp.sin)

    operations = 10 if ON_CPU else 5
    assert flops(fn, of(5)).low == flops(fn, of(5)).high == operations


def test_what_cannot_be_counted_is_unknown_and_named_with_its_line():
    loop = flops(lambda x: jax.lax.while_loop(lambda c: c[0] < 3, lambda c: c * 2, x), of(5))
    assert not loop.known
    assert loop.unknown[0].startswith("while at test_benchmarks_program_flops.py:")
    assert str(loop).startswith("unknown (at least 1;")

    def calls_back(x):
        return jax.pure_callback(lambda y: y, x, x) + 1.0

    assert flops(calls_back, of(5)).unknown[0].startswith("pure_callback at")
    sharp = jax.random.key(0, impl="rbg")
    assert flops(lambda k: jax.random.bits(k, (3,)), sharp).unknown[0].startswith("random_bits")
    assert flops(lambda k: jax.random.bits(k, (3,)), jax.random.key(0)).known


def test_every_device_of_a_shard_map_is_counted():
    mesh = jax.sharding.AbstractMesh((4,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))

    def fn(x, spec):
        return jax.shard_map(lambda x: x * x, mesh=mesh, in_specs=spec, out_specs=spec)(x)

    assert flops(lambda x: fn(x, PartitionSpec("i")), of(8)).mean == 8
    assert flops(lambda x: fn(x, PartitionSpec()), of(8)).mean == 4 * 8


def test_a_difference_from_the_count_of_xla_is_explained():
    loop = flops(lambda x: chain(x, 10), of(1000))
    assert "once" in str(why_xla_differs(loop, xla(lambda x: chain(x, 10), of(1000))))
    library = flops(jnp.linalg.cholesky, of(64, 64))
    assert "LAPACK" in str(why_xla_differs(library, xla(jnp.linalg.cholesky, of(64, 64))))
    assert str(why_xla_differs(loop, 2002.0)).startswith("XLA counts 2,002 of 20,000 operations")
    assert "simplified" in str(why_xla_differs(Flops(low=20, mean=20, high=20, as_xla=20), 10.0))
    assert "repeats work" in str(why_xla_differs(Flops(low=20, mean=20, high=20, as_xla=20), 30.0))
    assert "lower bound" in str(why_xla_differs(Flops(unknown=("while at a.py:1 (f)",)), 30.0))
    assert "no figure" in str(why_xla_differs(loop, xla_operations({"flops": -1.0})))


def test_a_count_that_agrees_with_xla_is_not_explained():
    assert why_xla_differs(Flops(low=10, mean=15, high=20), 18.0) is None
    assert why_xla_differs(Flops(low=100, mean=100, high=100), 101.0) is None
