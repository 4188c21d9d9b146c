"""The user's name of each value that is drawn."""

from .fold import Folded, is_note
from .names import variable_names
from .steps import Value


def names_of(folded: Folded) -> dict[Value, str]:
    """Return the names of a program's values, those without one left out.

    A value that only another shape or type of it has a name, has that name.
    """
    steps = folded.block.steps
    names = variable_names([step.origin for step in steps])
    found: dict[Value, str] = {}
    for step, name in zip(steps, names, strict=True):
        if name:
            found.update(dict.fromkeys(step.results[:1], name))
    for step in reversed(steps):
        result, operand = step.results[:1], step.operands[:1]
        if is_note(step) and result[0] in found and isinstance(operand[0], Value):
            found.setdefault(operand[0], found[result[0]])
    return found
