"""Give every equation of a program a number that is still there once JAX has differentiated it.

JAX keeps the stack of named scopes of an equation while it makes others out of it: what
`jax.vjp` asks for on behalf of an equation carries the scopes of that equation. So a scope whose
name is a number tells which equation a residual was kept for.
"""

import re
from itertools import count

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from .jaxpr import Program, opened

_SCOPE = "gradwise-equation-"
#: The scope of what `jax.checkpoint` computes anew.
_REMADE = "rematted_computation"
_LABEL = re.compile(_SCOPE + r"(\d+)")


def labelled(program: Program) -> Program:
    """Return the same program with a number on every equation, those of inner programs included.

    An equation inside of a call, a loop or a branch carries the numbers of all that hold it, its
    own last.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> program = labelled(jax.make_jaxpr(lambda x: jnp.sin(x) * 2)(1.0))
        >>> [label_of(eqn) for eqn in program.jaxpr.eqns]
        [0, 1]
    """
    return _numbered(program, count())


def label_of(eqn: JaxprEqn) -> int | None:
    """Return the number of an equation, or of the one that it was made for; `None` without one."""
    found = _LABEL.findall(str(eqn.source_info.name_stack))
    return int(found[-1]) if found else None


def scope_of(label: int) -> str:
    """Return the named scope that gives a number to the equations that are made in it."""
    return f"{_SCOPE}{label}"


def scopes_of(eqn: JaxprEqn) -> tuple[str, ...]:
    """Return the named scopes that an equation is in, without the numbers, outermost first.

    What `jax.jvp`, `jax.vmap` and their like note beside them is left out.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> scoped = jax.named_scope("layer")(jnp.sin)
        >>> [scopes_of(eqn) for eqn in jax.make_jaxpr(jax.vmap(scoped))(jnp.ones(2)).jaxpr.eqns]
        [('layer',)]
    """
    parts = (part for part in eqn.source_info.name_stack.stack if type(part).__name__ == "Scope")
    return tuple(
        part.name for part in parts if not _LABEL.fullmatch(part.name) and part.name != _REMADE
    )


def _numbered(program: Program, numbers: "count[int]") -> Program:
    jaxpr = opened(program)
    numbered = jaxpr.replace(eqns=[_with_number(eqn, numbers) for eqn in jaxpr.eqns])
    # In newer versions of JAX an open jaxpr is a closed one without constants.
    closed = isinstance(program, ClosedJaxpr)
    return ClosedJaxpr(opened(numbered), program.consts) if closed else numbered


def _with_number(eqn: JaxprEqn, numbers: "count[int]") -> JaxprEqn:
    own = next(numbers)
    params = {name: _inner(value, numbers) for name, value in eqn.params.items()}
    source = eqn.source_info
    stack = source.name_stack.extend(scope_of(own))
    return eqn.replace(params=params, source_info=source.replace(name_stack=stack))


def _inner(value: object, numbers: "count[int]") -> object:
    """Number the equations of a parameter that is a program, or a tuple that holds some."""
    if isinstance(value, Jaxpr | ClosedJaxpr):
        return _numbered(value, numbers)
    if isinstance(value, tuple) and any(isinstance(v, Jaxpr | ClosedJaxpr) for v in value):
        parts = [_inner(part, numbers) for part in value]
        # The programs of a linear solve are looked up by name.
        make = getattr(value, "_make", tuple)
        return make(parts)
    return value
