"""What is measured runs where its arguments lie, and the record says where that was."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks import compare, explain_nonfinite, flops
from benchmarks.check import float64
from benchmarks.check.directions import random_probe
from benchmarks.comparison import experiment, work
from benchmarks.derivatives.problem import make_problem
from benchmarks.instrument.devices import available_memory, devices_of, mesh_of, on_one_device
from benchmarks.instrument.environment import environment
from benchmarks.structure.choosing import choose

LAST = jax.devices()[-1]
several = pytest.mark.skipif(jax.device_count() < 2, reason="needs several devices")


def card(limit=None, used=0):
    """A device as far as its memory is asked for."""
    stats = {} if limit is None else {"bytes_limit": limit, "bytes_in_use": used}
    return SimpleNamespace(memory_stats=lambda: stats)


def test_memory_is_that_of_the_fullest_of_the_devices_that_are_used():
    assert available_memory([card(100, 10), card(100, 70), card(80)]) == 30
    assert available_memory([card()]) > 1e6  # a CPU tells nothing, the machine does
    assert available_memory() == pytest.approx(available_memory([card()]), rel=0.5)


def rows(axis="data"):
    return NamedSharding(Mesh(np.array(jax.devices()), (axis,)), PartitionSpec(axis))


@several
def test_arrays_that_were_put_somewhere_say_where_a_program_runs():
    loose, put = jnp.ones(3), jax.device_put(jnp.ones(3), LAST)
    assert devices_of([loose, put, "text"]) == (LAST,)
    assert devices_of([loose]) == devices_of() == (jax.devices()[0],)
    spread = jax.device_put(jnp.ones(jax.device_count()), rows())
    assert devices_of({"a": spread}) == tuple(jax.devices())
    assert mesh_of([loose, spread]) == {"data": jax.device_count()}
    assert mesh_of([put]) is None
    assert on_one_device(loose, like=[put]).devices() == {LAST}
    assert on_one_device(loose, like=[loose, spread]) is loose
    with jax.default_device(LAST):
        assert devices_of() == (LAST,)


def cubed(x):
    return jax.lax.platform_dependent(x, cpu=lambda x: x * x * x, default=jnp.sin).sum()


@several
def test_the_first_device_decides_nothing_for_arguments_that_lie_elsewhere(monkeypatch):
    cpu = jax.devices("cpu")[-1]
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")  # which has no float64
    loose, put = jnp.ones(5), jax.device_put(jnp.ones(5), cpu)
    ends = 4  # the sum
    assert flops(cubed, put).low == 10 + ends
    assert flops(cubed, loose).low == 5 + ends
    with jax.default_device(cpu):
        assert flops(cubed, loose).low == 10 + ends
    problem = make_problem(cubed, (put,))
    with float64.in_float64(problem, random_probe(problem, 0)) as (wide, _):
        assert (wide.x[0].devices(), wide.x[0].dtype) == ({cpu}, jnp.float64)
        assert wide.fn(wide.x, wide.fixed).devices() == {cpu}


@several
@pytest.mark.parametrize("place", [jax.device_put, lambda x, device: x])
def test_a_busy_cpu_is_told_where_the_arguments_lie_on_one(place, monkeypatch):
    cpu = jax.devices("cpu")[-1]
    monkeypatch.setattr(choose, "contention", lambda samples: 9.0)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with jax.default_device(cpu):
        problem = make_problem(cubed, (place(jnp.ones(5), cpu),))
        made = {"way": SimpleNamespace(timed=jax.jit(lambda x, fixed: x[0]))}
        _, (doubt,) = choose._measured(made, problem)
    assert doubt.startswith("the machine was busy")


@several
def test_the_record_tells_precision_width_mesh_and_processes():
    with jax.default_matmul_precision("bfloat16"):
        here = environment()
    assert (here["x64"], here["mesh"], here["processes"]) == (False, None, 1)
    assert (here["matmul_precision"], here["devices_used"]) == ("bfloat16", 1)
    spread = jax.device_put(jnp.ones(jax.device_count()), rows("rows"))
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        there = environment([spread])
    assert (there["x64"], there["matmul_precision"]) == (True, "highest")
    assert there["mesh"] == {"rows": jax.device_count()}
    assert there["devices_used"] == there["devices"] == jax.device_count()


@several
def test_a_comparison_runs_checks_and_asks_for_memory_on_the_device_of_its_argument(monkeypatch):
    asked, places = [], {}

    def spied(calls, **options):
        places.update({name: jax.tree.leaves(call()) for name, call in calls.items()})
        return work_interleave(calls, **options)

    def memory(devices):
        asked.append(devices)
        return 10**9

    work_interleave = work.interleave
    monkeypatch.setattr(work, "interleave", spied)
    monkeypatch.setattr(experiment, "available_memory", memory)
    probes = []
    monkeypatch.setattr(
        experiment, "on_one_device", lambda *a: probes.append(on_one_device(*a)) or probes[-1]
    )
    x = jax.device_put(jnp.linspace(0.1, 1.0, 4), LAST)
    found = compare(lambda x: jnp.sin(x), x, methods=["jvp", "vjp", "numerical"], budget=0.05)
    assert asked == [(LAST,)]
    assert {d for leaf in jax.tree.leaves(probes[0]) for d in leaf.devices()} == {LAST}
    assert {"value", "jvp", "vjp", "numerical", work.FLOOR} <= places.keys()
    for name, leaves in places.items():
        assert {device for leaf in leaves for device in leaf.devices()} == {LAST}, name
    assert found.environment["devices_used"] == 1
    assert found.made_by.machine["mesh"] is None
    assert explain_nonfinite(jnp.sqrt, 0 * x[0]).operation == "sqrt"
