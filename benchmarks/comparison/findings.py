"""What a comparison concludes: the verdict, and where both modes cost the same."""

import html
from dataclasses import dataclass, fields

from .._equality import equal_by_fields
from ..instrument.statistics import Estimate
from ..instrument.text import html_pairs
from ..instrument.units import seconds


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Finding:
    """Which method is best in one respect, by how much, and how sure that is.

    Attributes:
        method: The best method, `"tie"`, or `None` where it cannot be told or there is nothing to
            choose from.
        factor: How many times better than `over` it is.
        at_least: Whether `factor` is a lower bound, since `over` was skipped.
        over: The best method of another mode, or the next best.
        confidence: How sure the order is, between 0.5 and 1; `None` where nothing is random.
        take: The method to take: `method`, or the plainest of those that tie or cannot be told
            apart; `None` where none is right.
        doubt: Why a time is not to be had or not to be trusted, in a word or two: `"busy"`,
            `"busy, by CPU time"`, `"few samples"`; `""` if it is.
        text: The same in words.

    Example:
        >>> from gradwise import Finding
        >>> finding = Finding(
        ...     method="reverse", factor=3.0, over="forward", text="reverse: 3 times faster"
        ... )
        >>> print(finding)
        reverse: 3 times faster
    """

    method: str | None = None
    factor: float | None = None
    at_least: bool = False
    over: str | None = None
    confidence: float | None = None
    take: str | None = None
    doubt: str = ""
    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Finding({self.text})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict:
    """The answer to "forward or reverse, and why?".

    Attributes:
        time: The fastest method.
        memory: The method of least memory.
        compile: The method that compiles fastest.
        why: How many passes each mode needs, and what a pass costs.
        product: Of second order beside the dense Hessian, the fastest product with it.
        diagonal: The fastest way to the Hessian's diagonal.
        trace: The fastest way to the Hessian's trace.

    Example:
        >>> from gradwise import Finding, Verdict
        >>> nothing = Finding(text="")
        >>> fastest = Finding(method="reverse", text="reverse: 3 times faster than forward")
        >>> print(Verdict(time=fastest, memory=nothing, compile=nothing, why=""))
        time     reverse: 3 times faster than forward
    """

    time: Finding
    memory: Finding
    compile: Finding
    why: str
    product: Finding | None = None
    diagonal: Finding | None = None
    trace: Finding | None = None

    def answers(self) -> dict[str, Finding]:
        """Return the findings by what a method is best in, the time first.

        Example:
            >>> from gradwise import Finding, Verdict
            >>> nothing = Finding(text="")
            >>> list(Verdict(time=nothing, memory=nothing, compile=nothing, why="").answers())
            ['time', 'memory', 'compile']
        """
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Finding)}

    def parts(self) -> list[tuple[str, str]]:
        """Return the name and the text of each part that says something.

        Example:
            >>> from gradwise import Finding, Verdict
            >>> nothing, fast = Finding(text=""), Finding(text="reverse is faster")
            >>> Verdict(time=fast, memory=nothing, compile=nothing, why="").parts()
            [('time', 'reverse is faster')]
        """
        named = [(f.name, str(getattr(self, f.name) or "")) for f in fields(self)]
        return [(name, text) for name, text in named if text]

    def __str__(self) -> str:
        return "\n".join(f"{name:<8} {text}" for name, text in self.parts())

    def __repr__(self) -> str:
        return f"Verdict({self.time.text})"

    def _repr_html_(self) -> str:
        return html_pairs(self.parts())


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class ModeLine:
    """Seconds of a batch of k directions in one mode, and the line through them.

    Attributes:
        sizes: The batch sizes k.
        seconds: The median seconds of each.
        intercept: What a batch costs whatever its size.
        slope: What each further direction costs.

    Example:
        >>> from gradwise import Estimate, ModeLine
        >>> intercept, slope = (Estimate(value=v, low=v, high=v) for v in (1e-3, 2e-3))
        >>> ModeLine(sizes=(1, 2), seconds=(3e-3, 5e-3), intercept=intercept, slope=slope)
        ModeLine(1 ms + 2 ms a direction)
    """

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    intercept: Estimate
    slope: Estimate

    def __repr__(self) -> str:
        return (
            f"ModeLine({seconds(self.intercept.value)} + {seconds(self.slope.value)} a direction)"
        )


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Crossover:
    """Up to how many inputs forward mode is the faster one.

    Attributes:
        forward: What batches of tangents cost.
        reverse: What batches of cotangents cost.
        inputs: For the outputs that the function has, how many inputs it may have until reverse
            mode is faster.

    Example:
        >>> from gradwise import Crossover, Estimate, ModeLine
        >>> start, slope = (Estimate(value=v, low=v, high=v) for v in (1e-5, 2e-6))
        >>> line = ModeLine(sizes=(1, 4), seconds=(1.2e-5, 1.8e-5), intercept=start, slope=slope)
        >>> inputs = Estimate(value=12.0, low=9.0, high=20.0)
        >>> Crossover(forward=line, reverse=line, inputs=inputs)
        Crossover(forward mode is faster up to 12 inputs)
    """

    forward: ModeLine
    reverse: ModeLine
    inputs: Estimate

    def __repr__(self) -> str:
        return f"Crossover(forward mode is faster up to {self.inputs.value:,.0f} inputs)"
