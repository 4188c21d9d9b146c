"""The record of `saturation`: its forms, its equality and its file."""

import dataclasses
import json
import math

import pytest

import nn


def report(share=math.nan):
    softmax = nn.LayerSaturation(
        layer="0.<a & b>", activation="softmax", units=3, saturated=share, dead=math.nan
    )
    relu = nn.LayerSaturation(layer="2[1]", activation="relu", units=8, saturated=0.75, dead=0.125)
    return nn.Saturation(layers=(softmax, relu), threshold=1e-3)


def test_a_report_is_a_frozen_record_with_a_short_repr():
    assert repr(report()) == "Saturation(2 layers, 1 with dead units)"
    rows = report().layers
    assert repr(rows[0]) == "LayerSaturation(0.<a & b> softmax: 3 units, nan% saturated, nan% dead)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        report().threshold = 0.1
    with pytest.raises(TypeError, match="positional"):
        nn.LayerSaturation("0", "relu", 8, 0.0, 0.0)


def test_reports_are_equal_if_their_values_are_and_nan_equals_nan():
    assert report() == report(float("nan"))
    assert hash(report()) == hash(report(float("nan")))
    assert report() != report(0.5)
    assert report() != dataclasses.replace(report(), threshold=0.1)
    assert report().layers[0] != "0"


def test_the_html_form_of_a_report_is_a_table_with_escaped_texts():
    for html in (report()._repr_html_(), report().layers[0]._repr_html_()):
        assert html.startswith("<table><tr><th>layer</th>")
        assert "<td>0.&lt;a &amp; b&gt;</td>" in html
    assert "<th>|slope| &lt; 0.001</th>" in report()._repr_html_()


@pytest.mark.parametrize("share", [0.25, math.nan, math.inf, -math.inf, 0, 1 / 3])
def test_a_saved_report_is_loaded_as_an_equal_one(tmp_path, share):
    path = tmp_path / "saturation.json"
    report(share).save(path)
    assert nn.Saturation.load(str(path)) == report(share)
    assert [file.name for file in tmp_path.iterdir()] == ["saturation.json"]


def test_the_file_of_a_report_is_json_with_schema_kind_and_record(tmp_path):
    report().save(tmp_path / "saturation.json")
    content = json.loads((tmp_path / "saturation.json").read_text())
    row = {"layer": "0.<a & b>", "activation": "softmax", "units": 3}
    row |= {"saturated": "nan", "dead": "nan"}
    assert (content["schema"], content["kind"]) == (2, "saturation")
    assert content["record"]["layers"][0] == row
    assert content["record"]["threshold"] == 1e-3


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    path = tmp_path / "saturation.json"
    report().save(path)

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(nn._files.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        report(0.5).save(path)
    assert nn.Saturation.load(path) == report()
    assert list(tmp_path.iterdir()) == [path]


RECORD = {"layers": [], "threshold": 0.1}
ROW = {"layer": "0", "activation": "relu", "units": 3, "saturated": 0.0, "dead": 0.0}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (RECORD | {"threshold": "0.1"}, r"a number was expected, got '0\.1'"),
        (RECORD | {"threshold": True}, "a number was expected, got True"),
        (
            RECORD | {"threshold": 10**400},
            "a number was expected, got one that is too large",
        ),
        (RECORD | {"layers": "none"}, "layers must be list, got 'none'"),
        (
            RECORD | {"layers": [3]},
            "layer, activation, units, saturated, dead were expected, got 3",
        ),
        (RECORD | {"layers": [ROW | {"units": 3.0}]}, r"units must be int, got 3\.0"),
        (RECORD | {"layers": [ROW | {"units": "nan"}]}, "units must be int, got 'nan'"),
        (RECORD | {"layers": [ROW | {"dead": None}]}, "a number was expected, got None"),
        (RECORD | {"more": 1}, r"layers, threshold were expected, got \{"),
    ],
)
def test_a_field_of_another_type_raises_an_error_that_names_it(tmp_path, record, message):
    path = tmp_path / "saturation.json"
    path.write_text(json.dumps({"schema": 2, "kind": "saturation", "record": record}))
    with pytest.raises(ValueError, match=rf"saturation\.json: expected .*{message}.*; the file is"):
        nn.Saturation.load(path)


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"saturation\.json"):
        nn.Saturation.load(tmp_path / "saturation.json")
