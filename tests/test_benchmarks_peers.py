"""The comparison with other libraries, of which none needs to be installed."""

import json

import jax.numpy as jnp
import numpy as np

from benchmarks.peers import PEERS, Answer, Edge, Edges, Peer, Result, Timing, gradwise, handwritten
from benchmarks.peers.edges import CASES, ask_all
from benchmarks.peers.run import run
from benchmarks.peers.search import search_timings
from benchmarks.peers.steps import step_timings
from benchmarks.peers.task import make_task
from benchmarks.peers.training import training_timings

_MISSING = Peer("nowhere", ("no_such_library",), model=gradwise.PEER.model)
_TASK = make_task((6, 5, 4, 3), rate=0.1, batch=8)


def _broken(task):
    raise RuntimeError(f"no network of {len(task.sizes)} sizes\nand more to say")


def _biased(task):
    assert handwritten.PEER.model is not None
    model = handwritten.PEER.model(task)

    def loss(*arguments):
        value, state = model.loss(*arguments)
        return value + 1, state

    return model._replace(loss=loss)


def test_this_library_is_right_in_every_edge_case():
    edges = ask_all([gradwise.PEER])
    assert len(edges) == len(CASES) > 15
    wrong = {edge.case: edge.answers for edge in edges if not edge.answers["gradwise"].right}
    assert not wrong


def test_a_wrong_answer_an_error_and_a_function_that_is_not_there_are_told_apart():
    def naive(batches, x=None):
        y = batches[-1] if x is None else x
        return (y - y.mean(axis=0)) / jnp.sqrt((y**2).mean(axis=0) - y.mean(axis=0) ** 2 + 1e-5)

    def refusing(rate, x, key):
        raise ValueError("not today")

    peer = Peer("naive", edges=Edges(batch_norm=naive, dropout=refusing))
    edges = {edge.case: edge.answers.get("naive") for edge in ask_all([peer, _MISSING])}
    large = edges["batch norm of 1e6 + N(0, 1): error"]
    assert large is not None
    assert not large.right
    assert float(large.text) > 1
    assert edges["dropout of rate 1.5"] == Answer("ValueError", True)
    assert edges["dropout of rate 1: gradient"] == Answer("ValueError", False)
    assert edges["binary label 2"] is None


def test_steps_are_timed_beside_the_hand_written_one_and_failures_are_rows():
    peers = (
        gradwise.PEER,
        handwritten.PEER,
        _MISSING,
        Peer("broken", model=_broken),
        Peer("biased", model=_biased),
    )
    told = []
    rows = step_timings(
        peers, _TASK, budget=0.1, turns=1, on_progress=lambda text, share: told.append(share)
    )
    found = {row.name: row for row in rows}
    assert list(found) == [peer.name for peer in peers]
    assert found["nowhere"] == Timing("nowhere", "not installed: no_such_library")
    assert found["broken"] == Timing("broken", "RuntimeError: no network of 4 sizes")
    assert found["biased"].note.startswith("ValueError: another network: loss and gradient are")
    for name in ("gradwise", "hand-written JAX"):
        row = found[name]
        assert row.note == ""
        assert row.seconds is not None
        assert row.compile_seconds is not None
        assert row.compile_seconds > row.seconds > 0
    base = found["hand-written JAX"]
    assert base.step is not None
    assert base.compile is not None
    assert (base.step.low, base.step.median, base.compile.median) == (1, 1, 1)
    ours = found["gradwise"].step
    assert ours is not None
    assert ours.low <= ours.median <= ours.high
    assert sorted(told) == told
    assert 0.9 < told[-1] <= 1


def test_the_network_of_this_library_has_the_weights_of_the_task():
    assert gradwise.PEER.model is not None
    model = gradwise.PEER.model(_TASK)
    weights = [layer.weight for layer in model.params if hasattr(layer, "weight")]
    assert len(weights) == 3
    for weight, given in zip(weights, _TASK.weights, strict=True):
        np.testing.assert_array_equal(weight, given)


def test_a_training_is_timed_by_the_step_and_only_if_it_learns():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 64).astype(np.int32)
    x = (3 * np.eye(6)[y] + 0.1 * rng.normal(size=(64, 6))).astype(np.float32)
    task = make_task((6, 32, 3), rate=0.1, batch=8, data=(x, y))._replace(learning_rate=0.02)
    idle = handwritten.PEER._replace(name="idle", trainer=lambda task: _Idle())
    peers = (gradwise.PEER, handwritten.PEER, idle, _MISSING)
    rows = {row.name: row for row in training_timings(peers, task, budget=0.2)}
    assert set(rows) == {"gradwise", "hand-written JAX", "idle"}
    assert rows["idle"].note.startswith("ValueError: does not learn: its loss is 1.1")
    for name in ("gradwise", "hand-written JAX"):
        assert rows[name].note == ""
        assert rows[name].step is not None
        assert rows[name].compile_seconds is None


def test_a_search_is_timed_beside_the_same_trainings_one_by_one():
    grid = {"learning_rate": [0.001, 0.01], "weight": [0.0]}
    rows = search_timings(sizes=(64, 10), epochs=1, grid=grid, turns=1, budget=0.1)
    each, search, calls, batch = rows
    assert [row.name for row in (each, search)] == ["a program each", "grid_search"]
    assert each.step.median == calls.step.median == 1  # what the others are held against
    for row in (search, batch):
        assert row.seconds > 0
        assert row.step.low <= row.step.median <= row.step.high


class _Idle:
    epochs = 1

    @staticmethod
    def call():
        return np.log(3.0)


def test_results_print_as_tables_and_convert_to_json():
    edge = Edge("label -1", "NaN", {"ours": Answer("NaN", True), "theirs": Answer("0.5", False)})
    other = Edge("mean of nothing", "0", {"theirs": Answer("NaN", False)})
    timing = Timing("ours", "", 0.002, None, 1.5, None)
    absent = Timing("theirs", "not installed: theirs")
    result = Result((edge, other), (timing, absent), {"cores": 2}, {"theirs": "1.0"})
    lines = [line.split() for line in str(result).splitlines()]
    assert lines[0] == ["edge", "case", "right", "ours", "theirs"]
    assert lines[2] == ["label", "-1", "NaN", "NaN", "!", "0.5"]
    assert lines[3] == ["mean", "of", "nothing", "0", "!", "NaN"]
    assert ["ours", "2", "ms", "1.5", "s"] in lines
    assert ["theirs", "not", "installed:", "theirs"] in lines
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["edges"][0]["answers"]["theirs"] == {"text": "0.5", "right": False}
    assert plain["timings"][1]["note"] == "not installed: theirs"
    assert plain["environment"] == {"cores": 2}
    assert plain["versions"] == {"theirs": "1.0"}
    assert lines[-1] == ["theirs", "1.0,", "cores", "2"]


def test_the_whole_comparison_runs_where_nothing_is_installed():
    result = run(peers=[_MISSING], budget=0.1)
    assert result.timings == (Timing("nowhere", "not installed: no_such_library"),)
    assert [edge.answers for edge in result.edges] == [{}] * len(CASES)
    assert result.environment["cores"] >= 1
    assert "not installed: no_such_library" in str(result)


def test_every_peer_is_loaded_without_its_library_and_says_what_is_missing():
    names = [peer.name for peer in PEERS]
    assert {"gradwise", "hand-written JAX", "flax linen", "flax nnx", "equinox"} < set(names)
    assert len(set(names)) == len(names)
    for peer in PEERS:
        missing = peer.missing
        assert missing is None or missing.startswith("not installed: ")
        assert peer.model or peer.trainer or peer.edges != Edges()
