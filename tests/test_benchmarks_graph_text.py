"""A graph as text: a line a node, in at most 100 columns."""

from dataclasses import replace
from unicodedata import east_asian_width

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.graph.build import graph
from benchmarks.graph.columns import cut, width_of
from benchmarks.graph.example import EXAMPLE
from benchmarks.graph.parts import Group, Quantity
from benchmarks.graph.text import text
from benchmarks.graph.words.figures import entry, short
from benchmarks.program.flops import flops
from benchmarks.program.residuals import residuals


def layer(w, b, x):
    return jnp.tanh(w @ x + b)


def with_a_loop(x, w):
    def body(state, t):
        state = jnp.tanh(w * state + t)
        return state, state**2

    last, all_ = jax.lax.scan(body, x, jnp.arange(4.0))
    return jax.lax.cond(last > 0, jnp.sin, lambda c: c * 2, last) + jnp.sum(all_)


def test_a_graph_is_a_head_a_line_a_node_and_a_foot():
    assert str(EXAMPLE).splitlines() == [
        "logistic regression: 3 inputs -> 1 output, 8 nodes, 1 group",
        "node          shape      value         adjoint  kept  FLOPs  line",
        "x             f64[2]     [2 1]",
        "▾ layer",
        "  w           f64[2]  [0.5 −1]  [−0.95 −0.475]",
        "  b           f64[]        0.1          −0.475",
        "  #3 = w @ x  f64[]          0          −0.475            4  regression.py:3 (loss)",
        "  z = #3 + b  f64[]        0.1          −0.475            1  regression.py:4 (loss)",
        "p = σ z       f64[]      0.525            −1.9   8 B      1  regression.py:5 (loss)",
        "#6 = log p    f64[]     −0.644              −1            1  regression.py:6 (loss)",
        "L = −#6       f64[]      0.644               1            1  regression.py:7 (loss)",
        "output: L",
        "FLOPs: 8",
        "reverse mode keeps 8 B, 8 B of it in new arrays",
    ]


def test_a_closed_group_is_one_line_with_what_leaves_it_and_its_sums():
    lines = str(replace(EXAMPLE, shut=frozenset([0]))).splitlines()
    closed = [line for line in lines if line.startswith("▸ layer")]
    assert [line.split() for line in closed] == [
        ["▸", "layer", "(4", "nodes)", "f64[]", "0.1", "−0.475", "5"]
    ]
    assert "w @ x" not in "\n".join(lines)
    assert lines[-1] == '▸ is closed; graph.closed(open=("NAME",)) opens it, or --open NAME'


def test_a_loop_opens_to_its_body_and_a_branch_to_its_sides():
    found = graph(with_a_loop, 1.0, 0.5).closed(open=["x 4", "branch"])
    lines = str(found).splitlines()
    (loop,) = (n for n, line in enumerate(lines) if line.startswith("▾ #3 = scan × 4"))
    assert "(turn 4 below)" in lines[loop]
    inside = [line for line in lines[loop + 1 :] if line.startswith("  ")]
    assert any("tanh" in line for line in inside)
    sides = [line.strip() for line in lines if "branch" in line]
    assert sides == ["▾ branch 0", "▾ branch 1 (taken)"]
    shut = replace(found, shut=frozenset(group.id for group in found.groups))
    closed = str(shut).splitlines()
    assert any(line.startswith("▸ #3 = scan × 4 ") for line in closed)
    assert not any("tanh" in line or "branch" in line for line in closed)


@pytest.mark.parametrize(
    ("fn", "inputs"),
    [(layer, (jnp.ones((3, 2)), jnp.ones(3), jnp.ones(2))), (with_a_loop, (1.0, 0.5))],
    ids=["layer", "loop"],
)
def test_the_foot_adds_up_to_the_flops_and_to_what_is_kept(fn, inputs):
    lines = str(graph(fn, *inputs)).splitlines()
    (told,) = (line.removeprefix("FLOPs: ") for line in lines if line.startswith("FLOPs: "))
    assert told == str(flops(fn, *inputs))
    leaves = residuals(fn, *inputs)
    total, new = (sum(r.bytes for r in those) for those in (leaves, _new(leaves)))
    assert f"reverse mode keeps {total:,} B, {new:,} B of it in new arrays" in lines


def _new(leaves):
    return [leaf for leaf in leaves if leaf.storage == "new"]


def test_what_keeps_a_mode_away_is_said():
    def turned(x):
        return jax.lax.while_loop(lambda c: c < 10, lambda c: c * 2, x)

    lines = str(graph(turned, 1.0)).splitlines()
    assert any(line.startswith("no reverse mode: ") for line in lines)
    assert "tangent" in lines[1]
    assert "adjoint" not in lines[1]
    told = str(replace(EXAMPLE, forward="a custom_vjp", notes=("It is small.",))).splitlines()
    assert told[-2:] == ["no forward mode: a custom_vjp", "It is small."]


LONG = "a_variable_with_quite_a_long_name_that_goes_on_and_on"


@pytest.mark.parametrize("name", [LONG, LONG * 3, "損失" * 40, "ȧ" * 60])
@pytest.mark.parametrize("width", [100, 60])
def test_no_line_is_wider_than_it_may_be(name, width):
    nodes = [replace(n, name=f"{name}{n.id}", source=f"{name}.py:1 (f)") for n in EXAMPLE.nodes]
    group = Group(id=0, name=name, kind="layer")
    wide = replace(EXAMPLE, title=name, nodes=tuple(nodes), groups=(group,), notes=(name * 5,))
    lines = text(wide, width).splitlines()
    assert max(map(_columns, lines)) <= width
    assert len(lines) >= 12


def _columns(line):
    """The width of a line by the widths of its letters; no accent stands alone in these."""
    return sum(
        2 if east_asian_width(letter) in "WF" else 1 for letter in line if letter != "\u0307"
    )


def test_a_wide_letter_counts_two_columns_and_is_not_cut_in_half():
    assert width_of("損失") == 4
    assert cut("損失", 3) == "損…"
    assert cut("損失", 2) == "…"


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.array(0.0), "0"),
        (np.array(-1234567.0), "−1.23e+06"),
        (np.array(12345.0), "12,300"),
        (np.array([True, False]), "[true false]"),
        (np.array([1 + 2j]), "[1 + 2i]"),
        (np.array([np.nan, np.inf, -np.inf]), "[NaN ∞ −∞]"),
        (np.arange(5), "0 … 4"),
        (np.zeros((3, 3)), "all 0"),
        (np.array([np.nan] * 4), "4 NaN"),
        (np.array([1.0, np.inf, np.nan, np.nan]), "1, 2 NaN, 1 ∞"),
        (np.zeros((0, 3)), "[]"),
    ],
)
def test_numbers_are_short(array, wanted):
    assert short(Quantity(array=array)) == wanted


def test_means_of_blocks_say_that_they_are_no_entries():
    assert short(Quantity(array=np.arange(4.0), pooled=True)) == "about 0 … 3"
    assert short(None) == ""
    assert entry(np.float16(0.5)) == "0.5"


def test_the_repr_is_short():
    assert repr(EXAMPLE) == "Graph(logistic regression: 8 nodes, 1 group)"
