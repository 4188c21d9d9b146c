"""Reverse mode that keeps less: a function cut into blocks, and its scans, under checkpoints.

`jax.checkpoint` around a whole function changes nothing: everything is then kept while it is
computed again. It must wrap blocks. A function's own blocks cannot be seen from outside, but its
program can: its N operations are cut into about sqrt(N) runs (Chen et al., 2016), and the body of
every scan becomes a block, or a scan of T steps a scan of sqrt(T) scans.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

from ..instrument import units
from ..program.jaxpr import Atom, kind
from ..program.loops import of_scan
from ..program.walk import again, interpret, itself, no_call, plain_call, read, run_equations
from .method import InfeasibleError, Label, Probe, Program, Search
from .problem import Problem

_Policy = Callable[..., bool] | None
#: What the variants are set against.
_PLAIN = "plain reverse"


class _Plan(NamedTuple):
    """How a program is checkpointed.

    Attributes:
        policy: Which results are kept all the same, in JAX's form; `None` for none.
        nest: Whether a scan of T steps becomes one of sqrt(T) scans.
    """

    policy: _Policy
    nest: bool


def checkpointed(problem: Problem, probe: Probe) -> Search:
    """Describe reverse mode through checkpointed blocks and scans, in the variant of least memory.

    Raises:
        InfeasibleError: If the function has neither a loop nor enough operations to be cut.
    """
    del probe
    args = (problem.x, problem.fixed)
    flat = _written_out(problem.fn, args)
    scans = any(kind(eqn) == "scan" for eqn in flat.jaxpr.eqns)
    if not scans and len(flat.jaxpr.eqns) < 4:
        raise InfeasibleError("no loop, and too few operations to be cut into blocks")
    plans = {
        "nothing kept": _Plan(None, nest=False),
        "products kept": _Plan(jax.checkpoint_policies.dots_saveable, nest=False),
    }
    if scans:
        plans["scans nested"] = _Plan(None, nest=True)
    transform = jax.grad if problem.scalar else jax.jacrev

    trials = {
        name: Program(transform(_in_blocks(problem.fn, plan)), args) for name, plan in plans.items()
    }
    plain = {_PLAIN: Program(transform(problem.fn), args)}
    return Search(trials, "bytes", _note, beside=plain)


def _note(best: Label, sizes: Mapping[Label, float]) -> str:
    told = ", ".join(f"{name} {units.size(value)}" for name, value in sizes.items())
    saves = sizes[best] < sizes.get(_PLAIN, math.inf)
    return f"{best}, of least memory ({told})" + ("" if saves else "; it saves nothing")


def _in_blocks(fn: Callable[..., object], plan: _Plan) -> Callable[..., object]:
    """Return `fn` computed in checkpointed blocks."""

    def wrapped(*args: object) -> object:
        flat = _written_out(fn, args)
        structure = jax.tree.structure(jax.eval_shape(fn, *args))
        return jax.tree.unflatten(structure, _run_blocks(flat, jax.tree.leaves(args), plan))

    return wrapped


def _written_out(fn: Callable[..., object], args: tuple) -> ClosedJaxpr:
    """Return the program of `fn` with the plain calls inside it written out."""
    closed = jax.make_jaxpr(fn)(*args)

    def run(*values: object) -> list:
        return interpret(closed, values, again, lift=itself, entered=plain_call)

    return jax.make_jaxpr(run)(*jax.tree.leaves(args))


def _run_blocks(flat: ClosedJaxpr, values: Sequence, plan: _Plan) -> list:
    """Run a program in blocks of about sqrt(N) operations, each under a checkpoint."""
    jaxpr = flat.jaxpr
    known = dict(zip(jaxpr.constvars, flat.consts, strict=True))
    known |= dict(zip(jaxpr.invars, values, strict=True))
    size = max(1, math.isqrt(len(jaxpr.eqns)))
    for start in range(0, len(jaxpr.eqns), size):
        block = _block(jaxpr, start, start + size)
        run = jax.checkpoint(partial(_run_block, block, plan), policy=plan.policy)
        results = run(*(known[var] for var in block.inputs))
        known |= dict(zip(block.outputs, results, strict=True))
    return read(jaxpr.outvars, known, itself)


class _Block(NamedTuple):
    """Some equations, what they read of earlier ones, and what later ones read of them."""

    eqns: Sequence[JaxprEqn]
    inputs: list[Var]
    outputs: list[Var]


def _block(jaxpr: Jaxpr, start: int, stop: int) -> _Block:
    eqns = jaxpr.eqns[start:stop]
    made = [var for eqn in eqns for var in eqn.outvars]
    later = {var for eqn in jaxpr.eqns[stop:] for var in _variables(eqn.invars)}
    later |= set(_variables(jaxpr.outvars))
    inputs = dict.fromkeys(v for e in eqns for v in _variables(e.invars) if v not in set(made))
    return _Block(eqns, list(inputs), [var for var in made if var in later])


def _run_block(block: _Block, plan: _Plan, *operands: object) -> list:
    known = dict(zip(block.inputs, operands, strict=True))

    def visit(eqn: JaxprEqn, values: list, line: str) -> list:
        return _scan(eqn, values, plan) if kind(eqn) == "scan" else again(eqn, values, line)

    run_equations(block.eqns, known, visit, lift=itself, entered=no_call)
    return read(block.outputs, known, itself)


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [atom for atom in atoms if not isinstance(atom, Literal)]


def _scan(eqn: JaxprEqn, operands: list, plan: _Plan) -> list:
    """Run a scan with its step under a checkpoint; nested, sqrt(T) steps under another one."""
    given = of_scan(eqn, operands)
    length, reverse, carries = eqn.params["length"], eqn.params["reverse"], len(given.carry)
    carry, xs = tuple(given.carry), tuple(given.xs)
    body = jaxpr_as_fun(eqn.params["jaxpr"])

    def step(carry: tuple, x: tuple) -> tuple[tuple, tuple]:
        results = body(*given.consts, *carry, *x)
        return tuple(results[:carries]), tuple(results[carries:])

    step = jax.checkpoint(step, policy=plan.policy, prevent_cse=False)
    inner = _inner_length(length)
    if not plan.nest or inner == 1:
        carry, ys = jax.lax.scan(step, carry, xs, length=length, reverse=reverse)
        return [*carry, *ys]

    def steps(carry: tuple, x: tuple) -> tuple[tuple, tuple]:
        return jax.lax.scan(step, carry, x, length=inner, reverse=reverse)

    nested = jax.tree.map(lambda x: x.reshape(length // inner, inner, *x.shape[1:]), xs)
    outer = jax.checkpoint(steps, policy=plan.policy, prevent_cse=False)
    carry, ys = jax.lax.scan(outer, carry, nested, length=length // inner, reverse=reverse)
    return [*carry, *jax.tree.map(lambda y: y.reshape(length, *y.shape[2:]), ys)]


def _inner_length(length: int) -> int:
    """Return the divisor of `length` that is nearest to its square root, in ratio."""
    divisors = [d for d in range(1, length + 1) if length % d == 0]
    return min(divisors, key=lambda d: abs(math.log(d * d / length))) if divisors else 1
