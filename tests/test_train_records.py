"""What a user holds: histories, diagnoses, searches, checkpoints, and the files of them."""

import dataclasses
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import data, linear

import train

NAN, INF = float("nan"), float("inf")


def history(**changes):
    curves = {"train_loss": [0.1, NAN, INF], "validation_loss": [1 / 3, 2.0, -INF]}
    made = train.History.empty().append(curves)
    return dataclasses.replace(made, **{"untrained_loss": 2.3, "failed_step": 7} | changes)


def search(**changes):
    settings = [
        {"width": 8, "rate": np.float32(0.1), "clip": INF, "sizes": (3, 2), "norm": True},
        {"width": 4, "rate": np.float32(0.2), "clip": 1.0, "sizes": (3,), "norm": None},
    ]
    scores = [np.array([[0.5, 1 / 3]]), np.array([[NAN, 2.0]])]
    rows = tuple(map(train.Row.of, settings, scores))
    return train.Search(**{"rows": rows, "score": "validation_loss"} | changes)


def diagnosis(**changes):
    fields = {"kind": "diverged", "evidence": {"epochs": 3.0, "gap": NAN}, "advice": "less"}
    return train.Diagnosis(**fields | changes)


def checkpoint(**changes):
    fields = {
        "train_state": linear()[1]._replace(state={"peak": jnp.array([1.0, NAN]), "seen": 3}),
        "key": jax.random.key(3),
        "history": history(),
    }
    return train.Checkpoint(**fields | changes)


RECORDS = {
    "history": (history, {"untrained_loss": 2.4}),
    "search": (search, {"score": "train_loss"}),
    "row": (lambda **changes: dataclasses.replace(search().rows[1], **changes), {"mean": 1.0}),
    "diagnosis": (diagnosis, {"evidence": {"epochs": 3.0, "gap": 1.0}}),
    "checkpoint": (checkpoint, {"key": jax.random.key(4)}),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_frozen_and_made_of_keywords_and_equal_to_one_of_the_same_numbers(name):
    make, change = RECORDS[name]
    record = make()
    assert record == make()
    assert record != make(**change)
    assert record != 3
    with pytest.raises(TypeError):
        type(record)(*(getattr(record, field.name) for field in dataclasses.fields(record)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, None)


@pytest.mark.parametrize("name", RECORDS)
def test_the_repr_of_a_record_is_one_short_line_without_arrays(name):
    long = {f"a_hyper_parameter_of_a_long_name_{i}": i for i in range(9)}
    rows = (train.Row.of(long, np.ones((9, 9))),)
    changes = {"search": {"rows": rows}, "row": {"setting": long}}.get(name, {})
    text = repr(RECORDS[name][0](**changes))
    assert len(text) <= 100
    assert "\n" not in text
    assert "rray" not in text


def test_the_repr_of_a_history_names_the_last_losses_or_says_why_there_are_none():
    losses = train.History.empty().append({"train_loss": [1.0, 0.3125], "train_accuracy": [0, 1]})
    assert repr(losses) == "History(2 epochs, train_loss 0.312)"
    assert repr(history()).endswith("validation_loss -inf, failed at step 7)")
    assert repr(train.History.empty()) == "History(0 epochs)"
    two = jax.tree.map(lambda *leaves: np.stack(leaves), losses, losses)
    assert repr(two) == "History(2 runs)"
    seen = []
    jax.eval_shape(lambda run: seen.append(repr(run)), jax.tree.map(jnp.asarray, losses))
    assert seen == ["History(traced)"]


@pytest.mark.parametrize("name", ["history", "search", "diagnosis"])
def test_the_html_of_a_record_is_a_table_whose_texts_are_escaped(name):
    bad = "<script>"
    make, _ = RECORDS[name]
    changes = {
        "history": {"curves": {"train_loss": np.ones(3), bad: np.ones(3)}},
        "search": {"score": bad},
        "diagnosis": {"advice": bad},
    }
    text = make(**changes[name])._repr_html_()
    assert text.count("<table>") == 1
    assert text.endswith("</table>")
    assert bad not in text
    assert "&lt;script&gt;" in text


def test_a_history_without_a_table_has_html_all_the_same():
    runs = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), history())
    assert runs._repr_html_() == "<p>History(2 runs)</p>"
    assert train.History.empty()._repr_html_() == "<p>History(0 epochs)</p>"


FILED = {"history": (train.History, history), "search": (train.Search, search)}


@pytest.mark.parametrize("kind", FILED)
def test_a_record_is_saved_as_strict_json_and_loads_as_an_equal_one(tmp_path, kind):
    cls, make = FILED[kind]
    path = tmp_path / "record.json"
    make().save(path)
    content = json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))
    assert list(content) == ["schema", "kind", "record"]
    assert (content["schema"], content["kind"]) == (2, kind)
    assert cls.load(path) == make()
    assert str(cls.load(path)) == str(make())


def test_a_history_out_of_a_run_that_stopped_early_loads_as_an_equal_one(tmp_path):
    def run(loss):
        return train.History(
            curves={"train_loss": loss}, epochs=jnp.array(2), untrained_loss=jnp.array(jnp.inf)
        )

    made = jax.jit(run)(np.array([0.1, NAN, NAN], np.float32))
    made.save(tmp_path / "history.json")
    assert train.History.load(tmp_path / "history.json") == made


def test_what_json_has_no_word_for_is_saved_by_its_name(tmp_path):
    row = train.Row.of({"activation": jnp.tanh, "sizes": [np.int64(3)]}, np.array([[1.0]]))
    train.Search(rows=(row,), score="loss").save(tmp_path / "search.json")
    loaded = train.Search.load(tmp_path / "search.json")
    assert loaded.best.setting == {"activation": "tanh", "sizes": (3,)}


FIELDS = history().to_dict()


def test_a_record_of_another_kind_is_refused_and_the_error_names_it(tmp_path):
    search().save(tmp_path / "search.json")
    with pytest.raises(ValueError, match="expected a history, got a record of kind 'search'; load"):
        train.History.load(tmp_path / "search.json")


def test_a_history_whose_curves_are_of_other_lengths_is_damaged(tmp_path):
    path = tmp_path / "history.json"
    content = {"schema": 2, "kind": "history", "record": FIELDS | {"epochs": 2}}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"curve 'train_loss' must be of 2 epochs, got \(3,\)"):
        train.History.load(path)


@pytest.mark.parametrize("kind", FILED)
def test_a_missing_file_is_a_file_not_found_error(tmp_path, kind):
    with pytest.raises(FileNotFoundError):
        FILED[kind][0].load(tmp_path / "record.json")


# As History.save of version 0.2 wrote it.
SCHEMA_1 = """{"curves": {"train_loss": [0.1, "nan", "inf"], "validation_loss": [0.5, 2.0, "-inf"]},
"epochs": 3, "untrained_loss": 2.3, "failed_step": 7}
"""


def test_a_history_of_the_version_before_is_read(tmp_path):
    (tmp_path / "history.json").write_text(SCHEMA_1)
    loaded = train.History.load(tmp_path / "history.json")
    assert loaded["train_loss"].tolist()[0] == 0.1
    np.testing.assert_array_equal(loaded["validation_loss"], [0.5, 2.0, -INF])
    assert (loaded.epochs, loaded.untrained_loss, loaded.failed_step) == (3, 2.3, 7)


def test_a_loaded_search_says_that_it_has_no_run_to_replay(tmp_path):
    search().save(tmp_path / "search.json")
    with pytest.raises(ValueError, match=r"does not hold its run: .* \*\*row\.setting"):
        train.Search.load(tmp_path / "search.json").replay()


def test_a_search_is_equal_whatever_makes_its_runs():
    assert search(run_alone=lambda setting, repeat: None) == search()


def test_a_search_is_saved_as_csv_or_json_alone(tmp_path):
    with pytest.raises(ValueError, match=r"search\.txt must end in \.json or \.csv"):
        search().save(tmp_path / "search.txt")
    assert not list(tmp_path.iterdir())


WRITERS = {
    "history.json": lambda path: history().save(path),
    "search.json": lambda path: search().save(path),
    "search.csv": lambda path: search().save(path),
    "history.svg": lambda path: train.History.empty().append({"train_loss": [1.0]}).plot(path),
    "runs.png": lambda path: train.plot_runs({"one": history()}, path),
    "search.svg": lambda path: search().plot(path, names=["width"]),
    "checkpoint": lambda path: train.save(
        path, linear()[1], key=jax.random.key(0), history=history()
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text("old")

    def full(descriptor):
        assert path.read_text() == "old"  # the new content is not there before all of it is
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            WRITERS[name](path)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert path.read_text() == "old"
    WRITERS[name](path)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert path.read_bytes() != b"old"


def test_a_figure_without_an_ending_is_a_png(tmp_path):
    train.History.empty().append({"train_loss": [1.0]}).plot(tmp_path / "curves")
    assert (tmp_path / "curves.png").read_bytes()[1:4] == b"PNG"


def test_a_typed_key_or_a_function_in_a_setting_is_compared_too():
    def row(value):
        return train.Row.of({"value": value}, np.array([[1.0]]))

    assert row(jax.random.key(1)) == row(jax.random.key(1))
    assert row(jax.random.key(1)) != row(jax.random.key(2))
    assert row(jax.random.key(1)) != row(1)
    assert row(optax.sgd) == row(optax.sgd)
    assert row(optax.sgd) != row(optax.adam)
    assert row(np.ones(2)) == row((1.0, 1.0))
    assert row(np.ones(2)) != row(np.ones(3))
    assert row(data()[0]) == row(np.asarray(data()[0]))
