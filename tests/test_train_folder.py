"""The folder of a run: one writer, damage that is told, and errors that carry the training."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from safetensors.numpy import save as safetensors_save
from train_problem import BATCH, data, linear, optimizer, same_bits

import train
from train.checkpoints import format as file_format
from train.checkpoints import lock
from train.checkpoints.folder import RunFolder
from train.checkpoints.lock import locked

KEY = 9


def fit(folder, epochs=3, **options):
    objective, train_state = linear()
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), data(), epochs=epochs,
        batch_size=BATCH, checkpoint=folder, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def three_epochs(tmp_path_factory):
    """A folder of three checkpoints, to be copied."""
    folder = tmp_path_factory.mktemp("three") / "run"
    fit(folder)
    return folder


def damaged(folder, tmp_path, *epochs):
    shutil.copytree(folder, tmp_path / "run")
    for epoch in epochs:
        os.truncate(tmp_path / "run" / f"epoch-{epoch:08d}.safetensors", 300)
    return tmp_path / "run"


def test_of_a_damaged_newest_checkpoint_the_error_names_the_newest_that_is_whole(
    three_epochs, tmp_path
):
    folder = damaged(three_epochs, tmp_path, 2, 3)
    with pytest.raises(ValueError, match=r"epoch-00000003.safetensors is damaged") as caught:
        fit(folder, 4, resume=True)
    assert "epoch-00000001.safetensors beside it is whole" in str(caught.value)
    assert 'resume="latest good"' in str(caught.value)
    with pytest.warns(UserWarning, match="damaged") as told:
        resumed, history = fit(folder, 4, resume="latest good")
    named = [name for name in ("00000003", "00000002") for w in told if name in str(w.message)]
    assert named == ["00000003", "00000002"]
    assert {warning.filename for warning in told} == {__file__}
    assert history.epochs == 4
    assert same_bits(resumed, fit(None, 4)[0])


def test_where_no_checkpoint_is_whole_the_error_says_so(three_epochs, tmp_path):
    folder = damaged(three_epochs, tmp_path, 1, 2, 3)
    with pytest.raises(ValueError, match="No other checkpoint in the folder is whole"):
        fit(folder, 4, resume=True)
    none = r"no checkpoint in .* is whole, 3 are damaged"
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match=none):
        fit(folder, 4, resume="latest good")


HOLD = """
import sys, time
from pathlib import Path
from train.checkpoints.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_that_another_process_writes_to_is_refused_until_it_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        (tmp_path / ".epoch-half.part").touch()  # a file that the other one is writing
        with pytest.raises(ValueError, match=rf"in use: process {holder.pid} on .*: wait for"):
            fit(tmp_path, 1)
        assert (tmp_path / ".epoch-half.part").exists()
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / ".lock").exists()  # which is nobody's lock any more
    fit(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00000001.safetensors"]


ORPHAN = """
import os, signal, sys
from pathlib import Path
from train.checkpoints.lock import locked
with locked(Path(sys.argv[1])):
    child = os.fork()  # which inherits the lock, as the workers of a data loader do
    if child == 0:
        os.close(1)
        signal.pause()
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_lock_that_only_the_children_of_a_dead_process_hold_is_taken_over(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parent.parent, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    try:
        with locked(tmp_path):
            assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()
    finally:
        os.kill(int(ended.stdout), signal.SIGKILL)


def test_within_one_process_a_folder_has_one_writer_too(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=f"process {os.getpid()} on"):
        fit(tmp_path, 1)
    fit(tmp_path, 1)


def test_a_lock_of_a_container_of_the_same_name_is_not_taken_for_one_that_has_ended(
    tmp_path, monkeypatch
):
    with locked(tmp_path):
        text = (tmp_path / ".lock").read_text()
    ended = text.replace(f"process {os.getpid()} ", "process 4194303 ")  # no process has it
    assert lock._has_ended(ended)
    assert not lock._has_ended(text)
    if Path("/proc/self/ns/pid").exists():
        monkeypatch.setattr(lock.Path, "readlink", lambda path: "pid:[1]")
        assert not lock._has_ended(ended)


def test_a_file_system_without_locks_is_written_to_all_the_same(tmp_path, monkeypatch):
    def no_locks(file):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(train.checkpoints.lock, "_try_lock", no_locks)
    assert fit(tmp_path, 1)[1].epochs == 1


def test_a_checkpoint_that_vanished_is_not_missed_when_old_ones_are_removed(tmp_path):
    listed = RunFolder.checkpoints

    def with_one_that_is_gone(folder):
        return [tmp_path / "epoch-00000000.safetensors", *listed(folder)]

    assert fit(tmp_path, 1)[1].epochs == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "checkpoints", with_one_that_is_gone)
        assert fit(tmp_path, 3, keep=1, resume=True)[1].epochs == 3
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00000003.safetensors"]


def test_a_disk_that_is_full_is_an_error_with_the_file_and_the_training(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    first, path = (tmp_path / f"epoch-0000000{epoch}.safetensors" for epoch in (1, 2))

    def callback(epoch, row):
        while not first.exists():  # which is written in the background
            time.sleep(0.01)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))

    try:
        with pytest.raises(train.CheckpointError) as caught:
            fit(tmp_path, 3, callback=callback)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    error = caught.value
    assert (error.errno, error.filename) == (errno.EFBIG, str(path))
    assert str(path) in str(error)
    assert error.history.epochs == 3  # it is told when the next one is to be saved
    assert same_bits(error.train_state, fit(None, 3)[0])
    assert list(tmp_path.iterdir()) == [first]


def test_a_checkpoint_is_written_while_the_training_goes_on(tmp_path, monkeypatch):
    """The training overwrites what it has trained, and the file has what it was."""
    later, write = threading.Event(), file_format.write

    def write_later(*given):
        assert later.wait(30)
        write(*given)

    monkeypatch.setattr(file_format, "write", write_later)
    fit(tmp_path, 4, every=2, callback=lambda epoch, row: later.set() if epoch == 3 else None)
    saved = train.restore(tmp_path / "epoch-00000002.safetensors", linear()[1])
    assert saved.history.epochs == 2
    assert same_bits(saved.train_state, fit(None, 2)[0])


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no room"), MemoryError("no room")])
def test_the_last_write_is_waited_for_and_its_error_told(tmp_path, monkeypatch, error):
    def write(*given):
        raise error

    monkeypatch.setattr(file_format, "write", write)
    expected = train.CheckpointError if isinstance(error, OSError) else MemoryError
    with pytest.raises(expected, match="no room"):
        fit(tmp_path, 1)


def test_an_error_of_the_users_is_told_of_the_save_that_failed_after_it(tmp_path, monkeypatch):
    written, write = [], file_format.write

    def write_once(*given):
        written.append(1)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, "no room")
        write(*given)

    def callback(epoch, row):
        raise KeyError("mine")

    monkeypatch.setattr(file_format, "write", write_once)
    with pytest.raises(KeyError) as caught:
        fit(tmp_path, 2, callback=callback)
    assert any(
        "could not be written: [Errno 28] no room" in note for note in caught.value.__notes__
    )


OF_A_FEW_BITS = [
    name for name in dir(ml_dtypes)
    if name.startswith(("bfloat", "float", "int", "uint"))
]  # fmt: skip


@pytest.mark.parametrize("name", OF_A_FEW_BITS)
def test_every_type_of_ml_dtypes_is_written_and_read_again(tmp_path, name):
    array = np.array([[0, 1, 1], [1, 0, 1]], getattr(ml_dtypes, name))
    file_format.write(tmp_path / "a", {"w": array, "none": array[:0]}, {})
    found = file_format.read(tmp_path / "a")[0]
    assert found["w"].dtype == array.dtype
    assert found["w"].tobytes() == array.tobytes()
    assert found["none"].shape == (0, 3)


@pytest.mark.parametrize("dtype", [jnp.float8_e5m2, jnp.float8_e4m3fn, jnp.int4, jnp.bfloat16])
def test_leaves_of_a_few_bits_are_saved_and_restored(tmp_path, dtype):
    leaf = jnp.array([0, 1, 2], dtype)
    train_state = train.init({"w": leaf}, (), optax.identity())
    train.save(tmp_path / "a", train_state, key=jax.random.key(1), history=train.History.empty())
    found = train.restore(tmp_path / "a", train_state).train_state.params["w"]
    assert found.dtype == leaf.dtype
    assert np.asarray(found).tobytes() == np.asarray(leaf).tobytes()


def test_the_leaves_of_another_order_of_bytes_keep_their_values(tmp_path):
    arrays = {"a": np.array([1.5, -2.0], ">f4")}
    file_format.write(tmp_path / "a", arrays, {})
    assert file_format.read(tmp_path / "a")[0]["a"].tolist() == [1.5, -2.0]
    with pytest.raises(TypeError, match="holds numbers, got b of type object"):
        file_format.write(tmp_path / "a", {"b": np.array([None])}, {})


def test_the_error_about_another_optimizer_says_so_and_how_to_go_on(three_epochs):
    path = sorted(three_epochs.iterdir())[-1]
    like = train.init(linear()[1].params, (), optax.adam(1e-3))
    with pytest.raises(ValueError, match="another structure") as caught:
        train.restore(path, like)
    assert "train_state.opt_state" in str(caught.value)
    assert "saved with another optimizer: pass a train state" in str(caught.value)
    assert 'train.restore(path, like, only=("params", "state"))' in str(caught.value)
    deep = train.init([jnp.ones(1)] * 30, (), optax.sgd(0.1))
    with pytest.raises(ValueError, match=r"\n  and \d+ more"):
        train.restore(path, deep)


def forged(path, change):
    """A file with a right checksum and other fields."""
    arrays, header = file_format.read(path)
    fields = {"header": header, "dtypes": {name: a.dtype.name for name, a in arrays.items()}}
    text = change(fields)
    text = json.dumps(fields) if text is None else text
    stored = {name: file_format._storable(name, array) for name, array in arrays.items()}
    metadata = {
        "format": "gradwise checkpoint 1", "json": text,
        "sha256": file_format._digest(text, stored),
    }  # fmt: skip
    return safetensors_save(stored, metadata)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: "{",
        lambda fields: "[]",
        lambda fields: "[" * 100_000,
        lambda fields: fields.pop("dtypes") and None,
        lambda fields: fields.pop("header") and None,
        lambda fields: fields["dtypes"].update(gone="float32"),
        lambda fields: fields["dtypes"].update(dict.fromkeys(fields["dtypes"], "none")),
        lambda fields: fields["header"].pop("keys") and None,
        lambda fields: fields["header"].update(keys={"key": "no kind"}),
        lambda fields: fields["header"].pop("history") and None,
        lambda fields: fields["header"].update(history=3),
        lambda fields: fields["header"]["history"].update(ending="never"),
        lambda fields: fields["header"].update(position={"batches": -1}),
        lambda fields: fields["header"].update(made_with=[3]),
    ],
)
def test_a_forged_header_is_an_error_that_names_the_file(three_epochs, tmp_path, change):
    path = tmp_path / "run" / "epoch-00000003.safetensors"
    path.parent.mkdir()
    path.write_bytes(forged(three_epochs / path.name, change))
    with pytest.raises(ValueError, match=r"epoch-00000003\.safetensors"):
        fit(path.parent, 4, resume=True)


def recall(predictions, targets, *, where=None):
    """A value for each of three classes."""
    total = jnp.zeros(3).at[targets].add(jnp.where(where, 1.0, 0.0))
    return train.metrics.Mean(total, jnp.full(3, 2.0))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_metric_of_a_value_for_each_class_has_a_curve_of_them(tmp_path, streamed):
    objective, train_state = linear()
    objective = train.supervised(objective.apply, objective.loss, metrics={"recall": recall})
    x, y = map(np.asarray, data())
    source = [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    _, history = train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source if streamed else (x, y),
        epochs=2, batch_size=BATCH, validation=(x, y), checkpoint=tmp_path / "run",
        callback=[train.log.json_lines(tmp_path / "a.jsonl"), train.log.csv(tmp_path / "a.csv")],
    )  # fmt: skip
    curve = history["validation_recall"]
    assert curve.shape == (2, 3)
    np.testing.assert_allclose(curve[1], np.bincount(y, minlength=3) / (2 * 3))  # three windows
    history.save(tmp_path / "history.json")
    assert train.History.load(tmp_path / "history.json") == history
    assert (
        json.loads((tmp_path / "a.jsonl").read_text().splitlines()[1])["validation_recall"]
        == curve[1].tolist()
    )
    low, high = curve[1].min(), curve[1].max()
    assert f"{low:.3g} to {high:.3g}" in str(history).splitlines()[-1]
    head, first, *_ = (tmp_path / "a.csv").read_text().splitlines()
    assert "validation_recall[2]" in head.split(",")
    assert float(first.split(",")[head.split(",").index("validation_recall[2]")]) == curve[0, 2]
    history.plot(tmp_path / "recall.svg", curve="recall")
    train.plot_runs({"a": history}, tmp_path / "runs.svg", curve="recall")
    resumed = train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source if streamed else (x, y),
        epochs=3, batch_size=BATCH, validation=(x, y), checkpoint=tmp_path / "run", resume=True,
    )[1]  # fmt: skip
    assert resumed["validation_recall"].shape == (3, 3)
