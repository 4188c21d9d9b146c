"""Run a program again with some of its steps done in another way."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import jax
from jax.extend.core import JaxprEqn

from ...program.jaxpr import Program, trace
from ...program.patterns.reader import read_scopes
from ...program.patterns.scope import Scope, Step, Value
from ...program.walk import bind
from ...program.wide_programs import PROGRAMS

#: `rule(operands, again)` returns the results of a step; `again(step, operands)` does any step.
Again = Callable[[Step, Sequence[Any]], list[Any]]
Rule = Callable[[Sequence[Any], Again], list[Any]]
Returned = TypeVar("Returned")


class Stretch(NamedTuple):
    """How to do several steps that follow one another.

    Attributes:
        steps: How many.
        run: `run(read, again)` returns by the `id` of a value what it is, of those that later
            steps read; `read(value)` returns what a value from before them is.
    """

    steps: int
    run: Callable[[Callable[[Value], Any], Again], dict[int, Any]]


def rewritten(
    fn: Callable[..., Returned], rules_for: Callable[[Scope], Mapping[Step, Rule | Stretch]]
) -> Callable[..., Returned]:
    """Return a function that computes what `fn` does, with some of its steps done in another way.

    Args:
        fn: The function.
        rules_for: Returns how to do which of the steps of its program; a stretch by its first.

    Example:
        >>> import jax.numpy as jnp
        >>> def doubled(program):
        ...     return {step: lambda operands, again: [2 * operands[0]] for step in program.steps}
        >>> rewritten(jnp.sin, doubled)(3.0)
        6.0
    """

    def run(*args: Any) -> Returned:
        leaves = jax.tree.leaves(args)
        program = trace(fn, *args)
        scope = read_scopes(program, [True] * len(leaves))
        results = _Replay(rules_for(scope)).scope(scope, leaves)
        return jax.tree.unflatten(jax.tree.structure(jax.eval_shape(fn, *args)), results)

    return run


class _Replay:
    """Runs scopes again, by the rules of some of their steps."""

    def __init__(self, rules: Mapping[Step, Rule | Stretch]) -> None:
        self._rules = rules
        self._stretches = {s: r for s, r in rules.items() if isinstance(r, Stretch)}

    def scope(self, scope: Scope, inputs: Sequence[Any]) -> list[Any]:
        return run_steps(scope, inputs, self.step, self._stretches)

    def step(self, step: Step, operands: Sequence[Any]) -> list[Any]:
        rule = self._rules.get(step)
        if rule is not None and not isinstance(rule, Stretch):
            return rule(operands, self.step)
        if not any(self._is_changed(body) for body in step.bodies):
            return bind(step.eqn, operands)
        if step.name == "remat2":
            return _checkpointed(step.eqn, operands, lambda *x: self.scope(step.bodies[0], x))
        scopes = {id(body.program): body for body in step.bodies}

        def run(program: Program, values: Sequence[Any]) -> list[Any]:
            return self.scope(scopes[id(program)], values)

        return list(PROGRAMS[step.name](step.eqn, operands, run, False))

    def _is_changed(self, scope: Scope) -> bool:
        return any(step in self._rules for inner in scope.every() for step in inner.steps)


def run_steps(
    scope: Scope,
    inputs: Sequence[Any],
    do: Again,
    stretches: Mapping[Step, Stretch] = MappingProxyType({}),
) -> list[Any]:
    """Run the steps of a scope in their order.

    Args:
        scope: The scope.
        inputs: Its inputs.
        do: Does a step.
        stretches: How to do the steps from some step on.

    Example:
        >>> import jax.numpy as jnp
        >>> scope = read_scopes(jax.make_jaxpr(lambda x: jnp.sin(2 * x))(1.0), [True])
        >>> run_steps(scope, [0.5], lambda step, operands: [f"{step.name}({operands[-1]})"])
        ['sin(mul(0.5))']
    """
    known = dict(zip(map(id, scope.inputs), inputs, strict=True))

    def read(value: Value) -> Any:
        return known.get(id(value), value.constant)

    left = iter(scope.steps)
    for step in left:
        if step in stretches:
            known |= stretches[step].run(read, do)
            deque(islice(left, stretches[step].steps - 1), maxlen=0)
        else:
            results = do(step, [read(value) for value in step.inputs])
            known |= dict(zip(map(id, step.outputs), results, strict=True))
    return [read(value) for value in scope.outputs]


def _checkpointed(
    eqn: JaxprEqn, operands: Sequence[Any], run: Callable[..., list[Any]]
) -> list[Any]:
    policy, prevent = eqn.params.get("policy"), eqn.params.get("prevent_cse", True)
    return jax.checkpoint(run, policy=policy, prevent_cse=prevent)(*operands)
