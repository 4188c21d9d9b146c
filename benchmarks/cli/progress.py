"""What is being measured and how long it will take, on the standard error; and Ctrl-C."""

import signal
import sys
import threading
from contextlib import ExitStack
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from ..comparison.work import PLAN
from ..instrument.text import filled

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _column(width: int) -> Column:
    """Return a column of a fixed width; together they have room in 80 characters."""
    return Column(width=width, no_wrap=True, overflow="ellipsis")


class Progress:
    """The progress over several scenarios: a bar on the standard error if that is a terminal.

    The plan of a scenario is a line there in any case. Ctrl-C and SIGTERM raise `KeyboardInterrupt`
    at once, upon which `compare` returns what is finished, and set `interrupted`.

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
            TextColumn("{task.description}", markup=False, table_column=_column(25)),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[stage]}", markup=False, table_column=_column(18)),
            TimeElapsedColumn(table_column=_column(7)),
            TextColumn("left"),
            TimeRemainingColumn(table_column=_column(7)),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=count, stage="")
        self._finished = 0.0
        self._name = ""
        self._open = ExitStack()
        self.interrupted = False

    def __enter__(self) -> "Progress":
        self._open.enter_context(self._bars)
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.signal(number, self._interrupt)
                self._open.callback(signal.signal, number, before)
        return self

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self, name: str) -> None:
        """Show the name of the scenario that begins."""
        self._name = name
        self._bars.update(self._task, description=name, stage="")

    def stage(self, stage: str, share: float) -> None:
        """Show what is being done in a scenario, and move the bar; or print its plan.

        Args:
            stage: What is being done. Everything before `"measuring"` is the scenario's first half.
            share: The share of that half that is done.

        Raises:
            KeyboardInterrupt: If a signal has come since the last stage.
        """
        if self.interrupted:  # whatever took the first exception for its own
            raise KeyboardInterrupt
        if stage.startswith(PLAN):
            self.tell(f"{self._name}: {stage.removeprefix(PLAN)}")
            return
        half = 0.5 + share / 2 if stage == "measuring" else share / 2
        self._bars.update(self._task, completed=self._finished + half, stage=stage)

    def tell(self, text: str) -> None:
        """Print a line above the bar; one that is too long for the terminal goes on indented."""
        console = self._bars.console
        told = filled(text, "  ", console.width) if console.is_terminal else text
        console.print(Text(told), soft_wrap=True)  # a name may hold :joy: or [b]

    def done(self, name: str, found: str = "") -> None:
        """Count a scenario as finished, and print what was found in a line above the bar."""
        self._finished += 1
        if found:
            self.tell(f"{name}: {found}")
        self._bars.update(self._task, completed=self._finished, description=name)
