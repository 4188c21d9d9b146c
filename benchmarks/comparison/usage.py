"""What to type for a derivative: one expression, in plain JAX wherever JAX has the method."""

from dataclasses import replace

from ..derivatives.by_method import OPTIONS, Way, structured_passes
from ..derivatives.problem import Problem
from ..derivatives.table import METHODS
from ..program.messages import guarded
from .callee import Usage, usage_of
from .product_lines import ALONG
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
    if usage.plain and not usage.has_aux and name in ALONG:
        expression = ALONG[name](usage)
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


def _shown(label: object) -> str:
    return f"{label:.3g}" if isinstance(label, float) else repr(label)
