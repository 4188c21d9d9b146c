"""Several processes train one model: started for real, on one machine, with gloo between them.

One pair of processes does most of the jobs of `process_jobs.py`, as starting them is the dearest.
"""

import shutil
import signal
import time

import jax
import numpy as np
import process_spread_jobs
import pytest
from process_group import EPOCHS, HEARTBEAT, LABELS, RATE, X, Y, batches_of, group, run
from process_job import Job

import train
from train.checkpoints.spread import read_together

JOBS = (
    *("stream", "validated", "global_rows", "global_batches", "labels", "within", "spread"),
    *("own_rows", "own_key", "own_start", "own_types", "wrong_label", "not_finite"),
    *("broken_source", "broken_callback", "stopping_callback", "signalled", "signalled_arrays"),
    *("own_loop", "fsdp", "damaged", "late", "evaluated", "evaluated_own", "prepared"),
    *("evaluated_by_own", "compared", "saved", "saves"),
)
KILLED = "endless"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def told(folder):
    """What each of two processes has answered to each job."""
    return run(2, folder / "two", *JOBS)


def both(told, job):
    """The answer of two processes that say the same."""
    first, second = told[job]
    assert first == second
    return first


def descended(batches, start=None):
    """Least squares by gradient descent in float64: the parameters, and the loss of each batch."""
    params = np.zeros((4, 1)) if start is None else start
    losses = []
    for x, y in batches:
        x, y = np.float64(x), np.float64(y)
        error = x @ params - y
        losses.append((error**2).sum(axis=1))
        params = params - RATE * 2 * x.T @ error / len(x)
    return params, losses


def epochs_of(count):
    """The batches of an epoch, of the rows that all processes give at once."""
    parts = [batches_of(number, count) for number in range(count)]
    for step in range(max(map(len, parts))):
        pairs = [part[step] for part in parts if step < len(part)]
        yield tuple(np.concatenate(arrays) for arrays in zip(*pairs, strict=True))


def test_processes_that_stream_their_own_rows_train_one_model_until_the_last_has_none(told):
    found, params = both(told, "stream"), None
    for epoch in range(EPOCHS):
        params, losses = descended(epochs_of(2), params)
        assert found["losses"][epoch] == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)
    np.testing.assert_allclose(found["params"], params.ravel(), rtol=1e-5)
    assert found["steps"] == EPOCHS * 11  # of three batches and of eleven


def test_validation_batches_of_all_processes_are_measured(told):
    found, params = both(told, "validated"), None
    for epoch in range(EPOCHS):
        params, _ = descended(epochs_of(2), params)
        expected = ((X.astype(np.float64) @ params - Y) ** 2).mean()
        assert found["validation"][epoch] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("job", "names"),
    [
        ("own_key", "key and epochs"),
        ("own_start", "train_state"),
        ("evaluated_by_own", "train_state"),
    ],
)
def test_processes_that_begin_otherwise_than_one_another_are_told(told, job, names):
    found = both(told, job)
    assert found["error"] == "ValueError"
    assert f"all processes need the same {names}" in found["text"]


def test_batches_of_another_type_in_one_process_are_told_by_all(told):
    for number, answer in enumerate(told["own_types"]):
        assert answer["error"] == "ValueError"
        kind = ("float32", "float16")[number]
        assert f"process {number} gives x and y of ('{kind} (3, 4)'" in answer["text"]


def test_the_first_process_alone_logs(told, folder):
    lines = (folder / "two" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2"]


@pytest.mark.parametrize("job", ["own_rows", "evaluated_own"])
def test_rows_that_a_process_has_alone_are_refused_with_what_to_do(told, job):
    for number, answer in enumerate(told[job]):
        assert answer["error"] == "ValueError"
        assert f"of process {number} alone" in answer["text"]
        assert "jax.make_array_from_process_local_data" in answer["text"]
        assert "host batches" in answer["text"]


def test_arrays_that_processes_hold_together_are_trained_on(told):
    found = both(told, "global_rows")
    assert found["steps"] == EPOCHS * 7
    assert found["losses"][1] < 0.5 * found["losses"][0]


def test_a_source_may_give_arrays_that_processes_hold_together(told):
    found = both(told, "global_batches")
    params, losses = descended([(X[:6], Y[:6]), (X[6:12], Y[6:12])])
    assert found["losses"][0] == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)
    params, _ = descended([(X[:6], Y[:6]), (X[6:12], Y[6:12])], params)
    np.testing.assert_allclose(found["params"], params.ravel(), rtol=1e-4)


def test_labels_are_checked_by_the_process_that_holds_them_and_all_end(told):
    assert both(told, "labels")["steps"] == 7
    other, holder = told["wrong_label"]
    assert holder["error"] == "ValueError"
    assert "got 2 at index (41,)" in holder["text"]
    assert other["error"] == "ProcessError"
    assert holder["text"] in other["text"]
    assert other["lost"] is False


def test_a_run_goes_on_within_an_epoch_with_each_process_at_its_own_place(told):
    found = both(told, "within")
    assert found["files"][0] == "epoch-00000000_batch-00000004.safetensors"
    assert found["at"] == [{"json": 3}, {"json": 4}]  # the first has only three batches
    assert found["resumed"] == found["whole"] == both(told, "stream")


def test_what_is_not_finite_is_told_by_all_with_the_rows_of_the_one_that_has_them(told):
    found = both(told, "not_finite")
    assert found["error"] == "NonFiniteError"
    assert "epoch 1, step 2: loss is not finite" in found["text"]
    assert "In the rows of process 1: x of batch 2 holds NaN" in found["text"]


@pytest.mark.parametrize(
    ("job", "error", "text"),
    [("broken_source", "OSError", "the disk is gone"), ("broken_callback", "KeyError", "mine")],
)
def test_an_error_of_one_process_ends_all_of_them(told, job, error, text):
    other, failed = told[job]
    assert (failed["error"], other["error"]) == (error, "ProcessError")
    assert text in failed["text"]
    assert f"process 1 has failed, which ends all of them: {error}" in other["text"]


def test_a_run_that_an_error_in_a_callback_ends_is_saved(told, folder):
    assert told["broken_callback"]
    (path,) = (folder / "two" / "callback").iterdir()
    assert path.name == "epoch-00000001.safetensors"


def test_a_callback_of_one_process_stops_all(told):
    assert both(told, "stopping_callback")["stopped"] == "stop"
    assert both(told, "stopping_callback")["steps"] == 11


def test_a_signal_to_one_process_stops_all_at_the_same_step_and_saves(told, folder):
    found = both(told, "signalled")
    assert found["code"] == 128 + signal.SIGTERM
    assert 11 + 1 <= found["step"] <= 11 + 4  # it came before the fourth batch of the second epoch
    (path,) = (folder / "two" / "signalled").iterdir()
    assert path.name == f"epoch-00000001_batch-{found['step'] - 11:08d}.safetensors"
    assert both(told, "own_loop") == 3
    assert both(told, "signalled_arrays") == {"code": 128 + signal.SIGINT, "epochs": 1}


def test_what_several_processes_hold_in_parts_is_saved_in_parts_and_pruned(told):
    names = both(told, "spread")["files"]
    checkpoints = [name for name in names if name.startswith("epoch-")]
    assert len(checkpoints) == 5  # at steps 2, 4 and 6, and at the ends of two epochs
    assert len(names) == 3 * len(checkpoints)
    kept = both(told, "saves")["files"]
    assert len([name for name in kept if name.startswith("epoch-")]) == 2
    assert len(kept) == 6


def test_layers_that_are_spread_over_processes_train_as_those_of_one(told, tmp_path):
    found = both(told, "fsdp")
    whole = process_spread_jobs.fsdp(Job(0, 1, tmp_path), mesh=False, epochs=(3,))
    assert found.get("spec") == "P(None, 'data')", found
    assert found["steps"] == whole["steps"]
    for name in ("losses", "validation", "params"):
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-4, atol=1e-5)


def test_a_part_that_is_damaged_is_told_by_all_who_go_on_from_the_checkpoint_before(told):
    found = both(told, "damaged")
    assert "epoch-00000002.safetensors is damaged" in found["error"]
    assert "process 1 finds ValueError" in found["error"]
    assert 'resume="latest good" goes on from there' in found["error"]
    assert found["resumed"]["params"] == both(told, "spread")["params"]


def test_a_file_of_what_is_spread_is_restored_to_where_it_was(told):
    assert both(told, "saved") == {"same": True, "spec": "P(None, 'data')"}


def test_a_process_that_does_not_write_its_part_is_named_and_nothing_is_half_saved(told, folder):
    first, second = told["late"]
    assert first["error"] == "CheckpointError"
    assert "process 1 of 2 has not written its part within 0.2 s" in first["text"]
    assert second["error"] == "ProcessError"
    assert "process 1 of 2 has not written" in second["text"]
    assert not list((folder / "two" / "late").glob("epoch-*"))


def test_evaluation_and_prediction_read_what_processes_hold_together(told):
    found, predicted = both(told, "evaluated"), X.astype(np.float64) @ np.full((4, 1), 0.5)
    np.testing.assert_allclose(found["predictions"], predicted.ravel(), rtol=1e-5, atol=1e-6)
    assert found["loss"] == pytest.approx(((predicted - Y) ** 2).mean(), rel=1e-5)


def test_arrays_that_processes_hold_together_are_scaled_and_split_by_label(told):
    found = both(told, "prepared")
    np.testing.assert_allclose(found["center"], X.mean(axis=0), rtol=1e-5)
    assert found["ones"] in (LABELS.sum() // 2, -(-LABELS.sum() // 2))


def test_compare_says_that_it_measures_in_one_process(told):
    found = both(told, "compared")
    assert found["error"] == "ValueError"
    assert "several processes, and compare measures in one" in found["text"]


def within_an_epoch(folder, to):
    """A copy of the spread run, as it was within its second epoch."""
    shutil.copytree(folder / "two" / "spread", to / "spread")
    for path in (to / "spread").glob("*epoch-00000002*"):
        path.unlink()
    assert sorted((to / "spread").glob("epoch-*"))[-1].name.startswith("epoch-00000001_batch-")
    return to


@pytest.mark.nightly  # one process goes on with it, too
def test_four_processes_go_on_with_the_run_of_two(told, folder, tmp_path):
    (resumed, *others) = run(4, within_an_epoch(folder, tmp_path), "spread_resumed")[
        "spread_resumed"
    ]
    assert others == [resumed] * 3
    assert_same_run(resumed, both(told, "spread"))


def test_one_process_goes_on_with_the_run_of_two(told, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: jax.local_devices()[:1])
    job = Job(0, 1, within_an_epoch(folder, tmp_path))
    assert_same_run(process_spread_jobs.spread_resumed(job), both(told, "spread"))


def assert_same_run(found, expected):
    assert found["steps"] == expected["steps"]
    np.testing.assert_allclose(found["params"], expected["params"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=1e-4)


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.nightly)])
def test_where_one_process_is_killed_the_other_ends_and_says_to_restart_all(tmp_path, victim):
    """Process 0 runs JAX's coordinator, without which JAX ends the others within moments, and may
    be the only one to say so.
    """
    with group(2, tmp_path, KILLED) as started:
        wait_for(lambda: all("training" in (tmp_path / f"out{i}").read_text() for i in (0, 1)))
        started[victim].kill()
        began = time.monotonic()
        assert started[1 - victim].wait(timeout=HEARTBEAT + 10) != 0
        assert time.monotonic() - began < HEARTBEAT + 10
    error = (tmp_path / f"error{1 - victim}").read_text()
    if victim or "Terminating process because the JAX distributed service" not in error:
        assert "has lost another process" in error
        assert "restart all with resume=True" in error
    checkpoints = sorted((tmp_path / KILLED).glob("epoch-*"))
    assert checkpoints
    for path in checkpoints:
        read_together(path)  # which checks that it and its parts are whole
    assert_goes_on(tmp_path / KILLED)


def assert_goes_on(folder):
    """One process goes on with what two have left, whatever was being written, and clears up."""
    job = Job(0, 1, folder.parent)
    state = train.restore(sorted(folder.glob("epoch-*"))[-1], job.spread_state()).train_state
    epochs = int(state.step) // 5 + 1
    options = {"epochs": epochs, "steps_per_epoch": 5, "every_steps": 1, "resume": True}
    resumed, history = job.fit_spread(folder, lambda epoch: 5 * [(X[:12], Y[:12])], **options)
    assert (int(resumed.step), history.stopped) == (5 * epochs, "finished")
    assert all(name.name.startswith("epoch-") for name in folder.iterdir())


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.nightly
def test_four_processes_save_a_thousand_times_without_a_failure(tmp_path):
    told = run(4, tmp_path, "thousand_saves", seconds=1500)["thousand_saves"]
    assert [answer["steps"] for answer in told] == [1000] * 4
    assert len(told[0]["files"]) == 2 * 5
