"""An inverse that is only multiplied by: a solve takes fewer operations, and fewer digits."""

from collections.abc import Iterator

from ..advice import Advice
from .scope import Call, Scope, Step, Value, all_readers
from .words import shaped, times

#: Data movements between an inverse and the product that takes it.
_MOVES = ("transpose", "convert_element_type", "copy", "squeeze", "broadcast_in_dim", "reshape")
#: Smaller matrices are inverted in no time.
_SMALL = 8


def find_inverses(program: Scope) -> Iterator[Advice]:
    """Find calls of `inv` whose result is used in matrix products alone.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> weighted = jax.make_jaxpr(lambda a, b: jnp.linalg.inv(a) @ b)
        >>> program = read_scopes(weighted(jnp.eye(9), jnp.ones(9)), [True, True])
        >>> [advice.cure for advice in find_inverses(program)]
        ['solve with the matrix instead of inverting it']
    """
    for scope in program.every():
        for call in scope.calls:
            if call.name == "inv" and call.inputs and call.outputs[0].shape[-1] >= _SMALL:
                products = _products(call.outputs[0])
                if products:
                    yield _advice(call, products)


def _products(inverse: Value) -> list[tuple[Step, Value]] | None:
    """Return the products with an inverse, and the inverse in them; `None` if it is used else."""
    readers = all_readers(inverse)
    if inverse.returned or not readers:
        return None
    found: list[tuple[Step, Value]] = []
    for step in readers:
        if step.name == "dot_general":
            factor = next(v for v in step.inputs if v is inverse or v.outer is not None)
            found.append((step, factor))
        elif step.name in _MOVES:
            further = _products(step.outputs[0])
            if further is None:
                return None
            found += further
        else:
            return None
    return found


def _advice(call: Call, products: list[tuple[Step, Value]]) -> Advice:
    inverse, n = call.outputs[0], call.outputs[0].shape[-1]
    columns = sum(_columns(step, inverse) for step, _ in products)
    # LU takes 2/3 n^3 operations, a column 2 n^2 of solving, and 2 n^2 of the product.
    with_inverse = 2 / 3 * n**3 + 2 * n**3 + 2 * n**2 * columns
    factor = with_inverse / (2 / 3 * n**3 + 2 * n**2 * columns)
    several = len(products) > 1
    return Advice(
        pattern="inverse",
        what=f"`inv` of {shaped(call.inputs[0])} is only multiplied by",
        line=call.line,
        cure="factor the matrix once, and solve with it"
        if several
        else "solve with the matrix instead of inverting it",
        code=_CODE_OF_SEVERAL if several else _CODE,
        saves=f"up to {times(factor)} the operations, and digits",
        factor=factor,
    )


_CODE = "x = jnp.linalg.solve(A, b)   # in place of jnp.linalg.inv(A) @ b"
_CODE_OF_SEVERAL = """\
lu = jax.scipy.linalg.lu_factor(A)
x = jax.scipy.linalg.lu_solve(lu, b)   # in place of inv(A) @ b
y = jax.scipy.linalg.lu_solve(lu, c)"""


def _columns(step: Step, inverse: Value) -> int:
    """Return how many vectors an inverse is multiplied with in a product."""
    entries = 1
    for size in step.outputs[0].shape:
        entries *= size
    batch = 1
    for size in inverse.shape[:-2]:
        batch *= size
    return max(entries // (inverse.shape[-1] * batch), 1)
