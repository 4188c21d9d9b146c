"""Operations that are written out again and again, run as a loop over one of their runs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...program.patterns.repetition import PLACES, Link, Repetition, links_of, repetition_of
from ...program.patterns.scope import Scope, Step, Value
from .replay import Again, Stretch, rewritten

_Read = Callable[[Value], Any]
#: A result of a run: the place of its step, and its number among the step's.
_Made = tuple[int, int]


class _Loop(NamedTuple):
    """How a repetition is run as a loop.

    Attributes:
        found: The repetition.
        links: Where the operands of a run are made, if there are runs before it.
        carries: What a run takes of those before, and what the first one takes in its place: of the
            run before, of the one before that, and so on.
        outside: Of each operand that no run makes the values for the runs.
        ahead: The places of steps whose parameters differ, which are done before the loop.
        wanted: What later steps read of the runs, and of which runs.
    """

    found: Repetition
    links: Sequence[Link]
    carries: Mapping[_Made, Sequence[Value]]
    outside: Mapping[int, Sequence[Value]]
    ahead: frozenset[int]
    wanted: Mapping[_Made, Sequence[int]]


def as_loops(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` with what is written out again and again as a scan, or as a batch.

    Example:
        >>> def deep(x):
        ...     for _ in range(50):
        ...         x = jnp.sin(x) * x + 1.0
        ...     return x
        >>> looped = jax.make_jaxpr(as_loops(deep))(1.0)
        >>> [eqn.primitive.name for eqn in looped.eqns if eqn.primitive.name in ("scan", "sin")]
        ['scan']
    """
    return rewritten(fn, _stretches)


def _stretches(program: Scope) -> dict[Step, Stretch]:
    stretches: dict[Step, Stretch] = {}
    for scope in program.every():
        found = None if scope.ruled else repetition_of(scope)
        loop = _loop_of(found) if found else None
        if loop is not None:
            first = loop.found.steps(0)[0]
            stretches[first] = Stretch(loop.found.runs * loop.found.period, partial(_run, loop))
    return stretches


def _loop_of(found: Repetition) -> _Loop | None:
    """Return how to run a repetition as a loop; `None` if it can not be."""
    links = links_of(found)
    if links is None or any(step.eqn.effects for step in found.steps(0)):
        return None
    every = [_operands(found, run) for run in range(found.runs)]
    carries = _carries(links[-1], every)
    if carries is None:
        return None
    ahead = frozenset(place for place in range(found.period) if _differs(found, place))
    if not _can_be_ahead(found, links[-1], ahead):
        return None
    columns = enumerate(zip(*every, strict=True))
    outside = {number: values for number, values in columns if links[-1][number] is None}
    return _Loop(found, links[-1], carries, outside, ahead, _wanted(found))


def _carries(
    links: Sequence[Link], every: Sequence[Sequence[Value]]
) -> dict[_Made, list[Value]] | None:
    """Return what the first run takes in place of what runs before it would have made.

    It is `None` if two of its operands disagree on that, or none of them says it.
    """
    starts: dict[_Made, dict[int, Value]] = {}
    for number, link in enumerate(links):
        for run in range(link[0] if link else 0):
            assert link is not None
            known, value = starts.setdefault(link[1:], {}), every[run][number]
            if known.setdefault(link[0] - run, value).number != value.number:
                return None
    return {made: [known[ago] for ago in sorted(known)] for made, known in starts.items()}


def _operands(found: Repetition, run: int) -> list[Value]:
    return [value for step in found.steps(run) for value in step.inputs]


def _differs(found: Repetition, place: int) -> bool:
    """Whether the steps at a place of the runs slice at different constants."""
    params = [found.steps(run)[place].eqn.params for run in range(found.runs)]
    return any(param.get(name) != params[0].get(name) for param in params for name in PLACES)


def _can_be_ahead(found: Repetition, links: Sequence[Link], ahead: frozenset[int]) -> bool:
    """Whether steps need nothing that the runs make."""
    number = 0
    for place, step in enumerate(found.steps(1)):
        own = links[number : number + len(step.inputs)]
        number += len(step.inputs)
        if place in ahead and any(link is not None for link in own):
            return False
    return True


def _wanted(found: Repetition) -> dict[_Made, list[int]]:
    """Return what is read of the runs after them, and of which runs."""
    start, stop = found.start, found.start + found.runs * found.period
    others = [*found.scope.steps[:start], *found.scope.steps[stop:]]
    read = {id(value) for step in others for value in step.inputs}
    read |= {id(value) for value in found.scope.outputs}
    wanted: dict[_Made, list[int]] = {}
    for run in range(found.runs):
        for place, step in enumerate(found.steps(run)):
            for number, value in enumerate(step.outputs):
                if id(value) in read:
                    wanted.setdefault((place, number), []).append(run)
    return wanted


def _run(loop: _Loop, read: _Read, again: Again) -> dict[int, Any]:
    """Run a loop, and return what later steps read of it."""
    found, runs = loop.found, loop.found.runs
    same = {n: values[0] for n, values in loop.outside.items() if _is_same(values)}
    given = {n: read(value) for n, value in same.items()}
    stacked = {
        n: jnp.stack([jnp.asarray(read(value)) for value in values])
        for n, values in loop.outside.items()
        if n not in same
    }
    ahead = {place: _done_ahead(found, place, read, again) for place in loop.ahead}
    last = {made for made, wanted in loop.wanted.items() if wanted == [runs - 1]}
    last &= loop.carries.keys()
    stacks = [made for made in loop.wanted if made not in last]

    def turn(carry: list, xs: tuple[dict, dict]) -> tuple[list, list]:
        moving, done = xs
        before = dict(zip(loop.carries, carry, strict=True))
        made = _one_run(loop, before, given | moving, done, again)
        after = [[made[name], *before[name][:-1]] for name in loop.carries]
        return after, [made[name] for name in stacks]

    carry = [[jnp.asarray(read(value)) for value in starts] for starts in loop.carries.values()]
    if found.chained:
        carry, results = jax.lax.scan(turn, carry, (stacked, ahead), length=runs)
    else:
        results = jax.vmap(lambda xs: turn([], xs)[1])((stacked, ahead))
    values = {
        id(found.steps(run)[place].outputs[number]): result[run]
        for (place, number), result in zip(stacks, results, strict=True)
        for run in loop.wanted[place, number]
    }
    ends = dict(zip(loop.carries, carry, strict=True))
    final = found.steps(runs - 1)
    return values | {id(final[place].outputs[n]): ends[place, n][0] for place, n in last}


def _is_same(values: Sequence[Value]) -> bool:
    return len({value.number for value in values}) == 1


def _done_ahead(found: Repetition, place: int, read: _Read, again: Again) -> list[jax.Array]:
    """Return the results of the steps at a place of all runs, stacked."""
    results = []
    for run in range(found.runs):
        step = found.steps(run)[place]
        results.append(again(step, [read(value) for value in step.inputs]))
    return [jnp.stack(parts) for parts in zip(*results, strict=True)]


def _one_run(
    loop: _Loop,
    before: Mapping[_Made, Sequence[Any]],
    outside: Mapping[int, Any],
    done: Mapping[int, list],
    again: Again,
) -> dict[_Made, Any]:
    """Do the steps of one run, and return what each makes."""
    made: dict[_Made, Any] = {}
    number = 0
    for place, step in enumerate(loop.found.steps(1)):
        operands = []
        for operand in range(number, number + len(step.inputs)):
            link = loop.links[operand]
            if link is None:
                operands.append(outside[operand])
            else:
                ago, name = link[0], link[1:]
                operands.append(before[name][ago - 1] if ago else made[name])
        number += len(step.inputs)
        results = done[place] if place in loop.ahead else again(step, operands)
        made |= {(place, result): value for result, value in enumerate(results)}
    return made
