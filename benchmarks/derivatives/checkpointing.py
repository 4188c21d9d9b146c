"""Reverse mode that keeps less: a function cut into blocks, and its scans, under checkpoints.

`jax.checkpoint` around a whole function changes nothing: everything is then kept while it is
recomputed. It must wrap blocks. A function's own blocks are not to be seen from outside, but its
program is: its N operations are cut into about sqrt(N) runs (Chen et al., 2016), and the body of
every scan becomes a block, or a scan of T steps a scan of sqrt(T) scans.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

from ..instrument import units
from ..instrument.timing import compile_for
from ..program.jaxpr import scan_parts
from .method import Context, InfeasibleError, Program
from .problem import Problem

_CALLS = ("jit", "pjit", "closed_call", "core_call")


def checkpointed(problem: Problem, context: Context) -> Program:
    """Reverse mode through checkpointed blocks and scans, the variant of least memory.

    Raises:
        InfeasibleError: If the function has neither a loop nor enough operations to be cut.
    """
    args = (problem.x, problem.fixed)
    flat = _flat(problem.fn, args)
    scans = _has_scan(flat.jaxpr)
    if not scans and len(flat.jaxpr.eqns) < 4:
        raise InfeasibleError("no loop, and too few operations to be cut into blocks")
    variants: dict[str, Callable] = {
        "nothing kept": _cut(problem.fn, policy=None, nest=False),
        "products kept": _cut(problem.fn, policy=jax.checkpoint_policies.dots_saveable, nest=False),
    }
    if scans:
        variants["scans nested"] = _cut(problem.fn, policy=None, nest=True)
    transform = jax.grad if problem.scalar else jax.jacrev
    sizes = {}
    for name, cut in variants.items():
        memory = compile_for(transform(cut), args).memory
        sizes[name] = memory.total if memory else 0
    best = min(sizes, key=lambda name: sizes[name])
    told = ", ".join(f"{name} {units.size(size)}" for name, size in sizes.items())
    return Program(transform(variants[best]), args, f"{best}, of least memory ({told})")


def _cut(fn: Callable, *, policy: Callable | None, nest: bool) -> Callable:
    """`fn` computed in checkpointed blocks."""

    def wrapped(*args: Any) -> Any:
        flat = _flat(fn, args)
        structure = jax.tree.structure(jax.eval_shape(fn, *args))
        outputs = _run_blocks(flat, jax.tree.leaves(args), policy, nest)
        return jax.tree.unflatten(structure, outputs)

    return wrapped


def _flat(fn: Callable, args: tuple) -> Any:
    """The program of `fn` with the calls inside it written out."""
    closed = jax.make_jaxpr(fn)(*args)

    def inlined(closed: Any, values: Sequence) -> list:
        jaxpr = closed.jaxpr
        known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
        known |= dict(zip(jaxpr.invars, values, strict=True))
        for eqn in jaxpr.eqns:
            read = _read(known, eqn.invars)
            if eqn.primitive.name in _CALLS and "jaxpr" in eqn.params:
                results = inlined(eqn.params["jaxpr"], read)
            else:
                results = _bind(eqn, read)
            known |= dict(zip(eqn.outvars, results, strict=True))
        return _read(known, jaxpr.outvars)

    return jax.make_jaxpr(lambda *values: inlined(closed, values))(*jax.tree.leaves(args))


def _run_blocks(flat: Any, values: Sequence, policy: Callable | None, nest: bool) -> list:
    jaxpr = flat.jaxpr
    known = dict(zip(jaxpr.constvars, flat.consts, strict=True))
    known |= dict(zip(jaxpr.invars, values, strict=True))
    size = max(1, math.isqrt(len(jaxpr.eqns)))
    for start in range(0, len(jaxpr.eqns), size):
        eqns = jaxpr.eqns[start : start + size]
        later = {var for eqn in jaxpr.eqns[start + size :] for var in _variables(eqn.invars)}
        later |= set(_variables(jaxpr.outvars))
        made = [var for eqn in eqns for var in eqn.outvars]
        inputs = list(dict.fromkeys(v for e in eqns for v in _variables(e.invars) if v in known))
        outputs = [var for var in made if var in later]

        def block(*read, eqns=eqns, inputs=inputs, outputs=outputs):
            inside = dict(zip(inputs, read, strict=True))
            for eqn in eqns:
                operands = _read(inside, eqn.invars)
                if eqn.primitive.name == "scan":
                    results = _scan(eqn, operands, policy, nest)
                else:
                    results = _bind(eqn, operands)
                inside |= dict(zip(eqn.outvars, results, strict=True))
            return _read(inside, outputs)

        results = jax.checkpoint(block, policy=policy)(*_read(known, inputs))
        known |= dict(zip(outputs, results, strict=True))
    return _read(known, jaxpr.outvars)


def _scan(eqn: core.JaxprEqn, operands: Sequence, policy: Callable | None, nest: bool) -> list:
    """The scan again, its step under a checkpoint; nested, sqrt(T) steps under another."""
    fixed, kept, _, _ = scan_parts(eqn)
    length, reverse = eqn.params["length"], eqn.params["reverse"]
    consts, carry, xs = operands[:fixed], operands[fixed : fixed + kept], operands[fixed + kept :]
    body = core.jaxpr_as_fun(eqn.params["jaxpr"])

    def step(carry, x):
        results = body(*consts, *carry, *x)
        return tuple(results[:kept]), tuple(results[kept:])

    step = jax.checkpoint(step, policy=policy, prevent_cse=False)
    inner = _inner_length(length)
    if not nest or inner == 1:
        carry, ys = jax.lax.scan(step, tuple(carry), tuple(xs), length=length, reverse=reverse)
        return [*carry, *ys]

    def steps(carry, x):
        return jax.lax.scan(step, carry, x, length=inner, reverse=reverse)

    nested = jax.tree.map(lambda x: x.reshape(length // inner, inner, *x.shape[1:]), tuple(xs))
    outer = jax.checkpoint(steps, policy=policy, prevent_cse=False)
    carry, ys = jax.lax.scan(outer, tuple(carry), nested, length=length // inner, reverse=reverse)
    return [*carry, *jax.tree.map(lambda y: y.reshape(length, *y.shape[2:]), ys)]


def _inner_length(length: int) -> int:
    """The divisor of `length` nearest to its square root, in ratio."""
    divisors = [d for d in range(1, length + 1) if length % d == 0]
    return min(divisors, key=lambda d: abs(math.log(d * d / length))) if divisors else 1


def _has_scan(jaxpr: core.Jaxpr) -> bool:
    return any(eqn.primitive.name == "scan" for eqn in jaxpr.eqns)


def _variables(atoms: Sequence) -> list:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def _read(known: dict, atoms: Sequence) -> list:
    return [atom.val if isinstance(atom, core.Literal) else known[atom] for atom in atoms]


def _bind(eqn: core.JaxprEqn, values: Sequence) -> Sequence:
    """One operation of a program, done again on `values`."""
    with eqn.ctx.manager:
        results = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
    return results if eqn.primitive.multiple_results else [results]
