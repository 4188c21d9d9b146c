"""What `save` promises of a file, whichever package writes it: one contract over all of them."""

import os
import stat
import threading
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nn
import train
from benchmarks.comparison import file
from benchmarks.report.example import EXAMPLE
from benchmarks.report.files import write_report

HISTORY = train.History.empty().append({"train_loss": [0.5, 0.25]})
SEARCH = train.Search(rows=(train.Row.of({"width": 8}, np.ones((1, 1))),), score="loss")
STATE = train.init(jnp.ones(2), (), optax.sgd(0.1))


def checkpoint(path):
    train.save(path, STATE, key=jax.random.key(0), history=HISTORY)


#: Each way to write a file, by the name of what it writes.
WRITERS = {
    "comparison.json": EXAMPLE.save,
    "comparison.csv": EXAMPLE.save,
    "comparison.md": EXAMPLE.save,
    "comparison.html": EXAMPLE.save,
    "comparison.png": EXAMPLE.save,
    "several.json": lambda path: file.save([EXAMPLE, replace(EXAMPLE, name="other")], path),
    "report.md": lambda path: write_report([EXAMPLE], path),
    "history.json": HISTORY.save,
    "curves.svg": HISTORY.plot,
    "runs.svg": lambda path: train.plot_runs({"one": HISTORY}, path),
    "search.json": SEARCH.save,
    "search.csv": SEARCH.save,
    "saturation.json": nn.Saturation(layers=(), threshold=0.1).save,
    "summary.json": nn.Summary(layers=(), input="float32[5,3]", bytes=0).save,
    "checkpoint.safetensors": checkpoint,
}
#: Without the page, which takes seconds to draw.
QUICK = [name for name in WRITERS if name != "comparison.html"]
#: What checks the ending of its name.
ENDINGS = {"comparison", "report", "history", "search", "saturation", "summary"}
#: One for each copy of the code that writes.
FEW = ["comparison.json", "history.json", "saturation.json"]


@pytest.mark.parametrize("name", WRITERS)
def test_missing_folders_are_made_and_no_other_file_is_left(name, tmp_path):
    path = tmp_path / "a" / "b" / name
    WRITERS[name](path)
    assert path.stat().st_size
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", QUICK)
def test_a_folder_of_the_name_is_a_clear_error(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match=f"{name} is a folder: name a file in it"):
        WRITERS[name](tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", QUICK)
def test_the_permissions_of_an_older_file_stay_and_a_link_stays_a_link(name, tmp_path):
    path, link = tmp_path / "real", tmp_path / name
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    WRITERS[name](link)
    assert link.is_symlink()
    assert path.read_bytes() != b"old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", FEW)
def test_the_whole_content_goes_to_the_disk_before_it_takes_the_name(name, tmp_path, monkeypatch):
    path, synced = tmp_path / name, []
    path.write_text("old")

    def fsync(descriptor):
        assert path.read_text() == "old"
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    WRITERS[name](path)
    assert synced == [path.stat().st_size]


@pytest.mark.parametrize("name", FEW)
def test_four_threads_write_one_file_at_once_and_all_succeed(name, tmp_path):
    errors = []

    def write():
        try:
            for _ in range(10):
                WRITERS[name](tmp_path / name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [name for name in QUICK if name.split(".")[0] in ENDINGS])
def test_an_ending_may_be_in_capitals_and_an_unknown_one_is_refused(name, tmp_path):
    WRITERS[name](tmp_path / name.upper())
    with pytest.raises(ValueError, match=r"record\.txt must end in \.json"):
        WRITERS[name](tmp_path / "record.txt")
    assert [path.name for path in tmp_path.iterdir()] == [name.upper()]
