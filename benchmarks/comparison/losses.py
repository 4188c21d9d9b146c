"""Say of the rows that lost their digits what took them, and where."""

import dataclasses
from collections.abc import Sequence
from functools import cache, partial

import jax
from jax.extend.core import ClosedJaxpr

from ..check.digits import find_loss
from ..check.float64 import own_program
from ..instrument.deadline import TimeUpError, stopped_after
from ..program.messages import guarded
from .attempt import Attempt
from .experiment import Experiment, share_of
from .pace import pace_of

#: The share of the time left until measuring that this may take.
_SHARE = 0.5


def with_losses(attempts: Sequence[Attempt], experiment: Experiment) -> list[Attempt]:
    """Return the attempts, those that are inaccurate with what was lost and where in their notes.

    What makes the value inaccurate makes its derivatives so, and is told of all. What there is no
    time to find is not told.
    """
    left = share_of(experiment.limits.left, _SHARE)

    @cache
    def found(mode: str) -> str:
        program = _derivative(experiment, mode) if mode else own_program(experiment.problem)
        inputs = [*experiment.problem.x, *experiment.problem.fixed]
        return str(find_loss(program, inputs, pace_of(left)) or "")

    def in_time(mode: str) -> str:
        find = partial(guarded, "find where digits go", partial(found, mode), "")
        try:
            text, fault = stopped_after(left(), find, "finding where digits go")
        except TimeUpError:
            return ""
        return text or fault

    def told(one: Attempt) -> Attempt:
        row = one.row
        if row.status != "inaccurate" or row.mode == "numerical":
            return one
        where = (value_is_off and in_time("")) or (row.kind != "value" and in_time(row.mode)) or ""
        note = "; ".join(filter(None, (row.note, where)))
        return one._replace(row=dataclasses.replace(row, note=note))

    value_is_off = any(o.row.kind == "value" and o.row.status == "inaccurate" for o in attempts)
    return [told(one) for one in attempts]


def _derivative(experiment: Experiment, mode: str) -> ClosedJaxpr:
    """Return the program of one product with the derivative, by the mode or what is possible."""
    problem, probe = experiment.problem, experiment.probe

    def push(x: tuple, fixed: tuple) -> object:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (probe.tangent,))[1]

    def pull(x: tuple, fixed: tuple) -> object:
        return jax.vjp(lambda x: problem.fn(x, fixed), x)[1](probe.cotangent)

    forward = "reverse" in experiment.obstacles or mode == "forward"
    return jax.make_jaxpr(push if forward else pull)(problem.x, problem.fixed)
