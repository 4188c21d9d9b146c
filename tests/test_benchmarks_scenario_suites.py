"""What the suites are there to show, by counting: residuals, operations, instructions."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks.instrument.fits import growth_exponent
from benchmarks.scenarios import jacobian, memory, tridiagonal
from benchmarks.scenarios.pathologies import functions
from benchmarks.scenarios.table import SUITES

LENGTHS = (16, 64, 256, 1024)


@pytest.mark.parametrize("suite", SUITES)
def test_every_size_has_cases_that_are_named_after_their_suite(suite):
    for size in ("small", "medium", "large"):
        names = list(SUITES[suite](size))
        assert names
        assert all(name.startswith(f"{suite}/") for name in names)


def kept(policy: str, length: int) -> int:
    """Bytes that reverse mode keeps of a scan of that length, found without running it."""
    weights = jnp.ones((5, 5)), jnp.ones((5, 5))
    xs = jnp.ones((length, 5))

    def loss(weights):
        def step(state, x):
            return memory.gated_step(state + x, weights)

        return jnp.sum(memory.scan(memory.POLICIES[policy], step, xs[:3], xs))

    residuals = jax.tree.leaves(jax.eval_shape(lambda weights: jax.vjp(loss, weights)[1], weights))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in residuals)


def test_what_reverse_mode_keeps_grows_with_the_length_and_less_under_checkpoints():
    found = {policy: [kept(policy, length) for length in LENGTHS] for policy in memory.POLICIES}
    assert abs(growth_exponent(LENGTHS, found["none"]).value - 1) < 0.05
    for index in range(len(LENGTHS)):
        assert found["steps"][index] < found["steps_but_gates"][index] < found["none"][index]
        assert found["blocks"][index] < found["none"][index]
    # Of blocks only the inputs are kept: beside the sequence itself, sqrt(T) states.
    for policy in ("blocks", "blocks_and_steps"):
        sequence = [4 * 5 * length for length in LENGTHS]
        states = [each - own for each, own in zip(found[policy], sequence, strict=True)]
        assert growth_exponent(LENGTHS, states).value < 0.6


def operations(fn, *inputs) -> float:
    """The arithmetic in `fn` as it is written."""
    return (jax.jit(fn).lower(*inputs).cost_analysis() or {})["flops"]


def test_bottleneck_cut_at_its_waist_does_a_fraction_of_either_mode():
    inputs = jnp.ones(64), jnp.ones((64, 64)), jnp.ones((64, 64))
    cut = operations(jacobian.bottleneck_cut, *inputs)
    for mode in (jax.jacfwd, jax.jacrev):
        assert cut < 0.2 * operations(mode(jacobian.bottleneck), *inputs)


def test_compressed_stencil_costs_three_directions_at_any_length():
    def compressed(x):
        return tridiagonal.compressed(lambda t: jax.jvp(jacobian.stencil, (x,), (t,))[1], x)

    ratios = [
        operations(compressed, jnp.ones(n)) / operations(jacobian.stencil, jnp.ones(n))
        for n in (12, 300)
    ]
    assert max(ratios) < 15
    assert operations(jax.jacfwd(jacobian.stencil), jnp.ones(300)) > 100 * ratios[1]


def test_fused_sines_are_computed_more_often_than_a_scan_does():
    x = jnp.ones(1000)

    def instructions(fn):
        program = jax.jit(lambda x, tangent: jax.jvp(fn, (x,), (tangent,))).lower(x, x)
        return (program.compile().as_text() or "").count(" sine(")

    assert instructions(functions.sines) > 16
    assert instructions(functions.sines_scan) == 1
