"""What changed since an earlier run, as a section of a page."""

from typing import Any

from ..comparison.difference import JUDGEMENTS, Difference
from ..comparison.differences import Differences
from ..instrument.intervals import LEVEL


def changed_section(found: Differences, addresses: dict[str, str]) -> dict[str, Any]:
    """Return what a page shows of two runs: what they were, and each row that is not the same.

    Args:
        found: What the two runs differ in.
        addresses: Where on the page each scenario is, by its name.

    Example:
        >>> from gradwise import Difference, Differences, Side
        >>> broken = Difference(scenario="sine", method="reverse", conclusion="broken")
        >>> found = Differences(rows=(broken,), old=Side(name="a.json"), new=Side(name="b.json"))
        >>> section = changed_section(found, {"sine": "sine"})
        >>> section["total"], section["rows"][0][:2]
        ('1 broken', [('broken', ''), ('sine', 'sine')])
    """
    rows = found.of(*JUDGEMENTS[:-1])
    return {
        "total": found.total,
        "old": str(found.old),
        "made_by": "; ".join(found.made_by),
        "header": ["", "function", "derivative", "old", "new", f"new / old, {LEVEL}", "why"],
        "rows": [_cells(row, addresses) for row in rows],
        "unjudged": found.unjudged,
        "worse": [row.regression for row in rows],
    }


def _cells(row: Difference, addresses: dict[str, str]) -> list[tuple[str, str]]:
    """Return the cells of a row, each with the address that it leads to."""
    texts = [row.method, *row.figures, row.change, row.remark]
    function = (row.scenario, addresses.get(row.scenario, ""))
    return [(row.conclusion, ""), function, *((text, "") for text in texts)]
