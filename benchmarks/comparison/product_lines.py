"""What to type for a product with a vector, in plain JAX."""

from collections.abc import Callable

from .callee import Usage


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
ALONG: dict[str, Callable[[Usage], str]] = {
    "jvp": _jvp,
    "linearize": _linearize,
    "vjp": _vjp,
    "hvp_forward_over_reverse": _forward_over_reverse,
    "hvp_reverse_over_forward": _reverse_over_forward,
    "hvp_reverse_over_reverse": _reverse_over_reverse,
}
