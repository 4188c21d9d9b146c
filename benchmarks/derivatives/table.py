"""Every way to take a derivative that gradwise knows, a line each; nothing else lists them."""

from collections.abc import Callable

import jax

from ..program.bounds import bound
from . import checkpointing, differences, hessians, jacobians, products
from .method import Description, Method, Probe
from .problem import Problem
from .symbolic.method import symbolic

_Count = Callable[[int, int], int]
_Bound = Callable[[int, int], float]


def _one(n: int, m: int) -> int:
    return 1


def _inputs(n: int, m: int) -> int:
    return n


def _outputs(n: int, m: int) -> int:
    return m


def _at_most(mode: str, directions: _Count, inner: _Count = _one) -> _Bound:
    return lambda n, m: bound(mode, directions(n, m), inner(n, m))


def _method(
    order: int,
    name: str,
    mode: str,
    kind: str,
    requires: tuple[str, ...],
    exact: bool,
    summary: str,
    build: Callable[[Problem, Probe], Description],
    evaluations: _Count = _one,
    bound: _Bound | None = None,
) -> Method:
    return Method(
        order=order,
        name=name,
        mode=mode,
        kind=kind,
        requires=requires,
        exact=exact,
        summary=summary,
        build=build,
        evaluations=evaluations,
        bound=bound,
    )


_F, _R, _FR, _S = ("forward",), ("reverse",), ("forward", "reverse"), ("scalar",)
_HVP, _HESSIAN = hessians.product, hessians.hessian

# fmt: off
#           order, name, mode, kind, requires, exact, summary, build, evaluations, bound
_FIRST = (
    _method(1, "value", "none", "value", (), True,
           "the function itself", products.value, _one),
    _method(1, "jvp", "forward", "value_and_jvp", _F, True,
           "value and derivative along one direction", products.jvp,
           _one, _at_most("forward", _one)),
    _method(1, "linearize", "forward", "jvp", _F, True,
           "the linear part of jvp alone", products.linearize, _one),
    _method(1, "vjp", "reverse", "value_and_vjp", _R, True,
           "value and one weighted sum of the Jacobian's rows", products.vjp,
           _one, _at_most("reverse", _one)),
    _method(1, "value_and_grad", "reverse", "value_and_grad", _R + _S, True,
           "value and gradient, as a training step takes them",
           products.value_and_grad, _one, _at_most("reverse", _one)),
    _method(1, "forward_gradient", "forward", "estimate", _F + _S, False,
           "one random tangent, an unbiased estimate (Baydin et al., 2022)",
           products.forward_gradient, _one, _at_most("forward", _one)),
    _method(1, "numerical", "numerical", "jacobian", (), False,
           "central differences", differences.numerical,
           lambda n, m: 2 * n, _at_most("central differences", _inputs)),
    _method(1, "numerical_forward", "numerical", "jacobian", (), False,
           "one-sided differences", differences.numerical_forward,
           lambda n, m: n + 1, _at_most("forward differences", _inputs)),
    _method(1, "complex_step", "numerical", "jacobian", ("complex_step",), True,
           "the imaginary part of a step off the real axis",
           differences.complex_step, _inputs),
    _method(1, "symbolic", "symbolic", "jacobian", ("symbolic",), True,
           "SymPy's derivative of the formula, compiled", symbolic, _one),
    _method(1, "forward", "forward", "jacobian", _F, True,
           "every input's tangent at once", jacobians.forward,
           _inputs, _at_most("forward", _inputs)),
    _method(1, "reverse", "reverse", "jacobian", _R, True,
           "every output's cotangent at once", jacobians.reverse,
           _outputs, _at_most("reverse", _outputs)),
    _method(1, "forward_chunked", "forward", "jacobian", _F, True,
           "tangents in chunks, the chunk found by search", jacobians.forward_chunked, _inputs),
    _method(1, "reverse_chunked", "reverse", "jacobian", _R, True,
           "cotangents in chunks, the chunk found by search", jacobians.reverse_chunked, _outputs),
    _method(1, "checkpointed", "reverse", "jacobian", _R, True,
           "reverse mode that recomputes instead of keeping", checkpointing.checkpointed, _outputs),
)
_SECOND = (
    _method(2, "value", "none", "value", (), True,
           "the function itself", products.value, _one),
    _method(2, "gradient", "reverse", "gradient", _R + _S, True,
           "the gradient by reverse mode", hessians.gradient,
           _one, _at_most("reverse", _one)),
    _method(2, "hvp_forward_over_reverse", "mixed", "hvp", _FR + _S, True,
           "a tangent of the gradient", _HVP(hessians.forward_over_reverse),
           _one, _at_most("forward over reverse", _one)),
    _method(2, "hvp_reverse_over_forward", "mixed", "hvp", _FR + _S, True,
           "the gradient of a slope", _HVP(hessians.reverse_over_forward),
           _one, _at_most("reverse over forward", _one)),
    _method(2, "hvp_reverse_over_reverse", "reverse", "hvp", _R + _S, True,
           "the gradient of a product with the gradient", _HVP(hessians.reverse_over_reverse),
           _one, _at_most("reverse over reverse", _one)),
    _method(2, "hvp_forward_over_forward", "forward", "hvp", _F + _S, True,
           "a slope of a slope for every input", _HVP(hessians.forward_over_forward),
           _inputs, _at_most("forward over forward", _one, _inputs)),
    _method(2, "forward_over_reverse", "mixed", "hessian", _FR + _S, True,
           "n tangents of the gradient", _HESSIAN(jax.jacfwd, jax.grad),
           _inputs, _at_most("forward over reverse", _inputs)),
    _method(2, "reverse_over_reverse", "reverse", "hessian", _R + _S, True,
           "n cotangents of the gradient", _HESSIAN(jax.jacrev, jax.grad),
           _inputs, _at_most("reverse over reverse", _inputs)),
    _method(2, "forward_over_forward", "forward", "hessian", _F + _S, True,
           "n tangents of n tangents", _HESSIAN(jax.jacfwd, jax.jacfwd),
           lambda n, m: n * n, _at_most("forward over forward", _inputs, _inputs)),
    _method(2, "columns", "mixed", "hessian", _FR + _S, True,
           "forward over reverse, a column at a time", hessians.columnwise, _inputs),
    _method(2, "diagonal_forward_over_reverse", "mixed", "diagonal", _FR + _S, True,
           "the Hessian's diagonal out of n products with it",
           hessians.diagonal(hessians.from_product, at_once=True),
           _inputs, _at_most("forward over reverse", _inputs)),
    _method(2, "diagonal_forward_over_forward", "forward", "diagonal", _F + _S, True,
           "the Hessian's diagonal by a slope of the slope along each input",
           hessians.diagonal(hessians.second_slope, at_once=True), _inputs),
    _method(2, "diagonal_in_turn", "mixed", "diagonal", _FR + _S, True,
           "the Hessian's diagonal, one product with it after the other",
           hessians.diagonal(hessians.from_product, at_once=False), _inputs),
    _method(2, "trace_forward_over_reverse", "mixed", "trace", _FR + _S, True,
           "the Hessian's trace, the exact sum over n products with it",
           hessians.trace(hessians.from_product, at_once=True),
           _inputs, _at_most("forward over reverse", _inputs)),
    _method(2, "trace_forward_over_forward", "forward", "trace", _F + _S, True,
           "the Hessian's trace by a slope of the slope along each input",
           hessians.trace(hessians.second_slope, at_once=True), _inputs),
    _method(2, "trace_in_turn", "mixed", "trace", _FR + _S, True,
           "the Hessian's trace, one product with it after the other",
           hessians.trace(hessians.from_product, at_once=False), _inputs),
)
# fmt: on

METHODS: tuple[Method, ...] = _FIRST + _SECOND


def bounds(n: int, m: int, *, order: int = 1) -> dict[str, float]:
    """Return by method how many times the function's operations it may cost.

    Griewank and Walther, Evaluating Derivatives (2nd ed., 2008), chapters 3 to 5. A method for
    which nothing is proved is missing.

    Args:
        n: How many inputs there are.
        m: How many outputs there are.
        order: 1 for gradients and Jacobians, 2 for Hessians.

    Raises:
        ValueError: If `n` or `m` is no integer above 0, or `order` is neither 1 nor 2.

    Example:
        >>> from gradwise import bounds
        >>> limits = bounds(650, 1)
        >>> limits["forward"], limits["reverse"], limits["numerical"]
        (976.0, 4.0, 1300.0)
    """
    for name, count in (("n", n), ("m", m)):
        if not hasattr(count, "__index__") or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} must be an integer above 0, got {count!r}")
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    methods = [method for method in METHODS if method.order == order]
    return {method.name: method.bound(n, m) for method in methods if method.bound}
