"""What reverse mode keeps from the way forward for the way back, by source line."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, JaxprEqn

from .._equality import equal_by_fields
from .arguments import Argnums
from .inputs import Inputs, Leaves, first_that_traces, sort_inputs
from .jaxpr import Atom, Program, dtype, kind, opened, shape
from .walk import endless_loops, interpret

#: A branch that keeps nothing fills the place of what another branch keeps by one of these.
_FILLERS = ("broadcast_in_dim", "empty2")


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Residual:
    """One array that reverse mode keeps.

    Attributes:
        bytes: Its size.
        shape: Its shape, the steps of a loop included.
        dtype: Its dtype.
        what: The operation that made it, such as `"tanh"`.
        source: The user's line, `file.py:12 (function)`; `""` for an input or a constant.
        storage: `"new"` for memory that only the derivative asks for; `"input"`, `"constant"` and
            `"output"` for arrays that are there anyway.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import residuals
        >>> residuals(jnp.sin, jnp.ones(3))[0].what
        'cos'
    """

    bytes: int
    shape: tuple[int, ...]
    dtype: str
    what: str
    source: str
    storage: str


class _Made(NamedTuple):
    """Where a value comes from: an operation and its line, or what is there without one."""

    what: str
    line: str
    storage: str


_CONSTANT = _Made("constant", "", "constant")
_INSIDE = _Made("", "", "")  # an input of a loop's or a branch's body


def residuals(
    fn: Callable[..., object], *inputs: object, argnums: Argnums = None
) -> tuple[Residual, ...]:
    """Return the leaves of `jax.vjp(fn, *inputs)[1]`, largest first, each with its line.

    The bytes add up to those of the leaves; those that are `"new"` are what reverse mode asks for
    beside the function's own arrays. A compiler may keep less, where it computes a value again
    rather than store it. An array that a loop stacks gets the line in the loop's body.

    Args:
        fn: A JAX function.
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place. A Python number that the
            function needs the value of while it is traced is held, and all that is no number.
        argnums: The arguments that are differentiated; `None` for all.

    Raises:
        ValueError: If `argnums` is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import residuals
        >>> def layer(w, x):
        ...     return jnp.sin(x @ w)
        >>> leaves = residuals(layer, jnp.ones((4, 5)), jnp.ones((3, 4)))
        >>> [(r.bytes, r.what, r.storage) for r in leaves]
        [(80, 'argument 0', 'input'), (60, 'cos', 'new'), (48, 'argument 1', 'input')]
        >>> by_line(leaves)
        {'<doctest benchmarks.program.residuals.residuals[2]>:2 (layer)': 60}
    """

    def traced(way: Inputs) -> tuple[ClosedJaxpr, int]:
        arrays = way.arrays_only(fn)

        def value_and_residuals(x: Leaves, fixed: Leaves) -> object:
            return jax.vjp(lambda x: arrays(x, fixed), x)

        shaped = jax.make_jaxpr(value_and_residuals, return_shape=True)
        program, (output, _) = shaped(way.x, way.fixed)
        return program, len(output)

    way, (program, outputs) = first_that_traces(traced, sort_inputs(inputs, argnums), _endless)
    outvars, owners = program.jaxpr.outvars, way.owners_in_order
    made = _makers(program, [_Made(f"argument {n}", "", "input") for n in owners])
    results = set(map(id, outvars[:outputs]))
    leaves = [
        _residual(atom, origin, is_output=id(atom) in results)
        for atom, origin in zip(outvars[outputs:], made[outputs:], strict=True)
    ]
    return tuple(sorted(leaves, key=lambda residual: -residual.bytes))


def _endless(traced: tuple[ClosedJaxpr, int]) -> int:
    return endless_loops(traced[0])


def _residual(atom: Atom, made: _Made, *, is_output: bool) -> Residual:
    return Residual(
        bytes=math.prod(shape(atom)) * dtype(atom).itemsize,
        shape=shape(atom),
        dtype=dtype(atom).name,
        what=made.what,
        source=made.line,
        storage="output" if made.storage == "new" and is_output else made.storage,
    )


def by_line(leaves: Iterable[Residual]) -> dict[str, int]:
    """Add up the bytes of new memory by source line, largest first.

    Example:
        >>> import jax.numpy as jnp
        >>> list(by_line(residuals(jnp.sin, jnp.ones(3))).values())
        [12]
    """
    lines: dict[str, int] = {}
    for residual in leaves:
        if residual.storage == "new":
            lines[residual.source] = lines.get(residual.source, 0) + residual.bytes
    return dict(sorted(lines.items(), key=lambda item: -item[1]))


def _makers(program: Program, inputs: list[_Made], caller: str = "") -> list[_Made]:
    """Return where each result of a program comes from, looking into calls, loops and branches."""

    def visit(eqn: JaxprEqn, operands: list[_Made], line: str) -> list[_Made]:
        here = _Made(kind(eqn), line, "new")
        inner = list(eqn.params.get("branches", ()))
        inner += [eqn.params["jaxpr"]] if kind(eqn) == "scan" else []
        columns = [_makers(body, [_INSIDE] * len(opened(body).invars), line) for body in inner]
        return [_settled([c[i] for c in columns], here) for i in range(len(eqn.outvars))]

    return interpret(program, inputs, visit, lift=lambda _: _CONSTANT, caller=caller)


def _settled(candidates: list[_Made], here: _Made) -> _Made:
    """Return the first real operation inside a loop or the branches, else the equation itself."""
    made = [one for one in candidates if one.storage == "new"]
    return next(iter([one for one in made if one.what not in _FILLERS] + made), here)
