"""What a comparison found: a row a method, and a verdict."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..instrument.statistics import Ratio
from ..instrument.timing import Memory, Samples
from ..program import Flops
from .batches import Crossover


class Row(NamedTuple):
    """What is known of one method on one function; `None` where nothing is.

    Attributes:
        method: The method's name.
        mode: `"none"`, `"numerical"`, `"symbolic"`, `"forward"`, `"reverse"` or `"mixed"`.
        kind: What it computes: `"value"`, `"jvp"`, `"jacobian"`, `"hessian"`, ...
        status: `"ok"`; `"wrong"`, its derivative is not right; `"impossible"`, the function does
            not allow it; `"skipped"`, it would take too long; `"failed"`, it was tried and broke.
        exact: Whether its only error is rounding.
        note: Why it is not ok, or what was chosen.
        error: The largest error of any entry, over the largest true entry.
        seconds: Median wall seconds of a call.
        cpu_seconds: Median CPU seconds of a call.
        ratio: Its time over that of `value`.
        bound: What theory allows that ratio to be.
        flops: Operations, counted in the program.
        flops_note: Why the two counts differ, if they do.
        xla_flops: XLA's count of the compiled program.
        memory: Bytes one execution needs.
        compile_seconds: Seconds from Python to executable.
        samples: The raw samples.
        program: A hash of the compiled program.
    """

    method: str
    mode: str
    kind: str
    status: str
    exact: bool = True
    note: str = ""
    error: float | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    ratio: Ratio | None = None
    bound: float | None = None
    flops: Flops | None = None
    flops_note: str = ""
    xla_flops: float | None = None
    memory: Memory | None = None
    compile_seconds: float | None = None
    samples: Samples | None = None
    program: str | None = None

    @property
    def bytes(self) -> int | None:
        """Temporary + argument + output - alias."""
        return self.memory.total if self.memory else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of `ratio`."""
        return (self.ratio.low, self.ratio.high) if self.ratio else None


class Finding(NamedTuple):
    """Which method is best in one respect, by how much, and how sure that is.

    Attributes:
        method: The best method, `"tie"`, or `None` where there is nothing to choose from.
        factor: How many times better than `over` it is.
        over: The best method of another mode, or the next best.
        confidence: How sure the order is, between 0.5 and 1; `None` where nothing is random.
        text: The same in words.
    """

    method: str | None
    factor: float | None
    over: str | None
    confidence: float | None
    text: str

    def __str__(self) -> str:
        return self.text


class Verdict(NamedTuple):
    """The answer to "forward or reverse, and why?"."""

    time: Finding
    memory: Finding
    compile: Finding
    why: str

    def __str__(self) -> str:
        return "\n".join(
            f"{name:<8} {text}"
            for name, text in zip(("time", "memory", "compile", "why"), self, strict=True)
            if str(text)
        )


class Comparison(NamedTuple):
    """What every way to differentiate one function costs.

    Attributes:
        name: The function's name.
        rows: One for each method.
        verdict: The best method in time, memory and compile time, and why.
        n, m: Numbers that are differentiated, and numbers in the output.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        dtype: The type that is differentiated in.
        floor: Seconds of a call that does nothing: a row near it measures the dispatch.
        notes: What was held fixed, and what else a reader should know.
        residuals: What reverse mode keeps: in all, and by source line.
        crossover: Where forward mode stops to be the faster one, if that was asked for.
        why: Why this function is in its suite, if it is in one.
        seed: What random directions and orders were drawn from.
        environment: Versions, device, cores, load and flags.
    """

    name: str
    rows: tuple[Row, ...]
    verdict: Verdict
    n: int
    m: int
    order: int
    dtype: str
    floor: float
    notes: tuple[str, ...]
    residuals: tuple[str, ...]
    crossover: Crossover | None
    why: str
    seed: int
    environment: dict[str, Any]

    def row(self, method: str) -> Row:
        """The row of a method.

        Raises:
            ValueError: If there is none.
        """
        for row in self.rows:
            if row.method == method:
                return row
        names = ", ".join(row.method for row in self.rows)
        raise ValueError(f"no row {method!r}; there are: {names}")

    def save(self, path: str | Path) -> None:
        """Writes the comparison as `.json`, `.csv`, `.html`, `.md` or `.png`, by the ending.

        Raises:
            ValueError: If the ending is none of these.
        """
        from ..report import save

        save(self, Path(path))

    def __str__(self) -> str:
        from ..report import text_table

        return text_table(self)

    def _repr_html_(self) -> str:
        from ..report import html_table

        return html_table(self)


def medians(samples: Samples) -> tuple[float, float]:
    """Median wall and CPU seconds of a call."""
    return float(np.median(samples.wall)), float(np.median(samples.cpu))
