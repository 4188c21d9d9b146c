import json
import math
import shutil
import subprocess
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from graph_cases import LECTURE, Sketch, random_graph, shut_sets, sizes

import benchmarks.graph
import nn
from benchmarks.graph.build import graph as graph_of
from benchmarks.graph.layout.layout import layout, plan
from benchmarks.graph.layout.place import curve, place


def traced_mlp():
    model = nn.mlp((8, 6, 4), batch_norm=True, dropout=0.1)
    params, state = jax.eval_shape(model.init, jax.random.key(0))

    def loss(params, x, state, key):
        y, _ = model.apply(params, state, x, key=key, train=True)
        return jnp.mean(y**2) + 0.1 * jnp.sum(params[0].weight ** 2)

    x = jax.ShapeDtypeStruct((5, 8), "float32")
    return graph_of(loss, params, x, state, jax.random.key(1), argnums=0)


def traced_loops():
    def loss(w, x):
        def turn(h, _):
            h = jax.lax.cond(h[0] > 0, lambda h: jnp.tanh(w @ h), lambda h: 2.0 * h, h)
            return h, jnp.sum(h)

        h, sums = jax.lax.scan(turn, x, None, length=3)
        return jnp.sum(h) + jnp.sum(sums)

    shape = jax.ShapeDtypeStruct
    return graph_of(loss, shape((3, 3), "float32"), shape((3,), "float32"))


GRAPHS = {
    **LECTURE,
    **{f.__name__: cache(f) for f in (traced_mlp, traced_loops)},
    **{f"random {k}": partial(random_graph, k) for k in range(6)},
}
DIRECTIONS = ("right", "down")


def placements(name):
    graph = GRAPHS[name]()
    found = layout(graph)
    for k, shut in enumerate(shut_sets(graph)):
        for direction in DIRECTIONS:
            for room in (math.inf, 700.0):
                size = sizes(graph, k)
                placed = place(found, size, shut=shut, direction=direction, room=room)
                yield placed, found, direction == "down", room


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def within(inner, outer):
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[0] + inner[2] <= outer[0] + outer[2] + 0.2
        and inner[1] + inner[3] <= outer[1] + outer[3] + 0.2
    )


def parents(found):
    return {
        child: None if key is None else f"g{key}"
        for key, container in found.structure.containers.items()
        for child in container.children
    }


def above(key, parent):
    while key is not None:
        yield key
        key = parent[key]


def sampled(points, down):
    """Points on the line as SVG draws it: straight, a cubic with its handles along the flow, or,
    between points beside one another across the flow, ahead of both by a turn."""
    forward = True
    for (x0, y0), (x1, y1) in pairwise([(y, x) for x, y in points] if down else points):
        turn = (12 if forward else -12) * (x0 == x1)
        forward = forward if x0 == x1 else x0 < x1
        for t in (k / 12 for k in range(13)):
            smooth = 3 * t * t - 2 * t**3
            handle = t**3 + 1.5 * t * (1 - t)
            x, y = x0 + handle * (x1 - x0) + turn, y0 + smooth * (y1 - y0)
            yield (y, x) if down else (x, y)


@pytest.mark.parametrize("name", GRAPHS)
def test_no_two_boxes_overlap_and_all_are_in_their_frames_and_outside_of_others(name):
    for placed, found, _, _ in placements(name):
        parent = parents(found)
        page = (0.0, 0.0, placed.width, placed.height)
        everything = {**placed.boxes, **placed.frames}
        assert all(within(box, page) for box in everything.values())
        for a, box in everything.items():
            for b, other in everything.items():
                if b in list(above(a, parent))[1:]:
                    assert within(box, other), (a, b)
                elif a != b and a not in above(b, parent):
                    assert not overlap(box, other), (a, b)


@pytest.mark.parametrize("name", GRAPHS)
def test_lines_run_forward_from_box_to_box_and_through_no_other(name):
    for placed, found, down, room in placements(name):
        parent = parents(found)
        everything = {**placed.boxes, **placed.frames}
        for path in placed.paths:
            ends = {*above(path.source, parent), *above(path.target, parent)}
            others = [box for key, box in everything.items() if key not in ends]
            along = [point[down] for point in path.points]
            assert along == sorted(along) or room < math.inf
            for x, y in sampled(path.points, down):
                assert not any(overlap((x, y, 0.0, 0.0), box) for box in others), path


@pytest.mark.parametrize("name", GRAPHS)
def test_lines_start_and_end_at_the_sides_of_their_boxes_each_at_a_point_of_its_own(name):
    for placed, _, down, _ in placements(name):
        everything = {**placed.boxes, **placed.frames}
        ends = []
        for path in placed.paths:
            x, y, width, height = everything[path.source]
            side = (y + height, x, width) if down else (x + width, y, height)
            start = path.points[0]
            assert start[down] == pytest.approx(side[0], abs=0.11)
            assert side[1] < start[not down] < side[1] + side[2]
            x, y, width, height = everything[path.target]
            handed_out = not path.edges
            side = (
                (y + height * handed_out, x, width) if down else (x + width * handed_out, y, height)
            )
            end = path.points[-1]
            assert end[down] == pytest.approx(side[0], abs=0.11)
            assert side[1] < end[not down] < side[1] + side[2]
            if path.edges:  # sides of a branch hand out one result
                ends.append(end)
        assert len(ends) == len(set(ends))


def test_operands_of_a_quotient_meet_it_in_order_and_two_of_one_value_do_not_touch():
    s = Sketch()
    x, y = s.leaf("x"), s.leaf("y")
    quotients = [s.op("div", y, x), s.op("div", s.op("sin", x), s.op("exp", y))]
    square = s.op("mul", x, x)
    graph = s.graph()
    placed = place(layout(graph), sizes(graph))
    for node in (*quotients, square):
        ends = {e: path.points[-1][1] for path in placed.paths for e in path.edges}
        assert ends[node, 1] - ends[node, 0] >= 9.0


def test_a_chain_through_open_groups_is_one_straight_line():
    graph = LECTURE["mlp"]()
    for direction in DIRECTIONS:
        placed = place(layout(graph), sizes(graph), direction=direction)
        for name in ("relu", "dot_general"):
            node = next(n for n in graph.nodes if n.operation == name)
            points = next(path.points for path in placed.paths if path.edges == ((node.id, 0),))
            assert len(points) == 2
            assert points[0][direction == "right"] == points[1][direction == "right"]


def test_a_long_chain_goes_on_in_rows_that_are_as_wide_as_there_is_room():
    s = Sketch()
    x = s.leaf("x", "fixed")
    for _ in range(50):
        x = s.op("sin", x)
    graph = s.graph()
    size = {f"n{n.id}": (80.0, 40.0) for n in graph.nodes}
    for direction, sides in (("right", slice(0, 2)), ("down", slice(1, None, -1))):
        placed = place(layout(graph), size, direction=direction, room=1000.0)
        along = (placed.width, placed.height)[direction == "down"]
        assert 800.0 < along <= 1000.0
        rows = {}
        for box in placed.boxes.values():
            start, row = box[sides]
            rows.setdefault(row, []).append(start)
        fit = (1000 - 2 * 10 - 6 * 12 + 34) // (34 + (80 if direction == "right" else 40))
        assert len(rows) == math.ceil(51 / fit)
        assert all(starts == sorted(starts) for starts in rows.values())
        assert len(placed.paths) == 50


def test_a_row_ends_where_few_lines_run_on():
    s = Sketch()
    x = s.leaf("x", "fixed")
    ends = []
    for _ in range(4):
        y = s.op("cos", s.op("sin", s.op("cos", x)))
        x = s.op("sub", y, x)  # right behind this one line runs on, and elsewhere two
        ends.append(f"n{x}")
    for _ in range(3):
        x = s.op("sin", x)
        ends.append(f"n{x}")
    graph = s.graph()
    size = {f"n{n.id}": (60.0, 40.0) for n in graph.nodes}
    broken = 0
    for room in range(1000, 1600, 40):
        placed = place(layout(graph), size, room=float(room))
        for path in placed.paths:
            if path.points[-1][0] < path.points[0][0]:
                assert path.source in ends
                broken += 1
    assert broken > 10


def test_a_line_that_leaves_an_open_group_of_several_rows_runs_straight_on():
    s = Sketch()
    x = s.leaf("x", "fixed")
    s.open("layer")
    for _ in range(12):
        x = s.op("sin", x)
    s.close()
    last = s.op("cos", x)
    s.op("neg", last)
    size = {**{f"n{k}": (85.0, 40.0) for k in range(last + 2)}, "g0": (90.0, 50.0)}
    placed = place(layout(s.graph()), size, room=1400.0)
    rows = [box[1] for box in placed.boxes.values()]
    assert len(set(rows)) == 2
    assert rows[-3:] == [max(rows)] * 3
    for path in placed.paths[-2:]:
        assert len({y for _, y in path.points}) == 1


def test_an_open_group_is_at_least_as_long_as_its_title():
    s = Sketch()
    x = s.leaf("x", "fixed")
    s.open("a long title")
    s.op("relu", x)
    s.close()
    placed = place(layout(s.graph()), {"n0": (40, 30), "n1": (40, 30), "g0": (300, 50)})
    assert placed.frames["g0"][2] == 300.0


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_graph_is_placed_the_same_twice_in_tenths(name):
    for (first, *_), (second, *_) in zip(placements(name), placements(name), strict=True):
        assert first == second
        for box in (*first.boxes.values(), *first.frames.values()):
            assert [round(v, 1) for v in box] == list(box)


def test_a_curve_is_straight_where_its_ends_are_level_and_bends_between():
    points = ((0.0, 10.0), (20.0, 10.0), (60.0, 30.5), (70.0, 30.5))
    assert curve(points, "right") == "M0 10H20C40 10 40 30.5 60 30.5H70"
    turned = tuple((y, x) for x, y in points)
    assert curve(turned, "down") == "M10 0V20C10 40 30.5 40 30.5 60V70"


def test_another_direction_is_refused():
    with pytest.raises(ValueError, match='direction must be "right" or "down", got \'up\''):
        place(layout(LECTURE["scan"]()), {}, direction="up")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_page_places_everything_where_python_does(direction, tmp_path):
    script = (Path(benchmarks.graph.__file__).parent / "layout" / "place.js").read_text(
        encoding="utf-8"
    )
    expected, calls = [], []
    for name in GRAPHS:
        graph = GRAPHS[name]()
        found = layout(graph)
        for shut in shut_sets(graph):
            for room in (1e9, 700.0):
                placed = place(found, sizes(graph), shut=shut, direction=direction, room=room)
                arguments = (plan(found), sizes(graph), sorted(shut), direction, room)
                calls.append(json.loads(json.dumps(arguments)))
                expected.append(as_lists(placed, direction))
    for theirs, ours in zip(run_script(script, calls, tmp_path), expected, strict=True):
        assert theirs == ours


def as_lists(placed, direction):
    return {
        "boxes": {key: list(box) for key, box in placed.boxes.items()},
        "frames": {key: list(box) for key, box in placed.frames.items()},
        "paths": [
            {
                "source": path.source,
                "target": path.target,
                "edges": [list(edge) for edge in path.edges],
                "points": [list(point) for point in path.points],
                "curve": curve(path.points, direction),
            }
            for path in placed.paths
        ],
        "width": placed.width,
        "height": placed.height,
    }


def run_script(script, calls, folder):
    """Run `place` and `curve` of the page on all calls, in node or in a browser."""
    run = (
        f"{script}\nconst calls = {json.dumps(calls)};\n"
        "const answers = calls.map(([plan, sizes, shut, direction, room]) => {\n"
        "  const placed = place(plan, sizes, new Set(shut), direction, room);\n"
        "  for (const path of placed.paths) path.curve = curve(path.points, direction);\n"
        "  return placed;\n});\n"
    )
    node, browser = shutil.which("node"), shutil.which("chromium")
    if node:
        program = folder / "place.js"
        program.write_text(run + "console.log(JSON.stringify(answers));", encoding="utf-8")
        return json.loads(subprocess.run([node, program], capture_output=True, check=True).stdout)
    if not browser:
        pytest.skip("neither node nor chromium is installed")
    page = folder / "place.html"
    write = "document.body.textContent = '<<' + JSON.stringify(answers) + '>>';"
    page.write_text(f"<body></body><script>{run}{write}</script>", encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}")
    done = subprocess.run([browser, *flags, "--dump-dom", page], capture_output=True, check=True)
    text = done.stdout.decode()
    return json.loads(text[text.index("&lt;&lt;") + 8 : text.index("&gt;&gt;")])
