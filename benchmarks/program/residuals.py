"""What reverse mode keeps from the way forward for the way back, by source line."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, JaxprEqn

from .._equality import equal_by_fields
from .arguments import Argnums
from .inputs import Inputs, Leaves, first_that_traces, sort_inputs
from .jaxpr import Atom, Program, dtype, kind, opened, shape
from .labels import label_of
from .walk import by_content, endless_loops, inside, interpret, no_call

#: A branch that keeps nothing fills the place of what another branch keeps by one of these.
_FILLERS = ("broadcast_in_dim", "empty2")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Residual:
    """One array that reverse mode keeps.

    Attributes:
        bytes: Its size.
        shape: Its shape, the steps of a loop included.
        dtype: Its dtype.
        what: The operation that made it, such as `"tanh"`; or the input that it is, such as
            `"argument 0['w']"`.
        source: The user's line, `file.py:12 (function)`; `""` for an input or a constant.
        storage: `"new"` for memory that only the derivative asks for; `"input"`, `"constant"` and
            `"output"` for arrays that are there anyway.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import residuals
        >>> residuals(jnp.sin, jnp.ones(3))[0]
        Residual(12 B: float32[3] of cos, new)
    """

    bytes: int
    shape: tuple[int, ...]
    dtype: str
    what: str
    source: str
    storage: str

    def __repr__(self) -> str:
        of = f"{self.dtype}[{','.join(map(str, self.shape))}] of {self.what}"
        place = f" at {self.source}" if self.source else ""
        return f"Residual({self.bytes:,} B: {of}{place}, {self.storage})"


class Made(NamedTuple):
    """Where a value comes from.

    Attributes:
        what: The operation that made it, or what is there without one.
        line: The user's line of that operation.
        storage: As a residual's.
        label: The number of the equation that made it, where the program is labelled.
        source: The place of the input that it is, or the constant itself.
    """

    what: str
    line: str
    storage: str
    label: int | None = None
    source: Any = None


class Differentiated(NamedTuple):
    """The program of `jax.vjp`.

    Attributes:
        program: Returns the outputs and then the residuals.
        outputs: How many outputs there are.
    """

    program: ClosedJaxpr
    outputs: int


_INSIDE = Made("", "", "")  # an input of a loop's or a branch's body


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

    def traced(way: Inputs) -> Differentiated:
        return with_residuals(way.arrays_only(fn), way.x, way.fixed)

    way, program = first_that_traces(traced, sort_inputs(inputs, argnums), _endless)
    leaves = [residual for residual, _ in leaves_of(program, way.names_in_order)]
    return tuple(sorted(leaves, key=lambda residual: -residual.bytes))


def with_residuals(
    arrays: Callable[[Leaves, Leaves], Sequence[jax.Array]], x: Leaves, fixed: Leaves
) -> Differentiated:
    """Trace `jax.vjp` of a function of `x`."""

    def value_and_residuals(x: Leaves, fixed: Leaves) -> object:
        return jax.vjp(lambda x: arrays(x, fixed), x)

    shaped = jax.make_jaxpr(value_and_residuals, return_shape=True)
    program, (outputs, _) = shaped(x, fixed)
    return Differentiated(program, len(outputs))


def leaves_of(program: Differentiated, names: Sequence[str]) -> list[tuple[Residual, Made]]:
    """Return each residual, in the order of the leaves, and where it comes from.

    Args:
        program: The program.
        names: What each of `x` and then each of `fixed` is called.
    """
    inputs = [Made(name, "", "input", source=i) for i, name in enumerate(names)]
    n, outvars = program.outputs, program.program.jaxpr.outvars
    made, results = _makers(program.program, inputs), set(map(id, outvars[:n]))
    return [
        (_residual(atom, origin, is_output=id(atom) in results), origin)
        for atom, origin in zip(outvars[n:], made[n:], strict=True)
    ]


def _endless(traced: Differentiated) -> int:
    return endless_loops(traced.program)


def _residual(atom: Atom, made: Made, *, is_output: bool) -> Residual:
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


def _makers(
    program: Program, inputs: list[Made], caller: str = "", outside: int | None = None
) -> list[Made]:
    """Return where each result of a program comes from, looking into calls, loops and branches.

    Args:
        program: A jaxpr, open or closed.
        inputs: Where its inputs come from.
        caller: The line of the equation that holds the program.
        outside: The label of that equation, for those inside that have none of their own.
    """

    def visit(eqn: JaxprEqn, operands: list[Made], line: str) -> list[Made]:
        own = label_of(eqn)
        label = outside if own is None else own
        call = inside(eqn, operands)
        if call is not None:
            return _makers(*call, line, label)
        here = Made(kind(eqn), line, "new", label)
        inner = list(eqn.params.get("branches", ()))
        inner += [eqn.params["jaxpr"]] if kind(eqn) == "scan" else []
        columns = [
            _makers(body, [_INSIDE] * len(opened(body).invars), line, label) for body in inner
        ]
        return [_settled([c[i] for c in columns], here) for i in range(len(eqn.outvars))]

    lift = by_content(partial(Made, "constant", "", "constant", outside))
    return interpret(program, inputs, visit, lift=lift, caller=caller, entered=no_call)


def _settled(candidates: list[Made], here: Made) -> Made:
    """Return the first real operation inside a loop or the branches, else the equation itself."""
    made = [one for one in candidates if one.storage == "new"]
    return next(iter([one for one in made if one.what not in _FILLERS] + made), here)
