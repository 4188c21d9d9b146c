"""Reading HLO: instructions inside fusions, repeated work, library calls, the hash."""

import jax
import jax.numpy as jnp
import pytest
from backends import fused_for_cpus

from benchmarks.program.hlo import Instructions, instructions, program_hash, repeated_work


def of(*shape):
    return jax.ShapeDtypeStruct(shape, "float32")


def chain(x):
    for _ in range(16):
        x = jnp.sin(x)
    return x


def network(w, v, x, y):
    logits = jnp.tanh(x @ w) @ v
    return jnp.mean(-jnp.sum(y * jax.nn.log_softmax(logits), axis=1))


def batch_norm(x, gain, shift):
    centred = (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)
    return jnp.sum(jax.nn.sigmoid(centred * gain + shift) ** 2)


NETWORK = (of(30, 40), of(40, 10), of(16, 30), of(16, 10))


def before_and_after(fn, *inputs):
    lowered = jax.jit(fn).lower(*inputs)
    return instructions(lowered.as_text("hlo")), instructions(str(lowered.compile().as_text()))


TEXT = """
HloModule jit_f, is_scheduled=true

%region_0.1 (a: f32[], b: f32[]) -> f32[] {
  ROOT %add.1 = f32[] add(%a, %b)
}

%fused_computation (param_0: f32[8]) -> f32[8] {
  %param_0 = f32[8]{0} parameter(0)
  %sin.1 = f32[8]{0} sine(%param_0), metadata={op_name="jit(f)/{sin( tanh(\\"" stack_frame_id=3}
  ROOT %tanh.2 = f32[8]{0} tanh(%sin.1)
}

%body (p: (f32[8], s32[])) -> (f32[8], s32[]) {
  %p = (f32[8]{0}, s32[]) parameter(0)
  %get = f32[8]{0} get-tuple-element(%p), index=0
  %once.1 = f32[8]{0} fusion(%get), kind=kLoop, calls=%fused_computation
  %twice.1 = f32[8]{0} fusion(%once.1), kind=kLoop, calls=%fused_computation
  ROOT %out = (f32[8]{0}, s32[]) tuple(%twice.1, %get)
}

%condition (p.1: (f32[8], s32[])) -> pred[] {
  ROOT %less = pred[] constant(true)
}

%side.a (p.2: f32[8]) -> f32[8] {
  ROOT %exp.1 = f32[8]{0} exponential(%p.2)
}

%side.b (p.3: f32[8]) -> f32[8] {
  ROOT %log.1 = f32[8]{0} log(%p.3)
}

ENTRY %main (x.1: f32[8], i.1: s32[]) -> f32[] {
  %x.1 = f32[8]{0} parameter(0)
  %i.1 = s32[] parameter(1)
  %init = (f32[8]{0}, s32[]) tuple(%x.1, %i.1)
  %loop = (f32[8]{0}, s32[]) while(%init), condition=%condition, body=%body
  %got = f32[8]{0} get-tuple-element(%loop), index=0
  %both = f32[8]{0} conditional(%i.1, %got, %got), branch_computations={%side.a, %side.b}
  %lib = (f32[8]{0}, s32[]) custom-call(%both), custom_call_target="lapack_spotrf_ffi"
  %picked = f32[8]{0} get-tuple-element(%lib), index=0
  %zero = f32[] constant(0)
  ROOT %sum = f32[] reduce(%picked, %zero), dimensions={0}, to_apply=%region_0.1
}
"""


def test_instructions_are_counted_through_fusions_loops_and_branches():
    found = instructions(TEXT)
    assert found.expensive == {"exponential": 1, "log": 1, "sine": 2, "tanh": 2}
    assert found.fused == {"sine": 2, "tanh": 2}
    assert found.library == {"lapack_spotrf_ffi": 1}


def test_a_compiled_program_has_the_instructions_that_it_was_written_with():
    before, after = before_and_after(network, *NETWORK)
    assert before.expensive["tanh"] == after.expensive["tanh"] == 1
    assert before.expensive["exponential"] == after.expensive["exponential"] == 1
    assert before.expensive["dot"] == 2
    assert before.library == {}


@fused_for_cpus
def test_the_recomputation_in_the_jvp_of_a_chain_of_sines_is_found():
    def pushed(x, v):
        return jax.jvp(lambda x: jnp.sum(chain(x)), (x,), (v,))

    before, after = before_and_after(pushed, of(100_000), of(100_000))
    assert before.expensive == {"cosine": 16, "sine": 16}
    sines = after.fused["sine"]
    assert sines > 24
    told = f"{sines} `sine` instructions where the program has 16: recomputed inside fusions"
    assert repeated_work(before, after) == told


@fused_for_cpus
@pytest.mark.parametrize(
    ("fn", "inputs"),
    [
        (network, NETWORK),
        (jax.value_and_grad(network, (0, 1)), NETWORK),
        (jax.jacfwd(network), NETWORK),
        (jax.value_and_grad(batch_norm), (of(64, 32), of(32), of(32))),
        (lambda x: jax.lax.lgamma(x) + jax.lax.erf_inv(x), (of(100),)),
        (chain, (of(100_000),)),
    ],
    ids=["network", "gradient", "forward", "batch norm", "special functions", "chain"],
)
def test_a_program_without_repeated_work_is_not_said_to_repeat_any(fn, inputs):
    assert repeated_work(*before_and_after(fn, *inputs)) is None


def test_an_instruction_that_xla_rewrites_does_not_count_as_repeated():
    before = Instructions({"logistic": 3, "sqrt": 4, "rsqrt": 1}, {}, {})
    after = {"exponential": 3, "divide": 3, "rsqrt": 5}
    assert repeated_work(before, Instructions(after, after, {})) is None


def test_work_outside_fusions_does_not_count_as_repeated():
    assert repeated_work(Instructions({"dot": 2}, {}, {}), Instructions({"dot": 9}, {}, {})) is None


def test_library_calls_are_listed_by_their_target():
    _, after = before_and_after(jnp.linalg.cholesky, of(6, 6))
    assert any("potrf" in target for target in after.library)


def test_the_hash_ignores_names_and_places_and_nothing_else():
    def compiled(fn, *inputs):
        return program_hash(str(jax.jit(fn).lower(*inputs).compile().as_text()))

    def first(x):
        return jnp.sum(jnp.sin(x) * 2.0)

    def second(other):
        y = jnp.sin(other)
        return jnp.sum(y * 2.0)

    assert compiled(first, of(7)) == compiled(second, of(7))
    assert compiled(first, of(7)) != compiled(first, of(8))
    assert compiled(first, of(7)) != compiled(lambda x: jnp.sum(jnp.cos(x) * 2.0), of(7))
    assert compiled(first, of(7)) != compiled(lambda x: jnp.sum(jnp.sin(x) * 3.0), of(7))


def test_the_hash_strips_metadata_with_braces_and_quotes_in_it():
    moved = TEXT.replace('{sin( tanh(\\"" stack_frame_id=3', 'elsewhere" stack_frame_id=4')
    assert moved != TEXT
    assert program_hash(moved) == program_hash(TEXT)
    assert program_hash(TEXT.replace("%sin.1", "%renamed")) == program_hash(TEXT)
    assert program_hash(TEXT.replace("sine(", "cosine(")) != program_hash(TEXT)


@pytest.mark.parametrize(("count", "told"), [(4, False), (5, False), (6, True), (12, True)])
def test_repetition_is_told_from_one_and_a_half_times_on(count, told):
    before = Instructions({"sine": 4}, {}, {})
    after = Instructions({"sine": count}, {"sine": count}, {})
    assert (repeated_work(before, after) is not None) == told
