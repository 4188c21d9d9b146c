"""A comparison as plain text: the answer, what to type, the table, and its words."""

from collections.abc import Sequence

from ..comparison.record import Comparison
from ..instrument.text import WIDTH, aligned, coded, filled, fitted
from .advised import text_lines
from .answer import answers, line_to_type
from .cells import heading, remarks
from .columns import DOUBT, SPARE, Column, columns
from .glossary import GLOSSARY

#: How far everything below the heading is to the right, and texts beside a name.
_INDENT, _BESIDE = "  ", " " * 11


def text_table(comparison: Comparison, width: int = WIDTH, *, full: bool = False) -> str:
    """Return the answer, what to type, the table, and what its words mean.

    Args:
        comparison: What was compared.
        width: The most characters in a line. A wide table has columns that a narrow one has not.
        full: Whether the columns that there is no room for are a second table.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> print(text_table(EXAMPLE))
        suite/sine: 5 inputs -> 1 output, float32
        A sum of sines.
        <BLANKLINE>
          ANSWER   reverse: 3 times faster than forward
          USE      jax.jit(jax.grad(sine))
          MEMORY   forward: 140 B against 340 B of reverse
                   jax.jit(jax.jacfwd(sine))
        <BLANKLINE>
          method     time, us  cost  memory, B    error  bound  FLOPs  compile, ms
          ---------  --------  ----  ---------  -------  -----  -----  -----------
          value            10   1 x         40  0.0e+00           100           50
          reverse          20   2 x        340  1.0e-07    4 x    200          100
          forward          60   6 x        140  2.0e-07           600          300
          numerical       110  11 x        240  1.0e-03         1,100          550
        <BLANKLINE>
          why      Forward needs 5 tangents.
          compile  reverse: 100 ms against 300 ms of forward
          crossing for 1 output forward mode is faster up to 3 inputs (2 to any number ...
                   a batch of k directions costs forward 10 us + 10 us k and reverse 20 ...
          keeps    in reverse mode 20 B in all
          checks   dispatch floor 1 us
        <BLANKLINE>
          value    The function itself: what every cost is a multiple of.
          cost     How many runs of the function itself one derivative takes.
          memory   Bytes of one execution: inputs, outputs, all that is held between.
          error    The largest error of any entry, over the largest entry.
          bound    The most that the cost can be in theory (Griewank and Walther, 2008).
          FLOPs    Floating-point operations, counted in the program.
          compile  Seconds from the Python function to the executable, spent once.
          more     gradwise explain cost (or another word)
        <BLANKLINE>
          USE      jax.jit(jax.grad(sine))  # as above
    """
    every = columns(comparison)
    table, left_out = _table(every, width)
    blocks = [
        [filled(text, "", width) for text in (heading(comparison), comparison.purpose) if text],
        _answer(comparison, width),
        table,
        _second_table(every, left_out, width) if full else [],
        [_beside(name, text, width) for name, text in remarks(comparison)],
        _legend(every, [] if full else left_out, width),
        _last(comparison, width),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _answer(comparison: Comparison, width: int) -> list[str]:
    lines: list[str] = []
    for part in answers(comparison):
        lines += [_beside(part.name, part.text, width)] if part.text else []
        if part.code:
            name = "USE" if part.name == "ANSWER" else ""
            lines.append(coded(part.code, f"{_INDENT}{name:<8} ", _BESIDE, width))
    inner = width - len(_INDENT)
    return lines + [
        _INDENT + line for line in "\n".join(text_lines(comparison, inner)).split("\n") if line
    ]


def _table(every: Sequence[Column], width: int) -> tuple[list[str], list[Column]]:
    """Return the lines of the table, and the columns that there is no room for."""
    spare = [column.title for name in SPARE for column in every if column.name == name]
    table = fitted(_cells(every), width - len(_INDENT), spare=spare)
    left_out = [column for column in every if column.title in table.left_out]
    return [_INDENT + line for line in table.lines], left_out


def _second_table(every: Sequence[Column], left_out: Sequence[Column], width: int) -> list[str]:
    """Return the columns that there was no room for as tables of their own, as wide as fits."""
    lines, rest = [], list(left_out)
    while rest:
        count = len(rest)
        while count > 1 and max(map(len, aligned(_cells([every[0], *rest[:count]])))) > width - 2:
            count -= 1
        table = fitted(_cells([every[0], *rest[:count]]), width - len(_INDENT))
        lines += [*([""] if lines else []), *(_INDENT + line for line in table.lines)]
        rest = rest[count:]
    return lines


def _cells(shown: Sequence[Column]) -> list[list[str]]:
    """Return a header and a line for each row."""
    titles, cells = [column.title for column in shown], [column.cells for column in shown]
    doubts = any(DOUBT in cell for column in shown for cell in column.cells)
    if not doubts:  # the room for them is not needed
        cells = [[cell.rstrip() for cell in column] for column in cells]
    return [titles, *(list(row) for row in zip(*cells, strict=True))]


def _legend(every: Sequence[Column], left_out: Sequence[Column], width: int) -> list[str]:
    """Return what the words of the table mean, a line each."""
    shown = [column for column in every if column not in left_out]
    pairs = [("value", GLOSSARY["value"].short)] if "value" in every[0].cells else []
    pairs += [(_short(column), column.meaning) for column in shown if column.meaning]
    if any(DOUBT in cell for column in shown for cell in column.cells):
        pairs.append(("?", GLOSSARY["?"].short))
    if left_out:
        names = ", ".join(_short(column) for column in left_out)
        pairs.append(
            ("no room", f"for {names}: a wider terminal shows them, or --full of the command line")
        )
    pairs.append(("more", "gradwise explain cost (or another word)"))
    return [_beside(name, text, width) for name, text in pairs]


def _short(column: Column) -> str:
    return "99 %" if column.name == "interval" else column.name


def _last(comparison: Comparison, width: int) -> list[str]:
    line = line_to_type(comparison)
    return [coded(line, f"{_INDENT}USE      ", _BESIDE, width)] if line else []


def _beside(name: str, text: str, width: int) -> str:
    """Write a text beside its name, or below it if that is long."""
    if len(name) <= 8:
        return filled(f"{_INDENT}{name:<8} {text}", _BESIDE, width)
    return filled(f"{_INDENT}{name}: {text}", _BESIDE, width)
