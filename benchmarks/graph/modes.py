"""Which modes can be taken on a graph, found by tracing; and which operation ends one, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from ..program.custom_rules import rule_of
from ..program.jaxpr import dtype
from ..program.messages import Obstacle, underivable, whole_tracebacks
from ..program.walk import bind
from .evaluate import Task, traced, without_rule_forward
from .fold import Folded, Item
from .steps import Value

_CUSTOM_VJP = "a jax.custom_vjp says how to go backwards, and not how to go forwards"
_NO_OUTPUT = "no output that holds floats depends on what is differentiated"


class Modes(NamedTuple):
    """What can be taken.

    Attributes:
        forward: Why there is no forward mode; `""` where there is.
        reverse: Why there is no reverse mode; `""` where there is.
        program: What evaluates the graph in the modes that there are, traced.
        ends: The operations at which a mode ends, and what to tell there.
    """

    forward: str
    reverse: str
    program: Any
    ends: dict[Item, str]


def possible_modes(task: Task) -> Modes:
    """Trace a graph's program in both modes, or in those that there are."""
    if not task.x or not task.folded.moves:
        reason = "no input is differentiated: give an array of floats"
        return Modes(reason, reason, traced(task, forward=False, reverse=False), {})
    reaches = any(edge.moves for edge in task.folded.outputs)
    no_output = "" if reaches else _NO_OUTPUT
    try:
        both = traced(task, reverse=not no_output)
        if not without_rule_forward(both.jaxpr):
            return Modes("", no_output, both, {})
    except Exception:  # which of the modes it was is looked for below
        pass
    with whole_tracebacks():
        forward, ends_forward = _obstacle(task, "forward")
        reverse, ends_reverse = (no_output, {}) if no_output else _obstacle(task, "reverse")
    program = traced(task, forward=not forward, reverse=not reverse)
    return Modes(forward, reverse, program, ends_reverse | ends_forward)


def _obstacle(task: Task, mode: str) -> tuple[str, dict[Item, str]]:
    """Say why there is no such mode, `""` if there is, and at which operations it ends."""
    try:
        program = traced(task, forward=mode == "forward", reverse=mode == "reverse")
        if mode == "reverse" or not without_rule_forward(program.jaxpr):
            return "", {}
        error = None
    except Exception as raised:
        error = raised
    reasons = {item: why for item in _items(task.folded) if (why := _ends(item, mode))}
    first = next(iter(reasons.values()), None) or _of_whole(error)
    return str(first), dict.fromkeys(reasons, f"{mode} mode ends here: {first.reason}")


def _of_whole(error: Exception | None) -> Obstacle:
    if error is None:
        return Obstacle(reason=_CUSTOM_VJP, source="", instead="")
    return underivable(error)


def _items(folded: Folded) -> Iterator[Item]:
    """Yield the operations that a derivative flows through, those of bodies after their loop."""
    for item in folded.items:
        if any(edge.moves for edge in item.edges):
            yield item
            for body in item.bodies:
                yield from _items(body)


def _ends(item: Item, mode: str) -> Obstacle | None:
    """Say why a mode ends at an operation; `None` where it does not."""
    eqn, line = item.step.eqn, item.step.line
    if item.step.kind == "custom_vjp_call":
        if mode == "reverse":
            return None
        whose = rule_of(eqn, line)
        reason = f"{_CUSTOM_VJP}{f' ({whose})' if whose else ''}"
        instead = "jax.custom_jvp, which serves both modes; reverse mode works"
        return Obstacle(reason=reason, source=line, instead=instead)
    if item.bodies and item.step.kind != "while":
        return None  # what is inside is looked at by itself
    try:
        with jax.debug_key_reuse(False):
            _probe(item, mode)
    except Exception as error:
        why = underivable(error)
        return Obstacle(reason=why.reason, source=line, instead=why.instead)
    return None


def _probe(item: Item, mode: str) -> None:
    """Trace one operation in a mode; what JAX raises is for the caller."""
    operands = item.step.operands
    shapes = [_shape(operand) for operand in operands]
    moving = [i for i, edge in enumerate(item.edges) if edge.moves and _floats(shapes[i])]

    def derived(*given: Any) -> object:
        def outputs(*some: Any) -> list[Any]:
            changed = dict(zip(moving, some, strict=True))
            results = bind(item.step.eqn, [changed.get(i, v) for i, v in enumerate(given)])
            return [y for y in results if _floats(y)]

        some = tuple(given[place] for place in moving)
        if mode == "forward":
            return jax.jvp(outputs, some, some)
        results, pull = jax.vjp(outputs, *some)
        return pull(results)

    jax.eval_shape(derived, *shapes)


def _shape(operand: Value | Literal) -> jax.ShapeDtypeStruct:
    if isinstance(operand, Value):
        return jax.ShapeDtypeStruct(operand.shape, operand.dtype)
    return jax.ShapeDtypeStruct((), dtype(operand))


def _floats(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jnp.inexact)
