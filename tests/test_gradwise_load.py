"""`gradwise.load` reads what any record's `save` wrote, in this version or in the one before."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradwise
from gradwise import compare, nn, train

DATA = Path(__file__).parent / "data"


def history():
    return train.History.empty().append({"train_loss": [0.5, float("nan")]})


def comparison():
    return compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.05)


def search():
    scores = {0.1: np.array([[0.5, 0.25]]), 9.0: np.array([[np.nan]])}
    rows = tuple(train.Row.of({"rate": rate}, those) for rate, those in scores.items())
    return train.Search(rows=rows, score="validation_loss")


def saturation():
    model = nn.mlp((3, 4, 2))
    return nn.saturation(model, *model.init(jax.random.key(0)), jnp.ones((5, 3)))


@pytest.mark.parametrize("make", [comparison, history, search, saturation])
def test_a_saved_record_comes_back_equal(make, tmp_path):
    record = make()
    record.save(tmp_path / "record.json")
    loaded = gradwise.load(str(tmp_path / "record.json"))
    assert type(loaded) is type(record)
    assert loaded == record


def test_files_of_the_version_before_are_read(tmp_path):
    (old,) = gradwise.load(DATA / "comparisons_schema_1.json")
    assert isinstance(old, gradwise.Comparison)
    (tmp_path / "history.json").write_text(json.dumps(history().to_dict()).replace("NaN", '"nan"'))
    assert gradwise.load(tmp_path / "history.json") == history()


def test_a_file_that_is_not_there_is_said_not_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        gradwise.load(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not JSON", "is not JSON"),
        ("[1, 2]", "holds no record of gradwise"),
        ('{"kind": "recipe"}', "but recipe"),
        ('{"schema": 2, "kind": "history", "record": {}}', "damaged"),
        ('{"schema": 2, "kind": "comparison", "record": {}}', "damaged"),
        ('{"schema": 2, "kind": "search", "record": {}}', "damaged"),
        ('{"schema": 2, "kind": "saturation", "record": {}}', "damaged"),
        ('{"schema": 99, "kind": "saturation", "record": {}}', "99"),
        ('{"schema": 99, "kind": "history", "record": {}}', "99"),
        ('{"schema": 99, "kind": "comparison", "record": {}}', "99"),
    ],
)
def test_a_file_that_is_no_record_is_an_error_that_names_it(content, message, tmp_path):
    path = tmp_path / "strange.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        gradwise.load(path)
    assert "strange.json" in str(error.value)
