"""A function's arguments, and those that nothing can be measured with."""

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ..program.arguments import Argnums
from ..program.inputs import IN_PARTS, Inputs, sort_inputs
from ..program.told import described

#: The transformations of JAX by what a value is inside of them.
_TRANSFORMATIONS = {
    "DynamicJaxprTracer": "jax.jit, or in a loop or branch of jax.lax",
    "JVPTracer": "jax.grad or jax.jvp",
    "LinearizeTracer": "jax.grad or jax.vjp",
    "BatchTracer": "jax.vmap",
}


def read_inputs(
    inputs: tuple, argnums: Argnums, *, inside: bool = False, caller: str = "compare"
) -> Inputs:
    """Sort the leaves of the arguments, and refuse those that nothing can be measured with.

    Args:
        inputs: The arguments.
        argnums: Those that are to be differentiated.
        inside: Whether JAX may be transforming them, so that they need no values.
        caller: What the user has called.

    Raises:
        TypeError: If an argument that is to be differentiated is complex, or has no values.
        ValueError: If `argnums` is empty or out of range, an array is being traced or lies on the
            devices of several processes, or no input holds floats.
    """
    read = sort_inputs(inputs, argnums)
    if not inside:
        check_outside(jnp.zeros(()), "it is called", caller)
        for name, leaf in zip(read.names, read.given, strict=True):
            _check_values(name, leaf, caller)
    ours = [place for place in read.arrays if read.owners[place] in read.chosen]
    dtypes = {place: read.arrays[place].dtype for place in ours}
    is_complex = [p for p in ours if jnp.issubdtype(dtypes[p], jnp.complexfloating)]
    if is_complex and (read.named or not read.wanted):
        raise TypeError(
            f"{read.names[is_complex[0]]} is complex ({dtypes[is_complex[0]]}), and a "
            f"derivative is taken by real numbers: give {IN_PARTS}, such as "
            f"{caller}(lambda re, im: fn(re + 1j * im), z.real, z.imag)"
        )
    if not read.wanted:
        raise ValueError(
            "no input holds floating-point numbers, so there is nothing to differentiate; "
            f"got {', '.join(map(described, read.given)) or 'no inputs'}: "
            "give floats, such as x.astype(float), or a function of some"
        )
    return read


def check_outside(value: object, what: str, caller: str = "compare") -> None:
    """Raise `ValueError` if a value has none, because JAX is transforming the caller.

    Args:
        value: Any value.
        what: What is inside of the transformation then, as the beginning of a sentence.
        caller: What the user has called.
    """
    if isinstance(value, Tracer):
        where = _TRANSFORMATIONS.get(type(value).__name__, "a transformation of JAX")
        raise ValueError(
            f"{caller} runs and times the function, but {what} inside {where}, where no array has "
            "a value yet: call it outside, with arrays that do"
        )


def _check_values(name: str, leaf: object, caller: str) -> None:
    """Raise if a leaf has no values that this process can compute with."""
    check_outside(leaf, f"{name} is", caller)
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise TypeError(f"{name} is a jax.ShapeDtypeStruct, which has no values: give an array")
    if not getattr(leaf, "is_fully_addressable", True):
        raise ValueError(
            f"{name} lies on the devices of several processes, and {caller} measures in one: give "
            "it an array of this process, such as x.addressable_data(0)"
        )
    if isinstance(leaf, jax.Array) and leaf.is_deleted():
        raise ValueError(
            f"{name} has been deleted, as an argument is that is donated (donate_argnums): give a "
            "copy of it"
        )
