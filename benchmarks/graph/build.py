"""`graph`: the computational graph of a function, with its values and its derivatives."""

import collections
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..program.arguments import Argnums
from ..program.inputs import sort_inputs
from ..program.messages import guarded, untraceable
from ..program.names import name_of
from ..program.told import described
from .layout.closing import MOST, first_shut
from .layout.frame import check_direction
from .numbers.directions import read_cotangent, read_tangent
from .numbers.evaluate import Numbers, Task, evaluated
from .numbers.modes import Modes, possible_modes
from .numbers.pool import is_pooled, pooled, pooled_shape
from .numbers.quantity import quantity
from .parts import Node, Output
from .reading.assemble import Assembly, Source, add_input, add_program
from .reading.fold import folded
from .reading.groups import with_chains, with_leaves_grouped
from .reading.input_names import Names, input_names
from .reading.keeping import with_kept
from .reading.steps import Value, flattened
from .reading.trace import Traced, traced
from .record import Graph
from .subject import Subject

#: How many numbers forward mode goes by, one after the other.
_PASSES = 8


def graph(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    tangent: object = None,
    cotangent: object = None,
    names: Names = None,
    direction: str = "right",
) -> Graph:
    """Return the computational graph of `fn` at `inputs`, with every number in it.

    Each node has its value; its tangent in each pass of forward mode; its adjoint, the derivative
    of the output by it, as reverse mode hands it back; its FLOPs, and the line that asks for it.
    What depends on no differentiated input is one constant, and what only changes a shape or a type
    is a note on an edge.

    Args:
        fn: A JAX function of arrays or pytrees to an array or pytree.
        *inputs: Its arguments. Where one is a `jax.ShapeDtypeStruct` the graph is of shapes alone,
            and no array is made.
        argnums: The arguments that are differentiated; `None` for every one that holds floats.
        tangent: The one direction of forward mode, of the structure of the differentiated
            arguments; by default forward mode goes by one number after the other, up to 8.
        cotangent: The weights of the outputs in reverse mode, of the structure of what `fn`
            returns; 1 for each of their numbers by default.
        names: What to call the arguments: a sequence of names in order; or a dictionary from an
            argument's name or place, or from the name of an array in it, such as
            `{"params.weight": "W"}`.
        direction: Which way the picture and the page run: `"right"` or `"down"`.

    Raises:
        TypeError: If `fn` is not callable, or JAX cannot trace it.
        ValueError: If `argnums`, `tangent`, `cotangent` or `names` does not fit the arguments, or
            there is no such `direction`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import graph
        >>> def squared_error(w, x, y):
        ...     return (w * x - y) ** 2
        >>> drawn = graph(squared_error, 3.0, 2.0, 5.0, argnums=0)
        >>> [node.operation for node in drawn.nodes]
        ['input', 'fixed', 'mul', 'fixed', 'sub', 'integer_pow']
        >>> float(drawn.nodes[0].results[0].adjoint.array)  # 2 * (3 * 2 - 5) * 2
        4.0
    """
    check_direction(direction)
    found = _trace(fn, inputs, argnums)
    leaf_names = input_names(fn, inputs, names)
    task = _task(found, tangent, cotangent)
    modes = possible_modes(task)
    numbers, failure = _numbers(task, modes)
    passes = () if modes.forward else _passes(found, leaf_names, task)
    assembly = Assembly(numbers, len(passes), ends=modes.ends)
    _add_nodes(assembly, task, found, leaf_names)
    nodes, unkept = assembly.nodes, ""
    if not modes.reverse:

        def work() -> list[Node]:
            return with_kept(fn, found, task.folded.block, assembly)

        nodes, unkept = guarded("list what this graph keeps", work, nodes)
    made = Graph(
        title=name_of(fn),
        nodes=tuple(nodes),
        groups=tuple(assembly.groups),
        outputs=tuple(_outputs(assembly, task, found)),
        passes=passes,
        n=sum(leaf.size for leaf in found.inputs.x),
        m=sum(_numbers_in(y) for y in found.program.out_avals),
        forward=modes.forward,
        reverse=modes.reverse,
        direction=direction,
        notes=(*found.inputs.notes(), *filter(None, (failure, unkept))),
        subject=Subject(fn=fn, inputs=inputs, argnums=argnums, cotangent=cotangent),
    )
    made = with_chains(with_leaves_grouped(made), many=MOST)
    return replace(made, shut=first_shut(made))


def _trace(fn: Callable[..., object], inputs: tuple, argnums: Argnums) -> Traced:
    """Trace the function, or say what is wrong."""
    if not callable(fn):
        raise TypeError(f"graph needs a function, got {described(fn)}")
    if not inputs:
        raise ValueError("graph needs the function's inputs, such as graph(fn, x), got none")
    sorted_inputs = sort_inputs(inputs, argnums)
    for name, leaf in zip(sorted_inputs.names, sorted_inputs.given, strict=True):
        if isinstance(leaf, Tracer):
            raise ValueError(
                f"graph evaluates the function, but {name} is inside a transformation of JAX, "
                "where no array has a value yet: call it outside, with arrays that do"
            )
    try:
        found = traced(fn, sorted_inputs)
    except Exception as error:
        raise TypeError(f"JAX cannot trace the function: {untraceable(error)}") from error
    if not found.outputs:
        raise TypeError("the function must return an array or a pytree of arrays, it returned none")
    return found


def _task(found: Traced, tangent: object, cotangent: object) -> Task:
    block, given = flattened(found.program), found.inputs
    wanted = block.inputs[: len(given.wanted)]
    n = sum(leaf.size for leaf in given.x)
    return Task(
        # Where nothing is differentiated all of it is drawn, since all would be a constant else.
        folded=folded(block, set(wanted or block.inputs), set(wanted)),
        x=given.x,
        fixed=given.fixed,
        tangents=None if tangent is None else read_tangent(tangent, given),
        passes=min(n, _PASSES) if tangent is None else 1,
        weights=read_cotangent(cotangent, found, found.program.out_avals),
    )


def _numbers(task: Task, modes: Modes) -> tuple[Numbers | None, str]:
    """Evaluate a graph; `None` where it is made of shapes, or cannot be run, and why."""
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in (*task.x, *task.fixed)):
        return None, ""
    if modes.program is None:
        return None, modes.failure

    def work() -> Numbers | None:
        return evaluated(modes.program, task, forward=not modes.forward, reverse=not modes.reverse)

    return guarded("evaluate this graph", work, None)


def _passes(found: Traced, names: Sequence[str], task: Task) -> tuple[str, ...]:
    """Return the names of the numbers that forward mode goes by."""
    if task.tangents is not None:
        return ("tangent",)
    entries = (
        f"{names[place]}{list(map(int, index)) if index else ''}"
        for place, leaf in zip(found.inputs.places_in_order, task.x, strict=False)
        for index in np.ndindex(leaf.shape)
    )
    return tuple(itertools.islice(entries, task.passes))


def _add_nodes(assembly: Assembly, task: Task, found: Traced, names: Sequence[str]) -> None:
    """Add the inputs that are differentiated, and then what is made of them."""
    given = found.inputs
    leaves = collections.Counter(given.owners[place] for place in given.arrays)
    sources = {
        value: Source(
            kind="input" if number < len(given.wanted) else "fixed",
            name=names[place],
            parameter=leaves[given.owners[place]] > 1,
        )
        for number, (value, place) in enumerate(
            zip(task.folded.block.inputs, given.places_in_order, strict=True)
        )
    }
    for value in task.folded.block.inputs[: len(given.wanted)]:
        add_input(assembly, task.folded, value, sources[value])
    add_program(assembly, task.folded, sources)
    rest = assembly.flops(task.folded.block.steps)  # such as what only prints
    if assembly.nodes:
        last = assembly.nodes[-1]
        assembly.nodes[-1] = replace(last, flops=last.flops + rest)


def _outputs(assembly: Assembly, task: Task, found: Traced) -> Iterator[Output]:
    """Yield the outputs, each with its weight."""
    ours = task.folded.outputs
    weights = task.weights or [None] * len(ours)
    for name, edge, weight in zip(found.outputs, ours, weights, strict=True):
        operand = assembly.operand(edge, live=False)
        value = edge.source
        assert isinstance(value, Value)
        if assembly.numbers is not None and value.holds_floats:
            whole = is_pooled(value.shape)
            if weight is None:
                shape = pooled_shape(value.shape) if whole else value.shape
                weight = np.ones(shape, value.dtype)
            numbers = np.asarray(pooled(jnp.asarray(weight))) if whole else np.asarray(weight)
            operand = replace(operand, adjoint=quantity(numbers, value.shape))
        yield Output(name=name, edge=operand)


def _numbers_in(aval: Any) -> int:
    """Return how many real numbers an output holds that has a derivative."""
    if not jnp.issubdtype(aval.dtype, jnp.inexact):
        return 0
    return math.prod(aval.shape) * (2 if jnp.issubdtype(aval.dtype, jnp.complexfloating) else 1)
