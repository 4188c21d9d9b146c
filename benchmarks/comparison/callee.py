"""What the expressions for the derivatives of a function are made of: its name, its arguments."""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..derivatives.forms import Form
from ..derivatives.problem import Problem
from ..program.arguments import Argnums

#: What a caller's function is called where it has no name of its own.
_NAMELESS = "fn"


class Usage(NamedTuple):
    """What an expression for a derivative is made of.

    Attributes:
        name: What the function is called.
        parameters: What its arguments are called.
        moving: The places of those that are differentiated.
        options: What is said to JAX's transformations beside the function: `", argnums=0"`.
        one: Whether the derivative is by one argument, without a tuple around it.
        has_aux: Whether the function returns a pair.
        scalar: Whether it returns one scalar, in no container.
        plain: Whether JAX's transformations take its arguments and outputs as they are.
        jit: How it is jitted: `"jax.jit({}, static_argnums=1)"`.
        whole: Whether some of its arrays hold no floats, which a symbolic derivative is made for.
    """

    name: str
    parameters: tuple[str, ...]
    moving: tuple[int, ...]
    options: str
    one: bool
    has_aux: bool
    scalar: bool
    plain: bool
    jit: str
    whole: bool


def usage_of(
    fn: Callable[..., object], problem: Problem, argnums: Argnums, *, has_aux: bool
) -> Usage:
    """Return what the expressions for the derivatives of a function are made of."""
    form, given = Form(problem, argnums), problem.given
    moving, count = tuple(form.differentiated()), len(given.treedef.children())
    argument = moving[0] if form.one() else moving
    options = "" if count == 1 and form.one() else f", argnums={argument}"
    ours = {place for place, owner in enumerate(given.owners) if owner in moving}
    outputs = problem.outputs
    whole = len(outputs.kept) == outputs.structure.num_leaves and not any(outputs.complex)
    name = _name(fn)
    return Usage(
        name=name,
        parameters=_parameters(fn, count, name),
        moving=moving,
        options=options,
        one=form.one(),
        has_aux=has_aux,
        scalar=problem.scalar and jax.tree_util.treedef_is_leaf(outputs.structure),
        plain=ours == set(given.wanted) and whole,
        jit=_jit(problem),
        whole=not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in problem.fixed),
    )


def named_by(name: str, usage: Usage) -> Usage:
    """Return what expressions are made of, a function without a name of its own by another one."""
    fits = name.isidentifier() and name not in (*usage.parameters, "jax", "gradwise")
    return usage._replace(name=name) if usage.name == _NAMELESS and fits else usage


def _name(fn: Callable[..., object]) -> str:
    """Return the name that a function has where it is defined."""
    name = getattr(fn, "__name__", "")
    from_jax = str(getattr(fn, "__module__", "")).split(".")[0] in ("jax", "jaxlib", "numpy")
    owner = getattr(fn, "__self__", None)
    bound = owner is not None and not inspect.ismodule(owner)
    if from_jax and getattr(jnp, name, None) is fn:
        return f"jax.numpy.{name}"
    return name if name.isidentifier() and not (from_jax or bound) else _NAMELESS


def _parameters(fn: Callable[..., object], count: int, name: str) -> tuple[str, ...]:
    """Return names for the arguments: the function's own, where it has one for each."""
    try:
        known = inspect.signature(fn).parameters.values()
    except (ValueError, TypeError):
        known = ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in known if each.kind in kinds][:count]
    if len(names) == count and not {name, "jax", "gradwise"} & set(names):
        return tuple(names)
    return ("x",) if count == 1 else tuple(f"x{place}" for place in range(count))


def _jit(problem: Problem) -> str:
    """Return how a function of the arguments is jitted: what is no array must be static."""
    given = problem.given
    static = [place for place in range(len(given.given)) if place not in given.arrays]
    arguments = jax.tree.unflatten(given.treedef, given.given)
    owners = sorted({given.owners[place] for place in static})
    for argument in owners:
        if jax.tree.structure(arguments[argument]).num_nodes != 1:
            return "{}"
        try:
            hash(arguments[argument])
        except TypeError:
            return "{}"
    if not owners:
        return "jax.jit({})"
    return f"jax.jit({{}}, static_argnums={owners[0] if len(owners) == 1 else tuple(owners)})"
