"""What the suites show, by counts that do not depend on time: residuals, operations, sines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import counted_by_xla, fused_for_cpus

from benchmarks.instrument.fits import growth_exponent
from benchmarks.scenarios import jacobian, memory, tridiagonal
from benchmarks.scenarios.pathologies import functions
from benchmarks.scenarios.table import SUITES

LENGTHS = (16, 64, 256, 1024)


@pytest.mark.parametrize("suite", SUITES)
def test_every_size_has_scenarios_that_are_named_after_their_suite(suite):
    for size in ("small", "medium", "large"):
        names = list(SUITES[suite](size))
        assert names
        assert all(name.startswith(f"{suite}/") for name in names)


def residual_bytes(policy: str, length: int) -> int:
    """The bytes that reverse mode stores of a scan, found without running it."""
    weights = jnp.ones((5, 5)), jnp.ones((5, 5))
    xs = jnp.ones((length, 5))

    def loss(weights):
        def step(state, x):
            return memory.gated_step(state + x, weights)

        return jnp.sum(memory.scan(memory.POLICIES[policy], step, xs[:3], xs))

    residuals = jax.tree.leaves(jax.eval_shape(lambda weights: jax.vjp(loss, weights)[1], weights))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in residuals)


def test_the_residuals_of_a_scan_grow_with_its_length_and_less_under_checkpoints():
    stored = {
        policy: [residual_bytes(policy, length) for length in LENGTHS] for policy in memory.POLICIES
    }
    assert abs(growth_exponent(LENGTHS, stored["none"]).value - 1) < 0.05
    for index in range(len(LENGTHS)):
        assert stored["steps"][index] < stored["steps_but_gates"][index] < stored["none"][index]
        assert stored["blocks"][index] < stored["none"][index]
    # Of blocks only the inputs are stored: beside the sequence itself, sqrt(T) states.
    for policy in ("blocks", "blocks_and_steps"):
        sequence = [4 * 5 * length for length in LENGTHS]
        states = np.array(stored[policy]) - sequence
        assert growth_exponent(LENGTHS, states).value < 0.6


def operations(fn, *inputs) -> float:
    """The operations in `fn` as it is written, before XLA optimizes it."""
    return (jax.jit(fn).lower(*inputs).cost_analysis() or {})["flops"]


@counted_by_xla
def test_the_cut_bottleneck_takes_a_fraction_of_the_operations_of_either_mode():
    inputs = jnp.ones(64), jnp.ones((64, 64)), jnp.ones((64, 64))
    cut = operations(jacobian.bottleneck_cut, *inputs)
    for mode in (jax.jacfwd, jax.jacrev):
        assert cut < 0.2 * operations(mode(jacobian.bottleneck), *inputs)


@counted_by_xla
def test_the_compressed_stencil_costs_three_directions_at_any_length():
    def compressed(x):
        return tridiagonal.compressed(lambda t: jax.jvp(jacobian.stencil, (x,), (t,))[1], x)

    ratios = [
        operations(compressed, jnp.ones(n)) / operations(jacobian.stencil, jnp.ones(n))
        for n in (12, 300)
    ]
    assert max(ratios) < 15
    assert operations(jax.jacfwd(jacobian.stencil), jnp.ones(300)) > 100 * ratios[1]


@fused_for_cpus
def test_xla_computes_fused_sines_more_often_than_those_of_a_scan():
    x = jnp.ones(1000)

    def sines_in(fn):
        program = jax.jit(lambda x, tangent: jax.jvp(fn, (x,), (tangent,))).lower(x, x)
        return (program.compile().as_text() or "").count(" sine(")

    assert sines_in(functions.sines) > 16
    assert sines_in(functions.sines_scan) == 1
