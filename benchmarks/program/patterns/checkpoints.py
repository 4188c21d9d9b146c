"""A checkpoint around a whole function: everything is kept all the same, and computed twice."""

from collections.abc import Iterator
from math import isqrt

import jax

from ..advice import Advice
from .scope import Scope, Step, operations
from .words import times

#: The share of the function's operations from which on a checkpoint is around the whole.
_WHOLE = 0.75
#: A function of fewer operations of its own has no blocks.
_FEW_STEPS = 16


def find_checkpoints(program: Scope) -> Iterator[Advice]:
    """Find a checkpoint that holds almost all of a function, and none inside of it.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def deep(x):
        ...     for _ in range(20):
        ...         x = jnp.sin(x)
        ...     return x
        >>> traced = jax.make_jaxpr(jax.checkpoint(deep))(1.0)
        >>> [advice.cure for advice in find_checkpoints(read_scopes(traced, [True]))]
        ['put the checkpoints around blocks']
    """
    for step in program.steps:
        if step.name in ("remat2", "checkpoint") and is_whole(step, program):
            yield _advice(step)


def is_whole(step: Step, program: Scope) -> bool:
    """Whether a checkpoint holds almost all of a program that could be cut into blocks."""
    inner = step.bodies[0]
    nested = any(each.name == step.name for scope in inner.every() for each in scope.steps)
    loops = any((body.turns or 0) > 1 for each in inner.steps for body in each.bodies)
    much = operations(inner) >= _WHOLE * operations(program)
    return much and not nested and (loops or len(inner.steps) >= _FEW_STEPS)


def _advice(step: Step) -> Advice:
    inner = step.bodies[0]
    keeps = step.eqn.params.get("policy") is jax.checkpoint_policies.everything_saveable
    turns = max([body.turns or 1 for each in inner.steps for body in each.bodies], default=1)
    blocks = isqrt(turns) if turns > 1 else isqrt(len(inner.steps))
    factor = max(blocks / 2, 1.0)
    effect = "keeps everything" if keeps else "computes all of it twice, and then keeps it"
    return Advice(
        pattern="whole checkpoint",
        what=f"one checkpoint is around the whole function: reverse mode {effect}",
        line=step.line or next((each.line for each in inner.steps if each.line), ""),
        cure="put the checkpoints around blocks",
        code=_CODE_OF_STEPS if turns > 1 else _CODE_OF_LAYERS,
        saves=f"{times(factor)} the memory, by count",
        factor=factor,
    )


_CODE_OF_STEPS = """\
body = jax.checkpoint(body, prevent_cse=False)
carry, ys = jax.lax.scan(body, carry, xs)"""
_CODE_OF_LAYERS = """\
for layer in layers:         # one for each, none around the whole
    x = jax.checkpoint(layer)(x)"""
