"""The symbolic derivative of a JAX function: how large it is, and how it runs."""

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..._extras import import_extra
from ...program.arguments import Argnums
from .form import Form
from .graph import Graph, Size, StoppedError
from .read import Reading, read
from .run import runner

#: Nodes of a graph beyond which it is given up.
LIMIT = 200_000


class Report(NamedTuple):
    """How large a derivative became, and how far it got.

    Attributes:
        value: The size of the function's expressions.
        derivative: The size of the derivative's, those of the inputs that were reached.
        reached: How many of the inputs it was differentiated by.
        inputs: How many there are.
        stopped: Why it went no further; `""` if it came to its end.

    Example:
        >>> print(Report(Size(9, 5), Size(40, 12), 3, 8, "200,000 nodes"))
        value 9 operations as a tree, 5 shared; derivative 40 and 12, by 3 of 8 inputs; stopped:
        200,000 nodes
    """

    value: Size
    derivative: Size
    reached: int
    inputs: int
    stopped: str

    def __str__(self) -> str:
        if not self.value.dag and self.stopped:
            return f"stopped: {self.stopped}"
        sizes = (
            f"value {self.value.tree:,} operations as a tree, {self.value.dag:,} shared; "
            f"derivative {self.derivative.tree:,} and {self.derivative.dag:,}"
        )
        if not self.stopped:
            return sizes
        return f"{sizes}, by {self.reached:,} of {self.inputs:,} inputs; stopped: {self.stopped}"


class SymbolicDerivative(NamedTuple):
    """A symbolic derivative.

    Attributes:
        program: `program(*inputs)` has the structure of `jax.jacrev(fn, argnums)(*inputs)`;
            `None` if the derivative was given up. Integers, truths and keys among the inputs are
            those that it was made with.
        report: Its size.
    """

    program: Callable[..., Any] | None
    report: Report


def expressions(fn: Callable[..., object], *inputs: object, limit: int = LIMIT) -> Any:
    """Return the outputs of `fn` as SymPy expressions, in NumPy arrays of objects.

    The symbols are `x0_2_1`, for the element `[2, 1]` of the first array among the inputs. Nothing
    is simplified, and equal subexpressions are one object.

    Args:
        fn: A JAX function.
        *inputs: Its arguments; floats become symbols, everything else is read as it is.
        limit: How many nodes the graph may have.

    Raises:
        UnsupportedError: If an operation has no expression here; the message names its line.
        StoppedError: If there are more nodes than `limit`.

    Example:
        >>> import jax.numpy as jnp
        >>> expressions(lambda x: jnp.sin(x[0]) * x[1], jnp.ones(2)).item()
        x0_1*sin(x0_0)
    """
    graph = Graph(limit)
    reading = read(graph, fn, *inputs)
    formulas = [
        _objects(_rules().expressions(graph, y.ravel().tolist()), y.shape) for y in reading.outputs
    ]
    return jax.tree.unflatten(reading.structure, formulas)


def gradient(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = 0,
    limit: int = LIMIT,
) -> Any:
    """Return the derivative as SymPy expressions, in the structure of `jax.jacrev(fn, argnums)`.

    The arguments, and what is raised, are those of `expressions`.

    Example:
        >>> import jax.numpy as jnp
        >>> gradient(lambda x: jnp.sin(x[0]) * x[1], jnp.ones(2))
        array([x0_1*cos(x0_0), sin(x0_0)], dtype=object)
    """
    graph = Graph(limit)
    reading = read(graph, fn, *inputs)
    form = Form(fn, inputs, argnums)
    columns = _columns(graph, reading, form.chosen)
    formulas = _rules().expressions(graph, [node for column in columns for node in column])
    return form.arranged(_objects(formulas, (len(formulas),)))


def differentiate(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = 0,
    limit: int = LIMIT,
    deadline: Callable[[], bool] | None = None,
) -> SymbolicDerivative:
    """Differentiate `fn` symbolically, and compile the result to a JAX function.

    The function's jaxpr becomes a graph of expressions. SymPy differentiates each operation, and
    the chain rule joins the results, by one input after the other, as a formula is differentiated
    by hand. The formula is never written out: its size as a tree is counted on the graph, and is
    what makes symbolic differentiation intractable; with shared subexpressions it is the forward
    mode of automatic differentiation.

    Args:
        fn: A JAX function.
        *inputs: Its arguments; floats become symbols, everything else is read as it is.
        argnums: The arguments that are differentiated.
        limit: How many nodes the graph may have.
        deadline: Says whether time is up.

    Returns:
        The program and the report; past the limit or the deadline, how far it got.

    Raises:
        UnsupportedError: If an operation has no expression here; the message names its line.
        TypeError: If an output, or a leaf of the differentiated arguments, holds no floats.
        ValueError: If `argnums` is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> derivative = differentiate(lambda x: jnp.sum(jnp.sin(x) * x), jnp.zeros(2))
        >>> derivative.program(jnp.array([0.0, 1.0])).round(2)
        Array([0.  , 1.38], dtype=float32)
        >>> print(derivative.report)
        value 5 operations as a tree, 5 shared; derivative 8 and 8
    """
    form = Form(fn, inputs, argnums)
    graph = Graph(limit, deadline)
    columns: list[list[int]] = []
    value, stopped, program = Size(0, 0), "", None
    try:
        reading = read(graph, fn, *inputs)
        value = graph.size(_flat(reading.outputs))
        for column in _columns(graph, reading, form.chosen):
            columns.append(column)
        program = _program(graph, reading, columns, form)
    except StoppedError as stop:
        reading_on = f" while the function was read, {len(graph.operations):,} operations so far"
        stopped = f"{stop}{'' if value.dag else reading_on}"
    size = graph.size(node for column in columns for node in column)
    return SymbolicDerivative(program, Report(value, size, len(columns), form.count, stopped))


def _rules() -> ModuleType:
    """Import the rules, and with them SymPy, which takes long, when they are first used."""
    import_extra("sympy", "suite")
    from . import rules

    return rules


def _columns(graph: Graph, reading: Reading, chosen: Sequence[int]) -> Iterator[list[int]]:
    """Yield the derivative of every output by one input after the other."""
    outputs = _flat(reading.outputs)
    zero = graph.number(0.0)
    rules = _rules()
    users = rules.users(graph, outputs)
    for place in chosen:
        for symbol in _flat([reading.symbols[place]]):
            known = rules.derivatives(graph, symbol, users)
            yield [known.get(output, zero) for output in outputs]


def _program(
    graph: Graph, reading: Reading, columns: Sequence[Sequence[int]], form: Form
) -> Callable[..., object]:
    floats = [place for place, nodes in enumerate(reading.symbols) if nodes is not None]
    roots = [node for column in columns for node in column]
    run = runner(graph, _flat(reading.symbols), roots)

    def program(*inputs: object) -> object:
        leaves = jax.tree.leaves(inputs)
        dtype = jnp.result_type(*(leaves[place] for place in floats))
        values = jnp.concatenate([jnp.ravel(leaves[place]).astype(dtype) for place in floats])
        return form.arranged(run(values))

    return program


def _flat(arrays: Sequence[np.ndarray | None]) -> list[int]:
    """Return all nodes of several arrays; `None` stands for an array without nodes."""
    return [node for nodes in arrays if nodes is not None for node in nodes.ravel().tolist()]


def _objects(formulas: Sequence[object], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(formulas), object)
    array[:] = formulas
    return array.reshape(shape)
