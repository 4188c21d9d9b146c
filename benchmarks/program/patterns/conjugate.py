"""Loops that take steps of conjugate gradients, or of their kind, to solve a linear system."""

from ..jaxpr import names
from .scope import Scope, Step, Value

#: What an inner product passes on its way into a quotient, and a quotient into a step.
_PASSED = names(
    "add broadcast_in_dim convert_element_type copy div max mul reshape select_n squeeze"
)
#: How far a number is followed back.
_DEEP = 6
#: So many parts take such steps: the solution, and what is left of the right side.
_PARTS = 2


def takes_conjugate_steps(body: Scope) -> bool:
    """Whether turns move two parts by a quotient of inner products times a direction.

    That is x + a p and r - a A p with a = r.r / p.A p, whose result is linear in the right side.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def turn(i, state):
        ...     x, r, p = state
        ...     step = r @ r / (p @ (2 * p))
        ...     return x + step * p, r - step * (2 * p), p
        >>> traced = jax.make_jaxpr(lambda b: jax.lax.fori_loop(0, 3, turn, (0 * b, b, b)))
        >>> program = read_scopes(traced(jnp.ones(2)), [True])
        >>> [takes_conjugate_steps(step.bodies[0]) for step in program.steps if step.bodies]
        [True]
    """
    held = len(body.inputs) - len(body.outputs)
    pairs = zip(body.inputs[held:], body.outputs, strict=True) if held >= 0 else ()
    return sum(_moves_by_a_quotient(before, after, body) for before, after in pairs) >= _PARTS


def _moves_by_a_quotient(before: Value, after: Value, body: Scope) -> bool:
    step = after.maker
    if step is None or step.name not in ("add", "sub") or not after.shape:
        return False
    others = [value for value in step.inputs if value is not before]
    return len(others) == 1 and _holds_a_quotient(others[0], body)


def _holds_a_quotient(value: Value, body: Scope, deep: int = _DEEP) -> bool:
    """Whether a value is a product with a quotient of inner products."""
    step = value.maker
    if step is None or not deep or step.name not in (*_PASSED, "neg"):
        return False
    if step.name == "div" and all(_is_inner_product(v, body) for v in step.inputs):
        return True
    return any(_holds_a_quotient(v, body, deep - 1) for v in step.inputs)


def _is_inner_product(value: Value, body: Scope, deep: int = _DEEP) -> bool:
    """Whether a number is an inner product, of this turn or of the one before."""
    step = value.maker
    if step is None:
        return bool(deep) and _is_handed_on(value, body, deep)
    if step.name == "dot_general":
        return len(value.shape) < max(len(operand.shape) for operand in step.inputs)
    if step.name == "reduce_sum":
        return _is_product(step.inputs[0].maker)
    passed = step.name in _PASSED and bool(deep)
    return passed and any(_is_inner_product(v, body, deep - 1) for v in step.inputs)


def _is_product(step: Step | None) -> bool:
    return step is not None and step.name in ("mul", "square", "integer_pow")


def _is_handed_on(value: Value, body: Scope, deep: int) -> bool:
    """Whether the turn before has handed on an inner product that it made."""
    held = len(body.inputs) - len(body.outputs)
    place = next((i for i, v in enumerate(body.inputs) if v is value), -1)
    if place < held:
        return False
    return body.outputs[place - held].maker is not None and _is_inner_product(
        body.outputs[place - held], body, deep - 1
    )
