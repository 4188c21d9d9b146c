"""The answer of a comparison, and what to type: what stands above every table."""

from typing import NamedTuple

from ..comparison.findings import Finding
from ..comparison.record import Comparison

#: The answers that have a line of their own, by the fields of a verdict.
_OTHERS = ("memory", "product", "diagonal", "trace")

#: What stands between code and what is said of it.
_COMMENT = "  # "
#: How the note begins that no derivative is worth anything.
_ZERO = "the derivative is zero everywhere"


class Part(NamedTuple):
    """One answer.

    Attributes:
        name: What it is, such as `"MEMORY"`.
        text: The answer in words.
        code: What to type for it; `""` if that is not known, or the same as for the first answer.
    """

    name: str
    text: str
    code: str = ""


def answers(comparison: Comparison) -> list[Part]:
    """Return the answers, the fastest derivative first.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> for part in answers(EXAMPLE):
        ...     print(part.name, part.text, part.code, sep="; ")
        ANSWER; reverse: 3 times faster than forward; jax.jit(jax.grad(sine))
        MEMORY; forward: 140 B against 340 B of reverse; jax.jit(jax.jacfwd(sine))
    """
    verdict = comparison.verdict
    first = use(comparison, verdict.time)
    parts = [Part("ANSWER", verdict.time.text, first)]
    if comparison.incomplete:
        parts.append(Part("NOTE", f"incomplete: {comparison.incomplete}"))
    parts += [Part("NOTE", note) for note in comparison.notes if note.startswith(_ZERO)]
    for name, finding in verdict.answers().items():
        if name in _OTHERS and (finding.method or finding.take):
            code = use(comparison, finding)
            same = code.partition(_COMMENT)[0] == first.partition(_COMMENT)[0]
            parts.append(Part(name.upper(), finding.text, "" if same else code))
    return [part for part in parts if part.text or part.code]


def use(comparison: Comparison, finding: Finding) -> str:
    """Return what to type for the method that a finding takes; `""` if that is not known.

    Where it takes one of several that are equally good, or one that is not exact, a comment says
    so: the line can be typed as it is.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> use(EXAMPLE, replace(EXAMPLE.verdict.time, method="tie"))
        'jax.jit(jax.grad(sine))  # the plainest of those that tie'
    """
    row = next((row for row in comparison.rows if row.method == finding.take), None)
    if row is None or not row.use:
        return ""
    if not row.exact:
        return f"{row.use}  # inexact: no exact derivative is known to be right"
    if finding.method == "tie":
        return f"{row.use}  # the plainest of those that tie"
    return row.use if finding.method else f"{row.use}  # the plainest; the fastest is not known"


def line_to_type(comparison: Comparison) -> str:
    """Return the line that every comparison ends with; `""` if no derivative is right.

    It is that of the answer, which a long table has moved out of sight, and says so.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> line_to_type(EXAMPLE)
        'jax.jit(jax.grad(sine))  # as above'
    """
    code, _, said = use(comparison, comparison.verdict.time).partition(_COMMENT)
    return code and f"{code}{_COMMENT}as above" + (said and f": {said}")
