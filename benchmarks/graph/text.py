"""A graph as plain text: a line a node, indented by the groups that it is in."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ..program.count import Flops
from .columns import laid_out, width_of, wrapped
from .layout.containers import Container, structure
from .layout.nesting import BODY_INPUTS, Nesting
from .parts import Group, Node, Result
from .record import Graph
from .words.boxes import members, title
from .words.figures import short
from .words.naming import is_operation, literals_of, written_literal
from .words.rules import formula

#: The most columns of a line.
WIDTH = 100
_HEADER = ["node", "shape", "value", "tangent", "adjoint", "kept", "FLOPs", "line"]
_LEFT = [True, True, False, False, False, False, False, True]
#: The place of the source line in a row, and the room that the first column should have.
_LINE, _ROOM = 7, 34
_LEAVES = ("input", "fixed", "constant")
_OPEN, _SHUT = "▾ ", "▸ "
_TYPES = {"float": "f", "int": "i", "uint": "u", "complex": "c", "bfloat": "bf"}


def text(graph: Graph, width: int = WIDTH) -> str:
    """Return a graph as text: what it is, a line a node, and what its numbers add up to.

    A node is called by the user's name for it, or by its number. A closed group is one line.

    Args:
        graph: The graph.
        width: The most columns of a line.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> print(text(EXAMPLE))
        logistic regression: 3 inputs -> 1 output, 8 nodes, 1 group
        node          shape      value         adjoint  kept  FLOPs  line
        x             f64[2]     [2 1]
        ▾ layer
          w           f64[2]  [0.5 −1]  [−0.95 −0.475]
          b           f64[]        0.1          −0.475
          #3 = w @ x  f64[]          0          −0.475            4  regression.py:3 (loss)
          z = #3 + b  f64[]        0.1          −0.475            1  regression.py:4 (loss)
        p = σ z       f64[]      0.525            −1.9   8 B      1  regression.py:5 (loss)
        #6 = log p    f64[]     −0.644              −1            1  regression.py:6 (loss)
        L = −#6       f64[]      0.644               1            1  regression.py:7 (loss)
        output: L
        FLOPs: 8
        reverse mode keeps 8 B, 8 B of it in new arrays
    """
    lines = _Lines(graph)
    rows = [_HEADER, *lines.rows(None, 0)]
    rows = _with_room(rows, width)
    head = f"{graph.title}: {summary(graph)}"
    foot = [line for part in _foot(graph) for line in wrapped(part, width)]
    return "\n".join([*wrapped(head, width), *laid_out(rows, left=_LEFT, width=width), *foot])


def summary(graph: Graph) -> str:
    """Return how large a graph is, in words.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> summary(EXAMPLE)
        '3 inputs -> 1 output, 8 nodes, 1 group'
    """
    sizes = f"{counted(graph.n, 'input')} -> {counted(graph.m, 'output')}"
    return f"{sizes}, {parts(graph)}"


def parts(graph: Graph) -> str:
    """Return how many nodes and groups a graph has, in words."""
    return f"{counted(len(graph.nodes), 'node')}, {counted(len(graph.groups), 'group')}"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun.

    Example:
        >>> counted(1, "node"), counted(1200, "node")
        ('1 node', '1,200 nodes')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class _Lines:
    """The rows of a graph's table."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.containers = structure(graph).containers
        self.nesting = Nesting(graph)
        self.uses = Counter(node.name for node in graph.nodes if node.name)
        self.tangents = len(graph.passes) == 1 or bool(graph.reverse)

    def rows(self, container: int | None, depth: int) -> Iterator[list[str]]:
        """Yield the rows of what stands in a container, in topological order."""
        for child in sorted(self.containers[container].children, key=self._turn):
            number = int(child[1:])
            if child[0] == "n":
                yield self._node(self.graph.nodes[number], depth)
            else:
                yield from self._group(self.graph.groups[number], depth)

    def _turn(self, child: str) -> int:
        """Return when something is computed: inputs before all else, a group with its first."""
        number = int(child[1:])
        if child[0] == "n":
            kind = self.graph.nodes[number].kind
            return -1 if kind in ("input", "fixed", *BODY_INPUTS) else number
        inside = members(self.nesting, self.graph.groups[number])
        return min((node.id for node in inside if node.kind not in _LEAVES), default=number)

    def _group(self, group: Group, depth: int) -> Iterator[list[str]]:
        shut = group.id in self.graph.shut
        mark = _SHUT if shut else _OPEN
        if group.loop is not None and group.kind != "side":
            loop = self.graph.nodes[group.loop]
            turn = "" if group.turn is None or shut else f" (turn {group.turn + 1} below)"
            yield self._node(loop, depth, mark, turn)
        elif shut:
            yield self._closed(group, depth)
        else:
            yield [f"{'  ' * depth}{mark}{group.name}", *[""] * (len(_HEADER) - 1)]
        if not shut:
            yield from self.rows(group.id, depth + 1)

    def _node(self, node: Node, depth: int, mark: str = "", more: str = "") -> list[str]:
        result = node.results[0] if node.results else None
        called = self.called(node)
        if is_operation(node):
            names = self._names(node)
            called = f"{called} = {formula(self.graph, node, names)}"
        return [
            f"{'  ' * depth}{mark}{called}{more}",
            *self._numbers(result),
            _bytes([node]),
            _flops(node.flops) if is_operation(node) else "",
            node.source,
        ]

    def _closed(self, group: Group, depth: int) -> list[str]:
        inside = members(self.nesting, group)
        bodies = {node.id for node in inside if node.kind in ("loop", "branch")}
        flops = sum((node.flops for node in inside if node.body_of not in bodies), Flops())
        result = _made_by(self.graph, self.containers[group.id], inside)
        return [
            f"{'  ' * depth}{_SHUT}{group.name} ({counted(len(inside), 'node')})",
            *self._numbers(result),
            _bytes(inside),
            _flops(flops),
            "",
        ]

    def _numbers(self, result: Result | None) -> list[str]:
        if result is None:
            return [""] * 4
        tangent = result.tangents[0] if self.tangents and result.tangents else None
        return [typed(result), short(result.value), short(tangent), short(result.adjoint)]

    def called(self, node: Node) -> str:
        """Return the user's name of a node if it is the only one of it, else its number."""
        alone = self.uses[node.name] == 1
        if is_operation(node) or alone:
            return node.name if alone else f"#{node.id}"
        return f"#{node.id} {title(node)}"

    def _names(self, node: Node) -> list[str]:
        called = (self.called(self.graph.nodes[o.node]).split(" ")[0] for o in node.operands)
        literals = literals_of(node)
        return [next(called) if value is None else written_literal(value) for value in literals]


def typed(result: Result) -> str:
    """Write a type and a shape as JAX does.

    Example:
        >>> typed(Result(shape=(5, 6), dtype="float32")), typed(Result(shape=(), dtype="bool"))
        ('f32[5,6]', 'bool[]')
    """
    letters = result.dtype.rstrip("0123456789")
    digits = result.dtype[len(letters) :]
    dtype = f"{_TYPES[letters]}{digits}" if letters in _TYPES and digits else result.dtype
    return f"{dtype.split('<')[0]}[{','.join(map(str, result.shape))}]"


def _made_by(graph: Graph, container: Container, inside: Sequence[Node]) -> Result | None:
    """Return the first of the results that leave a group."""
    if container.outs:
        node, result = container.outs[0]
        made = graph.nodes[node].results
    else:
        made, result = (inside[-1].results if inside else ()), 0
    return made[result] if result < len(made) else None


def _bytes(nodes: Sequence[Node]) -> str:
    kept = sum(residual.bytes for node in nodes for residual in node.kept)
    return f"{kept:,} B" if kept else ""


def _flops(flops: Flops) -> str:
    if flops.unknown:
        return f"{flops.low:,}+"
    return f"{flops.high:,}" if flops.low == flops.high else f"{flops.low:,} to {flops.high:,}"


def _with_room(rows: list[list[str]], width: int) -> list[list[str]]:
    """Shorten the source lines, and leave them out, until the nodes have some room."""

    def room() -> int:
        columns = list(zip(*rows, strict=True))[1:]
        return width - sum(2 + max(map(width_of, c)) for c in columns if any(map(width_of, c)))

    wanted = min(_ROOM, max(width_of(row[0]) for row in rows if any(row[1:])))
    rows = [_without_empty(rows, row) for row in rows]
    if room() < wanted:
        rows = [[*row[:_LINE], row[_LINE].split(" (")[0]] for row in rows]
    if room() < wanted:
        rows = [[*row[:_LINE], ""] for row in rows]
    return rows


def _without_empty(rows: list[list[str]], row: list[str]) -> list[str]:
    """Return a row without the headers of columns that hold nothing."""
    empty = [not any(other[place] for other in rows[1:]) for place in range(len(row))]
    return ["" if nothing else cell for cell, nothing in zip(row, empty, strict=True)]


def _foot(graph: Graph) -> Iterator[str]:
    names = _Lines(graph)
    for output in graph.outputs:
        yield f"{output.name}: {names.called(graph.nodes[output.edge.node])}"
    outside = [node.flops for node in graph.nodes if node.body_of is None]
    yield f"FLOPs: {sum(outside, Flops())}"
    kept = [residual for node in graph.nodes for residual in node.kept]
    if kept:
        new = sum(residual.bytes for residual in kept if residual.storage == "new")
        total = sum(residual.bytes for residual in kept)
        yield f"reverse mode keeps {total:,} B, {new:,} B of it in new arrays"
    for mode, why in (("forward", graph.forward), ("reverse", graph.reverse)):
        if why:
            yield f"no {mode} mode: {why}"
    for node in graph.nodes:
        if node.note:
            yield f"{names.called(node)}: {node.note}"
    if graph.shut:
        yield f'{_SHUT.strip()} is closed; graph.closed(open=("NAME",)) opens it, or --open NAME'
    yield from graph.notes
