"""A bar that shows what is being measured and how long it will take; and where Ctrl-C stops."""

import sys
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from gradwise import train


class Progress:
    """The progress over several scenarios, as a bar on the standard error if that is a terminal.

    After the first Ctrl-C or SIGTERM, the next call of `stage` raises `KeyboardInterrupt`. If the
    signal raised at once, `compare` would take the exception for a failure of the method that it is
    measuring. A second Ctrl-C raises at once.

    Args:
        count: How many scenarios there are.

    Example:
        >>> with Progress(1) as progress:
        ...     progress.start("lecture/relu")
        ...     progress.stage("measuring", 0.5)
        ...     progress.done("lecture/relu")
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
        """Show the name of the scenario that begins."""
        self._bars.update(self._task, description=name, stage="")

    def stage(self, stage: str, share: float) -> None:
        """Show what is being done in a scenario, and move the bar.

        Args:
            stage: What is being done. Everything before `"measuring"` is the scenario's first half.
            share: The share of that half that is done.

        Raises:
            KeyboardInterrupt: If a signal has come since the last stage.
        """
        if self._interrupted():
            raise KeyboardInterrupt
        half = 0.5 + share / 2 if stage == "measuring" else share / 2
        self._bars.update(self._task, completed=self._finished + half, stage=stage)

    def tell(self, text: str) -> None:
        """Print a line above the bar."""
        console = self._bars.console
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def done(self, name: str) -> None:
        """Count a scenario as finished."""
        self._finished += 1
        self._bars.update(self._task, completed=self._finished, description=name)
