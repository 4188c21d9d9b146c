"""Time programs against one another.

What the best harnesses do, and what is easily got wrong with JAX: every call is blocked on; the
programs take turns in random order within a round, so that a drift of the machine meets all of them
alike; a sample is long enough for the clock; the garbage collector is held off; raw samples are
kept.
"""

import gc
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from .clock import CLOCK, Clock
from .deadline import forever
from .samples import Samples

Call = Callable[[], object]

#: A sample repeats a call until it takes at least this many seconds.
SAMPLE_SECONDS = 1e-3
#: No statistic is drawn from fewer rounds than this, however slow a program is.
MIN_ROUNDS = 3
#: A call that takes longer needs no second one to tell that it fills a sample.
_LONG = 100 * SAMPLE_SECONDS
_MOST_ROUNDS = 400


def run_once(call: Callable[[], object], clock: Clock = CLOCK) -> tuple[float, object]:
    """Return the wall seconds of one blocked call, and its result.

    One call is enough to plan with, and for what compiles; it is no measurement.
    """
    start = clock.wall()
    result = jax.block_until_ready(call())
    return clock.wall() - start, result


def interleave(
    calls: Mapping[str, Call],
    *,
    budget: float,
    seed: int = 0,
    on_round: Callable[[float], None] | None = None,
    clock: Clock = CLOCK,
    left: Callable[[], float] = forever,
    samples: dict[str, Samples] | None = None,
) -> tuple[dict[str, Samples], dict[str, Exception]]:
    """Time programs against one another, in rounds of random order, every call blocked on.

    A program leaves the rounds when it has used its equal share of the budget (but not before
    `MIN_ROUNDS`), so that a slow one does not starve the fast ones. A program that raises is
    dropped and its exception returned.

    Args:
        calls: Programs by name; each call returns what is to be blocked on.
        budget: Seconds for all of them together.
        seed: Seed of the order within the rounds.
        on_round: Told the share of the budget that is spent after each round.
        clock: What the time is read from.
        left: Returns the seconds until everything must end; then no further sample is taken.
        samples: Where the samples go, so that whoever interrupts this keeps those that there are.

    Returns:
        Samples by name, and the exceptions of those that failed by name.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones(8)
        >>> samples, failed = interleave({"sum": lambda: x.sum()}, budget=0.01)
        >>> samples["sum"].wall.size >= MIN_ROUNDS, failed
        (True, {})
    """
    samples = {} if samples is None else samples
    race = _Race(calls, {}, {}, {}, clock, left)
    try:
        _warm_up(race)
        share = budget / max(len(race.counts), 1)
        _take_turns(race, random.Random(seed), share, on_round or (lambda share: None))
    finally:
        for name, rows in race.taken.items():
            if rows and name not in race.failed:
                samples[name] = _joined(rows, race.counts[name])
    return samples, race.failed


class _Race(NamedTuple):
    """Programs against one another: how often a sample calls each, and what was taken so far."""

    calls: Mapping[str, Call]
    counts: dict[str, int]
    taken: dict[str, list[tuple[int, float, float]]]
    failed: dict[str, Exception]
    clock: Clock
    left: Callable[[], float]


def _take_turns(
    race: _Race, order: random.Random, share: float, on_round: Callable[[float], None]
) -> None:
    """Take samples in rounds, until every program has had its share of seconds."""
    spent, active = dict.fromkeys(race.counts, 0.0), list(race.counts)
    budget = share * len(active)
    for round_index in range(_MOST_ROUNDS):
        order.shuffle(active)
        for name in active:
            if race.left() <= 0:
                return
            count = race.counts[name]
            try:
                wall, cpu = _sample(race.calls[name], count, race.clock)
            except Exception as error:  # a program may fail at any call: out of memory, for one
                race.failed[name] = error
                continue
            spent[name] += wall
            race.taken[name].append((round_index, wall / count, cpu / count))
        early = round_index + 1 < MIN_ROUNDS
        active = [n for n in active if n not in race.failed and (early or spent[n] < share)]
        if not active:
            on_round(1.0)
            return
        on_round(min(sum(spent.values()) / budget, 1.0))


def _joined(rows: list[tuple[int, float, float]], calls: int) -> Samples:
    rounds, wall, cpu = map(np.array, zip(*rows, strict=True))
    return Samples(rounds=rounds, wall=wall, cpu=cpu, calls=calls)


def _warm_up(race: _Race) -> None:
    """Warm every program up, and find how often a sample must call it: a long one once."""
    for name, call in race.calls.items():
        if race.left() <= 0:
            return
        try:
            first, count = run_once(call, race.clock)[0], 1
            # The quicker of two: one interruption must not make a sample of a single short call.
            while (
                first < _LONG
                and (taken := min(_sample(call, count, race.clock)[0] for _ in range(2)))
                < SAMPLE_SECONDS
            ):
                count = max(2 * count, int(1.2 * count * SAMPLE_SECONDS / max(taken, 1e-9)))
            race.counts[name], race.taken[name] = count, []
        except Exception as error:
            race.failed[name] = error


def _sample(call: Call, count: int, clock: Clock) -> tuple[float, float]:
    """Return wall and CPU seconds of `count` blocked calls, with the garbage collector held off."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        wall, cpu = clock.wall(), clock.cpu()
        for _ in range(count):
            jax.block_until_ready(call())
        return clock.wall() - wall, clock.cpu() - cpu
    finally:
        if collecting:
            gc.enable()
