"""What made a comparison: two that were made by equals can stand for one another."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._equality import equal_by_fields

#: What an environment says of the moment, and not of the machine or its software.
_MOMENT = ("time", "load")
_SOFTWARE = ("python", "packages")
#: What shows in the programs and in the types of the inputs, which are compared anyway.
_SEEN = ("x64",)
#: Longer values are not shown in full.
_MOST_LETTERS = 40


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class MadeBy:
    """What a comparison was made by, as hashes and plain values.

    Attributes:
        programs: A hash of the traced function under `"value"`, and one of each candidate under its
            name; `None` where Python code that no program shows can change it.
        dtype: The type that is differentiated in.
        inputs: The shapes and types of the differentiated inputs, and of those held fixed.
        numbers: A hash of the numbers in the inputs.
        options: What the comparison was asked for: order, methods, seed and limits.
        versions: Python's, and those of the packages that compute.
        machine: The system, the processor, the devices, and the flags of JAX and XLA.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import MadeBy, compare
        >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
        >>> comparison.made_by  # doctest: +ELLIPSIS
        MadeBy(float32[3], budget 0.1, crossover False, methods ['reverse'], order 1, seed 0, ...)
        >>> comparison.made_by.changes(comparison.made_by)
        []
    """

    programs: dict[str, str | None] = field(default_factory=dict)
    dtype: str
    inputs: str
    numbers: str | None = None
    options: dict[str, object] = field(default_factory=dict)
    versions: dict[str, object] = field(default_factory=dict)
    machine: dict[str, object] = field(default_factory=dict)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    def changes(self, new: "MadeBy") -> list[str]:
        """Say what differs in `new`, a text each; nothing where the two are equals.

        Example:
            >>> from gradwise import MadeBy
            >>> first, second = (
            ...     MadeBy(programs={"value": "1f"}, dtype="float32", inputs="float32[3]",
            ...            numbers="2e", options={"seed": seed})
            ...     for seed in (0, 1)
            ... )
            >>> first.changes(second)
            ['seed 0 -> 1']
        """
        return [
            *self._changes_of_problem(new),
            *changes(self.options, new.options, absent="default"),
            *changes(self.versions, new.versions),
            *changes(self.machine, new.machine),
        ]

    def _changes_of_problem(self, new: "MadeBy") -> list[str]:
        """Name the first cause: another type or shape changes numbers and programs as well."""
        if self.dtype != new.dtype:
            return changes({"dtype": self.dtype}, {"dtype": new.dtype})
        if self.inputs != new.inputs:
            return changes({"inputs": self.inputs}, {"inputs": new.inputs})
        same = self.numbers is not None and self.numbers == new.numbers
        return [*([] if same else ["other numbers in the inputs"]), *self._changed_programs(new)]

    def _changed_programs(self, new: "MadeBy") -> list[str]:
        texts = []
        for name in sorted(self.programs.keys() | new.programs.keys() | {"value"}):
            who = "the function" if name == "value" else f"candidate {name!r}"
            before, after = self.programs.get(name), new.programs.get(name)
            if name not in self.programs or name not in new.programs:
                texts.append(f"{who} is {'gone' if name in self.programs else 'new'}")
            elif before is None or after is None:
                texts.append(f"{who} runs Python code that may have changed")
            elif before != after:
                texts.append(f"{who} changed")
        return texts

    def __repr__(self) -> str:
        options = "".join(f", {name} {value}" for name, value in sorted(self.options.items()))
        return f"MadeBy({self.inputs}{options})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def versions(environment: Mapping[str, object]) -> dict[str, object]:
    """Return the versions that an environment holds, by package.

    Example:
        >>> versions({"python": "3.11.7", "packages": {"jax": "0.10.2"}, "cores": 2})
        {'python': '3.11.7', 'jax': '0.10.2'}
    """
    packages = environment.get("packages")
    python = {"python": environment["python"]} if "python" in environment else {}
    return python | (dict(packages) if isinstance(packages, Mapping) else {})


def machine(environment: Mapping[str, object]) -> dict[str, object]:
    """Return what an environment says of the machine, whatever the moment and the software.

    Example:
        >>> machine({"python": "3.11.7", "load": 0.5, "cores": 2, "flags": {"XLA_FLAGS": "-x"}})
        {'cores': 2, 'XLA_FLAGS': '-x'}
    """
    left_out = (*_MOMENT, *_SOFTWARE, *_SEEN, "flags")
    flags = environment.get("flags")
    parts = {name: value for name, value in environment.items() if name not in left_out}
    return parts | (dict(flags) if isinstance(flags, Mapping) else {})


def changes(
    old: Mapping[str, object], new: Mapping[str, object], *, absent: str = "none"
) -> list[str]:
    """Say which values differ, a text each; `absent` stands for a value that is not there.

    Example:
        >>> changes({"seed": 0, "order": 1}, {"seed": 1, "order": 1, "rule": "trust"})
        ['seed 0 -> 1', 'rule none -> trust']
    """
    return [
        f"{name} {_shown(old.get(name), absent)} -> {_shown(new.get(name), absent)}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _shown(value: object, absent: str) -> str:
    """Write a value in a line, a list as its entries."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = absent if value is None else str(value)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
