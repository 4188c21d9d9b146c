from itertools import pairwise

import pytest
from graph_cases import LECTURE, Sketch, mlp, random_graph, scan

from benchmarks.graph.layout import order
from benchmarks.graph.layout.containers import structure
from benchmarks.graph.layout.layout import layout
from benchmarks.graph.layout.nesting import Nesting
from benchmarks.graph.layout.order import crossings
from benchmarks.graph.layout.view import boxes, lines
from benchmarks.graph.parts import Group, Node, Operand
from benchmarks.graph.record import Graph

SEEDS = range(12)


def box_of(graph, node, shut):
    """The key of the outermost closed group that a node is in, or its own; a loop's is its body."""
    own = {g.loop: g.id for g in graph.groups if g.loop is not None}
    chain = [*graph.nodes[node].groups, *([own[node]] if node in own else [])]
    for group in chain:
        if group in shut:
            return f"g{group}"
    return f"g{own[node]}" if node in own else f"n{node}"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_operand_between_two_boxes_is_on_exactly_one_line(seed):
    graph = random_graph(seed)
    for shut in (set(), {g.id for g in graph.groups}, {g.id for g in graph.groups if g.id % 2}):
        drawn = [edge for line in lines(structure(graph), shut) for edge in line.edges]
        assert len(drawn) == len(set(drawn))
        for node in graph.nodes:
            if node.kind in ("carried", "slice", "held"):
                continue  # its loop's own operand stands for it
            for place, operand in enumerate(node.operands):
                source, target = (box_of(graph, n, shut) for n in (operand.node, node.id))
                leaf = graph.nodes[operand.node].kind in ("input", "fixed", "constant")
                if not leaf:  # which may stand elsewhere than in its own groups
                    assert ((node.id, place) in drawn) == (source != target), (node.id, place)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_link_stands_for_the_operands_that_run_along_it(seed):
    found = structure(random_graph(seed))
    along = {}
    for flow in found.flows:
        for piece in flow.pieces:
            along.setdefault(piece, set()).update(flow.edges)
    for key, container in found.containers.items():
        for k, link in enumerate(container.links):
            assert len(link.edges) == len(set(link.edges))
            assert set(link.edges) == along[key, k]


def test_the_lines_of_an_open_loop_lead_to_the_inputs_of_its_body_and_out_of_its_frame():
    graph = scan()
    (group,) = (g.id for g in graph.groups)
    inner = {line.target: line for line in lines(structure(graph), ()) if line.edges}
    for node in graph.nodes:
        if node.kind in ("carried", "slice", "held"):
            loop_edge = (node.body_of, [5, 6, 7, 8].index(node.id))
            assert inner[f"n{node.id}"].edges == (loop_edge, (node.id, 0))
            assert inner[f"n{node.id}"].source == f"n{node.operands[0].node}"
    out = [line for line in lines(structure(graph), ()) if line.target == f"g{group}"]
    assert [line.edges for line in out] == [(), ()]
    closed = [(line.source, line.target) for line in lines(structure(graph), {group})]
    results = [n.id for n in graph.nodes if n.operation == "reduce_sum"]
    assert [pair for pair in closed if f"g{group}" in pair] == [
        *((f"n{n}", f"g{group}") for n in (3, 2, 0, 1)),
        *((f"g{group}", f"n{n}") for n in results),
    ]


def test_a_weight_stands_where_all_its_uses_are_and_an_argument_outside_of_all_groups():
    s = Sketch()
    x = s.leaf("x", "fixed")
    s.open("layer")
    shared, own = s.weight("shared"), s.weight("own")
    y = s.op("dot_general", s.op("dot_general", x, own), shared)
    z = s.leaf("z")
    y = s.op("add", y, z)
    s.close()
    s.op("add", y, s.op("square", shared))
    assert [Nesting(s.graph()).home[n] for n in (x, shared, own, z)] == [None, None, 0, None]


def test_all_groups_closed_leave_one_box_a_layer():
    assert len(boxes(mlp(), shut={g.id for g in mlp().groups})) == 9  # x, 6 groups, sum, mean
    assert len(boxes(mlp(), shut=())) == len(mlp().nodes)


@pytest.mark.parametrize("name", LECTURE)
def test_no_lines_of_the_lectures_graphs_cross_but_one_where_three_products_share_an_operand(name):
    crossed = 0
    for grid in layout(LECTURE[name]()).grids.values():
        at = {cell: k for column in grid.columns for k, cell in enumerate(column)}
        gaps = {}  # by column where the lines into it start and end
        for route, slot in zip(grid.routes, grid.slots, strict=True):
            for a, b in pairwise(route):
                column = next(c for c, cells in enumerate(grid.columns) if b in cells)
                meets = at[b] + slot / 100 * (b == route[-1])
                gaps.setdefault(column, set()).add((at[a], meets))
        for gap in gaps.values():
            crossed += sum((p - u) * (q - v) < 0 for p, q in gap for u, v in gap) // 2
    assert crossed == (name == "attention")


@pytest.mark.parametrize("seed", SEEDS)
def test_links_run_from_one_column_to_the_next_and_each_cell_is_in_one_place(seed):
    found = layout(random_graph(seed))
    for key, grid in found.grids.items():
        column = {cell: c for c, cells in enumerate(grid.columns) for cell in cells}
        assert len(column) == sum(map(len, grid.columns)) == sum(map(len, grid.blocks))
        assert set(found.structure.containers[key].children) <= set(column)
        for link, route in zip(found.structure.containers[key].links, grid.routes, strict=True):
            assert (route[0], route[-1]) == (link.source, link.target)
            start = column[route[0]]
            assert [column[cell] for cell in route] == list(range(start, start + len(route)))


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_are_sorted_from_one_side_to_the_other(seed):
    for grid in layout(random_graph(seed)).grids.values():
        block = {cell: b for b, cells in enumerate(grid.blocks) for cell in cells}
        for column in grid.columns:
            assert [block[cell] for cell in column] == sorted(block[cell] for cell in column)


def test_the_longest_path_runs_on_one_line_through_all_groups():
    graph = mlp(3)
    found = layout(graph)
    for key, grid in found.grids.items():
        groups = [c for c in found.structure.containers[key].children if c[0] == "g"]
        assert set(groups) <= set(grid.blocks[grid.main])
        if key is not None:
            assert {grid.blocks[grid.main][0], grid.blocks[grid.main][-1]} == {"i0", "o0"}


def test_data_and_what_a_loop_carries_lead_the_straight_line_rather_than_weights():
    s = Sketch()
    w, b, x = s.leaf("w"), s.leaf("b"), s.leaf("x", "fixed")
    s.op("add", b, s.op("dot_general", w, x))
    (grid,) = layout(s.graph()).grids.values()
    assert grid.blocks[grid.main] == (f"n{x}", "n3", "n4")
    graph = scan()
    found = layout(graph)
    carried = next(n for n in graph.nodes if n.kind == "carried")
    for key, leading in ((None, carried.operands[0].node), (0, carried.id)):
        assert f"n{leading}" in found.grids[key].blocks[found.grids[key].main]


def test_what_takes_nothing_stands_in_a_column_without_groups():
    for make in LECTURE.values():
        graph = make()
        leaves = {f"n{n.id}" for n in graph.nodes if not n.operands}
        for grid in layout(graph).grids.values():
            for column in grid.columns:
                assert not leaves & set(column) or not any(cell[0] == "g" for cell in column)


def test_crossings_are_those_of_a_count_by_pairs():
    columns = [["n0", "n1", "n2"], ["n3", "n4", "n5"]]
    pieces = [
        ("n0", "n5", 0.0, 0.0), ("n0", "n3", 0.0, 0.2), ("n1", "n4", 0.0, 0.0),
        ("n2", "n3", 0.0, -0.2), ("n2", "n4", 0.0, 0.0), ("n1", "n3", 0.0, 0.0),
    ]  # fmt: skip
    at = {cell: k for column in columns for k, cell in enumerate(column)}
    ends = [(at[a] + p, at[b] + q) for a, b, p, q in pieces]
    pairs = [(u, v) for k, u in enumerate(ends) for v in ends[:k]]
    assert crossings(columns, pieces) == sum((u[0] - v[0]) * (u[1] - v[1]) < 0 for u, v in pairs)


def test_the_work_for_300_nodes_is_bounded(monkeypatch):
    counted = []
    monkeypatch.setattr(order, "crossings", lambda *args: counted.append(1) or crossings(*args))
    s = Sketch()
    made = [s.leaf("x")]
    for k in range(299):
        made.append(s.op("sub", made[-1], made[(k * 7) % len(made)]))
    layout(s.graph())
    assert 1 < len(counted) <= 2 * order.SWEEPS + 1


def test_the_same_graph_is_laid_out_the_same_twice():
    assert layout(random_graph(3, 60)) == layout(random_graph(3, 60))


def test_groups_that_depend_on_one_another_in_a_circle_are_refused():
    nodes = [
        Node(id=k, kind="operation", operation="sin", groups=(k % 2,), operands=taken)
        for k, taken in enumerate([(), (Operand(node=0),), (Operand(node=1),)])
    ]
    groups = [Group(id=k, name="g", kind="scope") for k in range(2)]
    with pytest.raises(ValueError, match=r"circle, but \['g0', 'g1'\] of group None do"):
        layout(Graph(title="f", nodes=tuple(nodes), groups=tuple(groups)))
