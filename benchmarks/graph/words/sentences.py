"""One plain sentence for each step through a graph: what a box does, and by which rule."""

import re
from collections.abc import Sequence

from ..layout.nesting import Nesting
from ..parts import Group, Node
from ..record import Graph
from .boxes import Box, beside, members, title
from .figures import short, size_of
from .naming import has_derivative, is_operation, letters, literals_of, positions
from .rules import formula, handed_back, label, tangent

#: The ways through a graph: its values, one tangent, the adjoints.
MODES = ("pass", "forward", "reverse")
#: How deep operands without a name are written out, and up to how many characters.
_DEPTH, _LENGTH = 3, 60
#: A rule that is told in words, not as a formula.
#: An operand without a name is called by what it computes up to this length.
_SHORT = 20
_WORDS = re.compile(r"\b(to|where|of|at|its|in|back|backwards|the|without|reshaped|reversed)\b")
_DUMB = {"fixed": "is held fixed", "constant": "depends on nothing that is differentiated"}


def sentence(
    graph: Graph, box: Box, mode: str, *, number: int = 0, nesting: Nesting | None = None
) -> str:
    """Say what a node or a closed group does in one step of a way through the graph.

    Args:
        graph: The graph.
        box: One of its nodes or groups.
        mode: `"pass"` for the values, `"forward"` for a tangent, `"reverse"` for the adjoints.
        number: Which of the graph's `passes` the tangent is of.
        nesting: Where its nodes stand, for one who asks for many sentences and has it.

    Raises:
        ValueError: If there is no such mode.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> z, p, log = EXAMPLE.nodes[4:7]
        >>> sentence(EXAMPLE, z, "pass")
        'z = (w @ x) + b is 0.1'
        >>> sentence(EXAMPLE, log, "reverse")
        'log hands back ḡ / p = −1.9 to p'
        >>> sentence(EXAMPLE, p, "forward", number=2)
        'p has the tangent ż · p · (1 − p) = 0.249 by b'
        >>> sentence(EXAMPLE, EXAMPLE.groups[0], "reverse")
        'layer hands nothing further back; w and b have the gradient'
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    if isinstance(box, Group):
        return _of_group(graph, box, mode, nesting or Nesting(graph))
    if mode == "pass":
        return _value(graph, box)
    if mode == "forward":
        return _tangent(graph, box, number)
    return _adjoint(graph, box)


def _value(graph: Graph, node: Node) -> str:
    numbers = short(node.results[0].value if node.results else None)
    if not is_operation(node):
        state = _DUMB.get(node.kind, "is given")
        return f"{title(node)} {state}: {numbers}" if numbers else f"{title(node)} {state}"
    computed = _in_words(graph, node)
    named = f"{node.name} = {computed}" if node.name else computed
    kept = sum(residual.bytes for residual in node.kept)
    kept_text = f"; reverse mode keeps {kept:,} B of it" if kept else ""
    if numbers:
        return f"{named} is {numbers}{kept_text}"
    size = size_of(node.results[0]) if node.results else ""
    return f"{named} is of shape {size}{kept_text}" if size else f"{named} is one number{kept_text}"


def _tangent(graph: Graph, node: Node, number: int) -> str:
    by = f" by {graph.passes[number]}" if number < len(graph.passes) else ""
    tangents = node.results[0].tangents if node.results else ()
    numbers = short(tangents[number] if number < len(tangents) else None)
    if node.kind in _DUMB:
        return f"{title(node)} {_DUMB[node.kind]}: its tangent is 0"
    rule = tangent(graph, node)
    if is_operation(node) and not rule:
        return f"{title(node)} has no tangent: no derivative passes through it"
    told = " = ".join(filter(None, [rule, numbers]))
    return f"{' '.join(filter(None, [title(node), 'has the tangent', told]))}{by}"


def _adjoint(graph: Graph, node: Node) -> str:
    if node.kind in _DUMB:
        return f"{title(node)} {_DUMB[node.kind]}: nothing is handed back to it"
    if not is_operation(node):
        numbers = short(node.results[0].adjoint if node.results else None)
        uses = sum(edge.node == node.id for other in graph.nodes for edge in other.operands)
        total = f", the sum of what {uses} operations hand back" if uses > 1 else ""
        if not numbers and any(n.results and n.results[0].adjoint for n in graph.nodes):
            return f"no adjoint reaches {title(node)}"
        what = "has the gradient" if node.kind == "input" else "has the adjoint"
        return " ".join(filter(None, [title(node), what, numbers])) + total
    parts = _handed(graph, node)
    if not parts:
        return f"{title(node)} hands nothing back: no derivative passes through it"
    return f"{title(node)} hands back {_listed(parts)}"


def _handed(graph: Graph, node: Node) -> list[str]:
    """Return what each operand is handed back; those that are handed the same are told once."""
    recipients: dict[tuple[str, str], list[str]] = {}
    for place, operand in enumerate(node.operands):
        rule = handed_back(graph, node, place)
        if rule:
            told = rule, short(operand.adjoint)
            recipients.setdefault(told, []).append(_called(graph, node, place))
    return [
        _to(rule, numbers, _listed(list(dict.fromkeys(names))))
        for (rule, numbers), names in recipients.items()
    ]


def _to(rule: str, numbers: str, names: str) -> str:
    """Say what is handed back to whom: a formula and its value, or a value and how it is found."""
    if _WORDS.search(rule):
        return f"{numbers} to {names} ({rule})" if numbers else f"to {names} {rule}"
    return f"{' = '.join(filter(None, dict.fromkeys([rule, numbers])))} to {names}"


def _of_group(graph: Graph, group: Group, mode: str, nesting: Nesting) -> str:
    inside = members(nesting, group)
    ids = {node.id for node in inside}
    entering = [
        (operand.node, has_derivative(graph, node, place))
        for node in inside
        for place, operand in enumerate(node.operands)
        if operand.node not in ids
    ]
    if mode == "pass":
        givers = _titles(nesting, group, [node for node, _ in entering])
        made = short(inside[-1].results[0].value) if inside and inside[-1].results else ""
        taken = f"takes {_listed(givers)} and " if givers else ""
        return f"{group.name} {taken}makes {made or 'its result'}"
    names = _titles(nesting, group, [node for node, moving in entering if moving])
    own = [title(node) for node in inside if node.kind == "input"]
    if mode == "forward":
        return f"{group.name} hands the tangent of {_listed(names or own or ['nothing'])} on"
    back = f"hands an adjoint to {_listed(names)}" if names else "hands nothing further back"
    gradients = f"; {_listed(own)} {'have' if len(own) > 1 else 'has'} the gradient" if own else ""
    return f"{group.name} {back}{gradients}"


def _titles(nesting: Nesting, group: Group, nodes: Sequence[int]) -> list[str]:
    """Return the names of what stands beside a group and holds these nodes, each once."""
    return list(dict.fromkeys(title(beside(nesting, group, node)) for node in nodes))


def _called(graph: Graph, node: Node, place: int) -> str:
    """Return the name of an operand, what it computes, or its letter in the rules and its sign."""
    source = graph.nodes[node.operands[place].node]
    if source.name:
        return source.name
    letter = letters(graph, node)[positions(node)[place]]
    if is_operation(source) and all(graph.nodes[o.node].name for o in source.operands):
        rules = " ".join(handed_back(graph, node, at) for at in range(len(node.operands)))
        words = formula(graph, source)
        if len(words) <= _SHORT and not re.search(rf"\b{re.escape(letter)}\b", rules):
            return words
    sign = label(source)
    return f"{letter} [{sign}]" if "(" in sign else f"{letter} ({sign})"


def _in_words(graph: Graph, node: Node) -> str:
    """Return what a node computes; operands without a name are written out, as far as is short."""
    for depth in range(_DEPTH, -1, -1):
        words = _spelled(graph, node, depth)
        if len(words) <= _LENGTH:
            return words
    return label(node)


def _spelled(graph: Graph, node: Node, depth: int) -> str:
    names = iter(_operand(graph, graph.nodes[operand.node], depth) for operand in node.operands)
    given = zip(literals_of(node), letters(graph, node), strict=True)
    return formula(graph, node, [next(names) if v is None else letter for v, letter in given])


def _operand(graph: Graph, node: Node, depth: int) -> str:
    if node.name or not is_operation(node):
        return title(node)
    if depth == 0:
        return "…"
    inner = _spelled(graph, node, depth - 1)
    return f"({inner})" if " " in inner else inner


def _listed(parts: Sequence[str]) -> str:
    """Join texts as in a sentence.

    Example:
        >>> _listed(["a", "b", "c"]), _listed(["a", "b"])
        ('a, b and c', 'a and b')
    """
    head, last = parts[:-1], parts[-1]
    return f"{', '.join(head)} and {last}" if head else last
