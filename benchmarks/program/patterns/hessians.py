"""A whole Jacobian or Hessian of which only products, the diagonal or the trace are used."""

from collections.abc import Iterator
from typing import NamedTuple

from ..advice import Advice
from .scope import Scope, Step, Value
from .words import shaped, times

#: What moves the entries of a matrix and leaves them as they are.
_MOVES = (
    "broadcast_in_dim",
    "convert_element_type",
    "copy",
    "reshape",
    "split",
    "squeeze",
    "transpose",
)
#: A smaller matrix costs nothing.
_SMALL = 8
#: So many steps are followed back from a matrix to the directions that it was made of.
_MOST_STEPS = 4000


class _Use(NamedTuple):
    """What is done with a matrix: the step, and the matrix as the step takes it."""

    step: Step
    matrix: Value


def find_hessians(program: Scope) -> Iterator[Advice]:
    """Find matrices of derivatives that are not needed whole.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def newton(x, v):
        ...     return jax.hessian(lambda x: jnp.sum(jnp.sin(x) ** 3))(x) @ v
        >>> traced = jax.make_jaxpr(newton)(jnp.ones(9), jnp.ones(9))
        >>> [advice.cure for advice in find_hessians(read_scopes(traced, [True, True]))]
        ['take products with the Hessian']
    """
    told: dict[int, Advice] = {}  # by the step that uses a matrix: it may be moved on the way
    for scope in program.every():
        for step in scope.steps:
            if _differentiates(step) and not step.bodies:
                for value in step.outputs:
                    told |= _told(step, value)
    yield from told.values()


def _differentiates(step: Step) -> bool:
    return "vmap(" in step.under and "jvp(" in step.under


def _told(step: Step, value: Value) -> dict[int, Advice]:
    """Return what is to be said of a value of a step, by the step that uses it."""
    if not value.floats or len(value.shape) < 2 or value.returned:
        return {}
    uses = _uses(value)
    outside = uses and all(not _differentiates(use.step) for use in uses)
    order = _order(step) if outside else 0
    if not order:
        return {}
    sizes = {min(use.matrix.shape[-2:]) for use in uses if len(use.matrix.shape) >= 2}
    if len(sizes) != 1 or min(sizes) < _SMALL:
        return {}
    if all(_is_product(use) for use in uses):
        return {id(uses[0].step): _of_products(step, uses, second=order > 1)}
    if order > 1 and all(_is_of_diagonal(use) for use in uses):
        return {id(uses[0].step): _of_diagonal(uses)}
    return {}


def _uses(value: Value) -> list[_Use]:
    """Return what is done with a value and with what it is moved to; nothing if it is returned."""
    if value.returned and value.outer is None:
        return []
    found = [use for inner in value.inner for use in _uses(inner)]
    for reader in value.readers:
        if reader.name not in _MOVES or _is_of_diagonal(_Use(reader, value)):
            found.append(_Use(reader, value))
            continue
        for result in reader.outputs:
            further = _uses(result)
            if not further:
                return []
            found += further
    return found


def _is_product(use: _Use) -> bool:
    """Whether a matrix is multiplied by fewer vectors than it has columns."""
    if use.step.name != "dot_general" or len(use.matrix.shape) != 2:
        return False
    entries = 1
    for size in use.step.outputs[0].shape:
        entries *= size
    return 2 * entries <= use.matrix.shape[0] * use.matrix.shape[1]


def _is_of_diagonal(use: _Use) -> bool:
    """Whether it is a part of `jnp.trace` or `jnp.diagonal`."""
    return bool({"trace", "diagonal", "diag"} & set(use.step.calls))


def _order(step: Step) -> int:
    """Return how often what a step makes is differentiated along all the basis vectors.

    It is 0 where the directions are not those of a basis, but the user's.
    """
    left, seen = [step], {id(step)}
    order, basis = 0, False
    while left and len(seen) < _MOST_STEPS:
        step = left.pop()
        order = max(order, step.under.count("jvp("))
        basis |= step.name == "eq" and "jvp(" not in step.under and _is_identity(step)
        makers = [value.maker for value in step.inputs if value.maker is not None]
        left += [maker for maker in makers if id(maker) not in seen]
        seen |= set(map(id, makers))
    return order if basis else 0


def _is_identity(step: Step) -> bool:
    """Whether a comparison is of two counters, as in `jnp.eye`."""
    shape = step.outputs[0].shape
    makers = [_counter(value) for value in step.inputs]
    return len(shape) == 2 and shape[0] == shape[1] and all(makers)


def _counter(value: Value) -> bool:
    step = value.maker
    while step is not None and step.name == "add":
        step = step.inputs[0].maker
    return step is not None and step.name == "iota"


def _of_products(step: Step, uses: list[_Use], *, second: bool) -> Advice:
    use = uses[0]
    n = use.matrix.shape[-1]
    what = "Hessian" if second else "Jacobian"
    factor = max(n / len(uses) / 2, 1.0)
    reverse = not second and "transpose(" in step.under
    code = _CODE_OF_HVP if second else _CODE_OF_VJP if reverse else _CODE_OF_JVP
    return Advice(
        pattern="whole matrix",
        what=f"a whole {what} {shaped(use.matrix)} is made, and only multiplied by vectors",
        line=use.step.line,
        cure=f"take products with the {what}",
        code=code,
        saves=f"{times(factor)} the passes",
        factor=factor,
    )


def _of_diagonal(uses: list[_Use]) -> Advice:
    use = uses[0]
    n = use.matrix.shape[-1]
    return Advice(
        pattern="whole matrix",
        what=f"a whole Hessian {shaped(use.matrix)} is made, and only its diagonal is used",
        line=use.step.line,
        cure="take one entry of a product for each input",
        code=_CODE_OF_DIAGONAL,
        saves=f"{n:,} times the memory of the Hessian; as many passes",
        factor=1.5,
    )


_CODE_OF_HVP = """\
# in place of jax.hessian(f)(x) @ v
Hv = jax.jvp(jax.grad(f), (x,), (v,))[1]"""
_CODE_OF_JVP = """\
# in place of jax.jacfwd(f)(x) @ v
Jv = jax.jvp(f, (x,), (v,))[1]"""
_CODE_OF_VJP = """\
# v @ jax.jacrev(f)(x); and J @ v is jax.jvp(f, (x,), (v,))[1]
(vJ,) = jax.vjp(f, x)[1](v)"""
_CODE_OF_DIAGONAL = """\
def entry(i):
    e = jax.nn.one_hot(i, x.size, dtype=x.dtype)
    return jax.jvp(jax.grad(f), (x,), (e,))[1][i]
# the trace is the sum of the diagonal
diagonal = jax.lax.map(entry, jnp.arange(x.size))"""
