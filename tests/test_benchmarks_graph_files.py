"""Graphs in files: JSON that comes back, Graphviz, and one table of endings."""

import itertools
import json
import re
import shutil
import subprocess
from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import benchmarks
import gradwise
from benchmarks.graph.build import graph
from benchmarks.graph.dot import dot
from benchmarks.graph.example import EXAMPLE
from benchmarks.graph.file import WRITERS, block_means, load
from benchmarks.graph.parts import Group, Quantity


def with_a_loop(x, w):
    def body(state, t):
        state = jnp.tanh(w * state + t)
        return state, state**2

    last, all_ = jax.lax.scan(body, x, jnp.arange(4.0))
    return jax.lax.cond(last > 0, jnp.sin, lambda c: c * 2, last) + jnp.sum(all_)


def many_types(x, h, key, mask):
    z = jnp.where(mask, x * jax.random.normal(key, x.shape), x)
    return jnp.sum(z.astype(jnp.bfloat16)), jnp.fft.fft(x * h.astype(jnp.float32)), mask


INPUTS = (
    jnp.array([0.1, jnp.nan, jnp.inf]),
    jnp.ones(3, jnp.float16),
    jax.random.key(0),
    jnp.array([True, False, True]),
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: EXAMPLE,
        lambda: replace(EXAMPLE, shut=frozenset([0]), direction="down", notes=("ä",)),
        lambda: graph(with_a_loop, 1.0, 0.5),
        lambda: graph(with_a_loop, *[jax.ShapeDtypeStruct((), jnp.float32)] * 2),
        lambda: graph(many_types, *INPUTS),
        lambda: graph(jnp.sum, jnp.zeros((0, 3))),
    ],
    ids=["by hand", "closed", "loop", "shapes", "types", "empty"],
)
def test_a_graph_comes_back_equal_in_its_types_and_its_text(make, tmp_path):
    found = make()
    found.save(tmp_path / "graph.json")
    for read in (gradwise.load, benchmarks.load, load):
        back = read(str(tmp_path / "graph.json"))
        assert type(back) is type(found)
        assert back == found
        assert str(back) == str(found)
    before, after = (
        [r.value.array.dtype for n in g.nodes for r in n.results if r.value] for g in (found, back)
    )
    assert before == after


def test_a_large_array_is_saved_as_the_means_of_its_blocks(tmp_path):
    x = np.arange(2400.0, dtype=np.float32).reshape(24, 5, 20)
    found = graph(jnp.sum, x)
    found.save(tmp_path / "graph.json")
    back = load(tmp_path / "graph.json")
    value = back.nodes[0].results[0].value
    assert value.pooled
    assert value.array.shape == (12, 16)
    # Rows 0 to 9 of 120, and the first of 20 columns.
    assert value.array[0, 0] == np.mean(x.reshape(120, 20)[:10, 0])
    assert back.nodes[0].results[0].shape == (24, 5, 20)
    assert (tmp_path / "graph.json").stat().st_size < 30_000
    small = graph(jnp.sum, np.ones((32, 32), np.float32))
    small.save(tmp_path / "small.json")
    assert not load(tmp_path / "small.json").nodes[0].results[0].value.pooled


def test_the_means_of_blocks_are_of_blocks_whose_lengths_differ_by_one():
    array = np.arange(50.0)
    means = block_means(array)
    assert means.shape == (1, 16)
    cuts = [50 * n // 16 for n in range(17)]
    wanted = [array[a:b].mean() for a, b in itertools.pairwise(cuts)]
    np.testing.assert_allclose(means[0], wanted, rtol=1e-12)
    assert block_means(np.ones((40, 40), bool)).dtype == np.float32


def broken(change):
    """The content of a graph's file with something changed in it."""

    def make(path):
        EXAMPLE.save(path)
        content = json.loads(path.read_text())
        change(content["record"])
        path.write_text(json.dumps(content))

    return make


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("<html>"),
        lambda path: path.write_text('{"schema": 2, "kind": "graph", "record": {}}'),
        broken(lambda record: record.update(colour="red")),
        broken(lambda record: record.pop("title")),
        broken(lambda record: record["nodes"].pop(3)),
        broken(lambda record: record["nodes"][7].update(id=8)),
        broken(lambda record: record["nodes"].reverse()),
        broken(lambda record: record["nodes"][3]["operands"][0].update(node=5)),
        broken(lambda record: record["nodes"][3]["operands"][0].update(node=-1)),
        broken(lambda record: record["nodes"][3]["operands"][0].update(result=1)),
        broken(lambda record: record["nodes"][3].update(groups=[1])),
        broken(lambda record: record["nodes"][3].update(flops=3)),
        broken(lambda record: record["groups"][0].update(parent=0)),
        broken(lambda record: record["groups"][0].update(loop=99)),
        broken(lambda record: record["outputs"][0]["edge"].update(node=99)),
        broken(lambda record: _value(record).update(dtype="float31")),
        broken(lambda record: _value(record).update(dtype="object")),
        broken(lambda record: _value(record).update(shape=[3])),
        broken(lambda record: _value(record).update(shape=["a"])),
        broken(lambda record: _value(record).update(entries=[2.0, 1.0])),
        broken(lambda record: _value(record).update(entries="1.0 none")),
        broken(lambda record: _value(record).pop("entries")),
        broken(lambda record: record.update(shut=[5])),
        broken(lambda record: record.update(direction="up")),
    ],
    ids=range(24),
)
def test_a_file_that_is_damaged_is_an_error_that_names_it(make, tmp_path):
    path = tmp_path / "graph.json"
    make(path)
    with pytest.raises(ValueError, match=r"graph\.json: expected .*, got .*; the file is damaged"):
        gradwise.load(path)


def _value(record):
    return record["nodes"][0]["results"][0]["value"]["array"]


def test_a_graph_is_no_comparison_and_says_what_it_is(tmp_path):
    EXAMPLE.save(tmp_path / "graph.json")
    from benchmarks.comparison.file import load as load_comparison

    with pytest.raises(
        ValueError, match=r"got a record of kind 'graph'; load it with gradwise\.load"
    ):
        load_comparison(tmp_path / "graph.json")


def test_an_unknown_ending_is_an_error_that_lists_those_that_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"graph\.pdf must end in") as error:
        EXAMPLE.save(tmp_path / "graph.pdf")
    assert all(ending in str(error.value) for ending in (".json", *WRITERS))
    assert not list(tmp_path.iterdir())


def test_a_text_is_what_is_printed_and_an_ending_may_be_in_capitals(tmp_path):
    EXAMPLE.save(tmp_path / "sub" / "graph.TXT")
    assert (tmp_path / "sub" / "graph.TXT").read_text(encoding="utf-8") == f"{EXAMPLE}\n"


def test_a_file_for_graphviz_has_a_box_a_node_a_cluster_a_group_and_the_rules(tmp_path):
    EXAMPLE.save(tmp_path / "graph.dot")
    text = (tmp_path / "graph.dot").read_text(encoding="utf-8")
    assert text == dot(EXAMPLE)
    assert re.findall(r"^ +n(\d) \[label=", text, re.MULTILINE) == list("01234567")
    assert 'subgraph cluster_0 {\n    label="layer";' in text
    arrows = re.findall(r"^  (\w+) -> (\w+)", text, re.MULTILINE)
    edges = [(f"n{o.node}", f"n{n.id}") for n in EXAMPLE.nodes for o in n.operands]
    assert sorted(arrows) == sorted(edges)
    assert 'n5 -> n6 [label="ḡ / p"];' in text
    assert text.count("{") == text.count("}")


def test_a_closed_group_is_one_box_and_nothing_of_it_is_left(tmp_path):
    text = dot(replace(EXAMPLE, shut=frozenset([0]), direction="down"))
    assert "rankdir=TB" in text
    assert "n3" not in text
    assert re.findall(r"^  (\w+) -> (\w+)", text, re.MULTILINE)[:2] == [("n0", "g0"), ("g0", "n5")]


def test_an_open_loop_is_led_into_and_out_of_its_body():
    found = graph(with_a_loop, 1.0, 0.5)
    text = dot(found)
    arrows = re.findall(r"^  (\w+) -> (\w+)", text, re.MULTILINE)
    drawn = set(re.findall(r"^ +(\w+) \[label=", text, re.MULTILINE))
    assert {end for arrow in arrows for end in arrow} <= drawn
    bodies = {group.loop for group in found.groups}
    assert not {f"n{node}" for node in bodies} & drawn
    shut = dot(replace(found, shut=frozenset(group.id for group in found.groups)))
    arrows = re.findall(r"^  (\w+) -> (\w+)", shut, re.MULTILINE)
    drawn = set(re.findall(r"^ +(\w+) \[label=", shut, re.MULTILINE))
    assert {end for arrow in arrows for end in arrow} <= drawn
    assert "g0" in drawn


@pytest.mark.parametrize(
    "name", ['say "so"', "back\\slash", "two\nlines", "<b>&amp;", "ä → β", "}"]
)
def test_any_name_is_a_string_of_graphviz_and_ends_where_it_should(name):
    nodes = tuple(replace(node, name=name) for node in EXAMPLE.nodes)
    text = dot(replace(EXAMPLE, title=name, nodes=nodes, groups=(replace(_GROUP, name=name),)))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", text)
    assert '"' not in bare
    assert all(re.fullmatch(r"[\w\s\[\]=,;>{}-]*", line) for line in bare.splitlines()), bare
    words = {word.strip("0123456789") for word in re.findall(r"[^\W\d]\w*", bare)}
    words -= {"digraph", "subgraph", "cluster_", "rankdir", "LR", "node", "edge", "box", "white"}
    assert words <= {"S", "n", "label", "shape", "style", "fillcolor", "fontname", "fontsize"} | {
        "fontcolor",
        "Helvetica",
    }
    assert bare.count("{") == bare.count("}") == 2


_GROUP = Group(id=0, name="layer", kind="layer")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it(tmp_path):
    for place, found in enumerate((EXAMPLE, graph(with_a_loop, 1.0, 0.5))):
        found.save(tmp_path / f"{place}.dot")
        command = ["dot", "-Tsvg", str(tmp_path / f"{place}.dot")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert "<svg" in done.stdout


def test_every_field_of_a_quantity_is_in_the_file(tmp_path):
    EXAMPLE.save(tmp_path / "graph.json")
    record = json.loads((tmp_path / "graph.json").read_text())["record"]
    value = record["nodes"][0]["results"][0]["value"]
    assert value.keys() == {field.name for field in fields(Quantity)}
    assert value["array"] == {"dtype": "float64", "shape": [2], "entries": "2.0 1.0"}
