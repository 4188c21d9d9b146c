"""The walk through a program: what each call is given, and scans turn by turn."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Literal

from benchmarks.graph.reading.steps import flattened
from benchmarks.program.jaxpr import kind
from benchmarks.program.loops import branch_taken, of_scan, of_while, turn_by_turn
from benchmarks.program.patterns.reader import read_scopes
from benchmarks.program.walk import again, calls_but, interpret, itself, no_call, plain_call

#: Who looks at equations without the walk: each is given a text or a number, a jaxpr is cut into
#: parts, or two are compared. (In `structure`, parts of a program are found by its graph.)
BY_THEMSELVES = {
    "check/three_programs.py",
    "derivatives/checkpointing.py",
    "derivatives/traced.py",
    "program/fingerprint.py",
    "program/labels.py",
    "program/residual_labels.py",
    "program/walk.py",
    "reading/keeping.py",
}


def twice(x, y):
    """One jaxpr that is called twice, whose variables both calls share."""
    part = jax.jit(lambda x: jnp.sin(x) * 2.0)
    return part(x) - part(y)


def test_each_call_of_one_jaxpr_has_values_of_its_own():
    program = jax.make_jaxpr(twice)(1.0, 2.0)
    (result,) = interpret(program, [0.5, 2.0], again, lift=itself)
    assert float(result) == pytest.approx(2 * np.sin(0.5) - 2 * np.sin(2.0), rel=1e-5)
    first, second = (s for s in flattened(program).steps if s.kind == "sin")
    assert first.eqn is second.eqn
    assert first.operands[0] is not second.operands[0]
    assert first.results[0] is not second.results[0]
    scope = read_scopes(program, [True, True])
    first, second = (step for step in scope.steps if step.name == "sin")
    assert [step.inputs[0] for step in (first, second)] == scope.inputs
    assert first.outputs[0] is not second.outputs[0]


def test_what_is_lifted_is_told_its_atom_and_what_that_holds():
    table = np.arange(3.0, dtype=np.float32)
    program = jax.make_jaxpr(lambda x: x * 2.0 + table)(jnp.ones(3))
    told = []

    def lift(content, atom):
        told.append((isinstance(atom, Literal), atom.aval.shape, np.asarray(content).tolist()))

    interpret(program, [None], lambda eqn, operands, line: [None], lift=lift)
    assert told == [(False, (3,), [0, 1, 2]), (True, (), 2)]


def test_calls_are_entered_as_asked():
    @jax.custom_jvp
    def by_rule(x):
        return jnp.sin(x)

    by_rule.defjvp(lambda primals, tangents: (by_rule(*primals), tangents[0]))
    program = jax.make_jaxpr(lambda x: jax.jit(by_rule)(x) + jax.checkpoint(jnp.cos)(x))(1.0)

    def visited(**entered):
        kinds = []

        def visit(eqn, operands, line):
            kinds.append(kind(eqn))
            return [None] * len(eqn.outvars)

        interpret(program, [None], visit, lift=lambda *_: None, **entered)
        return kinds

    assert visited() == ["sin", "cos", "add"]
    assert visited(entered=plain_call) == ["custom_jvp_call", "remat2", "add"]
    assert visited(entered=calls_but(["remat2"])) == ["sin", "remat2", "add"]
    assert visited(entered=no_call) == ["jit", "remat2", "add"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 4])
def test_turn_by_turn_a_scan_gives_what_it_gives_at_once(length, reverse):
    scale, start = 3.0, np.float64(0.5)
    xs, ys = np.arange(length) + 1.0, np.arange(2.0 * length).reshape(length, 2)

    def turn(carry, row):
        x, y = row
        return carry * x + scale, (carry + y, x - y[0])

    def run(start, xs, ys):
        return lax.scan(turn, start, (xs, ys), reverse=reverse)

    wanted = start, [], []
    for place in range(length)[::-1] if reverse else range(length):
        carry, (first, second) = turn(wanted[0], (xs[place], ys[place]))
        wanted = carry, [*wanted[1], first], [*wanted[2], second]
    made = [each[::-1] if reverse else each for each in wanted[1:]]
    with jax.enable_x64(True):
        (eqn,), operands = jax.make_jaxpr(run)(start, xs, ys).eqns, [start, xs, ys]
        assert of_scan(eqn, operands) == ([], [start], [xs, ys])
        found = turn_by_turn(
            eqn,
            operands,
            lambda body, inputs, place: interpret(body, inputs, again, lift=itself),
            row=lambda value, place: value[place],
            stacked=lambda rows, atom: np.reshape(rows, atom.aval.shape),
        )
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-15)
    for result, rows, shape in zip(found[1:], made, [(length, 2), (length,)], strict=True):
        np.testing.assert_allclose(result, np.reshape(rows, shape), rtol=1e-15)


def test_what_a_while_is_given_is_told_apart():
    def run(limit, step, x):
        return lax.while_loop(lambda c: c < limit, lambda c: c * step, x)

    (eqn,) = jax.make_jaxpr(run)(9.0, 2.0, 1.0).eqns
    assert of_while(eqn, ["limit", "step", "x"]) == (["limit"], ["step"], ["x"])


def test_an_index_beyond_the_branches_takes_the_nearest():
    def run(index, x):
        return lax.switch(index, [lambda x: x, lambda x: 2 * x, lambda x: 3 * x], x)

    eqn = next(e for e in jax.make_jaxpr(run)(0, 1.0).eqns if kind(e) == "cond")
    for index in (-4, 0, 1, 2, 9):
        assert branch_taken(eqn, index) + 1 == run(index, 1.0)


def test_whatever_reads_a_program_reads_it_by_the_walk():
    root = Path(__file__).parents[1] / "benchmarks"
    found = set()
    for path in set(root.rglob("*.py")) - set((root / "structure").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Attribute) and node.attr == "eqns" for node in ast.walk(tree)):
            found.add("/".join(path.parts[-2:]))
    assert found == BY_THEMSELVES
