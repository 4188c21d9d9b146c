"""Training on several devices: what each computes and sends, and that it is the same network.

The table is that of tests/mesh_table.py, of which a sample always runs.
"""

import json
import math
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import jax
import mesh_table
import numpy as np
import optax
import pytest
import train_problem
from four_devices import needs_four_devices
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from train_problem import least_squares
from users_process import ROOT

import nn
import train

pytestmark = needs_four_devices
SAMPLE = ["dense-Auto-data", "accumulate-Auto-fsdp", "attention-Explicit-model"]
TABLE = [
    pytest.param(case, marks=[] if case in SAMPLE else pytest.mark.nightly)
    for case in mesh_table.CASES
]
DEVICES = {"data": 8, "fsdp": 8, "model": 4}  # that the rows of a batch are spread over


@cache
def measured(*cases):
    script = Path(__file__).with_name("mesh_table.py")
    child = subprocess.run(
        [sys.executable, str(script), *cases], cwd=ROOT, capture_output=True, text=True,
        env=mesh_table.environment(),
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    found = map(json.loads, child.stdout.splitlines())
    return {case["case"]: case for case in found}


def found_of(case, items):
    here = [item for item in items if item.path == Path(__file__) and hasattr(item, "callspec")]
    wanted = [item.callspec.params["case"] for item in here if "case" in item.callspec.params]
    return measured(*dict.fromkeys(wanted))[case]


@pytest.mark.parametrize("case", TABLE)
def test_each_device_computes_its_rows_and_sends_gradients_statistics_and_numbers(case, request):
    found = found_of(case, request.session.items)
    layer, kind, mesh = case.split("-")
    assert found["error"] < 1e-6

    # Of no product has a device more rows than its own.
    batch, own = mesh_table.BATCH, mesh_table.BATCH // DEVICES[mesh]
    of_all = {batch, batch * mesh_table.STEPS_IN_TIME}
    assert found["dots"] or layer == "embedding"
    assert not [shape for shape in found["dots"] if of_all & set(shape)]

    # What lies on a device is a part of the parameters, and of what the optimizer remembers.
    assert found["momentum"] == found["parts"]
    assert any(part != whole for part, whole in pairs(found)) == (mesh != "data")

    sent = [(sort, tuple(shape)) for sort, shape in found["collectives"]]
    if layer == "global":  # sends the batch
        return
    assert not [shape for _, shape in sent if of_all & set(shape)]
    if mesh == "model":
        return  # sends what a device's own rows come to, too
    assert not [shape for _, shape in sent if own in shape or own * 3 in shape]
    # Each weight is gathered once, and each gradient summed once; of `repeat` one copy at a time,
    # though on Auto axes all copies are gathered together.
    copies = 2 if layer == "repeat" else 1
    at_once = copies if kind == "Explicit" else 1
    gathered = Counter(math.prod(shape) for sort, shape in sent if sort == "all-gather")
    wholes = Counter(math.prod(whole) // at_once for part, whole in pairs(found) if part != whole)
    assert not wholes - gathered if mesh == "fsdp" else not gathered
    summed = Counter(math.prod(shape) for sort, shape in sent if sort == "all-reduce")
    assert not Counter(math.prod(whole) // copies for _, whole in pairs(found)) - summed


def pairs(found):
    return list(zip(found["parts"], found["params"], strict=True))


def test_the_rows_of_a_batch_come_from_the_blocks_of_all_devices_and_each_row_comes_once():
    for rows, batch_size, devices in ((23, 7, 4), (3, 2, 8), (4100, 512, 2)):
        orders = []
        for epoch in (0, 1):
            indices, mask = map(
                np.asarray,
                train.data.shuffle(jax.random.key(5), epoch, rows, batch_size, devices=devices),
            )
            assert sorted(indices[mask].tolist()) == list(range(rows))
            assert mask.sum(axis=1).tolist()[:-1] == [batch_size] * (-(-rows // batch_size) - 1)
            ends = np.cumsum([len(block) for block in np.array_split(np.arange(rows), devices)])
            blocks = np.searchsorted(ends, indices, side="right").reshape(len(mask), devices, -1)
            of_device = np.broadcast_to(np.arange(devices)[:, None], blocks.shape[1:])
            shown = mask.reshape(blocks.shape)
            assert all((blocks[step] == of_device)[shown[step]].all() for step in range(len(mask)))
            orders.append(indices[mask].tolist())
        assert orders[0] != orders[1] or rows < 5


def mesh_of(kind, devices=4):
    return Mesh(np.array(jax.devices()[:devices]), ("data",), axis_types=(kind,))


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_rows_that_the_devices_do_not_divide_are_padded_and_masked(kind):
    rows = NamedSharding(mesh_of(kind), PartitionSpec("data"))
    x, y = np.arange(7.0, dtype="f4"), np.arange(7.0, dtype="f4") ** 2

    def objective(params, state, batch, *, key=None, train=False):
        figure = mean((batch.y - params * batch.x) ** 2, where=batch.mask)
        return figure.value, (state, {"loss": figure})

    mean = train.metrics.mean
    train_state = train.init(np.float32(2.0), (), optax.sgd(0.001))
    value = train.evaluate(objective, train_state, (x, y), batch_size=3, sharding=rows)["loss"]
    np.testing.assert_allclose(value, ((y - 2 * x) ** 2).mean(), rtol=1e-6)
    double = train.predict(lambda p, x: p * x, train_state, x, batch_size=3, sharding=rows)
    np.testing.assert_array_equal(double, 2 * x)
    fitted, _ = train.fit(
        jax.random.key(1), train_state, objective, optax.sgd(0.001), (x, y), epochs=1, batch_size=3,
        sharding=rows, progress=False,
    )  # fmt: skip
    params = 2.0
    for indices, mask in zip(
        *map(np.asarray, train.data.shuffle(jax.random.key(1), 0, 7, 3, devices=4)), strict=True
    ):
        a, b = x[indices[mask]], y[indices[mask]]
        params += 0.001 * 2 * ((b - params * a) * a).mean()
    np.testing.assert_allclose(fitted.params, params, rtol=1e-6)


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_a_mesh_of_one_device_trains_as_no_mesh_does(kind):
    mesh, key = mesh_of(kind, devices=1), jax.random.key(0)
    optimizer, data = train_problem.optimizer(), train_problem.data(rows=16)
    objective, start = train_problem.linear()
    options = {"epochs": 2, "batch_size": 5, "validation": data}
    plain, _ = train.fit(key, start, objective, optimizer, data, **options)
    on_mesh = jax.device_put(data, NamedSharding(mesh, PartitionSpec("data")))
    options["validation"] = on_mesh
    found, _ = train.fit(key, start, objective, optimizer, on_mesh, **options)
    np.testing.assert_allclose(found.params.weight, plain.params.weight, rtol=1e-6)
    loss = train.evaluate(objective, found, on_mesh, batch_size=5)["loss"]
    plain_loss = train.evaluate(objective, plain, data, batch_size=5)["loss"]
    np.testing.assert_allclose(loss, plain_loss, rtol=1e-6)


def test_a_run_without_jit_takes_the_rows_from_where_they_lie():
    """`jit`, which `make_run` calls within, hides over which of two axes they are spread."""
    devices = np.array(jax.devices()[:4]).reshape(2, 2)
    mesh = Mesh(devices, ("model", "data"), axis_types=(AxisType.Auto,) * 2)
    x = np.random.default_rng(2).normal(size=(5, 2)).astype("f4")
    y, optimizer = x[:, 0], optax.sgd(0.1)

    def objective(params, state, batch, *, key=None, train=False):
        figure = mean((batch.x @ params - batch.y) ** 2, where=batch.mask)
        return figure.value, (state, {"loss": figure})

    mean = train.metrics.mean
    start = train.init(np.ones(2, "f4"), (), optimizer)
    spread = jax.device_put(start, NamedSharding(mesh, PartitionSpec()))  # rows go over both
    run = train.make_run(objective, optimizer, epochs=1, batch_size=5)
    fitted, history = run(jax.random.key(0), spread, (x, y), (x, y))
    np.testing.assert_allclose(fitted.params, 1 - 0.2 * x.T @ (x.sum(axis=1) - y) / 5, rtol=1e-5)
    error = ((x @ np.asarray(fitted.params) - y) ** 2).mean()
    np.testing.assert_allclose(history["validation_loss"], [error], rtol=1e-5)


@pytest.mark.parametrize("source", ["arrays", "stream"])
def test_a_train_state_on_other_devices_than_the_rows_is_told(source):
    state = train.init(np.ones((2, 1), "f4"), (), optax.sgd(0.1))
    x, few = np.ones((4, 2), "f4"), mesh_of(AxisType.Auto, 2)
    data = x, x[:, :1]
    rows = NamedSharding(few, PartitionSpec("data"))

    def objective(params, state, batch, *, key=None, train=False):
        return ((batch.x @ params - batch.y) ** 2).mean(), (state, {})

    def fitted(state, **options):
        return train.fit(
            jax.random.key(0), state, objective, optax.sgd(0.1),
            data if source == "arrays" else [data], epochs=1, batch_size=4, sharding=rows,
            **options,
        )[0]  # fmt: skip

    for mesh in (mesh_of(AxisType.Auto), mesh_of(AxisType.Explicit, 2)):
        spread = train.shard(state, mesh, lambda path, leaf: PartitionSpec())
        with pytest.raises(ValueError, match=r"train state lies as .*spread both over one"):
            fitted(spread)
    elsewhere = jax.device_put(data, NamedSharding(mesh_of(AxisType.Auto), PartitionSpec("data")))
    if source == "arrays":  # rows may be moved to where they are wanted
        fitted(state, validation=elsewhere)


def test_grid_search_makes_a_run_on_each_device_and_scores_as_on_one():
    y = np.arange(8.0, dtype="f4")
    data = y[:, None], y
    grid = {"rate": [0.1, 0.2, 0.3, 0.4, 0.5]}
    options = {"key": jax.random.key(0), "folds": 2}
    alone = train.grid_search(least_squares, grid, data, **options)
    spread = train.grid_search(least_squares, grid, data, devices=jax.devices()[:4], **options)
    for one, other in zip(alone.rows, spread.rows, strict=True):
        assert one.setting == other.setting
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-6)
    rows = NamedSharding(mesh_of(AxisType.Auto), PartitionSpec("data"))
    with pytest.raises(ValueError, match="are spread already"):
        train.grid_search(
            least_squares, grid, jax.device_put(data, rows), devices=jax.devices(), **options
        )


def test_shard_says_which_leaf_does_not_fit_and_what_to_pass():
    train_state = train.init(*nn.dense(3, 5).init(jax.random.key(0)), optax.adam(0.1))
    mesh, P = mesh_of(AxisType.Auto), PartitionSpec
    for spec, message in (
        (P("data"), r"params\.weight of shape \(3, 5\).*3 entries do not make 4 parts of one size"),
        (P("model"), r"params\.weight.*no axis 'model', only \('data',\)"),
        (P(None, None, "data"), "it has 2 axes"),
    ):
        with pytest.raises(ValueError, match=message):
            train.shard(train_state, mesh, lambda path, leaf, spec=spec: spec)
    with pytest.raises(ValueError, match=r"params\.weight.*can cut one axis.* got 'data' twice"):
        train.shard(train_state, mesh, lambda path, leaf: P("data", "data"))
    for arguments, message in (
        ((mesh, train.fsdp), r'needs a rule after the mesh, such as train\.fsdp\("data"\), got'),
        ((train.fsdp("data"), mesh), r"needs a jax\.sharding\.Mesh after the tree, got Choices"),
    ):
        with pytest.raises(TypeError, match=message):
            train.shard(train_state, *arguments)
    with pytest.raises(TypeError, match=r"sharding must be a .*NamedSharding .* got str"):
        train.make_step(print, optax.sgd(0.1), sharding="data")
    with pytest.raises(ValueError, match="devices must be an integer above 0, got 0"):
        train.data.shuffle(jax.random.key(0), 0, 8, 4, devices=0)
    with pytest.raises(TypeError, match=r"must give a jax\.sharding\.PartitionSpec, got 'data'"):
        train.shard(train_state, mesh, lambda path, leaf: "data")
    spread = train.shard(train_state, mesh, train.fsdp("data"))  # what does not divide is whole
    assert all(leaf.is_fully_replicated for leaf in jax.tree.leaves(spread))


@pytest.mark.parametrize("name", mesh_table.LAYERS)
def test_a_layer_without_a_mesh_says_nothing_of_where_its_results_lie(name):
    model, params, state, x, _ = mesh_table.problem(name)
    text = str(jax.make_jaxpr(lambda p, x: model.apply(p, state, x, train=True)[0])(params, x))
    assert "reshard" not in text
    assert "sharding_constraint" not in text
    assert "NamedSharding" not in text


def test_a_layer_that_does_not_say_where_its_result_lies_is_named_with_what_to_pass():
    product = nn.stateless(lambda key: np.ones((8, 4), np.float32), lambda weight, x: x @ weight)
    model = nn.serial(nn.activation(nn.tanh), product)
    mesh = mesh_of(AxisType.Explicit)
    by_inputs = train.shard(np.ones((8, 4), np.float32), mesh, lambda *_: PartitionSpec("data"))
    x = jax.device_put(np.ones((2, 8), "f4"), NamedSharding(mesh, PartitionSpec(None, "data")))
    with pytest.raises(Exception, match="out_sharding") as raised:
        model.apply(((), by_inputs), ((), ()), x)
    (note,) = [note for note in raised.value.__notes__ if note.startswith("in layer")]
    assert note.startswith('in layer "1 stateless": on a mesh of explicit axes')
