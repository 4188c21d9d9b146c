"""Which column each cell of a container is in, and the cells that its links run through."""

from collections import defaultdict

from .containers import Container


def ranked(container: Container) -> dict[str, int]:
    """Return the column of each child and port: in-ports 0, out-ports the last.

    A child stands right behind the last of those that it takes from, or further on, nearer to its
    first use, if that makes the lines shorter. What takes nothing stands right before its first
    use, in a column without groups, which would push it aside when they are open.

    Raises:
        ValueError: If the links make a cycle.
    """
    before, after = _neighbours(container)
    order = _topological(container, before, after)
    rank: dict[str, int] = {f"i{k}": 0 for k in range(len(container.ins))}
    for child in order:
        rank[child] = 1 + max((rank[source] for source in before[child]), default=0)
    last = 1 + max(rank.values(), default=0)
    rank |= {f"o{k}": last for k in range(len(container.outs))}
    for child in reversed(order):
        first = min((rank[target] for target in after[child]), default=rank[child] + 1)
        rank[child] = min(
            range(rank[child], first), key=lambda at: _length(child, at, rank, before, after)
        )
    return _apart(order, rank, before)


def _length(
    child: str,
    at: int,
    rank: dict[str, int],
    before: dict[str, list[str]],
    after: dict[str, list[str]],
) -> int:
    """Return what of the lines' length depends on a child's column, if it is in column `at`.

    A source without sources moves along, and has a line only as far as its other uses.
    """
    length = -at
    for source in before[child]:
        others = [rank[target] for target in after[source] if target != child]
        if others or before[source] or source[0] == "i":
            length += max(0, at - max(others, default=0))
    return length


def _apart(order: list[str], rank: dict[str, int], before: dict[str, list[str]]) -> dict[str, int]:
    """Give what takes nothing a column of its own where it would stand beside a group."""
    with_groups = {rank[child] for child in order if child[0] == "g"}
    split = {rank[child] for child in order if not before[child] and child[0] == "n"} & with_groups
    moved = {cell: at + sum(column < at for column in split) for cell, at in rank.items()}
    for child in order:
        if not before[child] and child[0] == "n":
            moved[child] += rank[child] in split
    return moved


def routed(
    container: Container, rank: dict[str, int]
) -> tuple[tuple[tuple[str, ...], ...], dict[str, int]]:
    """Return by link the cells that it runs through, and the columns of all cells.

    Links of one value from one source share their cells as far as they run together.
    """
    columns = dict(rank)
    trunks: dict[tuple, list[str]] = defaultdict(list)
    routes = []
    passed = 0
    for link in container.links:
        trunk = trunks[link.source, link.value]
        between = columns[link.target] - columns[link.source] - 1
        while len(trunk) < between:
            cell = f"d{passed}"
            passed += 1
            trunk.append(cell)
            columns[cell] = columns[link.source] + len(trunk)
        routes.append((link.source, *trunk[:between], link.target))
    return tuple(routes), columns


def _neighbours(container: Container) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for link in container.links:
        if link.source not in before[link.target]:
            before[link.target].append(link.source)
            after[link.source].append(link.target)
    return before, after


def _topological(
    container: Container, before: dict[str, list[str]], after: dict[str, list[str]]
) -> list[str]:
    children = set(container.children)
    waits = {c: sum(source in children for source in before[c]) for c in container.children}
    order = [child for child in container.children if not waits[child]]
    for child in order:  # grows as it is walked
        for target in after[child]:
            if target in children:
                waits[target] -= 1
                if not waits[target]:
                    order.append(target)
    if len(order) < len(children):
        stuck = sorted(children - set(order))
        raise ValueError(
            f"the children of a group must not depend on one another in a circle, but {stuck} of "
            f"group {container.group} do; each group must be a run of the graph's nodes"
        )
    return order
