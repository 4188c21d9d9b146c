"""Where the digits go: the first operation whose result lost its digits though its inputs had them.

An operation is named only if the result of the whole gets its digits back once that of the
operation does: a number that is lost and not needed is nobody's fault.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..program.jaxpr import Program, kind
from .both import LOST as LOST
from .culprits import find_culprit
from .directions import UNHURRIED, Pace


class Loss(NamedTuple):
    """An operation that loses digits.

    Attributes:
        what: `"cancellation"`, `"overflow"`, `"underflow"` or `"rounding"`; or `"NaN"` or
            `"infinity"` where they are right in no type.
        operation: Its name, such as `"sub"`.
        line: The user's line.
    """

    what: str
    operation: str
    line: str

    def __str__(self) -> str:
        return f"{self.what} in `{self.operation}`{self.line and f' at {self.line}'}"


def find_loss(program: Program, inputs: Sequence[Any], pace: Pace = UNHURRIED) -> Loss | None:
    """Return the operation by which a program loses the digits of its results, `None` if unknown.

    Args:
        program: A jaxpr, open or closed.
        inputs: Its flat inputs, in its own types.
        pace: How long this may take; the time that is left is looked at before each equation.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def cosine(x):
        ...     return (1 - jnp.cos(x)) / x**2
        >>> loss = find_loss(jax.make_jaxpr(cosine)(jnp.float32(0)), [jnp.float32(1e-4)])
        >>> loss.what, loss.operation
        ('cancellation', 'sub')
    """
    culprit = find_culprit(program, inputs, pace).culprit
    if culprit is None or culprit.step is None:
        return None
    return Loss(culprit.fault, kind(culprit.step.eqn), culprit.step.line)
