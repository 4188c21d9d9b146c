"""A comparison as plain text."""

from ..comparison.record import Comparison
from ..instrument.text import WIDTH, filled, fitted
from .advised import text_lines
from .cells import SPARE, about, crossing, heading, numbered_notes, table_cells, to_type


def text_table(comparison: Comparison, width: int = WIDTH) -> str:
    """Return the table, the notes its rows refer to, the verdict, and advice.

    Args:
        comparison: What was compared.
        width: The most characters in a line. A wide table has columns that a narrow one has not.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> print(text_table(EXAMPLE))
        suite/sine: 5 inputs -> 1 output, float32
        A sum of sines.
        method       time  x value  bound    error  FLOPs  memory  compile
        ---------  ------  -------  -----  -------  -----  ------  -------
        value       10 us        1         0.0e+00    100    40 B    50 ms
        numerical  110 us       11         1.0e-03  1.1 k   240 B   550 ms
        forward     60 us        6         2.0e-07    600   140 B   300 ms
        reverse     20 us        2      4  1.0e-07    200   340 B   100 ms
        dispatch floor 1 us
        reverse mode keeps 20 B in all
        crossing for 1 output forward mode is faster up to 3 inputs (2 to any number of, 99 % ...
                 a batch of k directions costs forward 10 us + 10 us k and reverse 20 us + 20 us k
        time     reverse: 3 times faster than forward
        memory   forward: 140 B against 340 B of reverse
        compile  reverse: 100 ms against 300 ms of forward
        why      Forward needs 5 tangents.
        USE      jax.jit(jax.grad(sine))
    """
    table = fitted(table_cells(comparison), width, spare=SPARE)
    texts = [(f"[{number}] {note}", 4) for note, number in numbered_notes(comparison).items()]
    if table.left_out:
        texts.append(
            (f"no room for {', '.join(table.left_out)}: see a wider terminal, or a saved page", 0)
        )
    texts.append((about(comparison), 0))
    if comparison.residuals:
        texts.append(("reverse mode keeps " + "; ".join(comparison.residuals), 0))
    if comparison.crossover:
        texts.append((f"crossing {crossing(comparison)}", 9))
    texts += [(f"{name:<8} {text}", 9) for name, text in comparison.verdict.parts()]
    texts += [(f"USE      {text}", 9) for text in to_type(comparison)]
    above = [(text, 0) for text in (heading(comparison), comparison.purpose) if text]
    lines = [filled(text, " " * indent, width) for text, indent in above]
    lines += table.lines
    lines += [filled(text, " " * indent, width) for text, indent in texts]
    lines += text_lines(comparison, width)
    return "\n".join(lines)
