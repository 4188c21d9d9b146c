"""What a comparison says of one method."""

from dataclasses import dataclass, fields

from .._equality import equal_by_fields
from ..instrument.memory import Memory
from ..instrument.samples import Samples
from ..instrument.statistics import Ratio
from ..instrument.text import html_pairs
from ..instrument.units import seconds, times
from ..program.count import Flops

#: What can become of a method; `Row` says what each one means.
STATUSES = ("ok", "wrong", "inaccurate", "impossible", "skipped", "failed")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Row:
    """What is known of one method on one function; `None` where nothing is.

    Attributes:
        method: The method's name.
        mode: `"none"`, `"numerical"`, `"symbolic"`, `"forward"`, `"reverse"` or `"mixed"`.
        kind: What it computes: `"value"`, `"value_and_jvp"`, `"jacobian"`, `"hessian"`, ...
        status: `"ok"`; `"wrong"`, its derivative is not right; `"inaccurate"`, it is right but
            rounding leaves no correct digit of it; `"impossible"`, the function does not allow it;
            `"skipped"`, it would take too long, or a package is not installed; `"failed"`, it was
            tried and broke.
        exact: Whether its only error is rounding.
        note: Why it is not ok, or what was chosen.
        error: The largest error of any entry, over the largest true entry; `None` also where the
            derivative is zero but for rounding, which its note says.
        seconds: Median wall seconds of a call; of a skipped row the least of the few calls that
            were made, if any was.
        cpu_seconds: Median CPU seconds of a call.
        at_least: Seconds that a call takes at least, for a row that was skipped without a call.
        ratio: Its time over that of `value`.
        bound: What theory allows that ratio to be.
        flops: Operations, counted in its jaxpr.
        flops_note: Why the two counts differ, if they do.
        xla_flops: XLA's count of the compiled program.
        memory: Bytes that one execution needs.
        sent_bytes: Of arrays on a mesh, the bytes that each device gets from the others in one
            execution, a loop's body counted once; `None` on a single device.
        compile_seconds: Seconds from Python to executable.
        samples: The raw samples.
        program_hash: A hash of the compiled program.
        rewrite: Whether it differentiates the function as a cure has it, not as it was written.
        passes: How many passes it takes, of a row that uses the function's structure, such as
            colours; `None` for all others.
        use: What to type for this derivative, an expression; `""` if it is not known to be right.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
        >>> comparison.row("reverse").mode, comparison.row("reverse").kind
        ('reverse', 'jacobian')
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
    at_least: float | None = None
    ratio: Ratio | None = None
    bound: float | None = None
    flops: Flops | None = None
    flops_note: str = ""
    xla_flops: float | None = None
    memory: Memory | None = None
    sent_bytes: int | None = None
    compile_seconds: float | None = None
    samples: Samples | None = None
    program_hash: str | None = None
    rewrite: bool = False
    passes: int | None = None
    use: str = ""

    @property
    def bytes(self) -> int | None:
        """Temporary + argument + output - alias."""
        return self.memory.total if self.memory else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of `ratio`, if there are samples enough for one."""
        return self.ratio.interval if self.ratio else None

    @property
    def is_right(self) -> bool:
        """Whether its derivative was checked and found right, even if there was no time for more.

        What was skipped before it was called has no seconds.
        """
        called = self.status == "skipped" and self.seconds is not None
        return self.kind != "value" and (self.status == "ok" or called)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (samples have no hash)

    def __repr__(self) -> str:
        time = f", {seconds(self.seconds)}" if self.seconds is not None else ""
        ratio = f", {times(self.ratio.median)} x value" if self.ratio else ""
        return f"Row({self.method}: {self.status}{time}{ratio})"

    def _repr_html_(self) -> str:
        return html_pairs([(f.name, getattr(self, f.name)) for f in fields(self)])
