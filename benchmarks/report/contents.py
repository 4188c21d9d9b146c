"""The addresses of a page's sections, and its contents."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Entry(NamedTuple):
    """An entry of the contents.

    Attributes:
        address: What stands behind `#` in a link to the section.
        name: What the section is about.
        below: The entries below it.
    """

    address: str
    name: str
    below: "tuple[Entry, ...]" = ()


def addresses(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return an address for each name: its letters and digits, and a number where two are alike.

    Args:
        names: The names.
        taken: Addresses that are no longer free.

    Example:
        >>> addresses(["lecture/mlp", "lecture mlp", "<lambda>", "∇"])
        ['lecture-mlp', 'lecture-mlp-2', 'lambda', 'section']
    """
    used, made = set(taken), []
    for name in names:
        stem = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-") or "section"
        address, number = stem, 1
        while address in used:
            number += 1
            address = f"{stem}-{number}"
        used.add(address)
        made.append(address)
    return made


def by_suite(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries below their suites, without the name of the suite in theirs.

    A suite has the address of its first scenario.

    Example:
        >>> suite, alone = by_suite([Entry("a", "lecture/mlp"), Entry("b", "sine")])
        >>> suite.name, [entry.name for entry in suite.below], alone.name
        ('lecture/', ['mlp'], 'sine')
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        suite, slash, name = entry.name.rpartition("/")
        groups.setdefault(suite + slash or entry.name, []).append(entry._replace(name=name))
    return tuple(
        Entry(below[0].address, suite, tuple(below)) if suite.endswith("/") else below[0]
        for suite, below in groups.items()
    )
