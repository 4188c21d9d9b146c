"""A loop that ends when its steps are small enough: its result has a derivative of its own.

Where a loop solves F(y, x) = 0, dy/dx = -(dF/dy)^-1 dF/dx: one linear system at the solution, and
nothing of the turns that led to it (Griewank and Walther, 2008, chapter 15).
"""

from collections.abc import Iterator

from ..advice import Advice
from ..jaxpr import names
from .scope import Scope, Step, Value

_LARGER, _SMALLER = names("gt ge"), names("lt le")
#: What a size is made of: each of them forgets the sign of what it is given.
_SIZES = names("abs reduce_max reduce_sum dot_general sqrt square norm")
#: What a number passes on its way to a comparison.
_PASSED = names(
    "convert_element_type broadcast_in_dim reshape squeeze mul div copy max select_n sqrt "
    "reduce_max stop_gradient"
)
#: How far a number is followed back.
_DEEP = 8
#: Fewer turns of known number may be kept.
_FEW_TURNS = 16


def find_convergence(program: Scope) -> Iterator[Advice]:
    """Find loops that solve an equation.

    A `while` whose test waits for a size to become small is one, if a part of its body depends on
    what is differentiated; so is a loop of any kind that takes steps of conjugate gradients, whose
    lengths are quotients of two inner products. A loop over times, a search along a line, and a
    recurrence of a fixed number of steps are none.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def root(a):
        ...     moving = lambda y: jnp.abs(y**3 + y - a) > 1e-6
        ...     return jax.lax.while_loop(moving, lambda y: y - (y**3 + y - a) / (3 * y**2 + 1), a)
        >>> program = read_scopes(jax.make_jaxpr(root)(1.0), [True])
        >>> [advice.cure for advice in find_convergence(program)]
        ['differentiate the solution by jax.lax.custom_root']
    """
    for scope in program.every():
        for step in scope.steps:
            if scope.ruled or not any(value.active and value.floats for value in step.outputs):
                continue
            if step.name == "while" and _ends_small(step):
                linear = _is_krylov(step.bodies[0])
                if linear or _depends_on_more(step.bodies[0]):
                    yield _advice(step, linear)
            elif step.name == "scan" and (step.bodies[0].turns or 0) >= _FEW_TURNS:
                yield from [_advice(step, linear=True)] if _is_krylov(step.bodies[0]) else []


def _depends_on_more(body: Scope) -> bool:
    """Whether a turn uses anything differentiated beside what the turn before hands on."""
    return any(value.outer is not None and value.active and value.floats for value in body.inputs)


def _ends_small(loop: Step) -> bool:
    """Whether a `while` goes on for as long as a size is larger than a bound."""
    body, condition = loop.bodies
    return _waits(condition.outputs[0], condition, body, positive=True)


def _waits(value: Value, condition: Scope, body: Scope, *, positive: bool) -> bool:
    """Whether a truth is that a size is large (or, where it is negated, small)."""
    step = value.maker
    if step is None:
        return False
    if step.name in ("and", "or", "reduce_and", "reduce_or", "convert_element_type", "select_n"):
        return any(_waits(v, condition, body, positive=positive) for v in step.inputs)
    if step.name == "not":
        return _waits(step.inputs[0], condition, body, positive=not positive)
    if step.name not in (*_LARGER, *_SMALLER) or not step.inputs[0].floats:
        return False
    large, small = step.inputs if step.name in _LARGER else reversed(step.inputs)
    if not positive:
        large, small = small, large
    changing = {id(v) for v in condition.inputs if v.outer is None}
    return not _reaches(small, changing) and _is_size(large, condition, body)


def _reaches(value: Value, places: set[int], deep: int = 4 * _DEEP) -> bool:
    """Whether a value is made of one of some others."""
    if id(value) in places:
        return True
    if value.maker is None or not deep:
        return False
    return any(_reaches(operand, places, deep - 1) for operand in value.maker.inputs)


def _is_size(value: Value, condition: Scope, body: Scope, deep: int = _DEEP) -> bool:
    """Whether a number is the size of something: in the condition, or in the turn before."""
    step = value.maker
    if step is None:
        carry = next((i for i, v in enumerate(condition.inputs) if v is value), None)
        if carry is None or value.outer is not None:
            return False
        held = len(condition.inputs) - len(body.outputs)
        return _is_size(body.outputs[carry - held], body, body, deep - 1) if deep else False
    if step.name in _SIZES or (step.name == "integer_pow" and step.eqn.params["y"] == 2):
        return True
    if step.name in _PASSED and deep:
        return any(_is_size(operand, condition, body, deep - 1) for operand in step.inputs)
    return False


def _is_krylov(body: Scope) -> bool:
    """Whether a body takes a step as long as a quotient of two inner products of what it hands on.

    That is what conjugate gradients and their kind do, whose result is linear in the right side.
    """
    quotients = [
        step
        for step in body.steps
        if step.name == "div" and step.outputs[0].shape == () and step.outputs[0].floats
    ]
    return any(all(map(_is_inner_product, step.inputs)) for step in quotients)


def _is_inner_product(value: Value) -> bool:
    step, deep = value.maker, _DEEP
    if step is None:
        return _is_handed_on_product(value)
    while step is not None and step.name in (*_PASSED, "add", "reduce_sum") and deep:
        if step.name == "reduce_sum":
            product = step.inputs[0].maker
            return product is not None and product.name in ("mul", "square", "integer_pow")
        step, deep = step.inputs[0].maker, deep - 1
    return step is not None and step.name == "dot_general" and step.outputs[0].shape == ()


def _is_handed_on_product(value: Value) -> bool:
    """Whether a number that the turn before hands on is an inner product there."""
    scope = next((r.scope for r in value.readers), None)
    if scope is None or value.outer is not None:
        return False
    place = next((i for i, v in enumerate(scope.inputs) if v is value), None)
    if place is None:
        return False
    held = sum(v.outer is not None for v in scope.inputs)
    after = scope.outputs[place - held] if 0 <= place - held < len(scope.outputs) else None
    return after is not None and after.maker is not None and _is_inner_product(after)


def _advice(loop: Step, linear: bool) -> Advice:
    endless = loop.name == "while"
    turns = loop.bodies[0].turns
    *_, program = loop.scope.above()
    inputs = sum(v.bytes // v.dtype.itemsize for v in program.inputs if v.active and v.floats)
    what = "a loop that ends when a size is small" if endless else f"a loop of {turns:,} turns"
    cost = "has no reverse mode" if endless else "keeps what every turn has made for reverse mode"
    if linear:
        cure, code = "differentiate the solution by jax.lax.custom_linear_solve", _LINEAR
    else:
        cure, code = "differentiate the solution by jax.lax.custom_root", _ROOT
    factor = float(turns or max(inputs, 1))
    return Advice(
        pattern="implicit solve",
        what=f"{what} solves {'a linear system' if linear else 'an equation'}, and {cost}",
        line=loop.line,
        cure=cure,
        code=code,
        saves="a walk through the turns: one more solve gives the gradient"
        + (f", in place of a tangent for each of {inputs:,} inputs" if endless else ""),
        factor=factor,
    )


_LINEAR = """\
def solve(matvec, b):        # your loop as it is; matvec(v) is A v
    ...
# A is symmetric; else give transpose_solve= in place of symmetric=
x = jax.lax.custom_linear_solve(matvec, b, solve, symmetric=True)"""
_ROOT = """\
def residual(y):             # zero where the loop ends
    return step(y) - y       # step(y) is one turn of it
def tangent_solve(g, b):     # g is linear; for numbers each by itself
    return jnp.linalg.solve(jax.jacobian(g)(b), b)    # b / g(ones)
def solve(_, y0):            # your loop as it is
    return loop(y0)
y = jax.lax.custom_root(residual, y0, solve, tangent_solve)"""
