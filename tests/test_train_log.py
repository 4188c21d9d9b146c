import csv
import io
import json
import sys

import jax
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
from train_problem import BATCH, data, linear, optimizer

import train
from train.runs.progress import reporter


def test_every_epoch_reaches_callbacks_json_lines_and_tensorboard(tmp_path):
    objective, train_state = linear()
    heard = []
    _, history = train.fit(
        jax.random.key(0), train_state, objective, optimizer(), data(), validation=data(5),
        epochs=3, batch_size=BATCH, epochs_per_call=2,
        callback=[
            lambda epoch, row: heard.append((epoch, row)),
            train.log.json_lines(tmp_path / "log.jsonl"),
            train.log.tensorboard(tmp_path / "board"),
        ],
    )  # fmt: skip
    assert heard == list(enumerate(history.rows(), start=1))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history.rows()
    (events,) = (tmp_path / "board").iterdir()
    losses = {e.step: v.simple_value for e, v in scalars(events) if v.tag == "validation_loss"}
    assert list(losses) == [1, 2, 3]
    np.testing.assert_allclose(list(losses.values()), history["validation_loss"], rtol=1e-6)


def scalars(path):
    """The events of a TensorBoard file: records of length, checksum, event, checksum."""
    raw = io.BytesIO(path.read_bytes())
    while size := raw.read(8):
        raw.read(4)
        event = Event.FromString(raw.read(int.from_bytes(size, "little")))
        raw.read(4)
        yield from ((event, value) for value in event.summary.value)


def test_a_table_has_a_line_for_each_epoch_and_keeps_every_digit(tmp_path):
    path = tmp_path / "made" / "log.csv"
    rows = [
        {"epoch": 1, "train_loss": 1 / 3, "validation_loss": 0.5},
        {"epoch": 2, "train_loss": float("nan"), "validation_loss": float("-inf")},
    ]
    log = train.log.csv(path)
    for row in rows:
        log(row["epoch"], row)
    read = list(csv.DictReader(path.read_text().splitlines()))
    assert [line.keys() for line in read] == [rows[0].keys()] * 2
    np.testing.assert_array_equal(
        [[float(cell) for cell in line.values()] for line in read],
        [list(row.values()) for row in rows],
    )


def test_a_table_goes_on_after_a_kill_and_takes_new_columns(tmp_path):
    path = tmp_path / "log.csv"
    train.log.csv(path)(1, {"epoch": 1, "train_loss": 0.5})
    with path.open("a") as file:
        file.write("2,0.2")  # killed within the line
    log = train.log.csv(path)
    log(2, {"epoch": 2, "train_loss": 0.25, "train_accuracy": 0.75})
    log(3, {"epoch": 3, "train_loss": 0.125})
    assert path.read_text().splitlines() == [
        "epoch,train_loss,train_accuracy", "1,0.5,", "2,0.25,0.75", "3,0.125,",
    ]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


ROWS = [
    {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": 2.0, "train_accuracy": 0.5}
    for epoch in (1, 2, 3)
]


def test_progress_is_a_line_per_epoch_with_the_losses_and_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    report = reporter(True, 3, clock=lambda: 7.0)
    for row in ROWS:
        report([row])
    lines = terminal.getvalue().splitlines()
    assert lines[0] == "epoch 1/3  train loss 1  validation loss 2"
    assert lines[1] == "epoch 2/3  train loss 0.5  validation loss 2  0 s left"
    assert lines[2] == "epoch 3/3  train loss 0.3333  validation loss 2"


def test_all_rows_of_a_block_show_the_same_time_left(monkeypatch):
    terminal, times = Terminal(), iter([10.0, 16.0, 22.0])
    monkeypatch.setattr(sys, "stdout", terminal)
    report = reporter(True, 6, clock=lambda: next(times))
    for first in (1, 3, 5):
        report([{"epoch": first}, {"epoch": first + 1}])
    assert [line.partition("6  ")[2] for line in terminal.getvalue().splitlines()] == [
        "", "", "6 s left", "6 s left", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("progress", "stdout"), [(False, Terminal()), (True, io.StringIO())])
def test_progress_is_silent_when_told_so_and_off_a_terminal(monkeypatch, progress, stdout):
    monkeypatch.setattr(sys, "stdout", stdout)
    reporter(progress, 3)(ROWS)
    assert stdout.getvalue() == ""


def test_a_missing_package_raises_an_error_that_names_its_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    history = train.History.empty().append({"train_loss": [1.0]})
    with pytest.raises(
        ImportError, match=r'needs tensorboardX: pip install "gradwise\[tensorboard\]"'
    ):
        train.log.tensorboard(tmp_path)
    with pytest.raises(ImportError, match=r'needs matplotlib: pip install "gradwise\[train\]"'):
        history.plot(tmp_path / "a.svg")
    _, train_state = linear()
    with pytest.raises(ImportError, match=r'needs safetensors: pip install "gradwise\[train\]"'):
        train.save(tmp_path / "a", train_state, key=jax.random.key(0), history=history)


def test_a_log_makes_its_folder(tmp_path):
    path = tmp_path / "a folder" / "größe.jsonl"
    train.log.json_lines(path)(1, {"epoch": 1})
    assert json.loads(path.read_text()) == {"epoch": 1}
