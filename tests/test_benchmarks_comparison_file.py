"""Comparisons in files: they come back as they were, whole or as an error, old ones too."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest

import gradwise
from benchmarks import compare
from benchmarks.comparison import file
from benchmarks.report.text import text_table

ROOT = Path(__file__).parent.parent
OLD = Path(__file__).parent / "data" / "comparisons_schema_1.json"

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    return compare(
        lambda x: jnp.outer(jnp.sin(x), x[:2]),
        jnp.linspace(0.1, 1.0, 3),
        methods=["numerical", "forward", "reverse", "checkpointed"],
        budget=0.1,
        crossover=True,
        name="sine",
        purpose="Outer products.",
    )


def test_a_comparison_comes_back_equal(comparison, tmp_path):
    path = tmp_path / "deep" / "found.json"
    comparison.save(path)
    back = gradwise.load(path)
    assert back == comparison
    assert back is not comparison
    assert text_table(back) == text_table(comparison)
    assert back != replace(comparison, floor=2 * comparison.floor)


def test_several_comparisons_come_back_as_a_list(comparison, tmp_path):
    file.save([comparison, replace(comparison, name="other")], tmp_path / "found.json")
    first, second = gradwise.load(tmp_path / "found.json")
    assert (first, second.name) == (comparison, "other")
    assert file.load_all(tmp_path / "found.json") == [first, second]


def test_infinity_and_nan_are_strings_that_come_back_as_numbers(comparison, tmp_path):
    path = tmp_path / "found.json"
    replace(comparison, floor=math.inf).save(path)
    assert json.loads(path.read_text())["record"]["floor"] == "inf"
    assert gradwise.load(path).floor == math.inf
    replace(comparison, floor=math.nan).save(path)
    assert math.isnan(gradwise.load(path).floor)


@pytest.mark.parametrize("ending", ["json", "csv", "html", "md", "png"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    comparison, tmp_path, monkeypatch, ending
):
    path = tmp_path / f"found.{ending}"
    comparison.save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError("no space left on the device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        replace(comparison, name="other").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_the_old_schema_is_read():
    (found,) = gradwise.load(OLD)
    assert (found.name, found.purpose) == ("old", "A file of the old schema.")
    assert found.crossover.inputs.high == math.inf
    assert found.row("reverse").flops.known
    assert len(found.row("reverse").program_hash) == 16
    assert found.row("reverse").samples.wall.size == 3
    assert "reverse" in str(found)
    assert found.made_by is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 2, "kind": "history", "record": {}}', "of kind 'history'; load it with"),
        ('{"schema": 1, "comparisons": {}}', "a list of comparisons was expected, got dict"),
        ('{"schema": 1, "comparisons": [5]}', "'int' object is not iterable"),
        ('{"schema": 2, "kind": "comparison", "record": 3}', "must be an object, got int"),
        ('{"schema": 2, "kind": "comparison", "record": {"nme": ""}}', "has no field 'nme'"),
        ('{"schema": 2, "kind": "comparison", "record": {"name": 3}}', "name cannot be 3"),
        ('{"schema": 2, "kind": "comparisons", "record": {}}', "list of comparisons was expected"),
        ('{"schema": 2, "kind": "comparisons", "record": ""}', "list of comparisons was expected"),
    ],
)
def test_a_file_that_holds_no_comparison_raises_an_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as raised:
        file.load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.update(n=True), "n cannot be True"),
        (lambda record: record.update(n=3.0), "n cannot be 3.0"),
        (lambda record: record.update(floor=10**400), "too large"),
        (lambda record: record.update(floor=False), "a number was expected, got False"),
        (lambda record: record.update(rows=None), "rows cannot be None"),
        (lambda record: record.pop("n"), "missing"),
        (lambda record: record["rows"][1].update(status="fine"), "value cannot be 'fine'"),
        (lambda record: record["rows"][1].update(exact=1), "exact cannot be 1"),
        (lambda record: record["rows"][1]["samples"].update(wall=[1e-3]), "as many in each"),
        (lambda record: record["rows"][1]["samples"].update(wall=[[1.0]]), "a number was expected"),
        (lambda record: record["rows"][1]["samples"].update(wall=["x"]), "a number was expected"),
    ],
)
def test_a_comparison_that_cannot_have_been_measured_is_refused(
    comparison, tmp_path, change, message
):
    path = tmp_path / "bad.json"
    comparison.save(path)
    content = json.loads(path.read_text())
    content["record"]["rows"].insert(0, content["record"]["rows"].pop())
    change(content["record"])
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"bad\.json: expected .*{message}"):
        gradwise.load(path)


def test_reading_a_file_loads_no_jax_no_method_no_sympy_and_no_neural_network():
    script = f"""
import sys
import gradwise

print(gradwise.load({str(OLD)!r})[0].name)
ours = ("derivatives", "check", "scenarios", "report", "peers", "cli", "program.primitives")
loaded = [f"gradwise.benchmarks.{{room}}" for room in ours] + ["sympy", "scipy", "jax"]
loaded += [f"gradwise.{{name}}" for name in ("nn", "losses", "train")]
print([name for name in loaded if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["old", "[]"]
