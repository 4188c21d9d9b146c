"""Which modes can be taken on a graph, found by tracing; and which operation ends one, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.extend.core import Literal

from ...program.custom_rules import rule_of
from ...program.jaxpr import bodies, constants, dtype, opened
from ...program.messages import Obstacle, guarded, underivable, whole_tracebacks
from ...program.walk import bind, equations
from ..reading.fold import Folded, Item
from ..reading.steps import Step, Value
from .evaluate import Task, traced, without_rule_forward

_CUSTOM_VJP = "a jax.custom_vjp says how to go backwards, and not how to go forwards"
_NOTHING = Obstacle(
    reason="no input is differentiated", source="", instead="an array of floats as an input"
)
_NO_FLOATS = Obstacle(
    reason="no output holds floats", source="", instead="an output of float32 or float64"
)
_LEAKED = Obstacle(
    reason="a custom rule holds an array of the function's own trace, which has ended by now",
    source="",
    instead="a rule that is given what it needs as an argument",
)
#: How the callback of an `io_callback` without a result would be told of.
_CALLBACK = "JAX cannot see inside a callback, so it knows no derivative of it"


class Modes(NamedTuple):
    """What can be taken.

    Attributes:
        forward: Why there is no forward mode; `""` where there is.
        reverse: Why there is no reverse mode; `""` where there is.
        program: What evaluates the graph in the modes that there are, traced; `None` if none can.
        ends: The operations at which a mode ends, and what to tell there.
        failure: Why nothing can be evaluated; `""` where it can.
    """

    forward: str
    reverse: str
    program: Any
    ends: dict[Item, str]
    failure: str = ""


def possible_modes(task: Task) -> Modes:
    """Trace a graph's program in both modes, or in those that there are."""
    forward = _without_tracing(task, "forward")
    reverse = forward or _without_tracing(task, "reverse")
    try:
        program = _sound(task, forward=not forward, reverse=not reverse)
        return Modes(_text(forward), _text(reverse), program, {})
    except Exception:  # which of the modes it was is looked for below
        pass
    ends: dict[Item, str] = {}
    with whole_tracebacks():
        for mode, known in (("reverse", reverse), ("forward", forward)):
            found = (known, {}) if known else _obstacle(task, mode)
            ends |= found[1]
            forward, reverse = (found[0], reverse) if mode == "forward" else (forward, found[0])

    def work() -> Any:
        return traced(task, forward=not forward, reverse=not reverse)

    program, failure = guarded("evaluate this graph", work, None)
    return Modes(_text(forward), _text(reverse), program, ends, failure)


def _text(obstacle: Obstacle | None) -> str:
    return str(obstacle) if obstacle else ""


def _without_tracing(task: Task, mode: str) -> Obstacle | None:
    """Say why there is no such mode, where that is seen without a trace."""
    if not task.x or not task.folded.moves:
        return _NOTHING
    hidden = _hidden_callback(task.folded)
    if hidden is not None:
        return Obstacle(
            reason=_CALLBACK, source=hidden.line, instead="no callback, or one of jax.debug"
        )
    floats = any(isinstance(e.source, Value) and e.source.holds_floats for e in task.folded.outputs)
    return None if floats or mode == "forward" else _NO_FLOATS


def _hidden_callback(folded: Folded) -> Step | None:
    """Return a callback without results that a derivative flows to; JAX refuses it."""
    for step in folded.block.steps:
        moved = any(isinstance(o, Value) and o in folded.moves for o in step.operands)
        if moved and not step.results and step.kind == "io_callback":
            return step
    inner = (_hidden_callback(body) for item in folded.items for body in item.bodies)
    return next((step for step in inner if step is not None), None)


def _sound(task: Task, *, forward: bool, reverse: bool) -> Any:
    """Trace a graph's program, and raise where it could not be run."""
    program = traced(task, forward=forward, reverse=reverse)
    if without_rule_forward(program.jaxpr):
        raise ValueError(_CUSTOM_VJP)
    inner = (body for eqn, _ in equations(program.jaxpr) for body in bodies(eqn))
    held = [c for part in (program.jaxpr, *inner) for c in constants(part)]
    # JAX makes an input of what it cannot tell from one.
    inputs, given = opened(program.jaxpr).invars, jax.tree.leaves(task.arguments)
    if len(inputs) > len(given) or any(isinstance(c, Tracer) for c in held):
        raise ValueError(_LEAKED.reason)
    return program


def _obstacle(task: Task, mode: str) -> tuple[Obstacle | None, dict[Item, str]]:
    """Say why there is no such mode, if there is none, and at which operations it ends."""
    try:
        _sound(task, forward=mode == "forward", reverse=mode == "reverse")
        return None, {}
    except Exception as raised:
        error = raised
    reasons = {item: why for item in _items(task.folded) if (why := _ends(item, mode))}
    if not reasons:
        leaked = str(error) == _LEAKED.reason
        return (_LEAKED if leaked else underivable(error)), {}
    first = next(iter(reasons.values()))
    return first, {item: f"{mode} mode ends here: {why.reason}" for item, why in reasons.items()}


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
