"""What became of one row between two runs, and what the two runs were."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._equality import equal_by_fields
from ..instrument import units
from ..instrument.statistics import Estimate
from .made_by import versions

#: What can be concluded of two rows that are about the same thing, the most urgent first.
JUDGEMENTS = ("broken", "slower", "mended", "faster", "cannot tell", "same")
#: Why a row is not judged by the wall's clock.
BY_CPU = "by CPU time, since the machine was busy"
#: What two rows are that cannot be judged: there is nothing to say but which they are.
UNJUDGED = ("changed", "gone", "new")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Difference:
    """What became of one row.

    Attributes:
        scenario: The function's name.
        method: The row's method.
        conclusion: `"slower"`, `"faster"`, `"same"`, `"cannot tell"`, `"broken"`, `"mended"`,
            `"new"`, `"gone"`, or `"changed"`: the two rows are about different things.
        time: The new time over the old one; `None` where either run has none.
        ratio: The new multiple of the function's time over the old one; likewise.
        old: The multiple that was, or the seconds of a call where there is no `ratio`.
        new: The multiple that is, or the seconds.
        clock: `"wall"`, or `"CPU"` where the machine was busy and all of these are of CPU time.
        note: What else the conclusion rests on.

    Example:
        >>> from gradwise import Difference
        >>> Difference(scenario="sine", method="reverse", conclusion="broken").regression
        True
    """

    scenario: str
    method: str
    conclusion: str
    time: Estimate | None = None
    ratio: Estimate | None = None
    old: float | None = None
    new: float | None = None
    clock: str = "wall"
    note: str = ""

    @property
    def regression(self) -> bool:
        """Whether the row is worse than it was."""
        return self.conclusion in ("slower", "broken")

    def __str__(self) -> str:
        return f"{self.scenario}, {self.method}: {self.conclusion}" + (
            f", {self.change}" if self.change else ""
        )

    def __repr__(self) -> str:
        return f"Difference({self})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"

    @property
    def change(self) -> str:
        """The new figure over the old one and its interval, in words; `""` where there is none."""
        change = self.ratio or self.time
        if change is None:
            return ""
        ends = " (few samples)"
        if change.bounded:
            ends = f" [{units.times(change.low)}, {units.times(change.high)}]"
        return f"{units.times(change.value)}{ends}"

    @property
    def figures(self) -> tuple[str, str]:
        """The old and the new figure in words; `""` for one that is not known."""
        unit = (lambda value: f"{units.times(value)} x") if self.ratio else units.seconds
        old, new = (unit(value) if value is not None else "" for value in (self.old, self.new))
        return old, new

    @property
    def remark(self) -> str:
        """By which clock the row is judged, if not by the wall's, and its note."""
        by = BY_CPU if self.clock == "CPU" else ""
        return "; ".join(text for text in (by, self.note) if text)


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Side:
    """One of two runs that are compared.

    Attributes:
        name: What the run is called.
        environment: Where, when and with what it was made.
        waited: How many times their CPU time calls took, in the row that waited longest; `None`
            where the machine was quiet, or is no CPU.

    Example:
        >>> from gradwise import Side
        >>> Side(name="main", environment={"cores": 2, "packages": {"jax": "0.10.2"}}, waited=3.25)
        Side(main: busy, calls took up to 3.2 times their CPU time)
    """

    name: str
    environment: Mapping[str, object] = field(default_factory=dict)
    waited: float | None = None

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    @property
    def busy(self) -> str:
        """How long calls waited, in words; `""` on a quiet machine."""
        return f"calls took up to {self.waited:.2g} times their CPU time" if self.waited else ""

    @property
    def machine(self) -> str:
        """The cores, the processor or the device, and the system."""
        here = self.environment
        cores = f"{here['cores']} cores" if "cores" in here else ""
        on_cpu = here.get("platform", "cpu") == "cpu"
        chip = here.get("processor") if on_cpu else f"{here.get('devices', 1)} x {here['device']}"
        return ", ".join(str(part) for part in (cores, chip, here.get("system")) if part)

    @property
    def software(self) -> str:
        """The versions of the packages that matter most."""
        known = versions(self.environment)
        return ", ".join(f"{name} {known[name]}" for name in _PACKAGES if known.get(name))

    @property
    def time(self) -> str:
        """When it was made, to the minute."""
        time = str(self.environment.get("time", ""))
        return time[:16].replace("T", " ") + (" UTC" if time.endswith("+00:00") else "")

    def __str__(self) -> str:
        about = [part for part in (self.time, f"busy, {self.busy}" if self.busy else "") if part]
        return f"{self.name}: {'; '.join(about)}" if about else self.name

    def __repr__(self) -> str:
        return f"Side({self})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


_PACKAGES = ("gradwise", "jax", "jaxlib", "python")
