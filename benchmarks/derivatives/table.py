"""Every way to take a derivative that the suite knows, a line each; nothing else lists them."""

from collections.abc import Callable, Sequence

import jax

from ..program import bounds
from . import checkpointing, differences, hessians, jacobians, products
from .method import Method
from .symbolic import method as symbolic


def _one(n: int, m: int) -> int:
    return 1


def _inputs(n: int, m: int) -> int:
    return n


def _outputs(n: int, m: int) -> int:
    return m


def _bound(mode: str, directions: Callable, inner: Callable = _one) -> Callable:
    return lambda n, m: bounds.bound(mode, directions(n, m), inner(n, m))


_F, _R, _FR, _S = ("forward",), ("reverse",), ("forward", "reverse"), ("scalar",)
_HVP, _HESSIAN = hessians.product, hessians.hessian

# fmt: off
#                name, mode, kind, order, needs, exact, what it does, build, passes, bound
_FIRST = (
    Method("value", "none", "value", 1, (), True,
           "the function itself", products.value, _one),
    Method("jvp", "forward", "jvp", 1, _F, True,
           "value and derivative along one direction", products.jvp,
           _one, _bound("forward", _one)),
    Method("linearize", "forward", "tangent", 1, _F, True,
           "the linear part of jvp alone", products.linearize, _one),
    Method("vjp", "reverse", "vjp", 1, _R, True,
           "value and one weighted sum of the Jacobian's rows", products.vjp,
           _one, _bound("reverse", _one)),
    Method("value_and_grad", "reverse", "value_and_grad", 1, _R + _S, True,
           "value and gradient, as a training step takes them",
           products.value_and_grad, _one, _bound("reverse", _one)),
    Method("forward_gradient", "forward", "estimate", 1, _F + _S, False,
           "one random tangent, an unbiased estimate (Baydin et al., 2022)",
           products.forward_gradient, _one, _bound("forward", _one)),
    Method("numerical", "numerical", "jacobian", 1, (), False,
           "central differences", differences.numerical,
           lambda n, m: 2 * n, _bound("central difference", _inputs)),
    Method("numerical_forward", "numerical", "jacobian", 1, (), False,
           "one-sided differences", differences.numerical_forward,
           lambda n, m: n + 1, _bound("forward difference", _inputs)),
    Method("complex_step", "numerical", "jacobian", 1, ("complex_step",), True,
           "the imaginary part of a step off the real axis",
           differences.complex_step, _inputs),
    Method("symbolic", "symbolic", "jacobian", 1, ("symbolic",), True,
           "SymPy's derivative of the written-out expression, compiled", symbolic.symbolic, _one),
    Method("forward", "forward", "jacobian", 1, _F, True,
           "every input's tangent at once", jacobians.forward,
           _inputs, _bound("forward", _inputs)),
    Method("reverse", "reverse", "jacobian", 1, _R, True,
           "every output's cotangent at once", jacobians.reverse,
           _outputs, _bound("reverse", _outputs)),
    Method("forward_chunked", "forward", "jacobian", 1, _F, True,
           "tangents in chunks, the chunk found by search", jacobians.forward_chunked, _inputs),
    Method("reverse_chunked", "reverse", "jacobian", 1, _R, True,
           "cotangents in chunks, the chunk found by search", jacobians.reverse_chunked, _outputs),
    Method("checkpointed", "reverse", "jacobian", 1, _R, True,
           "reverse mode that recomputes instead of keeping", checkpointing.checkpointed, _outputs),
)
_SECOND = (
    Method("value", "none", "value", 2, (), True,
           "the function itself", products.value, _one),
    Method("gradient", "reverse", "gradient", 2, _R + _S, True,
           "the gradient by reverse mode", hessians.gradient,
           _one, _bound("reverse", _one)),
    Method("hvp_forward_over_reverse", "mixed", "hvp", 2, _FR + _S, True,
           "a tangent of the gradient", _HVP(hessians.forward_over_reverse),
           _one, _bound("forward over reverse", _one)),
    Method("hvp_reverse_over_forward", "mixed", "hvp", 2, _FR + _S, True,
           "the gradient of a slope", _HVP(hessians.reverse_over_forward),
           _one, _bound("reverse over forward", _one)),
    Method("hvp_reverse_over_reverse", "reverse", "hvp", 2, _R + _S, True,
           "the gradient of a product with the gradient", _HVP(hessians.reverse_over_reverse),
           _one, _bound("reverse over reverse", _one)),
    Method("hvp_forward_over_forward", "forward", "hvp", 2, _F + _S, True,
           "a slope of a slope for every input", _HVP(hessians.forward_over_forward),
           _inputs, _bound("forward over forward", _one, _inputs)),
    Method("forward_over_reverse", "mixed", "hessian", 2, _FR + _S, True,
           "n tangents of the gradient", _HESSIAN(jax.jacfwd, jax.grad),
           _inputs, _bound("forward over reverse", _inputs)),
    Method("reverse_over_reverse", "reverse", "hessian", 2, _R + _S, True,
           "n cotangents of the gradient", _HESSIAN(jax.jacrev, jax.grad),
           _inputs, _bound("reverse over reverse", _inputs)),
    Method("forward_over_forward", "forward", "hessian", 2, _F + _S, True,
           "n tangents of n tangents", _HESSIAN(jax.jacfwd, jax.jacfwd),
           lambda n, m: n * n, _bound("forward over forward", _inputs, _inputs)),
    Method("columns", "mixed", "hessian", 2, _FR + _S, True,
           "forward over reverse, a column at a time", hessians.columnwise, _inputs),
)
# fmt: on

METHODS: tuple[Method, ...] = _FIRST + _SECOND


def select(
    names: Sequence[str] | None, *, order: int = 1, scalar: bool = True
) -> tuple[Method, ...]:
    """The methods of an order, by name, or all that apply.

    Args:
        names: Names of methods; `value` is always added, since costs are multiples of it.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        scalar: Whether the function has one number as its output; when `names` is `None`, methods
            that need that are left out otherwise.

    Raises:
        ValueError: If a name or the order is unknown.

    Example:
        >>> [method.name for method in select(["forward", "reverse"])]
        ['value', 'forward', 'reverse']
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (gradients, Jacobians) or 2 (Hessians), got {order!r}")
    known = {method.name: method for method in METHODS if method.order == order}
    if names is None:
        return tuple(m for m in known.values() if scalar or "scalar" not in m.needs)
    if isinstance(names, str):
        names = [names]
    for name in names:
        if name not in known:
            raise ValueError(
                f"unknown method {name!r}; of order {order} there are: {', '.join(known)}"
            )
    return tuple(method for method in known.values() if method.name in {"value", *names})
