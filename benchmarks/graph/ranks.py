"""Which column each cell of a container is in, and the cells that its links run through."""

from collections import defaultdict

from .containers import Container


def ranked(container: Container) -> dict[str, int]:
    """Return the column of each child and port: in-ports 0, out-ports the last.

    A child stands right behind the last of those that it takes from, unless nothing but inputs of
    its own holds it there: then it stands right before its first use.

    Raises:
        ValueError: If the links make a cycle.
    """
    before, after = _neighbours(container)
    order = _topological(container, before, after)
    rank: dict[str, int] = {}
    for child in order:
        rank[child] = 1 + max((rank.get(source, 0) for source in before[child]), default=0)
    free: set[str] = set()
    for child in order:
        if all(source in free and len(after[source]) == 1 for source in before[child]):
            free.add(child)
    last = 1 + max(rank.values(), default=0)
    for child in reversed(order):
        uses = [rank.get(target, last) for target in after[child]]
        if child in free and uses:
            rank[child] = min(uses) - 1
    rank |= {f"i{k}": 0 for k in range(len(container.ins))}
    rank |= {f"o{k}": last for k in range(len(container.outs))}
    return rank


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
