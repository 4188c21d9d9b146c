"""What is being measured and how long it will take: a bar on a terminal, lines elsewhere."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """Progress over a number of scenarios, on the standard error.

    Example:
        >>> with Progress(1) as progress:
        ...     progress.start("one")
        ...     progress.stage("measuring", 0.5)
        ...     progress.done("one")
    """

    def __init__(self, count: int) -> None:
        self._bars = Bars(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            TextColumn("{task.fields[stage]:<20}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=count, stage="")
        self._finished = 0.0

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, name: str) -> None:
        """A scenario begins."""
        self._bars.update(self._task, description=name, stage="")

    def stage(self, stage: str, share: float) -> None:
        """Within a scenario: building its methods is its first half, measuring its second."""
        half = 0.5 + share / 2 if stage == "measuring" else share / 2
        self._bars.update(self._task, completed=self._finished + half, stage=stage)

    def done(self, name: str) -> None:
        """A scenario is finished."""
        self._finished += 1
        self._bars.update(self._task, completed=self._finished, description=name)
