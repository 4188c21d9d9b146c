"""Trace a function once, and number the equations of its program."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr

from ...program.inputs import Inputs, as_array, first_that_traces
from ...program.jaxpr import trace
from ...program.labels import labelled
from ...program.walk import endless_loops
from .input_names import written


class Traced(NamedTuple):
    """A function's program, with numbers on its equations, and what goes in and comes out.

    Attributes:
        program: The program.
        inputs: The leaves of the arguments, sorted.
        outputs: The name of each output.
        structure: The structure of what the function returns.
        arrays: For each of its leaves, whether it is an array and so an output.
    """

    program: ClosedJaxpr
    inputs: Inputs
    outputs: tuple[str, ...]
    structure: Any
    arrays: tuple[bool, ...]


def traced(fn: Callable[..., object], inputs: Inputs) -> Traced:
    """Trace a function in the first way in which it can be traced.

    Raises:
        Exception: If the function cannot be traced; it is what the last way to do so raised.
    """

    def attempt(way: Inputs) -> Traced:
        seen: list[tuple[tuple[str, ...], Any, tuple[bool, ...]]] = []

        def arrays(x: Sequence, fixed: Sequence) -> list[jax.Array]:
            returned = fn(*way.arguments(x, fixed))
            leaves, structure = jax.tree.flatten_with_path(returned)
            pairs = [(path, as_array(leaf)) for path, leaf in leaves]
            names = tuple(f"output{written(path)}" for path, leaf in pairs if leaf is not None)
            seen.append((names, structure, tuple(leaf is not None for _, leaf in pairs)))
            return [leaf for _, leaf in pairs if leaf is not None]

        program = trace(arrays, way.x, way.fixed)
        numbered = labelled(program)
        assert isinstance(numbered, ClosedJaxpr)
        return Traced(numbered, way, *seen[-1])

    return first_that_traces(attempt, inputs, lambda found: endless_loops(found.program))[1]
