"""Groups of operations: layers, losses, other libraries' modules, the user's own scopes, chains.

A group is a run of operations that follow each other in a program. What is between two operations
of an interval of a topological order is in the interval, so a group that is drawn as one node makes
no cycle.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..parts import Group, Node
from ..record import Graph
from .arrange import arranged
from .modules import modules_of
from .origins import Frame, Origin

#: The modules of `losses` whose functions are something else than a loss.
_KINDS = {"penalties": "penalty", "labels": "", "penalty_shares": ""}
#: How `nn` calls the layers in a `serial`.
_PLACE = re.compile(r"\d+ ")
#: The scopes of JAX itself: `einsum`'s text, and what a checkpoint computes again.
_OF_JAX = re.compile(r"[\w.\s]*(,|->)[\w.\s,>-]*|rematted_computation")
_LEAVES = ("input", "fixed", "constant")
_OF_BODIES = ("carried", "slice", "held")


def scope_groups(
    origins: Sequence[Origin], *, first: int = 0, inside: tuple[int, ...] = ()
) -> tuple[list[Group], list[tuple[int, ...]]]:
    """Return the groups of a program's operations, and for each operation those that it is in.

    The groups are the named scopes, and the functions of `losses`. A scope that comes again later
    is another group, `"Dense_0 (2)"`. One that holds all that its parent holds, or all that there
    is, says nothing new, and is left out.

    Args:
        origins: Where each operation comes from, in order; those of a program, or of a loop's body.
        first: The id of the first group.
        inside: The groups that all of them are in.

    Example:
        >>> layers = [Origin(scopes=(name,)) for name in ("0 dense", "0 dense", "1 relu")]
        >>> groups, chains = scope_groups([*layers, Origin()])
        >>> [(group.name, group.kind) for group in groups], chains
        ([('0 dense', 'layer'), ('1 relu', 'layer')], [(0,), (0,), (1,), ()])
    """
    division = _Division([_path(origin) for origin in origins], first, inside)
    division.divide(range(len(origins)), 0, inside, whole=not inside)
    return division.groups, division.chains


class _Division:
    """Divides operations by their paths of names, one level after the other."""

    def __init__(
        self, paths: list[tuple[tuple[str, str], ...]], first: int, inside: tuple[int, ...]
    ):
        self.paths = paths
        self.groups: list[Group] = []
        self.chains = [inside] * len(paths)
        self._first = first
        self._names: Counter[tuple[int | None, str]] = Counter()

    def divide(self, places: range, depth: int, above: tuple[int, ...], *, whole: bool) -> None:
        """Make the groups at one depth of the paths of some operations, and those in them.

        Args:
            places: The operations.
            depth: How many names of their paths are done with.
            above: The groups that they are in.
            whole: Whether a group of all of them is left out.
        """
        for name, run in itertools.groupby(places, lambda i: self._name(i, depth)):
            members = list(run)
            within = range(members[0], members[-1] + 1)
            if name is None:
                continue
            if whole and within == places:
                self.divide(within, depth + 1, above, whole=True)
            else:
                kinds = {self.paths[place][depth][1] for place in within}
                kind = kinds.pop() if len(kinds) == 1 else "scope"
                chain = (*above, self._add(name, kind, above))
                for place in within:
                    self.chains[place] = chain
                self.divide(within, depth + 1, chain, whole=True)

    def _name(self, place: int, depth: int) -> str | None:
        path = self.paths[place]
        return path[depth][0] if depth < len(path) else None

    def _add(self, name: str, kind: str, above: tuple[int, ...]) -> int:
        parent = above[-1] if above else None
        self._names[parent, name] += 1
        again = self._names[parent, name]
        place = self._first + len(self.groups)
        shown = name if again == 1 else f"{name} ({again})"
        self.groups.append(Group(id=place, name=shown, kind=kind, parent=parent))
        return place


def _path(origin: Origin) -> tuple[tuple[str, str], ...]:
    """Return the names of what an operation is in, outermost first, each with its kind.

    A scope is a layer's if it has a place in a `serial`, or if the operation is one of `nn`'s: a
    combinator of one layer, such as `residual`, gives that no place.
    """
    by_nn = any(frame.package == "nn" for frame in origin.frames)
    scopes = (name for name in origin.scopes if not _OF_JAX.fullmatch(name))
    kinds = ((name, "layer" if by_nn or _PLACE.match(name) else "scope") for name in scopes)
    modules = ((name, "scope") for name in modules_of(origin.frames))
    losses = ((frame.function, _loss(frame)) for frame in origin.frames)
    return (*modules, *kinds, *[pair for pair in losses if pair[1]][:1])


@lru_cache(maxsize=4096)
def _loss(frame: Frame) -> str:
    """Return whether a call is of a loss or of a penalty; `""` for another one."""
    module = Path(frame.file).stem
    public = not module.startswith("_") and frame.function.isidentifier()
    if frame.package != "losses" or not public or frame.function.startswith("_"):
        return ""
    return _KINDS.get(module, "loss")


def with_leaves_grouped(graph: Graph) -> Graph:
    """Return a graph with each input and constant in those groups that hold all its uses."""
    uses: dict[int, list[tuple[int, ...]]] = {}
    for node, chain in _uses(graph):
        uses.setdefault(node, []).append(chain)
    nodes = (
        replace(node, groups=_common(uses[node.id]))
        if node.kind in _LEAVES and node.id in uses
        else node
        for node in graph.nodes
    )
    return arranged(replace(graph, nodes=tuple(nodes)))


def _uses(graph: Graph) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield each node that is used, and the groups of what uses it."""
    for node in graph.nodes:
        if node.kind not in _OF_BODIES:  # what a loop is given, its node takes
            yield from ((operand.node, node.groups) for operand in node.operands)
    for group in graph.groups:
        handed_out = (operand.node for operand in group.outputs if operand is not None)
        yield from ((node, _chain(graph, group.id)) for node in handed_out)
    yield from ((output.edge.node, ()) for output in graph.outputs)


def _chain(graph: Graph, group: int | None) -> tuple[int, ...]:
    """Return a group behind those that it is in."""
    return () if group is None else (*_chain(graph, graph.groups[group].parent), group)


def _common(chains: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return what all of these begin with."""
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*chains, strict=False))
    return tuple(level[0] for level in levels)


def with_chains(graph: Graph, least: int = 6, *, many: int = 0) -> Graph:
    """Return a graph with a group for each long run of operations, each the only use of the last.

    Args:
        graph: The graph.
        least: How many operations make a group.
        many: Up to how many operations a layer, or what is in none, stays as it is.
    """
    counts = Counter(node for node, _ in _uses(graph))
    operations = [node for node in graph.nodes if node.kind == "operation"]
    chains: list[list[Node]] = []
    for node in operations:
        before = chains[-1][-1] if chains else None
        if before is not None and _goes_on(before, node) and counts[before.id] == 1:
            chains[-1].append(node)
        else:
            chains.append([node])
    groups, nodes = list(graph.groups), list(graph.nodes)
    sizes = Counter(node.groups for node in operations)
    for chain in chains:
        if len(chain) < least or sizes[chain[0].groups] <= many:
            continue
        own = Group(
            id=len(groups),
            name=f"{len(chain)} operations",
            kind="chain",
            parent=chain[0].groups[-1] if chain[0].groups else None,
        )
        groups.append(own)
        for node in chain:
            nodes[node.id] = replace(node, groups=(*node.groups, own.id))
    return with_leaves_grouped(replace(graph, nodes=tuple(nodes), groups=tuple(groups)))


def _goes_on(before: Node, node: Node) -> bool:
    """Whether an operation takes the one before it, in the same groups."""
    together = before.groups == node.groups and before.body_of == node.body_of
    return together and any(operand.node == before.id for operand in node.operands)
