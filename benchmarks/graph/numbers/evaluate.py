"""Every number of a graph by one compiled program: values, tangents, adjoints.

What an edge hands back is the derivative by something that is added on that edge alone, so that JAX
itself makes all of them by one pass back through the whole function.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...program.jaxpr import Program, kind
from ...program.walk import equations
from ..reading.fold import Edge, Folded, Item
from ..reading.steps import Value
from .pool import pooled
from .run import recorded, run, settle

#: XLA need not be good at a program that runs once. Its older way to emit code, where it has one,
#: compiles three times as fast what returns every value. (Without fusion it would too, and in
#: version 0.10 some programs return wrong numbers then.)
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
_QUICKER = _QUICK | {"xla_cpu_use_fusion_emitters": False}


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be evaluated.

    Attributes:
        folded: The program; its differentiated inputs come first.
        x: The arrays of these.
        fixed: All other inputs.
        tangents: The directions, stacked: one array for each of `x`; `None` for unit vectors.
        passes: How many passes forward mode takes.
        weights: The cotangent of each output; `None` for 1 on each of their numbers.
    """

    folded: Folded
    x: tuple[Any, ...]
    fixed: tuple[Any, ...]
    tangents: tuple[Any, ...] | None
    passes: int
    weights: tuple[Any, ...] | None

    @property
    def arguments(self) -> tuple:
        """What the program that evaluates the graph is given."""
        return self.x, self.fixed, self.tangents, self.weights


@dataclass(frozen=True, eq=False)
class Numbers:
    """What was evaluated, as NumPy's arrays.

    Attributes:
        values: The array of each value.
        tangents: Those of each value that moves, stacked over the passes.
        handed: What each edge hands back.
        adjoints: The sum of that for each value.
        turns: Of each endless loop, how many turns it made; of each branch, which side was taken.
    """

    values: dict[Value, np.ndarray] = field(default_factory=dict)
    tangents: dict[Value, np.ndarray] = field(default_factory=dict)
    handed: dict[Edge, np.ndarray] = field(default_factory=dict)
    adjoints: dict[Value, np.ndarray] = field(default_factory=dict)
    turns: dict[Item, int] = field(default_factory=dict)


def traced(task: Task, *, forward: bool = True, reverse: bool = True) -> Any:
    """Return the program that evaluates a graph, traced and not run.

    Args:
        task: What is evaluated.
        forward: Whether to take forward mode.
        reverse: Whether to take reverse mode.

    Raises:
        Exception: If one of the modes cannot be taken; it is what JAX raises.
    """

    def everything(x: tuple, fixed: tuple, tangents: tuple | None, weights: tuple | None) -> tuple:
        known = settle(task.folded, dict(zip(task.folded.block.inputs, (*x, *fixed), strict=True)))
        values, handed = _back(task, known, weights) if reverse else (_values(task, known), [])
        pushed = _forth(task, known, x, tangents) if forward and task.passes else []
        sums = _sums(task.folded, handed) if reverse else []
        return jax.tree.map(pooled, (values, handed, sums)), pushed

    with jax.debug_key_reuse(False):  # each mode runs the program anew, and none draws another key
        return jax.jit(everything).trace(*task.arguments)


def evaluated(program: Any, task: Task, *, forward: bool = True, reverse: bool = True) -> Numbers:
    """Run what `traced` returned."""
    with jax.debug_key_reuse(False), jax.debug_nans(False), jax.debug_infs(False):
        results = _compiled(program.lower())(*task.arguments)
    (values, handed, sums), pushed = jax.device_get(results)
    keys, edges = recorded(task.folded), list(task.folded.taps())
    by_key = dict(zip(keys, values, strict=True))
    return Numbers(
        values={key: array for key, array in by_key.items() if isinstance(key, Value)},
        tangents=dict(zip(_moving(task.folded), pushed, strict=True)) if pushed else {},
        handed=dict(zip(edges, handed, strict=True)) if reverse else {},
        adjoints=dict(zip(_moving(task.folded), sums, strict=True)) if reverse else {},
        turns={key: int(count) for key, count in by_key.items() if isinstance(key, Item)},
    )


def _compiled(lowered: Any) -> Any:
    """Compile in the quickest way that this version of XLA has."""
    try:
        return lowered.compile(compiler_options=_QUICKER)
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
    return lowered.compile(compiler_options=_QUICK)


def without_rule_forward(program: Program) -> bool:
    """Whether a program has a place where forward mode ends: JAX raises only when it is run."""
    return any(kind(eqn) == "custom_lin" for eqn, _ in equations(program))


def _moving(folded: Folded) -> list[Value]:
    """Return the values that are drawn and that a derivative flows through, each once."""
    moves = _all_moves(folded)
    return [value for value in folded.drawn() if value in moves]


def _all_moves(folded: Folded) -> set[Value]:
    inner = [_all_moves(body) for item in folded.items for body in item.bodies]
    return folded.moves.union(*inner)


def _values(task: Task, known: dict[Value, Any]) -> list[Any]:
    record = run(task.folded, known, {})[1]
    return [_entry(record, key) for key in recorded(task.folded)]


def _back(task: Task, known: dict[Value, Any], weights: tuple | None) -> tuple[list, list]:
    """Return what is recorded, and what each edge hands back."""
    edges = list(task.folded.taps())

    def outputs(shifts: list[Any]) -> tuple[list[Any], list[Any]]:
        results, record = run(task.folded, known, dict(zip(edges, shifts, strict=True)))
        pairs = zip(results, task.folded.outputs, strict=True)
        moving = [result for result, edge in pairs if edge.moves]
        return moving, [_entry(record, key) for key in recorded(task.folded)]

    nothing = [_zeros(edge) for edge in edges]
    moving, pull, values = jax.vjp(outputs, nothing, has_aux=True)
    moves = [edge.moves for edge in task.folded.outputs]
    if weights is None:
        return values, pull([jnp.ones_like(y) for y in moving])[0]
    return values, pull(list(itertools.compress(weights, moves)))[0]


def _zeros(edge: Edge) -> jax.Array:
    assert isinstance(edge.source, Value)
    return jnp.zeros(edge.source.shape, edge.source.dtype)


def _sums(folded: Folded, handed: Sequence[Any]) -> list[Any]:
    """Add up what the edges of each value hand back."""
    sums: dict[Any, Any] = {}
    for edge, part in zip(folded.taps(), handed, strict=True):
        sums[edge.source] = sums[edge.source] + part if edge.source in sums else part
    moving = _moving(folded)
    return [sums[v] if v in sums else jnp.zeros(v.shape, v.dtype) for v in moving]


def _forth(
    task: Task, known: dict[Value, Any], x: Sequence[Any], tangents: Sequence[Any] | None
) -> list[Any]:
    """Return the tangents of all values that move, stacked over the passes."""
    inputs = task.folded.block.inputs[: len(x)]
    moving = _moving(task.folded)

    def values(x: tuple[Any, ...]) -> list[Any]:
        record = run(task.folded, known | dict(zip(inputs, x, strict=True)), {})[1]
        return [_entry(record, value) for value in moving]

    def push(turn: Any) -> list[Any]:
        direction = _unit(x, turn, task.passes) if tangents is None else tuple(tangents)
        return [pooled(t) for t in jax.jvp(values, (tuple(x),), (direction,))[1]]

    # One pass after the other, as a reader is told; and nothing need be known of batches.
    return jax.lax.map(push, jnp.arange(task.passes))


def _unit(x: Sequence[Any], place: Any, passes: int) -> tuple[Any, ...]:
    """Return the direction along one number of all, one of the first so many."""
    parts, before = [], 0
    for leaf in x:
        first = min(leaf.size, max(passes - before, 0))
        head = (jnp.arange(first) + before == place).astype(leaf.dtype)
        rest = jnp.zeros(leaf.size - first, leaf.dtype)
        parts.append(jnp.concatenate([head, rest]).reshape(leaf.shape))
        before += leaf.size
    return tuple(parts)


def _entry(record: dict, key: Value | Item) -> Any:
    if key in record:
        return record[key]
    return jnp.zeros(key.shape, key.dtype) if isinstance(key, Value) else jnp.int32(0)
