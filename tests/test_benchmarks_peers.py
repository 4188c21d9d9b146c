"""The comparison with other libraries, of which none needs to be installed."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

from benchmarks.instrument.statistics import Ratio
from benchmarks.peers import (
    PEERS,
    Answer,
    Edge,
    EdgeFunctions,
    Peer,
    Result,
    SparseJacobian,
    SparseTiming,
    Timing,
    Trainer,
    compare_peers,
    gradwise,
    handwritten,
    limits,
)
from benchmarks.peers.edges import ask_all
from benchmarks.peers.questions import QUESTIONS
from benchmarks.peers.search import search_timings
from benchmarks.peers.sparse import FUNCTIONS, Function, sparse_timings
from benchmarks.peers.steps import step_timings
from benchmarks.peers.task import make_task
from benchmarks.peers.timings import as_samples, timings_of
from benchmarks.peers.training import training_timings

MISSING = Peer(name="nowhere", packages=("no_such_library",), model=gradwise.PEER.model)
TASK = make_task((6, 5, 3), rate=0.1, batch=8)


def broken_model(task):
    raise RuntimeError(f"no network of {len(task.sizes)} sizes\nand more to say")


def biased_model(task):
    assert handwritten.PEER.model
    model = handwritten.PEER.model(task)

    def loss(*arguments):
        value, state = model.loss(*arguments)
        return value + 1, state

    return model._replace(loss=loss)


def test_gradwise_is_right_in_every_edge_case():
    edges = ask_all([gradwise.PEER], QUESTIONS)
    assert len(edges) == len(QUESTIONS) > 15
    wrong = {edge.question: edge.answers for edge in edges if not edge.answers["gradwise"].right}
    assert not wrong


def test_a_wrong_answer_and_an_error_and_a_missing_function_are_distinguished():
    def naive(batches, x=None):
        y = batches[-1] if x is None else x
        return (y - y.mean(axis=0)) / jnp.sqrt((y**2).mean(axis=0) - y.mean(axis=0) ** 2 + 1e-5)

    def refusing(rate, x, key):
        raise ValueError("not today")

    functions = EdgeFunctions(batch_norm=naive, dropout=refusing)
    peer = Peer(name="naive", functions=functions)
    answers = {
        edge.question: edge.answers.get("naive") for edge in ask_all([peer, MISSING], QUESTIONS)
    }
    large = answers["batch norm of 1e6 + N(0, 1): error"]
    assert not large.right
    assert float(large.text) > 1
    assert answers["dropout of rate 1.5"] == Answer(text="ValueError", right=True)
    assert answers["dropout of rate 1: gradient"] == Answer(text="ValueError", right=False)
    assert answers["binary label 2"] is None


def test_steps_are_timed_and_a_library_that_fails_says_why():
    peers = (
        gradwise.PEER,
        handwritten.PEER,
        MISSING,
        Peer(name="broken", model=broken_model),
        Peer(name="biased", model=biased_model),
    )
    shares = []
    timings = step_timings(
        peers, TASK, budget=0.1, turns=1, on_progress=lambda text, share: shares.append(share)
    )
    by_name = {timing.name: timing for timing in timings}
    assert list(by_name) == [peer.name for peer in peers]
    assert by_name["nowhere"] == Timing(name="nowhere", note="not installed: no_such_library")
    assert by_name["broken"] == Timing(name="broken", note="RuntimeError: no network of 4 sizes")
    assert by_name["biased"].note.startswith("ValueError: another network: loss and gradient are")
    for name in ("gradwise", "hand-written JAX"):
        timing = by_name[name]
        assert timing.note == ""
        assert timing.seconds > 0
        assert timing.compile_seconds > 0
        assert timing.ratio.least <= timing.ratio.median <= timing.ratio.most
    assert sorted(shares) == shares
    assert 0.9 < shares[-1] <= 1


def test_a_timing_has_medians_and_ratios_over_the_hand_written_step():
    steps = {"gradwise": as_samples([2.0, 6.0, 4.0]), "hand-written JAX": as_samples([1.0, 2.0, 2])}
    compilations = {"gradwise": as_samples([9.0]), "hand-written JAX": as_samples([3.0])}
    ours, base = timings_of([gradwise.PEER, handwritten.PEER], {}, steps, compilations)
    assert (ours.seconds, ours.compile_seconds) == (4.0, 9.0)
    assert (ours.ratio.least, ours.ratio.median, ours.ratio.most) == (2.0, 2.0, 3.0)
    assert ours.ratio.interval is None
    assert ours.compile_ratio.median == 3.0
    assert (base.seconds, base.ratio.median, base.compile_ratio.median) == (2.0, 1.0, 1.0)


def test_the_network_of_gradwise_has_the_weights_of_the_task():
    assert gradwise.PEER.model
    model = gradwise.PEER.model(TASK)
    weights = [layer.weight for layer in model.params if hasattr(layer, "weight")]
    assert len(weights) == 2
    for actual, expected in zip(weights, TASK.weights, strict=True):
        np.testing.assert_array_equal(actual, expected)


def easy_task():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 64).astype(np.int32)
    x = (3 * np.eye(6)[y] + 0.1 * rng.normal(size=(64, 6))).astype(np.float32)
    task = make_task((6, 32, 3), rate=0.1, batch=8, data=(x, y))
    return replace(task, learning_rate=0.02)


def test_the_limits_are_one_step_in_a_loop_in_a_scan_and_in_a_scan_of_scans(caplog):
    trainers = {peer.name: peer.trainer(easy_task()) for peer in limits.PEERS}
    assert {name: trainer.epochs for name, trainer in trainers.items()} == {
        "by hand, donated, no wait": 1,
        "by hand, scan of an epoch": 1,
        "by hand, scan of 16 epochs": 16,
    }
    with jax.log_compiles():
        losses = [
            [trainer.call() for _ in range(16 // trainer.epochs)][-1]
            for trainer in trainers.values()
        ]
    compiled = [line for line in caplog.messages if "Finished XLA compilation" in line]
    assert [sum(f"jit({name})" in line for line in compiled) for name in ("update", "passes")] == [
        1,
        2,
    ]
    # The scans take the same batches in the same order; all are arrays that nobody waited for.
    np.testing.assert_allclose(losses[1], losses[2], rtol=1e-4)
    assert all(isinstance(loss, jax.Array) and loss < 0.2 for loss in losses)


def test_a_training_is_timed_only_if_it_learns():
    task = easy_task()
    idle = Peer(name="idle", trainer=lambda task: Trainer(lambda: np.log(3.0), epochs=1))
    peers = (gradwise.PEER, handwritten.PEER, idle, MISSING)
    timings = {timing.name: timing for timing in training_timings(peers, task, budget=0.2)}
    assert set(timings) == {"gradwise", "hand-written JAX", "idle"}
    assert timings["idle"].note.startswith("ValueError: does not learn: its loss is 1.1")
    for name in ("gradwise", "hand-written JAX"):
        assert timings[name].note == ""
        assert timings[name].ratio is not None
        assert timings[name].compile_seconds is None


def test_a_search_is_timed_over_the_same_trainings_one_by_one():
    grid = {"learning_rate": [0.01], "weight": [0.0]}
    timings = search_timings(sizes=(64, 10), epochs=1, grid=grid, turns=1, budget=0.1)
    each, search, calls, batch = timings
    assert [timing.name for timing in (each, search)] == ["a program each", "grid_search"]
    assert each.ratio.median == calls.ratio.median == 1  # the bases of the two comparisons
    for timing in (search, batch):
        assert timing.seconds > 0
        assert timing.ratio.least <= timing.ratio.median <= timing.ratio.most


def by_columns(fn, x, *, dense):
    jacobian = jax.jit(jax.jacfwd(fn))
    return SparseJacobian(jacobian if dense else lambda x: BCOO.fromdense(jacobian(x)), x.size)


def without_rules(fn, x, *, dense):
    return by_columns(lambda x: x[1:] * x[:-1], x, dense=dense)


def refusing(fn, x, *, dense):
    raise NotImplementedError("no rule for fft\nand more to say")


def test_sparse_jacobians_are_checked_and_timed_against_ours():
    functions = {"pairs": Function(lambda x: x[1:] * jnp.sin(x[:-1]), 24)}
    peers = [gradwise.PEER, Peer(name="columns", sparse_jacobian=by_columns)]
    peers += [Peer(name="blind", sparse_jacobian=without_rules)]
    peers += [Peer(name="refusing", sparse_jacobian=refusing)]
    peers += [Peer(name="away", packages=("no_such_library",), sparse_jacobian=by_columns)]
    shares = []

    def tell(text, share):
        shares.append(share)

    ours, columns, blind, refused, away = sparse_timings(
        peers, budget=0.05, functions=functions, on_progress=tell
    )
    assert (ours.passes, columns.passes, ours.note) == (2, 24, "")
    assert ours.dense_ratio.median == ours.sparse_ratio.median == 1
    assert columns.dense_ratio.least <= columns.dense_ratio.median <= columns.dense_ratio.most
    assert float(columns.error) < 1e-6 < 1e-3 < float(blind.error)
    assert (blind.note, blind.dense, blind.sparse) == ("wrong", None, None)
    assert refused.note == "NotImplementedError: no rule for fft"
    assert away == SparseTiming(
        function="all", library="away", note="not installed: no_such_library"
    )
    assert shares == sorted(shares)
    shown = str(Result(sparse=(ours, columns, blind))).splitlines()
    assert shown[0].split() == [
        *("Jacobian", "library", "passes", "error", "dense", "over", "ours"),
        *("sparse", "over", "ours", "note"),
    ]
    assert shown[-1] == "sparse: CSR of gradwise, BCOO of asdex; what is wrong is not timed"
    json.dumps(Result(sparse=(ours, columns, blind)).to_dict(), allow_nan=False)


def test_a_library_that_cannot_be_imported_here_has_one_line_that_says_why(tmp_path, monkeypatch):
    (tmp_path / "too_old.py").write_text("from jax import no_such_name")
    monkeypatch.syspath_prepend(tmp_path)
    peer = Peer(name="old", packages=("too_old",), sparse_jacobian=by_columns)
    (line,) = sparse_timings([gradwise.PEER, peer], budget=0.05)
    assert line.note.startswith("ImportError: cannot import name 'no_such_name' from 'jax'")


def test_the_custom_rules_say_something_else_than_their_functions():
    x = jnp.array([0.3, 1.2, -0.4])
    straight, halved = FUNCTIONS["custom JVP"].fn, FUNCTIONS["custom VJP"].fn
    # d(round(3 x_1) x_0)/d x_1 is 3 x_0 by the rule and 0 without; of x_1^2 x_0 the rule has half.
    np.testing.assert_allclose(jax.jacrev(straight)(x)[0], [jnp.round(3.6), 0.9, 0], rtol=1e-6)
    np.testing.assert_allclose(jax.jacrev(halved)(x)[0], [1.44, 0.36, 0], rtol=1e-6)


@pytest.fixture
def result():
    right, wrong = Answer(text="NaN", right=True), Answer(text="0.5", right=False)
    ratio = Ratio(median=1.25, low=1.0, high=1.5, least=0.9, most=1.6, below=0.0, rounds=20)
    return Result(
        edges=(
            Edge(question="label -1", expected="NaN", answers={"ours": right, "theirs": wrong}),
            Edge(
                question="mean of nothing",
                expected="0",
                answers={"theirs": Answer(text="NaN", right=False)},
            ),
        ),
        timings=(
            Timing(name="ours", seconds=0.002, ratio=ratio, compile_seconds=1.5),
            Timing(name="theirs", note="not installed: theirs"),
        ),
        environment={"cores": 2},
        versions={"theirs": "1.0"},
    )


def test_a_result_prints_as_tables(result):
    lines = [line.split() for line in str(result).splitlines()]
    assert lines[0] == ["edge", "case", "right", "ours", "theirs"]
    assert lines[2] == ["label", "-1", "NaN", "NaN", "!", "0.5"]
    assert lines[3] == ["mean", "of", "nothing", "0", "!", "NaN"]
    assert ["ours", "2", "ms", "1.25", "(1.00", "to", "1.50)", "1.5", "s"] in lines
    assert ["theirs", "not", "installed:", "theirs"] in lines
    assert lines[-1] == ["theirs", "1.0,", "cores", "2"]


def test_a_result_has_a_short_repr_and_an_html_form(result):
    assert repr(result) == "Result(2 edge cases, 2 timings, 0 searches)"
    assert repr(result.edges[0]) == "Edge(label -1: 1 of 2 right)"
    odd = replace(result, timings=(Timing(name="ours", note="<lambda>"),))
    assert odd._repr_html_().endswith("</pre>")
    assert "&lt;lambda&gt;" in odd._repr_html_()


def test_a_result_converts_to_json(result):
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["edges"][0]["question"] == "label -1"
    assert plain["edges"][0]["answers"]["theirs"] == {"text": "0.5", "right": False}
    ratio = plain["timings"][0]["ratio"]
    assert (ratio["median"], ratio["low"], ratio["high"], ratio["rounds"]) == (1.25, 1.0, 1.5, 20)
    assert plain["timings"][1]["note"] == "not installed: theirs"
    assert plain["environment"] == {"cores": 2}
    assert plain["versions"] == {"theirs": "1.0"}


def test_the_whole_comparison_runs_where_no_library_is_installed():
    result = compare_peers(peers=[MISSING], budget=0.1)
    assert result.timings == (Timing(name="nowhere", note="not installed: no_such_library"),)
    assert [edge.answers for edge in result.edges] == [{}] * len(QUESTIONS)
    assert result.environment["cores"] >= 1
    assert "not installed: no_such_library" in str(result)


def test_every_peer_loads_without_its_library_and_says_what_is_missing():
    names = [peer.name for peer in PEERS]
    assert {"gradwise", "hand-written JAX", "flax linen", "flax nnx", "equinox"} < set(names)
    assert len(set(names)) == len(names)
    for peer in PEERS:
        missing = peer.missing
        assert missing is None or missing.startswith("not installed: ")
        offers = peer.model, peer.trainer, peer.sparse_jacobian
        assert any(offers) or peer.functions != EdgeFunctions()
