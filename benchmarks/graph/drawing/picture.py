"""Everything that a picture of a graph shows, and where: what is drawn by SVG and by matplotlib."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from ..layout.frame import SLOT
from ..layout.layout import Layout, layout
from ..layout.nesting import BODY_INPUTS, Edge, Nesting
from ..layout.place import Box, Path, Placement, place
from ..parts import Operand
from ..record import Graph
from ..words.figures import entry
from ..words.rules import handed_back
from .cards import Card, Cards
from .heat import COLUMNS, ROWS
from .sizes import height, text_width, width

#: The longest rule that stands beside a line; a reader finds longer ones by pointing at it.
_LONGEST = 12
#: How wide a picture is before it goes on in a next row: that of a slide.
ROOM = 1600.0
#: The most room that labels need where lines run down.
DOWN = 22.0
#: More lines to one box stand too close for the room beside it to help.
_MOST_ASIDE = 3


@dataclass(frozen=True, kw_only=True)
class Label:
    """What stands beside a line.

    Attributes:
        note: What is done on the way, in grey.
        handed: What the line hands back, in red.
        rule: The rule for it, which a reader sees who points at the line.
    """

    note: str = ""
    handed: str = ""
    rule: str = ""

    @property
    def room(self) -> float:
        """How long a line must be to stand under its label."""
        parts = [text_width(self.note, 10.5), 6.6 * len(self.handed)]
        return round(sum(parts)) + 8 * sum(map(bool, parts))


class Picture:
    """The boxes of a graph, their sizes, and what stands beside the lines between them.

    Attributes:
        graph: The graph.
        nesting: Where each node and group stands.
        layout: The grids that the boxes stand on, whichever groups are open.
        cards: What is written in each box.
        passes: How many passes of forward mode it shows.
    """

    def __init__(
        self, graph: Graph, *, rows: int = ROWS, columns: int = COLUMNS, passes: int | None = None
    ):
        self.graph = graph
        self.passes = len(graph.passes[:passes])
        self.nesting = Nesting(graph)
        self.layout: Layout = layout(graph)
        made = Cards(
            graph, self.nesting, self.layout.structure, rows=rows, columns=columns, passes=passes
        )
        self.cards: dict[str, Card] = made.by_key

    def quantities(self) -> tuple[str, ...]:
        """Return what a picture without a page shows: values, and all derivatives there are."""
        tangent = len(self.graph.passes) == 1 or bool(self.graph.reverse)
        shown = ["value"]
        shown += ["tangent"] if tangent and self.graph.passes and not self.graph.forward else []
        shown += ["adjoint"] if not self.graph.reverse else []
        return tuple(shown)

    def is_still(self, key: str) -> bool:
        """Whether a box is an input that is not differentiated, or made of such."""
        return key in self.cards and self.cards[key].kind == "fixed"

    def label(self, target: str, edges: Sequence[Edge]) -> Label:
        """Return what stands beside a line to a box that stands for these operands."""
        idle = self._is_idle(edges)
        edges = self.told(edges)
        if not edges:
            return Label()
        operands = [self.graph.nodes[node].operands[slot] for node, slot in edges]
        notes = [n for n in operands[0].notes if all(n in other.notes for other in operands)]
        node, slot = edges[0]
        alone = len(edges) == 1 and target == f"n{node}"  # the rules inside a group are its own
        rule = handed_back(self.graph, self.graph.nodes[node], slot) if alone and not idle else ""
        total = None if idle else handed(operands)
        if total is not None and total.size == 1:
            text = entry(total.item())
        else:
            text = rule if len(rule) <= _LONGEST and total is not None else ""
        return Label(note=", ".join(notes), handed=text, rule=rule)

    def _is_idle(self, edges: Sequence[Edge]) -> bool:
        """Whether a line only enters a side of a branch that is not taken: nothing comes back."""
        ends = [self.graph.nodes[node] for node, _ in edges]
        bodies = [end for end in ends if end.kind in BODY_INPUTS]
        moves = (r.tangents or r.adjoint is not None for end in bodies for r in end.results)
        return bool(bodies) and not any(moves)

    def told(self, edges: Sequence[Edge]) -> list[Edge]:
        """Return the operands that a line tells of: a loop's own, not those of its body."""
        kinds = {edge: self.graph.nodes[edge[0]].kind for edge in edges}
        outer = [edge for edge in edges if kinds[edge] not in BODY_INPUTS]
        return outer or list(edges)

    @cached_property
    def leads(self) -> dict[str, float]:
        """How much room the labels of the lines to a box need before it."""
        leads = dict.fromkeys(self.cards, 0.0)
        for container in self.layout.structure.containers.values():
            for link in container.links:
                if link.target in leads:
                    leads[link.target] = max(
                        leads[link.target], self.label(link.target, link.edges).room
                    )
        return leads

    @cached_property
    def asides(self) -> dict[str, float]:
        """How far labels reach beyond either side of their box where lines run down to it."""
        targets = [
            link.target
            for container in self.layout.structure.containers.values()
            for link in container.links
        ]
        lines = {key: count for key, count in Counter(targets).items() if count <= _MOST_ASIDE}
        return {
            key: max(0, round(lead + 8 + SLOT * (lines[key] - 1) / 2 - width(card) / 2))
            if (lead := self.leads[key]) and key in lines
            else 0
            for key, card in self.cards.items()
        }

    def placed(
        self, quantities: Sequence[str], *, shut: frozenset[int], direction: str, room: float = ROOM
    ) -> "Placed":
        """Return where everything stands.

        Args:
            quantities: Which of `"value"`, `"tangent"` and `"adjoint"` are shown.
            shut: The ids of the groups that are closed.
            direction: `"right"` or `"down"`.
            room: How wide a picture to the right is before it goes on in a next row.
        """
        sizes = {k: (width(card), height(card, quantities)) for k, card in self.cards.items()}
        down = direction == "down"
        leads = {k: DOWN if down and lead else lead for k, lead in self.leads.items()}
        asides = self.asides if down else dict.fromkeys(sizes, 0.0)
        grown = {
            k: (w + 2 * asides[k], h + leads[k]) if down else (w + leads[k], h)
            for k, (w, h) in sizes.items()
        }
        return Placed(
            placement=place(
                self.layout, grown, shut=shut, direction=direction, room=inf if down else room
            ),
            leads=leads,
            asides=asides,
            down=down,
        )


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where everything stands, the room for labels apart from the boxes that it belongs to.

    Attributes:
        placement: The rectangles, with that room, and the lines.
        leads: By box how much of its rectangle is that room, before it.
        asides: By box how much of it is on either side.
        down: Whether the graph runs down.
    """

    placement: Placement
    leads: Mapping[str, float]
    asides: Mapping[str, float]
    down: bool

    def box(self, key: str) -> Box:
        """Return the rectangle of a box."""
        x, y, width, height = self.placement.boxes[key]
        lead, aside = self.leads[key], self.asides[key]
        if self.down:
            return x + aside, y + lead, width - 2 * aside, height - lead
        return x + lead, y, width - lead, height

    def above(self, path: Path) -> bool:
        """Whether a label stands above its line (or before it), as another line runs below."""
        across = 0 if self.down else 1
        others = [p.points[-1][across] for p in self.placement.paths if p.target == path.target]
        return len(others) > 1 and path.points[-1][across] == min(others)

    def end(self, target: str, point: tuple[float, float]) -> tuple[float, float]:
        """Return where a line to a box ends, from where it enters the room for its label."""
        lead = self.leads.get(target, 0.0) if target in self.placement.boxes else 0.0
        x, y = point
        return (x, y + lead) if self.down else (x + lead, y)


def handed(operands: Sequence[Operand]) -> np.ndarray | None:
    """Return what some operands of one value hand back together; `None` if one has no adjoint."""
    arrays = [operand.adjoint.array for operand in operands if operand.adjoint is not None]
    if not arrays or len(arrays) < len(operands) or len({a.shape for a in arrays}) > 1:
        return None
    return sum(arrays[1:], start=arrays[0])
