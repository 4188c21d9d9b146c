"""Which ways of differentiating a function cannot be, found by tracing it; nothing is run."""

import itertools
import warnings
from collections.abc import Callable, Collection
from typing import NamedTuple

import jax
from jax.extend.core import ClosedJaxpr

from .arguments import Argnums
from .inputs import Inputs, as_array, first_that_traces, sort_inputs
from .messages import Obstacle, untraceable, whole_tracebacks
from .probes import PROBES, Arrays, Split, is_floating
from .walk import endless_loops

#: The ways that are looked at, in the order of a table.
MODES = ("value", "numerical", "complex_step", "symbolic", "forward", "reverse")


class _Trace(NamedTuple):
    """What one trace of a function has shown: its outputs, and the types of those that are none."""

    results: list[jax.ShapeDtypeStruct]
    strange: list[str]
    program: ClosedJaxpr


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
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place. A Python number that the
            function needs the value of while it is traced is held, and all that is no number.
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
    given = sort_inputs(inputs, argnums)
    try:
        way, traced = first_that_traces(
            lambda way: _traced(fn, way), given, lambda traced: endless_loops(traced.program)
        )
    except Exception as error:
        return dict.fromkeys([mode for mode in MODES if mode in modes], untraceable(error))
    if traced.strange:
        reason = f"the function returns a {traced.strange[0]}, which is no array"
        told = Obstacle(reason=reason, source="", instead="return an array or a pytree of arrays")
        return {mode: told for mode in MODES if mode in modes}
    x, rest = _abstract(way.x), _abstract(way.fixed)
    smooth = [is_floating(y) for y in traced.results]
    blocked = _nothing_to_differentiate(x, smooth)
    if blocked:
        return {mode: blocked for mode in MODES[1:] if mode in modes}
    outputs = way.arrays_only(fn)

    def differentiable(x: Arrays, rest: Arrays) -> tuple:
        return tuple(itertools.compress(outputs(x, rest), smooth))

    split = Split(differentiable, x, rest)
    with whole_tracebacks():  # else what JAX raises seems to be raised by whoever called JAX
        probed = {mode: probe(split) for mode, probe in PROBES.items() if mode in modes}
    return {mode: obstacle for mode in MODES if (obstacle := probed.get(mode))}


def _nothing_to_differentiate(x: Arrays, smooth: list[bool]) -> Obstacle | None:
    if not x:
        reason = "no input holds floats, so there is nothing to differentiate by"
        return Obstacle(reason=reason, source="", instead="inputs of float32 or float64")
    if not any(smooth):
        reason, instead = "no output holds floats", "an output of float32 or float64"
        return Obstacle(reason=reason, source="", instead=instead)
    return None


def _traced(fn: Callable[..., object], inputs: Inputs) -> _Trace:
    """Trace a function once, and keep what it returns beside arrays."""
    strange: list[str] = []

    def arrays(x: Arrays, rest: Arrays) -> list[jax.Array]:
        returned = jax.tree.leaves(fn(*inputs.arguments(x, rest)))
        strange[:] = [type(y).__name__ for y in returned if as_array(y) is None]
        return [array for array in map(as_array, returned) if array is not None]

    shaped = jax.make_jaxpr(arrays, return_shape=True)
    program, results = shaped(_abstract(inputs.x), _abstract(inputs.fixed))
    return _Trace(results, strange, program)


def _abstract(leaves: tuple) -> Arrays:
    """Return what leaves are traced as: with their shardings, parts of the type on some meshes."""
    return [
        jax.ShapeDtypeStruct(
            leaf.shape,
            leaf.dtype,
            weak_type=getattr(leaf, "weak_type", False),
            sharding=getattr(leaf, "sharding", None),
        )
        for leaf in leaves
    ]
