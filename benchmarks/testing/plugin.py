"""The plugin of pytest: the fixture `gradwise`, and the time of slow checks in the summary.

pytest imports this at every start of every suite where gradwise is installed, so JAX and all else
of gradwise are imported when a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .checks import Checks

#: Seconds from which on a check is told of in the summary, and how many of them are named.
SLOW, _MOST = 1.0, 3
#: What the properties of a test's report begin with that hold seconds; xdist hands them on.
_PREFIX = "gradwise."


@pytest.fixture
def gradwise(request: pytest.FixtureRequest) -> Checks:
    """Assert that a derivative is right, cheap, the same as another one, or free of NaN."""
    from .checks import Checks

    def tell(name: str, seconds: float) -> None:
        request.node.user_properties.append((f"{_PREFIX}{name}", round(seconds, 3)))

    return Checks(tell)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the slowest checks, if any took long."""
    taken = sorted(_taken(terminalreporter), reverse=True)
    slow = [one for one in taken if one[0] >= SLOW]
    if not slow:
        return
    together = sum(seconds for seconds, _, _ in taken)
    named = ", ".join(f"{s:.1f} s {check} in {test}" for s, check, test in slow[:_MOST])
    count = f"{len(taken)} check{'s' if len(taken) != 1 else ''}"
    terminalreporter.write_line(f"gradwise: {count} took {together:.1f} s; {named}")


def _taken(reporter: pytest.TerminalReporter) -> Iterator[tuple[float, str, str]]:
    """Yield the seconds of each check, its name and its test."""
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                for name, value in report.user_properties:
                    if name.startswith(_PREFIX) and isinstance(value, float):
                        yield value, name.removeprefix(_PREFIX), report.nodeid
