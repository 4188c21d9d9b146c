"""The page of a graph: one file without a network, to step through, to open and to search."""

import html
import json
import re
import runpy
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chromium import answers, needs_browser
from graph_by_hand import EXAMPLES, in_loop, layers, logistic_regression, prelu_with_penalty
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.graph.drawing import style
from benchmarks.graph.drawing.packing import packed, unpacked, without_spaces
from benchmarks.graph.drawing.page import in_notebook, page
from benchmarks.graph.overlays import for_page
from benchmarks.graph.parts import Node, Quantity, Result
from benchmarks.graph.record import Graph
from gradwise import graph, losses, nn

SAY = "text('say')"
COUNT = "text('count')"


def data_of(text):
    return json.loads(unpacked(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1]))


def evil_graph():
    evil = '</script><script>window.onerror("it ran")</script>{{script}}<img src=x onerror=a>'
    node = Node(
        id=0,
        kind="input",
        operation="input",
        name=evil,
        source=evil,
        note=evil,
        results=(Result(shape=(), dtype="float32", value=Quantity(array=np.float32(1))),),
    )
    return Graph(title=evil, nodes=(node,), notes=(evil,))


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_page_is_one_file_and_the_same_bytes_each_time(example):
    text = page(example())
    assert page(example()) == text
    found = re.findall(r"""(?:src|href)=(?!"#)|https?:|@import|url\(""", text)
    assert found.count("http:") == len(re.findall("http://www.w3.org/2000/svg", text))
    assert set(found) <= {"http:"}


def test_what_a_user_wrote_is_no_markup_and_no_part_of_the_template():
    text = page(evil_graph())
    assert text.count("<script") == 2
    assert "<img" not in text
    assert data_of(text)["cards"]["n0"]["l"] == evil_graph().title


def test_over_every_cut_adjoint_times_tangent_sums_to_the_derivative():
    drawn = prelu_with_penalty()
    cards = data_of(page(drawn))["cards"]
    products = data_of(page(drawn))["products"].values()
    made = sorted((c["o"], key) for key, c in cards.items() if c.get("k", "output") == "output")
    order = {key: place for place, (_, key) in enumerate(made)}
    gradient = np.concatenate(
        [n.results[0].adjoint.array.ravel() for n in drawn.nodes if n.kind == "input"]
    )
    for cut in range(len(made) + 1):
        crossing = [
            parts
            for source, target, parts in products
            if order.get(source, -1) < cut and order.get(target, len(made)) >= cut
        ]
        np.testing.assert_allclose(np.sum(crossing, axis=0), gradient, rtol=1e-6)


def test_the_frame_of_a_notebook_holds_the_page_and_nothing_else():
    text = in_notebook(logistic_regression())
    held = re.fullmatch(r'<iframe srcdoc="([^"]*)" title="[^"]*" style="[^"]*"></iframe>', text)
    found = html.unescape(held[1])
    assert found.startswith("<!doctype html>")
    assert data_of(found)["cards"] == data_of(page(logistic_regression()))["cards"]


@needs_browser
def test_the_frame_of_a_notebook_is_as_high_as_its_page():
    for example in (logistic_regression, layers):
        (height,) = re.findall(r"width:100%;height:(\d+)px", in_notebook(example()))
        (said,) = answers(page(example()), ["document.documentElement.offsetHeight"], width=950)
        assert 0 <= int(height) - int(said) < 120 or int(height) == 900


@needs_browser
def test_a_button_says_which_way_a_graph_would_run_and_why_a_mode_is_not_there():
    questions = ["text('turn')", "click('#turn')", "text('turn')"]
    questions += ["document.querySelector('#modes [value=meet]').title"]
    ends = "reverse mode ends at a loop"
    said = answers(page(replace(logistic_regression(), reverse=ends)), questions)
    assert said == ["run downwards", "true", "run to the right", ends]


def test_an_overlay_of_ones_own_is_in_the_page():
    found = data_of(page(logistic_regression(), overlays={"digits": {"n5": (0.5, "3 digits")}}))
    assert found["overlays"]["digits"] == {"n5": [0.5, found["texts"].index("3 digits")]}
    assert found["overlays"]["kept bytes"] == {"n5": [1.0, found["texts"].index("8 B")]}


@needs_browser
def test_each_step_back_shows_one_more_adjoint_and_its_rule():
    questions = ["shown('adjoint')", "shown('value')", SAY, COUNT, "location.hash"]
    questions += ["press('body', 'ArrowRight')", "shown('adjoint')", "location.hash"]
    questions += ["click('#modes [value=\"\"]')", "shown('adjoint')", "location.hash"]
    questions += ["value('#step', 1)", "all('.line.now').length"]
    said = answers(page(logistic_regression()), questions, address="#m=reverse&k=7")
    # From the output: −, +, × 0, log, 1 −, ×, and then log.
    assert said[:5] == [
        "7",
        "14",
        "log hands back ḡ / p = −1.9 to p",
        "step 7 of 12; 8 B still held; reverse mode takes one pass for all 3 inputs",
        "#m=reverse&k=7",
    ]
    assert said[6:8] == ["8", "#m=reverse&k=8"]
    assert said[9:11] == ["12", ""]


@needs_browser
def test_forward_mode_goes_by_one_input_at_a_time():
    questions = ["shown('tangent')", "shown('adjoint')", SAY, COUNT]
    questions += ["value('#pass', 0)", SAY, "location.hash"]
    said = answers(page(logistic_regression()), questions, address="#m=forward&k=3&p=3")
    assert said[:2] == ["5", "0"]  # the two inputs and three operations
    assert said[2] == "p has the tangent ż · p · (1 − p) = 0.249, by b"
    assert "pass 3 of 3" in said[3]
    # By w[0] the tangent of z is x[0] = 2.
    assert said[5:] == [
        "p has the tangent ż · p · (1 − p) = 0.499, by w[0]",
        "#m=forward&k=3&p=1",
    ]


@needs_browser
def test_both_modes_meet_at_every_cut_and_in_closed_layers():
    questions = [part for cut in range(9) for part in (f"value('#step', {cut})", SAY)]
    for drawn in (layers(), replace(layers(), shut=frozenset(range(4)))):
        said = answers(page(drawn), [*questions, "shown('tangent')"], address="#m=meet&k=0&p=2")
        sums = {re.search(r"([^ ]*), as over every cut", text)[1] for text in said[1:-1:2]}
        (slope,) = {f"{drawn.nodes[1].results[0].adjoint.array.flat[1]:.3g}"}
        assert sums == {slope.replace("-", "−")}


@needs_browser
def test_groups_open_and_close_nodes_are_found_and_have_addresses():
    drawn = replace(layers(), shut=frozenset(range(4)))
    boxes = "all('#view a').map(b => b.id)"
    questions = [boxes, "click('#g0')", boxes, "press('#g1', 'Enter')", boxes]
    questions += ["press('#g0 [role=button]', ' ')", boxes, "location.hash"]
    questions += ["value('#find', 'net.py:9')", "document.querySelector('.found').id", boxes]
    questions += [SAY, "location.hash", "text('hits')"]
    said = answers(page(drawn), questions)
    assert said[0] == "n0,n11,n12"
    assert said[2] == "n0,n1,n2,n3,n4,n11,n12"
    assert said[4] == "n0,n1,n2,n3,n4,n5,n11,n12"
    assert said[6] == "n0,n5,n11,n12"
    assert said[7] == "#shut=0.2.3"
    assert said[9] == "n9"
    assert "n9" in said[10]
    assert said[11].startswith("+ · float64[5,6] · value: ")
    assert said[12:] == ["#shut=0.3&node=n9", "1 of 1"]


@needs_browser
def test_a_node_of_a_closed_loop_is_opened_by_its_address_on_a_phone_in_the_dark():
    questions = ["document.querySelector('.found').id", "all('#view .open[id]').map(g => g.id)"]
    questions += ["getComputedStyle(document.body).backgroundColor", "shown('broken')"]
    questions += ["document.querySelector('svg').getBoundingClientRect().width <= innerWidth"]
    questions += ["document.documentElement.scrollWidth <= innerWidth", "click('summary')"]
    flags = ["--blink-settings=preferredColorScheme=0"]
    said = answers(page(in_loop()), questions, address="#node=n5", width=500, flags=flags)
    assert said[:-1] == ["n5", "g0", "rgb(20, 22, 26)", "0", "true", "true"]


@needs_browser
def test_no_text_of_a_user_runs():
    said = answers(page(evil_graph()), ["all('#n0 text')[0].textContent", "all('img').length"])
    assert said == [evil_graph().title, "0"]


@needs_browser
def test_a_graph_of_shapes_can_be_stepped_through_and_names_in_an_address_are_harmless():
    def loss(w, x):
        return jnp.sum(jnp.tanh(w @ x))

    shape = jax.ShapeDtypeStruct
    found = graph(loss, shape((3, 2), jnp.float32), shape((2,), jnp.float32), argnums=0)
    questions = [SAY, COUNT, "click('#modes [value=forward]')", COUNT]
    said = answers(page(found), questions, address="#m=reverse&k=1&node=constructor&colour=keys")
    assert said[0].startswith("Σ hands back")
    assert said[1].startswith("step 1 of 4; ")
    assert said[3].startswith("step 1 of 3; ")


@pytest.mark.parametrize("colours", [style.LIGHT, style.DARK])
def test_every_number_is_read_on_the_strongest_tint(colours):
    tint = rgb(colours["tint"])
    for box in ("operation", "input", "fixed", "output", "closed"):
        mixed = [(a + b) / 2 for a, b in zip(tint, rgb(colours[box]), strict=True)]
        for text in ("ink", "muted", "value", "adjoint", "tangent", "name"):
            low, high = sorted([luminance(mixed), luminance(rgb(colours[text]))])
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, box)


def rgb(colour):
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def luminance(parts):
    """The relative luminance of WCAG 2."""
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_page_of_fifty_layers_is_below_a_megabyte():
    deep = layers(50, passes=8)
    closed = replace(deep, shut=frozenset(range(len(deep.groups))))
    assert len(page(closed, overlays=for_page(closed)).encode()) < 1_000_000


def test_the_saved_pages_of_the_lecture_are_below_fifty_kilobytes(tmp_path):
    example = Path(__file__).parents[1] / "examples" / "lecture_graphs.py"
    for name, drawn in runpy.run_path(str(example))["graphs"]().items():
        path = tmp_path / f"{name}.html"
        drawn.save(path)
        assert path.stat().st_size < 50_000, name


def test_a_page_of_a_network_of_usual_sizes_is_below_fifty_kilobytes():
    model = nn.mlp((64, 32, 10), batch_norm=True, dropout=0.1)
    params, state = model.init(jax.random.key(0))

    def loss(params, images, labels):
        logits, _ = model.apply(params, state, images, key=jax.random.key(1), train=True)
        return losses.mean(losses.softmax_cross_entropy_with_integer_labels(logits, labels))

    images, labels = jax.random.normal(jax.random.key(2), (32, 64)), jnp.arange(32) % 10
    drawn = graph(loss, params, images, labels, argnums=0)
    assert len(page(drawn, overlays=for_page(drawn)).encode()) < 50_000


@given(st.text(st.sampled_from('abcKM`~\\"é😀'), max_size=400), st.integers(1, 40))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_is_packed_is_unpacked_the_same(text, times):
    for whole in (text, text * times, text + "-" * 9000 + text):
        assert unpacked(packed(whole)) == whole
        assert not set("<&") & set(packed(whole))


def test_far_repetitions_are_packed_in_few_letters():
    far = "".join(f"{chr(97 + k * 7919 % 26)}{k * k}" for k in range(20_000))
    whole = far[:500] + far + far[:500]
    assert unpacked(packed(whole)) == whole
    assert len(packed("0" * 1000)) < 70


@needs_browser
def test_a_page_unpacks_what_was_packed_and_letters_of_references():
    name = "K~`M“😀”" * 20 + "z" * 300
    (said,) = answers(page(replace(logistic_regression(), passes=(name,))), ["passes[0]"])
    assert said == name


def test_scripts_lose_their_spaces_but_not_those_of_texts_and_expressions():
    for script, short in [
        ("let a = 1;  // no\nlet b = a + +a;", "let a=1;let b=a+ +a;"),
        ('f("a  //  b", `c ${ d }`, /[/ ]"/g)', 'f("a  //  b",`c ${ d }`,/[/ ]"/g)'),
        ("a = b / c / d\n(e)", "a=b/c/d\n(e)"),
        ("return x\n}\nlet y", "return x}\nlet y"),
        ("/** What. */\nconst f = () => ({a: 1}), g = 2", "const f=()=>({a:1}),g=2"),
    ]:
        assert without_spaces(script) == short


@needs_browser
def test_a_page_holds_whatever_a_user_calls_a_value():
    names = ["a\x00b\x07", "\ud800", "‮מזל\u2028", "<!--", "a\"'&`~{{data}}\\"]
    text = page(graph(lambda *xs: sum(xs), *map(float, range(5)), names=names))
    questions = [f"JSON.stringify(cards.n{place}.l)" for place in range(5)]
    said = [json.loads(each) for each in answers(text, questions)]
    assert said == [name.replace("\ud800", "?") for name in names]


@needs_browser
def test_numbers_of_any_size_and_kind_can_be_stepped_through():
    def fn(x, n, mask):
        return jnp.sum(jnp.where(mask, jnp.log(x) * n * 1e30, 0.0))

    x, mask = jnp.array([0.0, -1.0, jnp.inf, 1e30]), jnp.array([True, False, True, True])
    questions = []
    for way in ("values", "forward", "reverse", "meet"):
        questions += [f"document.querySelector('#modes [value={way}]').click()"]
        questions += ["value('#step', 2)", SAY]
    for drawn in (graph(fn, x, 3, mask, argnums=0), graph(jnp.sum, jnp.zeros((0, 3)))):
        said = answers(page(drawn), questions)[2::3]
        assert len({*said}) >= 2
        assert not [text for text in said if "undefined" in text]


@needs_browser
def test_an_overlay_writes_as_much_as_a_box_has_room_for_and_says_all_to_who_points():
    long = "63.3 % of the adjoint 0, 16.7 % of the value 0"
    laid = {"zeros": {"n5": (0.6, long), "n3": (0.1, "8 B"), "n9": (1.0, "makes " + "x" * 90)}}
    questions = ["all('.sum text').map(t => t.textContent)"]
    questions += ["document.querySelector('#n5 .sum title').textContent"]
    questions += ["Math.max(...all('.sum rect').map(r => r.getBBox().width)) < 90"]
    said = answers(page(logistic_regression(), overlays=laid), questions, address="#colour=zeros")
    assert sorted(said[0].split(","))[:2] == ["63.3 %", "8 B"]
    assert "makes" in said[0]
    assert said[1:] == [long, "true"]


@needs_browser
def test_the_lectures_picture_is_as_wide_as_a_phone():
    asks = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll"
    asks += "('#view')].every(v => v.scrollWidth <= v.clientWidth)"
    (said,) = answers(page(prelu_with_penalty()), [asks], width=500)
    assert said == "true"
