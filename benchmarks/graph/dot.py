"""A graph in the language of Graphviz: `dot -Tpdf graph.dot -o graph.pdf` for those who have it."""

from collections.abc import Iterator

from .layout.containers import structure
from .layout.nesting import Nesting
from .parts import Group, Node, Operand, Result
from .record import Graph
from .words.boxes import Box, box_of, title
from .words.figures import short, size_of
from .words.naming import is_operation
from .words.rules import handed_back, label

_GREEN, _RED, _GRAY = "#e8f5e9", "#c62828", "#f2f2f2"
_FILLS = {"input": _GREEN, "fixed": _GRAY, "constant": _GRAY}


def dot(graph: Graph) -> str:
    r"""Return a graph as Graphviz reads it: a cluster for each open group, a box for each other.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> print(*dot(EXAMPLE).splitlines()[:2], sep="\n")
        digraph "logistic regression" {
          rankdir=LR; node [shape=box, style="rounded,filled", fillcolor=white, fontname=Helvetica];
    """
    down = "TB" if graph.direction == "down" else "LR"
    style = 'node [shape=box, style="rounded,filled", fillcolor=white, fontname=Helvetica];'
    lines = [f"digraph {quoted(graph.title)} {{", f"  rankdir={down}; {style}"]
    lines.append(f'  edge [fontname=Helvetica, fontsize=10, fontcolor="{_RED}"];')
    boxes = _Boxes(graph)
    return "\n".join([*lines, *boxes.inside(None, "  "), *boxes.edges(), "}", ""])


def quoted(text: str) -> str:
    r"""Return a text as a string of Graphviz's, whose lines are centred.

    Example:
        >>> print(quoted('say "a\\b"'))
        "say \"a\\b\""
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _node(node: Node) -> str:
    head = f"{label(node)}  {node.name}" if is_operation(node) and node.name else title(node)
    lines = [head, *(_numbers(node.results[0]) if node.results else ())]
    fill = _FILLS.get(node.kind)
    filled = f', fillcolor="{fill}"' if fill else ""
    return f"n{node.id} [label={quoted(chr(10).join(lines))}{filled}];"


def _numbers(result: Result) -> list[str]:
    """Return the lines of an array in a box; a letter says which is the adjoint."""
    adjoint = short(result.adjoint)
    lines = [size_of(result), short(result.value), f"ȳ {adjoint}" if adjoint else ""]
    return [line for line in lines if line]


class _Boxes:
    """What is drawn of a graph, and what runs between it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nesting = Nesting(graph)
        self.containers = structure(graph).containers

    def inside(self, container: int | None, indent: str) -> Iterator[str]:
        """Yield the boxes and clusters of a container."""
        for child in self.containers[container].children:
            number = int(child[1:])
            if child[0] == "n":
                yield f"{indent}{_node(self.graph.nodes[number])}"
            elif number in self.graph.shut:
                yield f"{indent}{self._closed(self.graph.groups[number])}"
            else:
                yield f"{indent}subgraph cluster_{number} {{"
                yield f"{indent}  label={quoted(self._called(self.graph.groups[number]))};"
                yield from self.inside(number, f"{indent}  ")
                yield f"{indent}}}"

    def edges(self) -> Iterator[str]:
        """Yield the edges between boxes; a closed group has one from each box that it takes."""
        among_groups: set[tuple[str, str]] = set()
        for node in self.graph.nodes:
            target = box_of(self.nesting, node.id)
            if self._is_open_loop(target):
                continue  # its body's inputs take what it takes
            for place, operand in enumerate(node.operands):
                for source in self._made_by(operand):
                    ends = self._key(source), self._key(target)
                    if ends[0] == ends[1] or ends in among_groups:
                        continue
                    if isinstance(source, Group) or isinstance(target, Group):
                        among_groups.add(ends)
                    rule = handed_back(self.graph, node, place) if target is node else ""
                    told = f" [label={quoted(rule)}]" if rule and not self.graph.reverse else ""
                    yield f"  {ends[0]} -> {ends[1]}{told};"

    def _closed(self, group: Group) -> str:
        outs = self.containers[group.id].outs
        made = self.graph.nodes[outs[0][0]].results[outs[0][1] :] if outs else ()
        lines = [self._called(group), *(_numbers(made[0]) if made else ())]
        return f"g{group.id} [label={quoted(chr(10).join(lines))}, peripheries=2];"

    def _called(self, group: Group) -> str:
        if group.loop is None or group.kind == "side":
            return group.name
        return title(self.graph.nodes[group.loop])

    def _key(self, box: Box) -> str:
        """Return the name of a box in the file; a loop's is that of its body."""
        return f"g{box.id}" if isinstance(box, Group) else self.nesting.key(box.id)

    def _is_open_loop(self, box: Box) -> bool:
        body = None if isinstance(box, Group) else self.nesting.body.get(box.id)
        return body is not None and body not in self.graph.shut

    def _made_by(self, operand: Operand) -> list[Box]:
        """Return the boxes that an operand comes from: of an open loop those in its body."""
        box = box_of(self.nesting, operand.node)
        if not self._is_open_loop(box):
            return [box]
        handed_out = self.nesting.handed_out(self.graph.nodes[operand.node])
        inner = [edge for _, edge, result in handed_out if result == operand.result]
        return [found for edge in inner for found in self._made_by(edge)]
