"""The records of all packages, in one table: equality in which NaN equals NaN, and short forms."""

import copy
import dataclasses
import importlib
import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import benchmarks as bench
import losses
import nn
import train
from benchmarks import _record_file
from benchmarks.comparison.row import STATUSES
from benchmarks.graph.example import EXAMPLE as GRAPH
from benchmarks.report.example import EXAMPLE

ROOT = Path(__file__).parent.parent
PACKAGES = ("nn", "losses", "train", "benchmarks")


def estimate(number):
    return bench.Estimate(value=number, low=number, high=number)


def line(number):
    return bench.ModeLine(
        sizes=(1, 4), seconds=(number,), intercept=estimate(number), slope=estimate(number)
    )


def finding(number):
    return bench.Finding(text="faster", factor=number, confidence=number)


def samples(number):
    wall = np.array([number, 1.0])
    return bench.Samples(rounds=np.arange(2), wall=wall, cpu=np.ones(2), calls=8)


def ratio(number):
    return bench.Ratio(
        median=number, low=number, high=None, least=1.0, most=number, below=0.5, rounds=3
    )


def history(number):
    return train.History.empty().append({"train_loss": [0.5, number]})


def search(number):
    return train.Search(rows=(search_row(number),), score="loss")


def search_row(number):
    return train.Row.of({"rate": number}, np.array([[number]]))


def share(number):
    return losses.Share(path="0.weight", shape=(3, 4), value=number, share=number)


def layer(number):
    return nn.LayerSaturation(layer="1", activation="relu", units=8, saturated=number, dead=0.0)


def layer_summary(number):
    return nn.LayerSummary(
        layer="1",
        kind="dense(3, 4)",
        shape=(5, 4),
        dtype="float32",
        parameters=16,
        state=0,
        flops=number,
    )


def graph_node(number):
    last = GRAPH.nodes[-1]
    value = replace(last.results[0].value, array=np.asarray(number))
    return replace(last, results=(replace(last.results[0], value=value),))


#: Each record with a number in as many fields as can hold one.
RECORDS = {
    "LayerSaturation": layer,
    "Saturation": lambda number: nn.Saturation(layers=(layer(number),), threshold=number),
    "LayerSummary": layer_summary,
    "Summary": lambda number: nn.Summary(
        layers=(layer_summary(number),), input="float32[5,3]", bytes=64
    ),
    "Share": share,
    "Checkpoint": lambda number: train.Checkpoint(
        train_state=train.init(jnp.array([number]), (), optax.sgd(0.1)),
        key=jax.random.key(0),
        history=history(number),
    ),
    "Matched": lambda number: train.Matched(
        restored=("params.weight",), missing=(), unexpected=(), mismatched=()
    ),
    "Prediction": lambda number: train.Prediction(
        mean=jnp.ones((2, 3)),
        total=jnp.array([number]),
        aleatoric=jnp.array([1.0]),
        epistemic=jnp.array([0.5]),
        measure="variance",
    ),
    "Diagnosis": lambda number: train.Diagnosis(
        kind="ideal", evidence={"gap": number}, advice="rest"
    ),
    "History": history,
    "train.Row": search_row,
    "Search": search,
    "Advice": lambda number: bench.Advice(
        pattern="inverse",
        what="`inv` is only multiplied by",
        line="model.py:7 (step)",
        cure="solve",
        code="jnp.linalg.solve(A, b)",
        saves="much",
        factor=number,
    ),
    "Candidate": lambda number: bench.Candidate(name="own", mode="reverse", derivative=jnp.cos),
    "Comparison": lambda number: replace(
        EXAMPLE, floor=number, rows=(RECORDS["Row"](number),), environment={"load": number}
    ),
    "Crossover": lambda number: bench.Crossover(
        forward=line(number), reverse=line(2.0), inputs=estimate(number)
    ),
    "Difference": lambda number: bench.Difference(
        scenario="sine", method="reverse", time=estimate(number), conclusion="same"
    ),
    "Differences": lambda number: bench.Differences(
        rows=(RECORDS["Difference"](number),),
        old=RECORDS["Side"](number),
        new=RECORDS["Side"](1.5),
    ),
    "Estimate": estimate,
    "Explanation": lambda number: bench.Explanation(
        what="NaN", where="reverse", modes=("reverse",), operation="sqrt", happened=f"{number}"
    ),
    "Finding": finding,
    "Flops": lambda number: bench.Flops(low=1, mean=number, high=2),
    "Jacobian": lambda number: bench.Jacobian(
        name="f",
        order=1,
        n=2,
        m=3,
        way="forward",
        rivals=(RECORDS["Rival"](number),),
        entries=4,
        output="dense",
    ),
    "Rival": lambda number: bench.Rival(name="forward", passes=2, seconds=number),
    "Sketch": lambda number: bench.Sketch(m=2, n=3, entries=4, lines=("5.", ".5")),
    "Structure": lambda number: bench.Structure(
        name="f",
        m=2,
        n=3,
        starts=np.array([0, 1, 2]),
        columns=np.array([number, 2.0]),
        colours={"coloured (forward, 1)": 1},
        further={"cut (1)": 1},
        constant=False,
        blocks=1,
        lower=0,
        upper=1,
        unused=1,
    ),
    "Graph": lambda number: replace(GRAPH, nodes=(*GRAPH.nodes[:-1], graph_node(number))),
    "FunctionComparison": lambda number: bench.FunctionComparison(
        name="before, after",
        rows=(RECORDS["FunctionRow"](number),),
        time=finding(number),
        value=finding(number),
        memory=finding(1.0),
        same="all results are equal",
        n=3,
        m=1,
        dtype="float32",
    ),
    "FunctionRow": lambda number: bench.FunctionRow(
        name="before", value=RECORDS["Row"](number), derivative=EXAMPLE.rows[3]
    ),
    "MadeBy": lambda number: bench.MadeBy(
        dtype="float32", inputs="float32[3]", options={"budget": number}
    ),
    "Memory": lambda number: bench.Memory(temporary=1, argument=2, output=3, alias=0),
    "Method": lambda number: bench.METHODS[0],
    "ModeLine": line,
    "Obstacle": lambda number: bench.Obstacle(reason="a loop", source="", instead="lax.scan"),
    "Ratio": ratio,
    "Residual": lambda number: bench.Residual(
        bytes=8, shape=(2,), dtype="float32", what="cos", source="", storage="new"
    ),
    "Row": lambda number: replace(
        EXAMPLE.rows[1],
        error=number,
        ratio=ratio(number),
        samples=samples(number),
        flops=RECORDS["Flops"](number),
    ),
    "Samples": samples,
    "Scenario": lambda number: bench.Scenario(
        name="suite/sine", fn=jnp.sin, inputs=(np.array([number]),), purpose="A wave."
    ),
    "Side": lambda number: bench.Side(name="main", environment={"cores": 2}, waited=number),
    "Verdict": lambda number: bench.Verdict(
        time=finding(number), memory=finding(number), compile=finding(1.0), why="Because."
    ),
}
#: Fields that the example of a comparison leaves empty.
FULL = {
    "Comparison": {
        "crossover": RECORDS["Crossover"](1.5),
        "made_by": RECORDS["MadeBy"](1.5),
        "advice": (RECORDS["Advice"](1.5),),
    }
}
WITHOUT_A_NUMBER = {"Candidate", "Matched", "Memory", "Method", "Obstacle", "Residual", "Sketch"}


def test_every_record_that_a_package_exports_is_in_the_table():
    exported = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            if dataclasses.is_dataclass(getattr(module, name)):
                exported.add("train.Row" if (package, name) == ("train", "Row") else name)
    assert exported - {"SupervisedObjective"} == RECORDS.keys()


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_equal_to_one_of_the_same_numbers_and_nan_equals_nan(name):
    make = RECORDS[name]
    assert make(float("nan")) == make(float("nan"))
    assert copy.copy(make(1.5)) == make(1.5)
    assert (make(1.5) == make(2.5)) == (name in WITHOUT_A_NUMBER)
    assert make(1.5) != "a text"


@pytest.mark.parametrize("name", RECORDS)
def test_equal_records_have_one_hash_or_say_that_they_have_none(name):
    make = RECORDS[name]
    if type(make(1.5)).__hash__ is None:
        with pytest.raises(TypeError, match=f"unhashable type: '{name.split('.')[-1]}'"):
            hash(make(1.5))
    else:
        assert hash(make(float("nan"))) == hash(make(float("nan")))


@pytest.mark.parametrize("name", RECORDS)
def test_the_repr_of_a_record_is_one_short_line(name):
    text = repr(RECORDS[name](1.5))
    assert text.startswith(f"{name.split('.')[-1]}(")
    assert "\n" not in text
    assert len(text) <= 120, text


ONE_TEXT = ["_equality.py", "_files.py", "_record_file.py", "_extras.py"]
ONE_TEXT += ["_sample_moments.py", "_precision.py"]


@pytest.mark.parametrize("name", ONE_TEXT)
def test_the_packages_that_may_not_import_one_another_have_one_text_for_one_thing(name):
    files = [ROOT / package / name for package in PACKAGES]
    texts = {file.read_text() for file in files if file.exists()}
    assert len(texts) == 1


#: The records that a file holds, and the fields that no file has.
FILED = ("Comparison", "FunctionComparison", "Graph", "History", "Search", "Saturation", "Summary")
NOT_FILED = {"Search": {"run_alone"}, "Comparison": {"source"}, "Graph": {"subject"}}


def filed(record):
    """The classes of a record and of all records inside of it."""
    yield type(record)
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                yield from filed(part)


@pytest.mark.parametrize("name", FILED)
def test_the_page_on_the_schema_names_every_field_under_its_record(name):
    page = (ROOT / "docs" / "schema.md").read_text()
    assert f"schema {_record_file.SCHEMA}" in page
    whole = name in ("Comparison", "FunctionComparison")
    section = page if whole else page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    classes = set(filed(replace(RECORDS[name](1.5), **FULL.get(name, {}))))
    for record in classes:
        for field in dataclasses.fields(record):
            if field.name not in NOT_FILED.get(record.__name__, ()):
                assert f"`{field.name}`" in section, f"{record.__name__}.{field.name}"


@pytest.mark.parametrize("name", FILED)
def test_the_fields_of_a_file_are_those_of_its_record(name, tmp_path):
    record = RECORDS[name](1.5)
    record.save(tmp_path / "record.json")
    written = json.loads((tmp_path / "record.json").read_text())["record"]
    fields = {field.name for field in dataclasses.fields(record)}
    assert written.keys() == fields - NOT_FILED.get(name, set())


def test_the_page_on_the_schema_names_every_status():
    page = (ROOT / "docs" / "schema.md").read_text()
    assert all(f"`{status}`" in page for status in STATUSES)
