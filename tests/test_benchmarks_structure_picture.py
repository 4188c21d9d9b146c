"""The picture of a pattern: a mark for each cell with an entry, in words too, of bounded size."""

import re
import runpy
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

import gradwise
from benchmarks.comparison.file import load
from benchmarks.report.example import EXAMPLE
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page
from benchmarks.scenarios.structure.suite import scenarios
from benchmarks.structure.drawing.sketching import sketch_of
from gradwise import jacobian, structure

SVG = "{http://www.w3.org/2000/svg}"
BANDS = csr_array(np.eye(9) + np.eye(9, k=2))


def drawn(sketch, **options):
    """The element, and the places of its marks, `(row, column)`."""
    root = ET.fromstring(sketch.svg("bands", **options))
    paths = [path.get("d") for path in root.iter(f"{SVG}path")]
    marks = [(int(y), int(x)) for d in paths for x, y in re.findall(r"M(\d+) (\d+)h\.9", d)]
    return root, marks


def test_a_small_pattern_has_a_mark_for_each_entry_and_no_other():
    _, marks = drawn(sketch_of(BANDS))
    assert sorted(marks) == sorted(map(tuple, np.argwhere(BANDS.toarray()).tolist()))


def test_a_large_pattern_has_a_mark_for_each_cell_with_an_entry():
    rows = random_array((331, 107), density=0.003, random_state=0, format="csr")
    sketch = sketch_of(rows)
    cells = {(i // 7, j // 3) for i, j in np.argwhere(rows.toarray())}
    _, marks = drawn(sketch)
    assert sorted(marks) == sorted(cells)
    assert sketch.cells == len(cells)
    assert (len(sketch.lines), len(sketch.lines[0])) == (48, 36)


def test_the_fuller_a_cell_the_stronger_it_is():
    dense = np.zeros((96, 96))
    dense[:2, :2] = 1
    dense[4, 4] = 1
    lines = sketch_of(csr_array(dense)).lines
    assert (lines[0][0], lines[2][2], lines[1][1]) == ("5", "2", ".")


def test_a_million_by_a_million_is_some_kilobytes():
    n = 1_000_000
    columns = np.minimum(np.arange(3 * n) // 3 + np.arange(3 * n) % 3, n - 1)
    rows = csr_array((np.ones(3 * n, np.int8), columns, np.arange(0, 3 * n + 1, 3)), shape=(n, n))
    assert len(sketch_of(rows).svg()) < 6_000
    full = csr_array(np.ones((480, 480), np.int8))
    assert len(sketch_of(full).svg()) < 48 * 48 * 10 + 2_000


def test_a_reader_that_sees_nothing_is_told_all_of_it():
    root, _ = drawn(sketch_of(BANDS))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert title.text == "What depends on what in bands"
    assert desc.text == (
        "9 outputs by 9 inputs; 16 entries, 19.8 % of all; 2 parts that share nothing."
    )
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert words == [
        "9 inputs",
        "9 outputs",
        "16 entries, 19.8 % of all",
        "2 parts that share nothing",
    ]


def test_it_reads_in_the_light_and_in_the_dark():
    inside, alone = sketch_of(BANDS).svg(), sketch_of(BANDS).svg(alone=True)
    assert 'fill="currentColor"' in inside
    assert "<style>" not in inside  # a page's own colours stay as they are
    ground = ET.fromstring(alone).find(f"{SVG}rect")
    assert (ground.get("width"), ground.get("height")) == ("100%", "100%")
    assert re.search("prefers-color-scheme:dark.*svg{color:.*page{fill:", alone)


def test_a_name_from_the_user_is_text_and_no_markup():
    root = ET.fromstring(sketch_of(BANDS).svg("<lambda> & co"))
    assert root.find(f"{SVG}title").text == "What depends on what in <lambda> & co"


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 4), (1, 2000), (2000, 1)])
def test_a_pattern_of_any_shape_is_drawn(shape):
    root, marks = drawn(sketch_of(csr_array(shape, dtype=np.int8)))
    assert marks == []
    assert "0 entries, 0 % of all" in [text.text for text in root.iter(f"{SVG}text")]


def test_a_structure_and_a_jacobian_and_their_files_show_one_picture(tmp_path):
    def products(x):
        return x[1:] * x[:-1]

    found, jac = structure(products, jnp.ones(30)), jacobian(products, jnp.ones(30), measure=False)
    picture = found.sketch.svg("products")
    assert picture in found._repr_html_()
    assert picture in jac._repr_html_()
    found.save(tmp_path / "products.svg")
    alone = (tmp_path / "products.svg").read_text()
    assert re.sub("<style>.*?</style><rect[^>]*/>\n", "", alone) == f"{picture}\n"
    found.save(tmp_path / "products.txt")
    assert (tmp_path / "products.txt").read_text() == f"{found}\n"
    with pytest.raises(ValueError, match="svg"):
        found.save(tmp_path / "products.pdf")
    found.save(tmp_path / "products.json")
    kept = gradwise.load(tmp_path / "products.json")
    assert kept == found
    assert kept != replace(found, columns=found.columns[::-1])
    assert str(kept) == str(found)


def test_a_comparison_shows_its_pattern_on_its_page_and_in_a_notebook_and_keeps_it(tmp_path):
    patterned = replace(EXAMPLE, pattern=sketch_of(BANDS))
    picture = sketch_of(BANDS).svg(EXAMPLE.name)
    for shown in (page, lambda one: html_answer(one[0])):
        assert picture in shown([patterned])
        assert 'class="pattern"' not in shown([EXAMPLE])
    patterned.save(tmp_path / "one.json")
    assert load(tmp_path / "one.json") == patterned


def test_compare_keeps_the_pattern_it_has_looked_at_unless_all_depends_on_all():
    from benchmarks import compare

    patterned = compare(lambda x: x[1:] * x[:-1], jnp.ones(8), budget=0.05)
    assert (patterned.pattern.entries, patterned.pattern.cells) == (14, 14)
    assert compare(lambda x: x * jnp.sum(x), jnp.ones(8), budget=0.05).pattern is None
    assert compare(jax.numpy.sum, jnp.ones(8), budget=0.05).pattern is None


def test_the_pictures_of_the_pages_are_those_that_their_command_draws(tmp_path):
    docs = Path(__file__).parent.parent / "docs"
    runpy.run_path(str(docs / "structures.py"))["draw"](tmp_path)
    drawn = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert len(drawn) == 5
    assert drawn == {name: (docs / "pictures" / name).read_text() for name in drawn}


#: What is said of five functions of the suite.
SAID = {
    "stencil": r"3 colours in forward mode do for 32 inputs \(a stencil, known.py:\d+\)",
    "brusselator": r"8 colours in forward mode do for 32 inputs \(known.py:\d+\)",
    "arrow": r"2 colours in forward mode and 1 colour in reverse mode do for 12 inputs "
    r"\(an arrow, known.py:\d+\)",
    "heat": r"5 colours in forward mode do for 25 inputs \(a stencil, known.py:\d+\)",
    "layer_norm": r"by split \(2\+1\+2\): 5 passes do for 20 inputs and 20 outputs "
    r"\(with 2 numbers held still, the rest is sparse, those of .*\)",
}
BY_DAY = [f"structure/known/{name}" for name in SAID]
SUITE = [
    n if n in BY_DAY else pytest.param(n, marks=pytest.mark.nightly) for n in scenarios("small")
]


@pytest.mark.parametrize("name", SUITE)
def test_what_is_printed_of_a_function_of_the_suite_is_a_sentence_and_fits_80_columns(name):
    one = scenarios("small")[name]()
    looked_at = one.fn if one.order == 1 else jax.grad(one.fn, one.argnums or 0)
    derivative = jacobian if one.order == 1 else gradwise.hessian
    found = derivative(one.fn, *one.inputs, argnums=one.argnums, measure=False)
    seconds = [replace(r, seconds=1e-6 if r.name == found.way else 134.5e-6) for r in found.rivals]
    measured = replace(found, rivals=tuple(seconds))
    texts = [structure(looked_at, *one.inputs, argnums=one.argnums), found, measured]
    assert max(len(line) for text in texts for line in str(text).splitlines()) <= 80
    if found.way not in ("forward", "reverse"):
        assert re.search(r"; 134 times faster than (forward|reverse)$", measured.why)
    if name in BY_DAY:
        assert re.fullmatch(SAID[name.rpartition("/")[2]], found.why)
