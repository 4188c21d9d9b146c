"""A checkpoint around a whole function taken away, so that its blocks can have their own."""

from collections.abc import Callable, Sequence
from typing import Any

from ...program.patterns.checkpoints import is_whole
from ...program.patterns.scope import Scope, Step
from ..checkpointing import checkpointed
from ..method import Probe, Search
from ..problem import Problem
from .replay import Again, Rule, rewritten, run_steps


def without_whole_checkpoints(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` without the checkpoints that hold almost all of it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def deep(x):
        ...     for _ in range(20):
        ...         x = jnp.sin(x)
        ...     return x
        >>> bare = without_whole_checkpoints(jax.checkpoint(deep))
        >>> {eqn.primitive.name for eqn in jax.make_jaxpr(bare)(1.0).eqns}
        {'sin'}
    """

    def rules(program: Scope) -> dict[Step, Rule]:
        found = [step for step in program.steps if step.name == "remat2"]
        return {step: _opened(step) for step in found if is_whole(step, program)}

    return rewritten(fn, rules)


def _opened(step: Step) -> Rule:
    def rule(operands: Sequence[Any], again: Again) -> list[Any]:
        return run_steps(step.bodies[0], operands, again)

    return rule


def in_blocks(problem: Problem, probe: Probe) -> Search:
    """Describe reverse mode with checkpoints around blocks, in place of one around the whole."""
    return checkpointed(problem._replace(fn=without_whole_checkpoints(problem.fn)), probe)
