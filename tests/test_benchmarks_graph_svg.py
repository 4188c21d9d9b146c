"""The picture of a graph as a file that a browser, a slide and a screen reader can show."""

import io
import itertools
import re
import sys
from dataclasses import replace
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from graph_by_hand import EXAMPLES, in_loop, layers, logistic_regression, prelu_with_penalty
from matplotlib import image

from benchmarks.graph.drawing import style
from benchmarks.graph.drawing.heat import sight, strokes
from benchmarks.graph.drawing.picture import Picture
from benchmarks.graph.drawing.png import png
from benchmarks.graph.drawing.svg import svg
from benchmarks.graph.parts import Group, Node, Operand, Output, Quantity, Result
from benchmarks.graph.record import Graph
from gradwise import graph

SVG = "{http://www.w3.org/2000/svg}"


def boxes(text):
    """The texts of each box by its id."""
    root = ElementTree.fromstring(text)
    found = {}
    for box in root.iter(f"{SVG}g"):
        if "id" in box.attrib:
            found[box.get("id")] = ["".join(t.itertext()) for t in box.iter(f"{SVG}text")]
    return found


def test_each_box_holds_its_name_value_and_adjoint():
    found = boxes(svg(logistic_regression()))
    # By hand: p = 1 / (1 + e^-0.1) = 0.52498, dL/dz = p - 1, dL/dp = -1 / p.
    assert found["n0"] == ["w", "2", "[0.5 −1]", "ȳ [−0.95 −0.475]"]
    assert found["n1"] == ["x", "2", "[2 1]"]
    assert found["n4"] == ["+z", "0.1", "ȳ −0.475"]
    assert found["n5"] == ["σp", "0.525", "ȳ −1.9", "8 B"]
    assert found["n13"] == ["−", "0.644", "ȳ 1"]


def test_a_line_tells_what_it_hands_back_and_what_is_done_on_the_way():
    root = ElementTree.fromstring(svg(prelu_with_penalty()))
    beside = [
        "".join(text.itertext())
        for line in root.iter(f"{SVG}g")
        if line.get("class") == "line"
        for text in line.iter(f"{SVG}text")
    ]
    assert "broadcast  0.075" in beside  # to the slope: 0.75 * 0 - 0.375 * -0.2
    assert "ḡ to all" in beside
    assert "0.1" in beside


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_same_graph_is_the_same_bytes_and_well_formed(example):
    first = svg(example())
    assert svg(example()) == first
    assert ElementTree.fromstring(first).get("role") == "img"


def test_a_picture_has_a_title_and_a_description():
    root = ElementTree.fromstring(svg(logistic_regression()))
    ids = root.get("aria-labelledby").split()
    said = [child.text for child in root if child.get("id") in ids]
    assert said[0] == "The computational graph of loss"
    assert said[1] == "10 operations of w, b; 3 numbers differentiated, 1 output."


def test_what_a_user_wrote_is_never_markup():
    evil = '<script>alert("&")</script>'
    value = (Result(shape=(), dtype="float32", value=Quantity(array=np.float32(1))),)
    told = {"name": evil, "source": evil, "note": evil, "results": value}
    edge = Operand(node=0, notes=(evil,))
    nodes = (
        Node(id=0, kind="input", operation="input", **told),
        Node(id=1, kind="operation", operation=evil, operands=(edge,), groups=(0,), **told),
    )
    outputs = (Output(name=evil, edge=edge), Output(name=evil, edge=Operand(node=1)))
    drawn = Graph(
        title=evil,
        nodes=nodes,
        groups=(Group(id=0, name=evil, kind="scope"),),
        outputs=outputs,
        notes=(evil,),
        forward=evil,
    )
    for shut in (frozenset(), frozenset({0})):
        text = svg(replace(drawn, shut=shut))
        assert "<script" not in text
        assert evil in ElementTree.fromstring(text).itertext()
        assert boxes(text)["n0"][:1] == [evil]


def test_the_sides_of_an_open_branch_have_their_own_names():
    def fn(x):
        return jax.lax.cond(x > 0, jnp.sin, lambda x: x * x, x)

    drawn = replace(graph(fn, 0.5), shut=frozenset())
    root = ElementTree.fromstring(svg(drawn))
    headings = {t.text for t in root.iter(f"{SVG}text") if "heading" in t.get("class", "")}
    assert {"cond", *(g.name for g in drawn.groups if g.kind == "side")} <= headings


def test_a_closed_group_tells_what_it_holds():
    found = boxes(svg(replace(layers(), shut=frozenset({0, 1}))))
    assert found["g0"][:3] == ["0 dense", "5×6", "42 parameters"]  # 6 * 6 and 6
    assert found["g1"][:3] == ["1 tanh", "5×6", "30 FLOPs · keeps 240 B"]
    assert "n2" not in found
    assert "n7" in found


def test_a_closed_loop_is_a_stack_with_its_turns():
    root = ElementTree.fromstring(svg(in_loop()))
    (loop,) = (box for box in root.iter(f"{SVG}g") if box.get("id") == "g0")
    assert len([r for r in loop.iter(f"{SVG}rect") if r.get("class") == "box"]) == 3
    assert boxes(svg(in_loop()))["g0"][0] == "scan × 12end"


def test_a_map_has_at_most_twelve_by_sixteen_cells_and_shows_the_signs_of_block_means():
    array = np.arange(48 * 64.0).reshape(48, 64) - 1536
    found = sight(array)
    means = array.reshape(12, 4, 16, 4).mean((1, 3))
    assert (found.rows, found.columns) == (12, 16)
    signs = [1 if letter.islower() else -1 for letter in found.cells]
    np.testing.assert_array_equal(np.reshape(signs, (12, 16)), np.sign(means))
    shades = [1 + "abcdefgh".index(letter.lower()) for letter in found.cells]
    np.testing.assert_allclose(shades, np.ceil(np.abs(means) * 8 / np.abs(means).max()).ravel())


def test_a_map_shows_where_there_is_no_number():
    array = np.array([[1.0, np.nan, 0.0], [-np.inf, np.inf, -1.0]])
    found = sight(array)
    assert found.cells == "hx0zyH"
    assert found.range == "−1 … 1, 1 NaN, 2 ∞"
    assert {kind for kind, _ in strokes(found)} == {"above s8", "below s8", "broken"}


def test_a_sequence_is_one_row():
    assert (sight(np.ones(7)).rows, sight(np.ones(7)).columns) == (1, 7)


def test_a_number_that_is_not_zero_is_never_drawn_as_zero():
    assert sight(np.array([1e-9, -1e-9, 0.0, 1.0])).cells == "aA0h"


def brightness(colour):
    """The relative luminance of WCAG 2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", ["LIGHT", "DARK"])
def test_every_text_can_be_read_on_every_box(palette):
    colours = getattr(style, palette)
    pairs = [*itertools.product(style.TEXTS, style.BOXES), ("on_kept", "kept")]
    for text, box in pairs:
        low, high = sorted(brightness(colours[name]) for name in (text, box))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, box)


def test_light_and_dark_define_the_same_colours():
    assert style.LIGHT.keys() == style.DARK.keys()
    assert "prefers-color-scheme:dark" in svg(logistic_regression())


def test_texts_fit_into_their_boxes():
    for example in EXAMPLES:
        picture = Picture(example())
        placed = picture.placed(picture.quantities(), shut=picture.graph.shut, direction="right")
        for key in placed.placement.boxes:
            _, _, width, height = placed.box(key)
            card = picture.cards[key]
            assert 7 * len(card.adjoint.text if card.adjoint else "") < width
            assert height >= 31


def test_a_picture_asks_for_nothing_from_elsewhere():
    for example in EXAMPLES:
        text = svg(example()).replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|url\(|@import|<image|<script", text)


def test_a_png_is_the_picture_in_twice_its_size_and_the_same_bytes_each_time():
    first = png(prelu_with_penalty())
    assert first == png(prelu_with_penalty())
    root = ElementTree.fromstring(svg(prelu_with_penalty()))
    width, height = (int(first[k : k + 4].hex(), 16) for k in (16, 20))
    assert first.startswith(b"\x89PNG")
    assert width == pytest.approx(2 * float(root.get("width")), abs=2)
    assert height == pytest.approx(2 * float(root.get("height")), abs=2)


def test_a_png_shows_boxes_and_numbers_where_the_picture_has_them():
    drawn = prelu_with_penalty()
    pixels = image.imread(io.BytesIO(png(drawn)))[..., :3]
    root = ElementTree.fromstring(svg(drawn))
    for box in root.iter(f"{SVG}g"):
        if not box.get("id"):
            continue
        x, y = map(float, re.findall(r"[\d.]+", box.get("transform")))
        inside = pixels[int(2 * y + 24), int(2 * x + 6)]
        np.testing.assert_allclose(inside, colour(box.get("class")), atol=0.01)
        for text in box.iter(f"{SVG}text"):
            if text.get("class") == "adjoint middle":
                column, row = (
                    int(2 * (x + float(text.get("x")))),
                    int(2 * (y + float(text.get("y")))),
                )
                letters = pixels[row - 16 : row, column - 30 : column + 30]
                assert np.abs(letters - colour("adjoint")).max(-1).min() < 0.1


def colour(name):
    return [int(style.LIGHT[name][k : k + 2], 16) / 255 for k in (1, 3, 5)]


def test_a_png_says_what_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "gradwise\[suite\]"'):
        png(logistic_regression())


def branch(x, y):
    return jax.lax.cond(x > y, lambda x, y: jnp.sin(x) * y, lambda x, y: x - y, x, y)


def test_a_side_of_a_branch_that_is_not_taken_is_told_to_hand_nothing_back():
    drawn = replace(graph(branch, 2.0, 1.0), shut=frozenset())
    picture = Picture(drawn)
    sides = {group.name: group.id for group in drawn.groups if group.kind == "side"}
    (taken,) = (group for name, group in sides.items() if "taken" in name)
    found = {True: [], False: []}
    for node in drawn.nodes:
        if node.kind == "held":
            edges = ((node.body_of, 1), (node.id, 0))  # the line is the branch's own operand too
            found[taken in node.groups].append(picture.label(f"n{node.id}", edges).handed)
    assert found[False] == ["", ""]
    assert all(found[True])


def test_the_titles_of_open_groups_stand_over_the_lines_that_enter_them():
    text = svg(replace(graph(branch, 2.0, 1.0, direction="down"), shut=frozenset()))
    assert text.rindex('class="edge') < text.index('class="heading halo"')


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("direction", ["right", "down"])
def test_what_stands_beside_lines_is_on_the_picture_and_on_no_box(example, direction):
    drawn = replace(example(), direction=direction, shut=frozenset())
    root = ElementTree.fromstring(svg(drawn))
    picture = Picture(drawn)
    placed = picture.placed(picture.quantities(), shut=drawn.shut, direction=direction)
    covered = [placed.box(key) for key in placed.placement.boxes]
    count = 0
    for text in root.iter(f"{SVG}text"):
        if not text.get("class", "").startswith("rule"):
            continue
        long = 6 * len("".join(text.itertext()).replace("\u0307", ""))
        x, y = float(text.get("x")), float(text.get("y"))
        left = x - long if "end" in (text.get("class") or "") else x
        count += 1
        assert 0 <= left < left + long <= float(root.get("width"))
        for bx, by, width, height in covered:
            apart = left >= bx + width or left + long <= bx or y <= by or y - 8 >= by + height
            assert apart, "".join(text.itertext())
    assert count


def test_a_group_that_is_a_loop_and_no_more_says_how_often_it_runs():
    def fn(x):
        with jax.named_scope("block"):
            x = jax.lax.fori_loop(0, 12, lambda _, x: jnp.sin(x), x)
        with jax.named_scope("more"):
            return jnp.cos(jax.lax.fori_loop(0, 12, lambda _, x: jnp.sin(x), x))

    labels = {card.label for card in Picture(graph(fn, 1.0)).cards.values()}
    assert {"block × 12", "more"} <= labels


def test_only_operations_are_counted_as_such():
    def fn(x):
        return jax.lax.fori_loop(0, 12, lambda _, x: jnp.sin(x), x)

    drawn = graph(fn, 1.0)
    assert any(node.kind == "carried" for node in drawn.nodes)
    assert "2 operations of x" in svg(drawn)  # the loop and the sine


@pytest.mark.parametrize("name", ["a\x00b\x07", "\ud800", "‮מזל", "<!--", "]]>", "a\"'&`~{{data}}"])
def test_a_picture_is_well_formed_whatever_a_user_calls_a_value(name):
    drawn = graph(jnp.sin, 1.0, names=[name])
    found = ElementTree.fromstring(svg(drawn).encode())
    said = re.sub("[\x00\x07\ud800]", "\ufffd", name)
    assert said in set(found.itertext())
    assert png(drawn)


def test_the_legend_of_maps_says_what_is_broken_where_something_is():
    assert "below zero<" in svg(prelu_with_penalty())
    broken = svg(graph(lambda x: x * 1.0, jnp.array([jnp.nan, 1.0, 2.0, -jnp.inf])))
    assert "below zero, × NaN, ▽ −∞<" in broken


def test_what_is_done_on_the_way_stands_within_the_group_that_it_is_done_in():
    def fn(x):
        with jax.named_scope("half"):
            made = jnp.cos(jnp.sin(x.astype(jnp.bfloat16)))
        return jnp.exp(made)

    for direction in ("right", "down"):
        drawn = graph(fn, 1.0, direction=direction)
        picture = Picture(drawn)
        placed = picture.placed(picture.quantities(), shut=drawn.shut, direction=direction)
        (frame,) = placed.placement.frames.values()
        (note,) = (
            text
            for text in ElementTree.fromstring(svg(drawn)).iter(f"{SVG}text")
            if "cast" in "".join(text.itertext())
        )
        x, long = float(note.get("x")), 5.5 * len("".join(note.itertext()))
        left = x - long if "end" in (note.get("class") or "") else x
        assert frame[0] <= left < left + long <= frame[0] + frame[2], direction
