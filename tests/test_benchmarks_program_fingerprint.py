"""The hash of a traced program changes with what it computes, and with nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.ad_checkpoint import checkpoint_name

from benchmarks.program.fingerprint import array_hash, fingerprint

ROOT = Path(__file__).parent.parent
X = jnp.linspace(0.1, 1.0, 3)


def hashed(fn, *inputs):
    return fingerprint(jax.make_jaxpr(fn)(*(inputs or (X,))))


def vjp_rule(factor):
    @jax.custom_vjp
    def same(x):
        return x

    same.defvjp(lambda x: (x, None), lambda _, cotangent: (factor * cotangent,))
    return same


def jvp_rule(factor):
    @jax.custom_jvp
    def same(x):
        return x

    same.defjvp(lambda primals, tangents: (primals[0], factor * tangents[0]))
    return lambda x: jax.lax.scan(lambda carry, _: (same(carry), None), x, None, length=3)[0]


def recomputed(kept):
    policy = jax.checkpoint_policies.save_only_these_names(kept)
    return jax.checkpoint(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), "inner")), policy=policy)


def table(entry):
    return lambda x: x + np.array([1.0, entry, 3.0], np.float32)


def drawn(seed):
    key = jax.random.key(seed)
    return lambda x: x + jax.random.normal(key, x.shape)


def looped(length):
    return lambda x: jax.lax.fori_loop(0, length, lambda _, carry: jnp.sin(carry), x)


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (lambda factor: lambda x: factor * x, 2.0, 3.0),
        (vjp_rule, 1.0, 2.0),
        (jvp_rule, 1.0, 2.0),
        (recomputed, "inner", "outer"),
        (table, 2.0, 5.0),
        (drawn, 0, 1),
        (looped, 3, 4),
        (lambda axis: lambda x: jnp.sum(jnp.outer(x, x), axis), 0, 1),
        (lambda shape: lambda x: x + jnp.zeros(shape), 3, (2, 3)),
    ],
)
def test_the_hash_changes_with_the_function_its_rules_and_its_constants(make, one, other):
    assert hashed(make(one)) == hashed(make(one))
    assert hashed(make(one)) != hashed(make(other))


def test_the_hash_changes_with_shapes_and_types():
    assert len({hashed(jnp.sin, x) for x in (X, X[:2], X.astype(jnp.float16))}) == 3


def test_a_function_that_runs_unseen_code_has_no_hash():
    def callback(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    assert hashed(callback) is None
    assert hashed(lambda x: jax.lax.cond(x[0] > 0, callback, jnp.sin, x)) is None


def test_the_hash_is_the_same_in_another_process_and_with_another_name_and_on_another_line():
    script = """


import jax, jax.numpy as jnp
from benchmarks.program.fingerprint import fingerprint
@jax.jit
def other_name(y):
    return jax.nn.relu(y) @ jax.jit(jnp.sin)(y)
print(fingerprint(jax.make_jaxpr(other_name)(jnp.ones(3))))
"""
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = hashed(jax.jit(lambda x: jax.nn.relu(x) @ jax.jit(jnp.sin)(x)), jnp.ones(3))
    assert done.stdout.strip() == here


def test_arrays_of_other_numbers_types_or_shapes_have_another_hash():
    arrays = [
        np.arange(6.0),
        np.arange(6.0)[::-1],
        np.arange(6.0, dtype=np.float32),
        np.arange(6.0).reshape(2, 3),
        jnp.arange(6.0, dtype=jnp.bfloat16),
        np.float64(6.0),
        jax.random.key(0),
        jax.random.key(1),
    ]
    assert len({array_hash([each]) for each in arrays}) == len(arrays)
    assert array_hash([np.arange(6.0).reshape(2, 3).T]) == array_hash(
        [np.ascontiguousarray(np.arange(6.0).reshape(2, 3).T)]
    )
