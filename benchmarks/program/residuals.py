"""What reverse mode keeps from the way forward for the way back, by source line."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import Jaxpr, Literal

from .jaxpr import called, chosen_arguments, dtype, kind, opened, shape, source


class Residual(NamedTuple):
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
        >>> Residual(60, (3, 5), "float32", "cos", "net.py:3 (layer)", "new").source
        'net.py:3 (layer)'
    """

    bytes: int
    shape: tuple[int, ...]
    dtype: str
    what: str
    source: str
    storage: str


def residuals(
    fn: Callable[..., Any], *inputs: Any, argnums: int | Sequence[int] | None = None
) -> tuple[Residual, ...]:
    """The leaves of `jax.vjp(fn, *inputs)[1]`, largest first, each with the line that made it.

    The bytes add up to those of the leaves; those that are `"new"` are what reverse mode asks for
    beside the function's own arrays. A compiler may keep less, where it computes a value again
    rather than store it. An array that a loop stacks is put down to the line in its body.

    Args:
        fn: A JAX function.
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place.
        argnums: The arguments that are differentiated; `None` for all.

    Raises:
        ValueError: If `argnums` is out of range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def layer(w, x):
        ...     return jnp.sin(x @ w)
        >>> kept = residuals(layer, jnp.ones((4, 5)), jnp.ones((3, 4)))
        >>> [(r.bytes, r.what, r.storage) for r in kept]
        [(80, 'argument 0', 'input'), (60, 'cos', 'new'), (48, 'argument 1', 'input')]
        >>> by_line(kept)
        {'<doctest benchmarks.program.residuals.residuals[1]>:2 (layer)': 60}
    """
    chosen = chosen_arguments(argnums, len(inputs))

    def kept(*arguments: Any) -> Any:
        def partial(*some: Any) -> Any:
            changed = dict(zip(chosen, some, strict=True))
            return fn(*(changed.get(n, argument) for n, argument in enumerate(arguments)))

        return jax.vjp(partial, *(arguments[n] for n in chosen))

    jaxpr, (output, _) = jax.make_jaxpr(kept, return_shape=True)(*inputs)
    program, split = opened(jaxpr), len(jax.tree.leaves(output))
    argument = [n for n, value in enumerate(inputs) for _ in jax.tree.leaves(value)]
    results = [atom for atom in program.outvars[:split] if not isinstance(atom, Literal)]
    storage = dict.fromkeys(results, "output")
    storage |= dict.fromkeys(program.constvars, "constant")
    storage |= dict.fromkeys(program.invars, "input")
    named = {v: f"argument {n}" for v, n in zip(program.invars, argument, strict=True)}
    found = _listed(program, program.outvars[split:], storage, named)
    return tuple(sorted(found, key=lambda residual: -residual.bytes))


def by_line(kept: Iterable[Residual]) -> dict[str, int]:
    """Bytes of new memory by source line, largest first.

    Example:
        >>> by_line([Residual(60, (3, 5), "float32", "cos", "net.py:3 (layer)", "new")])
        {'net.py:3 (layer)': 60}
    """
    lines: dict[str, int] = {}
    for residual in kept:
        if residual.storage == "new":
            lines[residual.source] = lines.get(residual.source, 0) + residual.bytes
    return dict(sorted(lines.items(), key=lambda item: -item[1]))


def _listed(
    program: Jaxpr, atoms: Iterable[Any], storage: dict[Any, str], named: dict[Any, str]
) -> Iterator[Residual]:
    for atom in atoms:
        made = _maker(program, atom)
        if isinstance(made, _Made):
            what, line, where = made.what, made.line, storage.get(atom, "new")
        elif isinstance(made, Literal):
            what, line, where = "constant", "", "constant"
        else:
            what, line, where = named.get(made, "constant"), "", storage[made]
        size = math.prod(shape(atom)) * dtype(atom).itemsize
        yield Residual(size, shape(atom), dtype(atom).name, what, line, where)


class _Made(NamedTuple):
    """The operation that made a value, and the user's line."""

    what: str
    line: str


def _maker(program: Jaxpr, atom: Any, caller: str = "") -> Any:
    """What made a value, inside calls, branches and loops; or the input that the value is."""
    eqn = next((eqn for eqn in program.eqns if atom in eqn.outvars), None)
    if eqn is None:
        return atom
    place, call, line = eqn.outvars.index(atom), called(eqn), source(eqn, caller)
    here = _Made(kind(eqn), line)
    if call is not None:
        body = opened(call[0])
        made = _maker(body, body.outvars[place], line)
        if made in body.invars:
            return _maker(program, call[1][body.invars.index(made)], caller)
        return made if isinstance(made, _Made) else here
    bodies = [opened(body) for body in eqn.params.get("branches", ())]
    bodies += [opened(eqn.params["jaxpr"])] if kind(eqn) == "scan" else []
    inner = [_maker(body, body.outvars[place], line) for body in bodies]
    made = [one for one in inner if isinstance(one, _Made)]
    # A branch that keeps nothing fills the place of what another one keeps.
    real = [one for one in made if one.what not in ("broadcast_in_dim", "empty2")]
    return next(iter(real + made), here)
