"""Read a program into scopes of steps."""

from collections.abc import Sequence
from itertools import count

import numpy as np
from jax.extend.core import JaxprEqn, Literal

from ..jaxpr import PLAIN_CALLS, Atom, Program, dtype, kind, opened, scan_parts, shape
from ..primitives import has_slope
from ..walk import inside, interpret, no_call
from .scope import Call, Scope, Step, Value


def read_scopes(program: Program, differentiated: Sequence[bool]) -> Scope:
    """Read a program into scopes.

    Args:
        program: A jaxpr, open or closed.
        differentiated: Of each input, whether it is differentiated.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> loop = lambda x: jax.lax.fori_loop(0, 3, lambda i, x: jnp.sin(x), x)
        >>> scope = read_scopes(jax.make_jaxpr(loop)(1.0), [True])
        >>> [(inner.kind, [step.name for step in inner.steps]) for inner in scope.every()]
        [('program', ['scan']), ('scan', ['add', 'sin'])]
    """
    reader = _Reader()
    jaxpr = opened(program)
    inputs = [
        Value(var, reader.new(), active=moves)
        for var, moves in zip(jaxpr.invars, differentiated, strict=True)
    ]
    return reader.scope("program", program, inputs, None, "", 1)


class _Reader:
    """Reads programs, and knows which numbers stand for which values."""

    def __init__(self) -> None:
        self._fresh = count()
        self._numbers: dict[object, int] = {}

    def new(self) -> int:
        return next(self._fresh)

    def scope(
        self,
        kind: str,
        program: Program,
        inputs: list[Value],
        holder: Step | None,
        line: str,
        turns: int | None,
    ) -> Scope:
        scope = Scope(kind, program, inputs, holder, turns)
        calls = holder.calls if holder else ()
        scope.outputs = self._run(scope, program, inputs, line, calls)
        for value in scope.outputs:
            value.returned = True
        return scope

    def _run(
        self, scope: Scope, program: Program, inputs: list[Value], line: str, calls: tuple[str, ...]
    ) -> list[Value]:
        """Read a program's steps into a scope, those of the plain calls in it among them."""

        def visit(eqn: JaxprEqn, operands: list[Value], here: str) -> list[Value]:
            call = inside(eqn, operands) if kind(eqn) in PLAIN_CALLS else None
            if call is None:
                return self._step(scope, eqn, operands, here, calls)
            name = str(eqn.params.get("name", ""))
            results = self._run(scope, *call, here, (*calls, name))
            scope.calls.append(Call(name, here, call[1], results))
            return results

        return interpret(program, inputs, visit, lift=self._lift, caller=line, entered=no_call)

    def _lift(self, content: object, atom: Atom) -> Value:
        """Read a number that stands in the program: equal literals are one value, and no others."""
        key: tuple = ("constant", id(content))
        if isinstance(atom, Literal):
            key = ("literal", np.asarray(content).tobytes(), dtype(atom), shape(atom))
        return Value(atom, self._numbered(key), constant=content)

    def _numbered(self, key: object) -> int:
        if key not in self._numbers:
            self._numbers[key] = self.new()
        return self._numbers[key]

    def _step(
        self, scope: Scope, eqn: JaxprEqn, inputs: list[Value], line: str, calls: tuple[str, ...]
    ) -> list[Value]:
        step = Step(eqn, line, scope, inputs, calls)
        active = self._bodies(step)
        entered = {id(v.outer) for body in step.bodies for v in body.inputs if v.outer}
        for value in inputs:
            if id(value) not in entered:
                value.readers.append(step)
        for place, var in enumerate(eqn.outvars):
            number = self._number_of(step, place)
            moves = active[place] if active else _moves(step)
            step.outputs.append(Value(var, number, maker=step, active=moves))
        scope.steps.append(step)
        return step.outputs

    def _number_of(self, step: Step, place: int) -> int:
        """Number a result; what holds programs or effects is like nothing else."""
        if step.bodies or step.eqn.effects:
            return self.new()
        operands = tuple(value.number for value in step.inputs)
        return self._numbered((step.name, repr(step.eqn.params), operands, place))

    def _bodies(self, step: Step) -> list[bool] | None:
        """Read the scopes of a step; return of each result whether it is active, if they tell."""
        eqn, inputs = step.eqn, step.inputs
        match step.name:
            case "scan":
                consts, carries, _, _ = scan_parts(eqn)
                turns = eqn.params["length"]
                return self._loop(step, "scan", "jaxpr", inputs, consts, carries, turns)
            case "while":
                tested = eqn.params["cond_nconsts"]
                held = eqn.params["body_nconsts"]
                body, carries = inputs[tested:], len(eqn.outvars)
                active = self._loop(step, "while", "body_jaxpr", body, held, carries, None)
                test = [*inputs[:tested], *step.bodies[0].inputs[held:]]
                self._enter(step, "condition", eqn.params["cond_jaxpr"], test, tested, None)
                return active
            case "cond":
                sides = [
                    self._enter(step, "cond", side, inputs[1:], len(inputs) - 1, 1)
                    for side in eqn.params["branches"]
                ]
                return [any(pair) for pair in zip(*map(_active, sides), strict=True)]
        call = inside(eqn, inputs)
        if call is None:
            return None
        inner = self._enter(step, step.name, *call, len(call[1]), 1)
        return None if step.name == "custom_linear_solve" else _active(inner)

    def _enter(
        self,
        step: Step,
        name: str,
        program: Program,
        given: Sequence[Value],
        shared: int,
        turns: int | None,
    ) -> Scope:
        """Read a scope of which the first inputs are values outside, and the others change."""
        inputs = []
        for place, (var, value) in enumerate(zip(opened(program).invars, given, strict=True)):
            same = value if place < shared else None
            number = value.number if same else self.new()
            inputs.append(Value(var, number, outer=same, active=value.active))
        scope = self.scope(name, program, inputs, step, step.line, turns)
        for value in inputs:
            if value.outer is not None:
                value.outer.inner.append(value)
        step.bodies.append(scope)
        return scope

    def _loop(
        self,
        step: Step,
        name: str,
        parameter: str,
        given: Sequence[Value],
        consts: int,
        carries: int,
        turns: int | None,
    ) -> list[bool]:
        """Read the body of a loop until no further part of what it hands on is active."""
        program = step.eqn.params[parameter]
        moving = [value.active for value in given]
        while True:
            inputs = []
            for place, (var, value) in enumerate(zip(opened(program).invars, given, strict=True)):
                same = value if place < consts else None
                number = value.number if same else self.new()
                inputs.append(Value(var, number, outer=same, active=moving[place]))
            scope = self.scope(name, program, inputs, step, step.line, turns)
            grown = list(moving)
            for place, active in enumerate(_active(scope)[:carries]):
                grown[consts + place] |= active
            if grown == moving:
                break
            moving = grown
        for value in inputs[:consts]:
            assert value.outer is not None
            value.outer.inner.append(value)
        step.bodies.append(scope)
        return [*moving[consts : consts + carries], *_active(scope)[carries:]]


def _active(scope: Scope) -> list[bool]:
    return [value.active for value in scope.outputs]


def _moves(step: Step) -> bool:
    return has_slope(step.eqn) and any(value.active and value.floats for value in step.inputs)
