"""What to type for a derivative: one expression, in plain JAX wherever JAX has the method."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..derivatives.by_method import OPTIONS, Way, structured_passes
from ..derivatives.forms import Form
from ..derivatives.problem import Problem
from ..derivatives.table import METHODS
from ..program.arguments import Argnums
from ..program.messages import guarded
from .record import Comparison
from .row import Row
from .source import Source

#: JAX's own transformations, the outermost first, by the method.
_PLAIN = {
    "forward": ("jacfwd",),
    "reverse": ("jacrev",),
    "value_and_grad": ("value_and_grad",),
    "gradient": ("grad",),
    "forward_over_reverse": ("hessian",),
    "reverse_over_reverse": ("jacrev", "grad"),
    "forward_over_forward": ("jacfwd", "jacfwd"),
}
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


def with_use(comparison: Comparison, source: Source, problem: Problem) -> Comparison:
    """Return a comparison that holds its source, and in each right row what to type for it."""

    def told(row: Row) -> Row:
        if row.method not in source.ways or not row.is_right:
            return row
        line, fault = guarded(
            "say what to type", lambda: use_line(source.ways[row.method], usage), ""
        )
        return replace(row, use=line, note="; ".join(filter(None, (row.note, fault))))

    usage = usage_of(source.fn, problem, source.argnums, has_aux=source.has_aux)
    return replace(comparison, rows=tuple(map(told, comparison.rows)), source=source)


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


def use_line(way: Way, usage: Usage) -> str:
    """Return the expression for the derivative by a method, such as `jax.jit(jax.grad(loss))`.

    It runs where `jax`, `gradwise` and the function are known by their names; what a structure
    allows also needs the inputs, by the names of the function's parameters, and a candidate or a
    rewrite `comparison`.
    """
    if way.method.mode == "symbolic" and usage.whole:
        return _handed(way)  # which knows the numbers that are not to be traced
    return usage.jit.format(_expression(way, usage))


def _handed(way: Way) -> str:
    return f'comparison.derivative("{way.method.name}")'


def _expression(way: Way, usage: Usage) -> str:
    name = way.method.name
    if structured_passes(way.method) is not None and not usage.has_aux:
        called = "jacobian" if way.method.kind == "jacobian" else "hessian"
        given = ", ".join((usage.name, *usage.parameters))
        return f"gradwise.{called}({given}{usage.options})"
    if way.method.from_user or way.method not in METHODS:
        return _handed(way)
    if usage.plain and name in _PLAIN:
        return _nested(name, usage)
    if usage.plain and not usage.has_aux and name in _ALONG:
        expression = _ALONG[name](usage)
        if expression:
            return expression
    option = "" if way.label is None else f", {OPTIONS[name]}={_shown(way.label)}"
    aux = ", has_aux=True" if usage.has_aux else ""
    return f'gradwise.derivative({usage.name}, "{name}"{usage.options}{aux}{option})'


def _nested(name: str, usage: Usage) -> str:
    """Write JAX's transformations around a function."""
    expression, aux = usage.name, ", has_aux=True" if usage.has_aux else ""
    for transformation in reversed(_PLAIN[name]):
        first_order = name == "reverse" and usage.scalar
        called = "grad" if first_order else transformation
        expression = f"jax.{called}({expression}{usage.options}{aux})"
    return expression


def _along(usage: Usage) -> tuple[str, str, str, str]:
    """Return the arguments, those that move, the function of these alone, and the vector."""
    names = usage.parameters
    vector = next(name for name in ("v", "vector", "v_") if name not in (*names, usage.name))
    moving = [names[place] for place in usage.moving]
    alone = list(usage.moving) == list(range(len(names)))
    called = f"{usage.name}({', '.join(names)})"
    inner = usage.name if alone else f"lambda {', '.join(moving)}: {called}"
    return ", ".join([*names, vector]), ", ".join(moving), inner, vector


def _pushed(usage: Usage, moving: str, vector: str) -> str:
    """Write the primals and the tangents of a call of `jax.jvp`."""
    primals = f"({moving})" if len(usage.moving) > 1 else f"({moving},)"
    return f"{primals}, {f'({vector},)' if usage.one else vector}"


def _jvp(usage: Usage) -> str:
    arguments, moving, inner, vector = _along(usage)
    return f"lambda {arguments}: jax.jvp({inner}, {_pushed(usage, moving, vector)})"


def _linearize(usage: Usage) -> str:
    arguments, moving, inner, vector = _along(usage)
    tangents = vector if usage.one else f"*{vector}"
    return f"lambda {arguments}: jax.linearize({inner}, {moving})[1]({tangents})"


def _vjp(usage: Usage) -> str:
    arguments, moving, inner, vector = _along(usage)
    pulled = f"jax.vjp({inner}, {moving})[1]({vector})"
    pulled = f"*{pulled}" if usage.one else pulled
    return f"lambda {arguments}: ({usage.name}({', '.join(usage.parameters)}), {pulled})"


def _gradient(usage: Usage, moving: str, inner: str) -> str:
    """Write the gradient as a function of the arguments that move."""
    gradient = f"jax.grad({usage.name}{usage.options})"
    if inner == usage.name:
        return gradient
    return f"lambda {moving}: {gradient}({', '.join(usage.parameters)})"


def _forward_over_reverse(usage: Usage) -> str:
    arguments, moving, inner, vector = _along(usage)
    gradient = _gradient(usage, moving, inner)
    return f"lambda {arguments}: jax.jvp({gradient}, {_pushed(usage, moving, vector)})[1]"


def _reverse_over_forward(usage: Usage) -> str:
    if not usage.one:
        return ""
    arguments, moving, inner, vector = _along(usage)
    slope = f"lambda {moving}: jax.jvp({inner}, ({moving},), ({vector},))[1]"
    return f"lambda {arguments}: jax.grad({slope})({moving})"


def _reverse_over_reverse(usage: Usage) -> str:
    if not usage.one:
        return ""
    arguments, moving, inner, vector = _along(usage)
    gradient = _gradient(usage, moving, inner)
    return f"lambda {arguments}: jax.vjp({gradient}, {moving})[1]({vector})[0]"


#: What to write for a product with a vector; `""` where it would be too long.
_ALONG: dict[str, Callable[[Usage], str]] = {
    "jvp": _jvp,
    "linearize": _linearize,
    "vjp": _vjp,
    "hvp_forward_over_reverse": _forward_over_reverse,
    "hvp_reverse_over_forward": _reverse_over_forward,
    "hvp_reverse_over_reverse": _reverse_over_reverse,
}


def _shown(label: object) -> str:
    return f"{label:.3g}" if isinstance(label, float) else repr(label)


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
