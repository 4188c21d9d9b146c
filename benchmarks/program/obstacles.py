"""Which ways of differentiating a function cannot be, found by tracing it; nothing is run."""

import importlib.util
import itertools
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn
from jax.typing import ArrayLike

from .arguments import Argnums, read_argnums
from .dataflow import Mark, Spot, first, marks
from .jaxpr import dtype, kind, trace
from .messages import Obstacle, underivable, untraceable
from .primitives import passes_complex_step, without_formula
from .source import line_of_error
from .walk import equations

#: The ways that are looked at, in the order of a table.
MODES = ("value", "numerical", "complex_step", "symbolic", "forward", "reverse")

_Arrays: TypeAlias = list[jax.ShapeDtypeStruct]
_Outputs: TypeAlias = tuple[jax.Array, ...]


class _Split(NamedTuple):
    """A function whose floats and other inputs are two arguments, and what it is traced at."""

    fn: Callable[[_Arrays, _Arrays], _Outputs]  # returns the outputs that hold floats
    x: _Arrays
    rest: _Arrays


def obstacles(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    modes: Collection[str] = MODES,
) -> dict[str, Obstacle]:
    """Find the modes in which `fn` cannot be differentiated at `inputs`, and say why.

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
        modes: Which of `MODES` to look for.

    Raises:
        ValueError: If `argnums` is out of range.

    Returns:
        An `Obstacle` for every one of `modes` that cannot be; the others are missing.

    Example:
        >>> import jax
        >>> from gradwise import obstacles
        >>> def halve(x):
        ...     return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
        >>> blocked = obstacles(halve, 5.0)
        >>> print(blocked["reverse"].source)
        <doctest benchmarks.program.obstacles.obstacles[2]>:2 (halve)
        >>> blocked["reverse"].instead
        'lax.scan, or lax.fori_loop with static bounds; forward mode works'
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as numpy's, for a cast that drops imaginary parts
        return _obstacles(fn, inputs, argnums, modes)


def _obstacles(
    fn: Callable[..., object], inputs: tuple, argnums: Argnums, modes: Collection[str]
) -> dict[str, Obstacle]:
    leaves, treedef = jax.tree.flatten(inputs)
    floating = _differentiated(inputs, argnums)
    fixed = [i for i in range(len(leaves)) if i not in floating and _is_array(leaves[i])]

    def outputs(x: _Arrays, rest: _Arrays) -> list[object]:
        changed = dict(zip(floating, x, strict=True)) | dict(zip(fixed, rest, strict=True))
        arguments = [changed.get(i, leaf) for i, leaf in enumerate(leaves)]
        return jax.tree.leaves(fn(*jax.tree.unflatten(treedef, arguments)))

    x, rest = ([_abstract(leaves[i]) for i in where] for where in (floating, fixed))
    results = _results(outputs, x, rest)
    if isinstance(results, Obstacle):
        return {mode: results for mode in MODES if mode in modes}
    smooth = [_is_floating(y) for y in results]
    blocked = _nothing_to_differentiate(x, smooth)
    if blocked:
        return {mode: blocked for mode in MODES[1:] if mode in modes}

    def differentiable(x: _Arrays, rest: _Arrays) -> tuple:
        return tuple(itertools.compress(outputs(x, rest), smooth))

    split = _Split(differentiable, x, rest)
    probed = {mode: probe(split) for mode, probe in _PROBES.items() if mode in modes}
    return {mode: obstacle for mode in MODES if (obstacle := probed.get(mode))}


def _differentiated(inputs: tuple, argnums: Argnums) -> list[int]:
    """Return which leaves hold floats, of the arguments that are differentiated."""
    chosen = read_argnums(argnums, len(inputs))
    leaves = jax.tree.leaves([[n] * len(jax.tree.leaves(a)) for n, a in enumerate(inputs)])
    return [
        i
        for i, (argument, leaf) in enumerate(zip(leaves, jax.tree.leaves(inputs), strict=True))
        if argument in chosen and _is_array(leaf) and _is_floating(_abstract(leaf))
    ]


def _is_array(leaf: object) -> bool:
    return hasattr(leaf, "dtype") or isinstance(leaf, (bool, int, float, complex))


def _is_floating(leaf: jax.ShapeDtypeStruct) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def _abstract(leaf: ArrayLike) -> jax.ShapeDtypeStruct:
    """Return what a leaf is traced as: with its sharding, a part of the type on some meshes."""
    dtype = getattr(leaf, "dtype", None) or jnp.result_type(leaf)
    weak, sharding = getattr(leaf, "weak_type", False), getattr(leaf, "sharding", None)
    return jax.ShapeDtypeStruct(jnp.shape(leaf), dtype, weak_type=weak, sharding=sharding)


def _results(
    outputs: Callable[[_Arrays, _Arrays], list[object]], x: _Arrays, rest: _Arrays
) -> list[jax.ShapeDtypeStruct] | Obstacle:
    """Return what the function returns; or why JAX cannot read it, or that it is no array."""
    strange: list[str] = []

    def read(x: _Arrays, rest: _Arrays) -> list[object]:
        returned = outputs(x, rest)
        strange.extend(type(y).__name__ for y in returned if not _is_array(y))
        return [y for y in returned if _is_array(y)]

    try:
        results = jax.eval_shape(read, x, rest)
    except Exception as error:
        return untraceable(error)
    if strange:
        reason = f"the function returns a {strange[0]}, which is no array"
        return Obstacle(reason=reason, source="", instead="return an array or a pytree of arrays")
    return results


def _nothing_to_differentiate(x: _Arrays, smooth: list[bool]) -> Obstacle | None:
    if not x:
        reason = "no input holds floats, so there is nothing to differentiate by"
        return Obstacle(reason=reason, source="", instead="inputs of float32 or float64")
    if not any(smooth):
        reason, instead = "no output holds floats", "an output of float32 or float64"
        return Obstacle(reason=reason, source="", instead=instead)
    return None


def _forward(split: _Split) -> Obstacle | None:
    fn, x, rest = split
    try:
        pushed = jax.make_jaxpr(lambda x, rest: jax.jvp(lambda x: fn(x, rest), (x,), (x,)))(x, rest)
    except Exception as error:
        return underivable(error)
    # JAX raises only when the result is run; until then it marks the place.
    pairs = list(equations(pushed))
    for eqn, line in pairs:
        if kind(eqn) == "custom_lin":
            # The function itself may be the custom_vjp: then its own lines are the only ones.
            return Obstacle(
                reason="a jax.custom_vjp says how to go backwards, and not how to go forwards",
                source=line or next((known for _, known in pairs if known), ""),
                instead="jax.custom_jvp, which serves both modes; reverse mode works",
            )
    return None


def _reverse(split: _Split) -> Obstacle | None:
    fn, x, rest = split

    def pull(x: _Arrays, rest: _Arrays) -> object:
        value, back = jax.vjp(lambda x: fn(x, rest), x)
        return back(value)

    try:
        jax.eval_shape(pull, x, rest)
    except Exception as error:
        return underivable(error)
    return None


def _complex_step(split: _Split) -> Obstacle | None:
    fn, x, rest = split
    small = [leaf for leaf in x if leaf.dtype not in (jnp.float32, jnp.float64)]
    if small:
        reason = f"there is no complex number of {small[0].dtype}"
        return Obstacle(reason=reason, source="", instead="inputs of float32 or float64")
    shifted = [v.update(dtype=jnp.result_type(v.dtype, jnp.complex64)) for v in x]
    try:
        program = trace(fn, shifted, rest)
    except Exception as error:
        reason = f"with complex inputs {untraceable(error).reason}"
        return Obstacle(reason=reason, source=line_of_error(error), instead="forward mode")
    sound = [None] * len(program.jaxpr.invars)
    lost = first(marks(program, sound, _loses_imaginary_part))
    if lost is None:
        return None
    return Obstacle(
        reason=f"`{lost.name}` is not analytic: it loses the imaginary part, "
        "which carries the derivative",
        source=lost.line,
        instead="forward mode",
    )


def _loses_imaginary_part(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
    """Mark a real number that is made of a complex one, and what is made of it in turn.

    What holds no floats, or stands behind `stop_gradient`, is a constant to every mode.
    """
    name, result = kind(eqn), dtype(eqn.outvars[0])
    if name == "stop_gradient" or not jnp.issubdtype(result, jnp.inexact):
        return None
    stepped = any(jnp.issubdtype(dtype(v), jnp.complexfloating) for v in eqn.invars)
    analytic = jnp.issubdtype(result, jnp.complexfloating) and passes_complex_step(eqn)
    return first(operands) or (Spot(name, line) if stepped and not analytic else None)


def _symbolic(split: _Split) -> Obstacle | None:
    fn, x, rest = split
    if importlib.util.find_spec("sympy") is None:
        instead = "pip install 'gradwise[suite]'"
        return Obstacle(reason="SymPy is not installed", source="", instead=instead)
    without: list[Spot] = []

    def rule(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
        symbolic = [mark is not None for mark in operands]
        what = without_formula(eqn, symbolic) if any(symbolic) else None
        if what:
            without.append(Spot(what, line))
        return first(operands)

    symbols = [Spot("symbol", "") if _is_floating(leaf) else None for leaf in (*x, *rest)]
    marks(trace(fn, x, rest), symbols, rule)
    if not without:
        return None
    return Obstacle(
        reason=f"{without[0].name} has no expression in SymPy here",
        source=without[0].line,
        instead="forward or reverse mode",
    )


_PROBES: dict[str, Callable[[_Split], Obstacle | None]] = {
    "complex_step": _complex_step,
    "symbolic": _symbolic,
    "forward": _forward,
    "reverse": _reverse,
}
