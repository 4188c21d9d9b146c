"""Which ways of differentiating a function cannot be, found by tracing it; nothing is run."""

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from .dataflow import Mark, Spot, first, marks
from .jaxpr import chosen_arguments, dtype, equations, kind, names, trace
from .messages import Obstacle, line, underivable, untraceable

#: The ways that are looked at, in the order of a table.
MODES = ("value", "numerical", "complex_step", "symbolic", "forward", "reverse")

# The step along the imaginary axis passes through: what is analytic, and what moves numbers.
_ANALYTIC = names(
    "CheckpointName acos acosh add add_any asin asinh atan atanh broadcast_in_dim concatenate "
    "conv_general_dilated convert_element_type copy copy_p cos cosh cumprod cumsum device_put div "
    "dot_general dynamic_slice dynamic_update_slice exp exp2 expm1 fft gather integer_pow log "
    "log1p log2 logistic lu mul name neg one_minus_square optimization_barrier pad polynomial pow "
    "reduce_precision reduce_prod reduce_sum reduce_window_sum reshape rev rsqrt scatter "
    "scatter-add scatter-mul scatter-sub select_n sharding_constraint sin sinh slice split sqrt "
    "square squeeze stack sub tan tanh tile transpose triangular_solve tridiagonal_solve unstack"
)
# JAX compares complex numbers by their real parts first, so these pick a whole number.
_PICKING = names(
    "cummax cummin max min reduce_max reduce_min reduce_window_max reduce_window_min sort top_k"
)
_PASSES = _ANALYTIC | _PICKING


def obstacles(
    fn: Callable[..., Any], *inputs: Any, argnums: int | Sequence[int] | None = None
) -> dict[str, Obstacle]:
    """The modes in which `fn` cannot be differentiated at `inputs`, and why.

    Forward and reverse mode are traced, as JAX would, and JAX's error is put into the user's words.
    For the complex step the function is traced with complex inputs, and the program searched for
    an operation that loses the imaginary part on its way to the output (`abs`, `real`, `conj`,
    `cholesky`). A choice by comparison (`max`, `relu`, `where`, `sort`) is no obstacle: JAX
    compares complex numbers by their real parts first, so the step passes through what is chosen.

    Args:
        fn: A function of arrays or pytrees to an array or pytree.
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place.
        argnums: The arguments that are differentiated; `None` for all. Of these, leaves that hold
            no floats are held fixed.

    Raises:
        ValueError: If `argnums` is out of range.

    Returns:
        An `Obstacle` for every one of `MODES` that cannot be; the others are missing.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def halve(x):
        ...     return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
        >>> found = obstacles(halve, 5.0)
        >>> print(found["reverse"].source)
        <doctest benchmarks.program.obstacles.obstacles[1]>:2 (halve)
        >>> found["reverse"].instead
        'lax.scan, or lax.fori_loop with static bounds; forward mode works'
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as numpy's, for a cast that drops imaginary parts
        return _obstacles(fn, inputs, argnums)


def _obstacles(fn: Callable, inputs: tuple, argnums: int | Sequence[int] | None) -> dict:
    leaves, treedef = jax.tree.flatten(inputs)
    floating = _differentiated(inputs, argnums)
    fixed = [i for i in range(len(leaves)) if i not in floating and _is_array(leaves[i])]

    def outputs(x: Sequence[Any], rest: Sequence[Any]) -> list[Any]:
        changed = dict(zip(floating, x, strict=True)) | dict(zip(fixed, rest, strict=True))
        arguments = [changed.get(i, leaf) for i, leaf in enumerate(leaves)]
        return jax.tree.leaves(fn(*jax.tree.unflatten(treedef, arguments)))

    x, rest = ([_abstract(leaves[i]) for i in where] for where in (floating, fixed))
    results = _results(outputs, x, rest)
    if isinstance(results, Obstacle):
        return dict.fromkeys(MODES, results)
    smooth = [_is_floating(y) for y in results]
    blocked = _nothing_to_differentiate(x, smooth)
    if blocked:
        return dict.fromkeys(MODES[1:], blocked)

    def differentiable(x: Sequence[Any], rest: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(y for y, kept in zip(outputs(x, rest), smooth, strict=True) if kept)

    found = {mode: probe(differentiable, x, rest) for mode, probe in _PROBES.items()}
    return {mode: found[mode] for mode in MODES if found.get(mode)}


def _differentiated(inputs: tuple, argnums: int | Sequence[int] | None) -> list[int]:
    """Which leaves hold floats, of the arguments that are differentiated."""
    chosen = chosen_arguments(argnums, len(inputs))
    leaves = jax.tree.leaves([[n] * len(jax.tree.leaves(a)) for n, a in enumerate(inputs)])
    return [
        i
        for i, (argument, leaf) in enumerate(zip(leaves, jax.tree.leaves(inputs), strict=True))
        if argument in chosen and _is_array(leaf) and _is_floating(_abstract(leaf))
    ]


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") or isinstance(leaf, (bool, int, float, complex))


def _is_floating(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """What a leaf is traced as: with its sharding, a part of the type on an Explicit mesh."""
    dtype = getattr(leaf, "dtype", jnp.result_type(leaf))
    return jax.ShapeDtypeStruct(jnp.shape(leaf), dtype, sharding=getattr(leaf, "sharding", None))


def _results(outputs: Callable, x: list, rest: list) -> list[Any] | Obstacle:
    """What the function returns; or why JAX cannot read it, or that it is no array."""
    strange: list[str] = []

    def read(x: list, rest: list) -> list[Any]:
        returned = outputs(x, rest)
        strange.extend(type(y).__name__ for y in returned if not _is_array(y))
        return [y for y in returned if _is_array(y)]

    try:
        results = jax.eval_shape(read, x, rest)
    except Exception as error:
        return untraceable(error)
    if strange:
        returned = f"the function returns a {strange[0]}, which is no array"
        return Obstacle(returned, "", "return an array or a pytree of arrays")
    return results


def _nothing_to_differentiate(x: list, smooth: list[bool]) -> Obstacle | None:
    if not x:
        reason = "no input holds floats, so there is nothing to differentiate by"
        return Obstacle(reason, "", "inputs of float32 or float64")
    if not any(smooth):
        return Obstacle("no output holds floats", "", "an output of float32 or float64")
    return None


def _forward(fn: Callable, x: list, rest: list) -> Obstacle | None:
    try:
        pushed = jax.make_jaxpr(lambda x, rest: jax.jvp(lambda x: fn(x, rest), (x,), (x,)))(x, rest)
    except Exception as error:
        return underivable(error)
    # JAX raises only when the result is run; until then it marks the place.
    found = list(equations(pushed))
    for eqn, where in found:
        if kind(eqn) == "custom_lin":
            # The function itself may be the custom_vjp: then its own lines are the only ones.
            return Obstacle(
                "a jax.custom_vjp says how to go backwards and leaves out how to go forwards",
                where or next((known for _, known in found if known), ""),
                "jax.custom_jvp, which serves both modes; reverse mode works",
            )
    return None


def _reverse(fn: Callable, x: list, rest: list) -> Obstacle | None:
    def pull(x: list, rest: list) -> Any:
        value, back = jax.vjp(lambda x: fn(x, rest), x)
        return back(value)

    try:
        jax.eval_shape(pull, x, rest)
    except Exception as error:
        return underivable(error)
    return None


def _complex_step(fn: Callable, x: list, rest: list) -> Obstacle | None:
    small = [leaf for leaf in x if leaf.dtype not in (jnp.float32, jnp.float64)]
    if small:
        return Obstacle(
            f"there is no complex number of {small[0].dtype}", "", "inputs of float32 or float64"
        )
    shifted = [v.update(dtype=jnp.result_type(v.dtype, jnp.complex64)) for v in x]
    try:
        jaxpr, _ = trace(fn, shifted, rest)
    except Exception as error:
        reason = untraceable(error).reason
        return Obstacle(f"with complex inputs {reason}", line(error), "forward mode")
    lost = first(marks(jaxpr, [None] * len(jaxpr.invars), _loses_imaginary_part))
    if lost is None:
        return None
    return Obstacle(
        f"`{lost.name}` is not analytic: it loses the imaginary part, which carries the derivative",
        lost.line,
        "forward mode",
    )


def _loses_imaginary_part(eqn: JaxprEqn, operands: Sequence[Mark], where: str) -> Mark:
    """A real number made of a complex one is spoiled, and what is made of it in turn.

    What is not inexact, or behind `stop_gradient`, is a constant to every mode.
    """
    name, result = kind(eqn), dtype(eqn.outvars[0])
    if name == "stop_gradient" or not jnp.issubdtype(result, jnp.inexact):
        return None
    stepped = any(jnp.issubdtype(dtype(v), jnp.complexfloating) for v in eqn.invars)
    kept = jnp.issubdtype(result, jnp.complexfloating) and name in _PASSES
    return first(operands) or (Spot(name, where) if stepped and not kept else None)


def _symbolic(fn: Callable, x: list, rest: list) -> Obstacle | None:
    from ..derivatives.symbolic import refused  # which reads jaxprs with this package's help

    if importlib.util.find_spec("sympy") is None:
        return Obstacle("SymPy is not installed", "", "pip install 'gradwise[suite]'")
    found: list[Spot] = []

    def rule(eqn: JaxprEqn, operands: Sequence[Mark], where: str) -> Mark:
        what = refused(eqn, [mark is not None for mark in operands]) if first(operands) else None
        if what:
            found.append(Spot(what, where))
        return first(operands)

    jaxpr, _ = trace(fn, x, rest)
    symbols = [Spot("symbol", "") if _is_floating(leaf) else None for leaf in (*x, *rest)]
    marks(jaxpr, symbols, rule)
    if not found:
        return None
    return Obstacle(
        f"{found[0].name} has no expression in SymPy here",
        found[0].line,
        "forward or reverse mode",
    )


_PROBES: dict[str, Callable[[Callable, list, list], Obstacle | None]] = {
    "complex_step": _complex_step,
    "symbolic": _symbolic,
    "forward": _forward,
    "reverse": _reverse,
}
