"""A loop that ends when its steps are small enough: its result has a derivative of its own.

Where a loop solves F(y, x) = 0, dy/dx = -(dF/dy)^-1 dF/dx: one linear system at the solution, and
nothing of the turns that led to it (Griewank and Walther, 2008, chapter 15).
"""

from collections.abc import Iterator

from ..advice import Advice
from ..jaxpr import names, scan_parts
from .conjugate import takes_conjugate_steps
from .scope import Scope, Step, Value

_LARGER, _SMALLER = names("gt ge"), names("lt le")
#: What a size is made of: each of them forgets the sign of what it is given.
_SIZES = names("abs reduce_max reduce_sum dot_general square")
#: What a size passes on its way to a comparison, and the truth of that to the end of a loop.
_PASSED = names(
    "convert_element_type broadcast_in_dim reshape squeeze mul div copy max select_n sqrt add "
    "stop_gradient"
)
_LOGIC = names("and or reduce_and reduce_or convert_element_type select_n squeeze")
#: What makes a longer or a shorter step of a step.
_SCALING = names("mul div select_n min max clamp convert_element_type")
#: How far a number is followed back.
_DEEP = 8
#: Fewer turns of known number may be kept; and fewer hardly settle.
_FEW_TURNS, _MANY_TURNS = 16, 32


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
            endless = step.name == "while" and _ends_small(step)
            long = step.name == "scan" and (step.bodies[0].turns or 0) >= _FEW_TURNS
            linear = (endless or long) and takes_conjugate_steps(step.bodies[0])
            if linear or (endless and _depends_on_more(step.bodies[0])):
                yield _advice(step, linear)


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
    if step.name in _LOGIC:
        return any(_waits(v, condition, body, positive=positive) for v in step.inputs)
    if step.name == "not":
        return _waits(step.inputs[0], condition, body, positive=not positive)
    if step.name not in (*_LARGER, *_SMALLER) or not step.inputs[0].floats:
        return False
    large, small = step.inputs if step.name in _LARGER else reversed(step.inputs)
    if not positive:
        large, small = small, large
    return not _changes(small, condition) and _is_size(large, condition, body)


def _changes(value: Value, scope: Scope) -> bool:
    """Whether a value of a scope is made of anything that a turn hands on."""
    return _reaches(value, {id(v) for v in scope.inputs if v.outer is None})


def _reaches(value: Value, places: set[int]) -> bool:
    """Whether a value is made of one of some others."""
    left, seen = [value], {id(value)}
    while left:
        one = left.pop()
        if id(one) in places:
            return True
        operands = one.maker.inputs if one.maker is not None else []
        left += [operand for operand in operands if id(operand) not in seen]
        seen |= set(map(id, operands))
    return False


def _is_size(value: Value, scope: Scope, body: Scope, deep: int = _DEEP) -> bool:
    """Whether a number is the size of something: in this scope, or in the turn before.

    How far a number is from one that stays the same is none: a loop marches there.
    """
    step = value.maker
    if not deep or not _changes(value, scope):
        return False
    if step is None:
        return _is_size(_handed_on(value, scope, body), body, body, deep - 1)
    if step.name in _SIZES or (step.name == "integer_pow" and step.eqn.params["y"] == 2):
        return not _is_way_to_go(step.inputs[0], scope, body)
    if step.name not in _PASSED:
        return False
    operands = step.inputs[1:] if step.name == "select_n" else step.inputs
    changing = [operand for operand in operands if _changes(operand, scope)]
    return bool(changing) and all(_is_size(v, scope, body, deep - 1) for v in changing)


def _handed_on(value: Value, scope: Scope, body: Scope) -> Value:
    """Return what a turn makes of a value that the turn before has handed on."""
    held = len(scope.inputs) - len(body.outputs)
    return body.outputs[next(i for i, v in enumerate(scope.inputs) if v is value) - held]


def _is_way_to_go(value: Value, scope: Scope, body: Scope) -> bool:
    """Whether a number is how far a loop has to go, or the length of its next step."""
    step = value.maker
    if step is not None and step.name == "sub":
        handed_on = [v.maker is None and _changes(v, scope) for v in step.inputs]
        return any(handed_on) and not all(_changes(v, scope) for v in step.inputs)
    return step is None and _is_scaled(_handed_on(value, scope, body), body)


def _is_scaled(value: Value, body: Scope, deep: int = _DEEP) -> bool:
    """Whether a value is something handed on, times a factor or as it was."""
    step = value.maker
    if step is None or not deep:
        return step is None
    scaling = step.name in _SCALING
    return scaling and any(_is_scaled(v, body, deep - 1) for v in step.inputs if v.floats)


def equal_turns(program: Scope) -> list[Step]:
    """Return the long scans of which every turn does the same to what the last one has made.

    They may settle, or march on: that their program does not tell. Those that are known to solve
    something are left out.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def loop(a):
        ...     return jax.lax.fori_loop(0, 50, lambda i, y: jnp.cos(a * y), 1.0)
        >>> [step.name for step in equal_turns(read_scopes(jax.make_jaxpr(loop)(0.5), [True]))]
        ['scan']
    """
    loops = [step for step in program.steps if step.name == "scan" and _turns_alike(step)]
    return [step for step in loops if not takes_conjugate_steps(step.bodies[0])]


def _turns_alike(loop: Step) -> bool:
    body, (_, carries, slices, stacked) = loop.bodies[0], scan_parts(loop.eqn)
    floats = [value for value in body.outputs[:carries] if value.floats]
    counts = {id(v) for v in body.inputs if v.outer is None and not v.floats}
    alike = not any(_reaches(value, counts) for value in floats)
    long = (body.turns or 0) >= _MANY_TURNS and not slices and not stacked
    return long and alike and bool(floats) and _depends_on_more(body)


def advice_on_settled(loop: Step) -> Advice:
    """Return the advice on a scan that was seen to have settled by its last turn."""
    turns = loop.bodies[0].turns or 0
    return Advice(
        pattern="implicit solve",
        what=f"a loop of {turns:,} turns has settled by the last of them, and keeps what every "
        "turn has made for reverse mode",
        line=loop.line,
        cure="differentiate what it settles at by jax.lax.custom_root",
        code=_ROOT,
        saves="a walk through the turns: one more solve gives the gradient",
        factor=float(turns),
    )


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
def tangent_solve(g, b):     # g is linear; each number by itself:
    return jnp.linalg.solve(jax.jacobian(g)(b), b)    # b / g(ones)
def solve(_, y0):            # your loop as it is
    return loop(y0)
y = jax.lax.custom_root(residual, y0, solve, tangent_solve)"""
