"""Run a program again with some of its steps done in another way."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax
from jax.extend.core import JaxprEqn

from ...program.jaxpr import Atom, Program, called, kind, trace
from ...program.patterns.reader import PLAIN_CALLS, read_scopes
from ...program.patterns.scope import Scope, Step
from ...program.walk import bind, interpret
from ...program.wide_programs import PROGRAMS

#: `rule(operands, again)` returns the results of a step; `again(step, operands)` does any step.
Again = Callable[[Step, Sequence[Any]], list[Any]]
Rule = Callable[[Sequence[Any], Again], list[Any]]
Returned = TypeVar("Returned")


def rewritten(
    fn: Callable[..., Returned], rules_for: Callable[[Scope], Mapping[Step, Rule]]
) -> Callable[..., Returned]:
    """Return a function that computes what `fn` does, with some of its steps done in another way.

    Args:
        fn: The function.
        rules_for: Returns how to do which of the steps of its program.

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

    def __init__(self, rules: Mapping[Step, Rule]) -> None:
        self._rules = rules

    def scope(self, scope: Scope, inputs: Sequence[Any]) -> list[Any]:
        return run_steps(scope, inputs, self.step)

    def step(self, step: Step, operands: Sequence[Any]) -> list[Any]:
        if step in self._rules:
            return self._rules[step](operands, self.step)
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


def run_steps(scope: Scope, inputs: Sequence[Any], do: Again) -> list[Any]:
    """Run the steps of a scope in their order, plain calls written out.

    Example:
        >>> import jax.numpy as jnp
        >>> scope = read_scopes(jax.make_jaxpr(lambda x: jnp.sin(2 * x))(1.0), [True])
        >>> run_steps(scope, [0.5], lambda step, operands: [f"{step.name}({operands[-1]})"])
        ['sin(mul(0.5))']
    """
    steps = iter(scope.steps)

    def visit(eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
        del eqn, line
        return do(next(steps), operands)

    return interpret(scope.program, inputs, visit, lift=lambda x: x, entered=_plain_call)


def _plain_call(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    return called(eqn) if kind(eqn) in PLAIN_CALLS else None


def _checkpointed(
    eqn: JaxprEqn, operands: Sequence[Any], run: Callable[..., list[Any]]
) -> list[Any]:
    policy, prevent = eqn.params.get("policy"), eqn.params.get("prevent_cse", True)
    return jax.checkpoint(run, policy=policy, prevent_cse=prevent)(*operands)
