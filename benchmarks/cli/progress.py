"""What is being measured and how long it will take, and where Ctrl-C is heeded."""

import sys
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from gradwise import train


class Progress:
    """Progress over a number of scenarios, on the standard error: a bar, if that is a terminal.

    The first Ctrl-C, or SIGTERM, is raised as `KeyboardInterrupt` by the next stage: raised at
    once, it would be one more way for whatever is being measured to fail, and be told as a row. A
    second Ctrl-C is raised at once.

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
        self._open = ExitStack()
        self._interrupted = lambda: False

    def __enter__(self) -> "Progress":
        self._open.enter_context(self._bars)
        self._interrupted = self._open.enter_context(train.interruptible())
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self, name: str) -> None:
        """A scenario begins."""
        self._bars.update(self._task, description=name, stage="")

    def stage(self, stage: str, share: float) -> None:
        """Within a scenario: building its methods is its first half, measuring its second.

        Raises:
            KeyboardInterrupt: If the user has asked for it since the last stage.
        """
        if self._interrupted():
            raise KeyboardInterrupt
        half = 0.5 + share / 2 if stage == "measuring" else share / 2
        self._bars.update(self._task, completed=self._finished + half, stage=stage)

    def done(self, name: str) -> None:
        """A scenario is finished."""
        self._finished += 1
        self._bars.update(self._task, completed=self._finished, description=name)
