"""A float64 constant that widens a float32 function: every later operation takes twice as long."""

from collections.abc import Iterator

import jax
import numpy as np

from ..advice import Advice
from .scope import Scope, Step, Value, root
from .words import shaped

#: What a constant passes on its way to the operation that it widens.
_MOVES = ("broadcast_in_dim", "reshape", "squeeze", "slice", "dynamic_slice", "transpose", "copy")


def find_float64_constants(program: Scope) -> Iterator[Advice]:
    """Find a constant of NumPy's default type that makes a float32 function float64.

    A Python number widens nothing; nor is anything said of a function that is asked to work in
    float64 by a cast of its own.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> with jax.enable_x64(True):
        ...     traced = jax.make_jaxpr(lambda x: x * np.ones(3))(jnp.ones(3, jnp.float32))
        >>> [advice.pattern for advice in find_float64_constants(read_scopes(traced, [True]))]
        ['float64 constant']
    """
    for scope in program.every():
        for step in scope.steps:
            if _widens(step):
                constant = _constant_beside(step)
                if constant is not None:
                    yield _advice(step, constant)
                    return  # what follows is wide because of it


def _widens(step: Step) -> bool:
    if step.name != "convert_element_type" or not step.inputs[0].active:
        return False
    return step.inputs[0].dtype == np.float32 and step.outputs[0].dtype == np.float64


def _constant_beside(step: Step) -> Value | None:
    """Return the float64 constant that meets the widened value in an operation."""
    (wide,) = step.outputs
    for reader in wide.readers:
        for operand in reader.inputs:
            constant = _constant(operand)
            if operand is not wide and constant is not None:
                return constant
            if operand is not wide and operand.outer is None and _narrow_weak(operand):
                continue
        if reader.name in ("broadcast_in_dim", "reshape"):
            for operand in (o for later in reader.outputs[0].readers for o in later.inputs):
                if _constant(operand) is not None:
                    return _constant(operand)
    return None


def _narrow_weak(value: Value) -> bool:
    return value.constant is not None and value.shape == ()


def _constant(value: Value) -> Value | None:
    """Return the array of float64 that a value is made of by moving data alone."""
    value = root(value)
    while value.maker is not None and value.maker.name in _MOVES:
        value = root(value.maker.inputs[0])
    is_array = isinstance(value.constant, np.ndarray | np.generic | jax.Array)
    wide = value.dtype == np.float64 and value.constant is not None and is_array
    return value if wide and not getattr(value.constant, "weak_type", False) else None


def _advice(step: Step, constant: Value) -> Advice:
    return Advice(
        pattern="float64 constant",
        what=f"a constant {shaped(constant)} makes float64 of a float32 function",
        line=step.line,
        cure="give the constant the type of the input",
        code="c = jnp.asarray(c, x.dtype)",
        saves="2 times the bytes of all that follows",
        factor=2.0,
    )
