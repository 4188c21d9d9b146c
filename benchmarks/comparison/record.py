"""What a comparison found: a row a method, and a verdict. It depends on statistics alone."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..instrument.compile import Memory
from ..instrument.samples import Samples
from ..instrument.statistics import Estimate, Ratio


@dataclass(frozen=True, kw_only=True)
class Operations:
    """How many arithmetic operations a program asks for: a figure, a range, or a lower bound.

    Attributes:
        low: If every branch takes its cheapest side.
        mean: If every side of a branch is as likely as the others.
        high: If every branch takes its costliest side.
        unknown: What could not be counted and where; then the figures are lower bounds.
        transcendental: How many of `high` are elementary or special functions.
        as_xla: What XLA's rules make of the same program.
        library: How many of `high` happen inside library calls (LAPACK).
    """

    low: int
    mean: float
    high: int
    unknown: tuple[str, ...] = ()
    transcendental: int = 0
    as_xla: int = 0
    library: int = 0

    @property
    def known(self) -> bool:
        """Whether everything could be counted."""
        return not self.unknown


@dataclass(frozen=True, kw_only=True, repr=False)
class Row:
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
        memory: Bytes that one execution needs.
        compile_seconds: Seconds from Python to executable.
        samples: The raw samples.
        program_hash: A hash of the compiled program.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> found = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
        >>> found.row("reverse").status, found.row("reverse").memory.output
        ('ok', 36)
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
    flops: Operations | None = None
    flops_note: str = ""
    xla_flops: float | None = None
    memory: Memory | None = None
    compile_seconds: float | None = None
    samples: Samples | None = None
    program_hash: str | None = None

    @property
    def bytes(self) -> int | None:
        """Temporary + argument + output - alias."""
        return self.memory.total if self.memory else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of `ratio`."""
        return (self.ratio.low, self.ratio.high) if self.ratio else None

    def __repr__(self) -> str:
        from ..instrument.units import seconds

        time = f", {seconds(self.seconds)}" if self.seconds is not None else ""
        times = f", {self.ratio.median:.3g} x value" if self.ratio else ""
        return f"Row({self.method}: {self.status}{time}{times})"

    def _repr_html_(self) -> str:
        return _html([(f.name, getattr(self, f.name)) for f in fields(self)])


@dataclass(frozen=True, kw_only=True, repr=False)
class Finding:
    """Which method is best in one respect, by how much, and how sure that is.

    Attributes:
        method: The best method, `"tie"`, or `None` where there is nothing to choose from.
        factor: How many times better than `over` it is.
        over: The best method of another mode, or the next best.
        confidence: How sure the order is, between 0.5 and 1; `None` where nothing is random.
        text: The same in words.

    Example:
        >>> finding = Finding(
        ...     method="reverse", factor=3.0, over="forward", text="reverse: 3 times faster"
        ... )
        >>> print(finding)
        reverse: 3 times faster
    """

    method: str | None = None
    factor: float | None = None
    over: str | None = None
    confidence: float | None = None
    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Finding({self.text})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>"


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict:
    """The answer to "forward or reverse, and why?".

    Attributes:
        time: The fastest method.
        memory: The method of least memory.
        compile: The method that compiles fastest.
        why: How many passes each mode needs, and what a pass costs.

    Example:
        >>> nothing = Finding(text="")
        >>> fastest = Finding(method="reverse", text="reverse: 3 times faster than forward")
        >>> print(Verdict(time=fastest, memory=nothing, compile=nothing, why=""))
        time     reverse: 3 times faster than forward
    """

    time: Finding
    memory: Finding
    compile: Finding
    why: str

    def parts(self) -> list[tuple[str, str]]:
        """Return the name and the text of each part that says something."""
        named = [(f.name, str(getattr(self, f.name))) for f in fields(self)]
        return [(name, text) for name, text in named if text]

    def __str__(self) -> str:
        return "\n".join(f"{name:<8} {text}" for name, text in self.parts())

    def __repr__(self) -> str:
        return f"Verdict({self.time.text})"

    def _repr_html_(self) -> str:
        return _html(self.parts())


@dataclass(frozen=True, kw_only=True)
class ModeLine:
    """Seconds of a batch of k directions in one mode, and the line through them.

    Attributes:
        sizes: The batch sizes k.
        seconds: The median seconds of each.
        intercept: What a batch costs whatever its size.
        slope: What each further direction costs.
    """

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    intercept: Estimate
    slope: Estimate


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """Up to how many inputs forward mode is the faster one.

    Attributes:
        forward: What batches of tangents cost.
        reverse: What batches of cotangents cost.
        inputs: For the outputs that the function has, how many inputs it may have until reverse
            mode is faster.
    """

    forward: ModeLine
    reverse: ModeLine
    inputs: Estimate


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """What every way to differentiate one function costs.

    `print(comparison)` shows the table and the verdict; in a notebook it is an HTML table.

    Attributes:
        name: The function's name.
        rows: One for each method.
        verdict: The best method in time, memory and compile time, and why.
        n: How many numbers are differentiated.
        m: How many numbers the output holds.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        dtype: The type that is differentiated in.
        floor: Seconds of a call that does nothing: a row near it measures the dispatch.
        notes: What was held fixed, and what else a reader should know.
        residuals: What reverse mode keeps: in all, and by source line.
        crossover: Up to how many inputs forward mode is the faster one, if that was asked for.
        purpose: Why this function is in its suite, if it is in one.
        seed: What random directions and orders were drawn from.
        environment: Versions, device, cores, load and flags.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> found = compare(jnp.sum, jnp.ones(5), methods=["reverse"], budget=0.1)
        >>> found
        Comparison(sum: 5 inputs -> 1 output, 2 rows)
        >>> found.verdict.time.method
        'reverse'
    """

    name: str
    rows: tuple[Row, ...]
    verdict: Verdict
    n: int
    m: int
    order: int
    dtype: str
    floor: float
    notes: tuple[str, ...] = ()
    residuals: tuple[str, ...] = ()
    crossover: Crossover | None = None
    purpose: str = ""
    seed: int = 0
    environment: dict[str, object] = field(default_factory=dict)

    @property
    def sizes(self) -> str:
        """How many inputs and outputs there are, in words."""
        return f"{_counted(self.n, 'input')} -> {_counted(self.m, 'output')}"

    def row(self, method: str) -> Row:
        """Return the row of a method.

        Raises:
            ValueError: If there is none.
        """
        for row in self.rows:
            if row.method == method:
                return row
        names = ", ".join(row.method for row in self.rows)
        raise ValueError(f"no row {method!r}; there are: {names}")

    def save(self, path: str | Path) -> None:
        """Write the comparison as `.json`, `.csv`, `.html`, `.md` or `.png`, by the ending.

        `gradwise.load` reads the `.json`.

        Raises:
            ValueError: If the ending is none of these.
        """
        from ..report.files import save

        save(self, Path(path))

    def __str__(self) -> str:
        from ..report.text import text_table

        return text_table(self)

    def __repr__(self) -> str:
        return f"Comparison({self.name}: {self.sizes}, {_counted(len(self.rows), 'row')})"

    def _repr_html_(self) -> str:
        from ..report.page import html_table

        return html_table(self)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _html(pairs: Sequence[tuple[str, object]]) -> str:
    """Write names and values as an HTML table whose cells may wrap."""
    style = "text-align:left;white-space:normal;vertical-align:top"
    lines = [
        f'<tr><th style="{style}">{html.escape(name)}</th>'
        f'<td style="{style}">{html.escape(str(value))}</td></tr>'
        for name, value in pairs
        if value not in (None, "")
    ]
    return "<table>" + "".join(lines) + "</table>"
