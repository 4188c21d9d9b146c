"""Read a program into scopes of steps."""

from collections.abc import Mapping, Sequence
from itertools import count

import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal, Var

from ..jaxpr import Atom, Program, called, constants, dtype, kind, names, opened, scan_parts, shape
from ..primitives import NOTHING, PRIMITIVES
from ..source import line_of
from .scope import Call, Scope, Step, Value

#: Calls that hold no rule of their own: their steps are those of the scope that calls.
PLAIN_CALLS = names("call closed_call jit")


def read_scopes(program: Program, differentiated: Sequence[bool]) -> Scope:
    """Read a program into scopes.

    Args:
        program: A jaxpr, open or closed.
        differentiated: Of each input, whether it is differentiated.

    Example:
        >>> import jax
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
        jaxpr = opened(program)
        known = dict(zip(jaxpr.invars, inputs, strict=True))
        values = constants(program) or [None] * len(jaxpr.constvars)
        for var, value in zip(jaxpr.constvars, values, strict=True):
            known[var] = Value(var, self._numbered(("constant", id(value))), constant=value)
        for eqn in jaxpr.eqns:
            here = line_of(eqn, line)
            call = called(eqn) if kind(eqn) in PLAIN_CALLS else None
            if call is None:
                results = self._step(scope, eqn, self._read(eqn.invars, known), here, calls)
            else:
                given, name = self._read(call[1], known), str(eqn.params.get("name", ""))
                results = self._run(scope, call[0], given, here, (*calls, name))
                scope.calls.append(Call(name, here, given, results))
            known |= dict(zip(eqn.outvars, results, strict=True))
        return self._read(jaxpr.outvars, known)

    def _read(self, atoms: Sequence[Atom], known: Mapping[Var, Value]) -> list[Value]:
        return [self._literal(a) if isinstance(a, Literal) else known[a] for a in atoms]

    def _literal(self, literal: Literal) -> Value:
        key = ("literal", np.asarray(literal.val).tobytes(), dtype(literal), shape(literal))
        return Value(literal, self._numbered(key), constant=literal.val)

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
            moves = active[place] if active else _has_slope(step)
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
        call = called(eqn)
        if call is None:
            return None
        places = {id(atom): value for atom, value in zip(eqn.invars, inputs, strict=True)}
        given = [places[id(atom)] for atom in call[1]]
        inner = self._enter(step, step.name, call[0], given, len(given), 1)
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


def _has_slope(step: Step) -> bool:
    known = PRIMITIVES.get(step.name)
    flat = known is not None and known.depends == NOTHING
    moves = any(value.active and value.floats for value in step.inputs)
    floats = any(jnp.issubdtype(dtype(var), jnp.inexact) for var in step.eqn.outvars)
    return moves and floats and not flat
