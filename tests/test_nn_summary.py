"""`summary`: the layers it finds, and what it counts; the record's forms and its file."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn


def batch(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


BLOCK = nn.residual(nn.serial(nn.dense(3, 4), nn.activation(nn.relu), nn.dense(4, 3)))


def scaled(layer):
    """A combinator that the library does not have."""

    def apply(params, state, x, /, *, key=None, train=False, mask=None):
        y, state = layer.apply(params, state, x, key=key, train=train, mask=mask)
        return 2 * y, state

    return nn.Layer(layer.init, apply)


def test_a_summary_has_a_row_for_each_layer_inside_of_every_combinator():
    model = nn.serial(
        nn.repeat(BLOCK, 5),
        nn.frozen(nn.batch_norm(3)),
        nn.mixed_precision(nn.concatenate(nn.dense(3, 2), nn.dropout(0.5))),
        scaled(nn.dense(5, 2)),
    )
    rows = nn.summary(model, batch(6, 3)).layers
    assert [(row.layer, row.kind, row.shape, row.dtype, row.parameters) for row in rows] == [
        ("0.0", "5 x dense(3, 4)", (6, 4), "float32", 5 * 16),
        ("0.1", "5 x relu", (6, 4), "float32", 0),
        ("0.2", "5 x dense(4, 3)", (6, 3), "float32", 5 * 15),
        ("1", "frozen batch_norm(3)", (6, 3), "float32", 6),
        ("2.0", "bfloat16 dense(3, 2)", (6, 2), "bfloat16", 8),
        ("2.1", "bfloat16 dropout(0.5)", (6, 3), "bfloat16", 0),
        ("3", "scaled", (6, 2), "float32", 12),
    ]
    assert [row.flops for row in rows[:3]] == [5 * 2 * 6 * 12, 0, 5 * 2 * 6 * 12]


MODELS = {
    "mlp": (nn.mlp((7, 5, 2), batch_norm=True), batch(6, 7), 2 * 6 * (35 + 10)),
    "conv": (nn.conv(4, 6, (3, 2), groups=2), batch(5, 8, 9, 4), 2 * 5 * 72 * 6 * (3 * 2 * 2)),
    "lstm": (nn.lstm(3, 2), batch(6, 7, 3), 2 * 6 * 7 * (3 * 8 + 2 * 8)),
    "attention": (
        nn.attention(4, heads=2),
        batch(6, 7, 4),
        2 * 6 * (4 * 7 * 4 * 4 + 2 * 7 * 7 * 4),
    ),
    "repeat": (nn.repeat(BLOCK, 5), batch(6, 3), 2 * 6 * 5 * 24),
    "embedding": (nn.embedding(9, 3), batch(6, 7, dtype="int32"), 0),
    "other": (scaled(nn.repeat(BLOCK, 5)), batch(6, 3), 2 * 6 * 5 * 24),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_counts_of_a_summary_are_those_of_the_formula_and_of_the_parameters(name):
    model, x, flops = MODELS[name]
    report = nn.summary(model, x)
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    assert report.flops == flops
    assert report.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert report.state == sum(leaf.size for leaf in jax.tree.leaves(state))
    assert report.bytes == 4 * (report.parameters + report.state)
    assert report.layers[-1].shape == jax.eval_shape(model.apply, params, state, x)[0].shape


def test_a_branch_counts_as_its_dearer_side_and_a_loop_as_often_as_it_runs():
    def fn(_, x):
        dearer = jax.lax.cond(x[0, 0] > 0, lambda x: x @ x @ x, lambda x: x @ x, x)
        return jax.lax.fori_loop(0, 3, lambda _, y: y @ y, dearer)

    report = nn.summary(nn.stateless(lambda _: (), fn), batch(4, 4))
    assert report.flops == (2 + 3) * 2 * 4**3


def test_a_summary_computes_nothing_and_takes_parameters_of_another_type():
    huge = nn.dense(10**6, 10**7)  # 40 TB
    assert nn.summary(huge, batch(5, 10**6)).bytes == 4 * (10**13 + 10**7)
    model = nn.dense(3, 4)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), model.init(jax.random.key(0))[0])
    report = nn.summary(model, np.ones((5, 3), jnp.bfloat16), params=half)
    assert (report.bytes, report.layers[0].dtype) == (32, "bfloat16")
    assert report.input == "bfloat16[5,3]"


def test_the_text_of_a_summary_fits_a_terminal():
    wide = nn.embedding(123456, 3, weight_init=jax.nn.initializers.normal(0.5))
    model = nn.serial(wide, nn.repeat(nn.frozen(nn.mixed_precision(nn.attention(3, heads=3))), 12))
    lines = str(nn.summary(model, batch(1024, 512, dtype="int32"))).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("1      12 x frozen bfloat16 ...")
    assert lines[3].startswith("total ")


def report(parameters=16):
    row = nn.LayerSummary(
        layer="0.<a>",
        kind="dense(3, 4)",
        shape=(5, 4),
        dtype="float32",
        parameters=parameters,
        state=0,
        flops=120,
    )
    return nn.Summary(layers=(row, row), input="float32[5,3]", bytes=64)


def test_a_summary_is_a_frozen_record_with_an_html_form():
    assert repr(report()) == "Summary(2 layers, 32 parameters, 240 FLOPs)"
    assert report() == report() != report(17)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report().bytes = 1
    for html in (report()._repr_html_(), report().layers[0]._repr_html_()):
        assert html.startswith("<table><tr><th>layer</th>")
        assert "<td>0.&lt;a&gt;</td><td>dense(3, 4)</td><td>float32[5,4]</td>" in html


def test_a_saved_summary_is_loaded_as_an_equal_one(tmp_path):
    report().save(tmp_path / "summary.json")
    assert nn.Summary.load(tmp_path / "summary.json") == report()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bytes": 1.5}, r"bytes must be int, got 1\.5"),
        ({"more": 1}, r"layers, input, bytes were expected, got \{"),
        ({"layers": [3]}, "layer, kind, shape, .* were expected, got 3"),
    ],
)
def test_a_field_of_another_type_raises_an_error_that_names_it(tmp_path, change, message):
    path = tmp_path / "summary.json"
    report().save(path)
    content = json.loads(path.read_text())
    content["record"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"summary\.json: expected .*{message}"):
        nn.Summary.load(path)


def test_a_row_whose_shape_is_none_raises_an_error(tmp_path):
    path = tmp_path / "summary.json"
    report().save(path)
    path.write_text(path.read_text().replace('"shape": [\n     5,', '"shape": [\n     "5",'))
    with pytest.raises(ValueError, match=r"shape must hold ints, got \['5', 4\]"):
        nn.Summary.load(path)
