"""Functions of arrays on a mesh: what their derivatives send, and what the figures mean."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from benchmarks import compare, diff, load
from benchmarks.program.collectives import Collective, collectives, counted, devices_of


def on_mesh(array, *axes):
    mesh = Mesh(np.array(jax.devices()[:4]), ("data",), axis_types=(AxisType.Auto,))
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec(*axes)))


def test_what_a_program_sends_is_read_with_its_bytes():
    x = on_mesh(np.ones((8, 6), np.float32), "data")
    whole = NamedSharding(x.sharding.mesh, PartitionSpec())
    total = jax.jit(lambda x: x.sum(axis=0)).lower(x).compile().as_text()
    assert devices_of(total) == 4
    assert collectives(total) == [Collective("all-reduce", 6 * 4)]
    bytes_alone = x.astype(jnp.int8)
    gathered = jax.jit(lambda x: x, out_shardings=whole).lower(bytes_alone).compile().as_text()
    assert counted(collectives(gathered)) == {"all-gather": (1, 8 * 6)}
    alone = jax.jit(jnp.sin).lower(1.0).compile().as_text()
    assert (devices_of(alone), collectives(alone)) == (1, [])
    # A collective that is started apart shows its operand and its result, several arrays both.
    assert collectives("%a = (f32[2], f32[8]) all-gather-start(%x)") == [
        Collective("all-gather", 32)
    ]
    several = "%a = (f32[2]{0}, pred[3]) all-reduce(%x, %y)"
    assert collectives(several) == [Collective("all-reduce", 11)]


@pytest.mark.usefixtures("nothing_is_too_slow")
def test_compare_says_that_forward_needs_no_all_reduce_and_reverse_one(tmp_path):
    rows = on_mesh(np.arange(64, dtype=np.int32), "data")
    factor = on_mesh(np.float32(0.5))
    comparison = compare(lambda factor, rows: jnp.sin(rows * factor), factor, rows, budget=0.05)
    notes = {row.method: row.note for row in comparison.rows}
    assert notes["forward"].startswith("each of 4 devices sends nothing")
    assert "each of 4 devices sends 256 B in 1 all-reduce" in notes["reverse"]  # 64 cotangents
    assert "forward needs no all-reduce, reverse one" in comparison.notes
    assert "memory and XLA's count of operations are those of one of 4 devices" in comparison.notes
    value = next(row for row in comparison.rows if row.method == "value")
    assert value.memory.output == 64 * 4 / 4  # of one device
    assert (value.sent_bytes, comparison.row("forward").sent_bytes) == (0, 0)
    reverse = comparison.row("reverse")
    assert reverse.sent_bytes == 64 * 4
    comparison.save(tmp_path / "mesh.json")
    saved = load(tmp_path / "mesh.json")
    assert saved.row("reverse").sent_bytes == 64 * 4
    less = dataclasses.replace(reverse, sent_bytes=0)
    rows = [less if row.method == "reverse" else row for row in comparison.rows]
    changed = diff(saved, dataclasses.replace(comparison, rows=tuple(rows)))
    told = [row.note for row in changed.rows if "each device sends" in row.note]
    assert len(told) == 1
    assert "each device sends 0 B, not 256 B" in told[0]
