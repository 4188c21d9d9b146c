"""One line in a notebook that says what `compare` is doing, updated in its place.

IPython is asked only where a notebook has imported it already. Whatever breaks while the line is
shown takes the line away, and nothing else.
"""

import html
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..instrument import units
from ..instrument.clock import CLOCK
from .work import PLAN, OnProgress

#: Seconds between two updates: a message to the browser must not disturb what is measured.
_BETWEEN = 0.25


@contextmanager
def shown_in_notebook(name: str, on_progress: OnProgress | None) -> Iterator[OnProgress]:
    """Yield what is told of the progress: what was given, else a line in a notebook, else nothing.

    Args:
        name: What is compared.
        on_progress: What the caller wants to be told with.

    Example:
        >>> with shown_in_notebook("loss", None) as tell:  # no notebook: nothing is shown
        ...     tell("measuring", 0.5)
    """
    display = None if on_progress else _display()
    if display is None:
        yield on_progress or (lambda stage, share: None)
        return
    line = _Line(name, display)
    try:
        yield line.tell
    except BaseException:
        line.end("ended")
        raise
    line.end("done")


def _display() -> Any:
    """Return IPython's `display` where a notebook runs this, `None` elsewhere."""
    try:
        shell: Any = sys.modules["IPython"].get_ipython()  # pyright: ignore[reportAttributeAccessIssue]
        if getattr(shell, "kernel", None) is None:  # a terminal, where lines are not updated
            return None
        from IPython.display import display  # pyright: ignore

        return display
    except Exception:
        return None


class _Line:
    """The line: shown at once, updated, and left with how long it all took."""

    def __init__(self, name: str, display: Any) -> None:
        self._name, self._display, self._handle = name, display, None
        self._start, self._next, self._stage, self._plan = CLOCK.wall(), 0.0, "", ""
        self._show("tracing", 0.0)

    def tell(self, stage: str, share: float) -> None:
        """Say what is being done; what comes before `"measuring"` is the first half of it."""
        _, planned, plan = stage.partition(PLAN)
        if planned:
            self._plan = plan
            return
        now = CLOCK.wall()
        if stage == self._stage and now < self._next:
            return
        self._stage, self._next = stage, now + _BETWEEN
        self._show(stage, 0.5 + share / 2 if stage == "measuring" else share / 2)

    def end(self, how: str) -> None:
        """Say that it is over."""
        self._show(f"{how} in {units.seconds(CLOCK.wall() - self._start)}", None)

    def _show(self, text: str, share: float | None) -> None:
        if self._display is None:
            return
        try:
            shown = self._bundle(text, share)
            if self._handle is None:
                self._handle = self._display(shown, raw=True, display_id=True)
            else:
                self._handle.update(shown, raw=True)
        except Exception:
            self._display = None

    def _bundle(self, text: str, share: float | None) -> dict[str, str]:
        if share is None:
            told = f"{self._name}: {text}"
            return {"text/plain": told, "text/html": html.escape(told)}
        plan = f" ({self._plan})" if self._plan else ""
        bar = f'<progress value="{share:.2f}" max="1"></progress>'
        told = f"{self._name}: {text}{plan}"
        return {"text/plain": f"{told}, {share:.0%}", "text/html": f"{bar} {html.escape(told)}"}
