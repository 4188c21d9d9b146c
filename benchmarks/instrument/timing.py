"""Time programs against one another.

What the best harnesses do, and what is easily got wrong with JAX: every call is blocked on; the
programs take turns in random order within a round, so that a drift of the machine meets all of them
alike; a sample is long enough for the clock; the garbage collector is held off; raw samples are
kept.
"""

import gc
import random
from collections.abc import Callable, Mapping

import jax
import numpy as np

from .clock import CLOCK, Clock
from .samples import Samples

Call = Callable[[], object]

#: A sample repeats a call until it takes at least this many seconds.
SAMPLE_SECONDS = 1e-3
#: No statistic is drawn from fewer rounds than this, however slow a program is.
MIN_ROUNDS = 3
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

    Returns:
        Samples by name, and the exceptions of those that failed by name.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones(8)
        >>> samples, failed = interleave({"sum": lambda: x.sum()}, budget=0.01)
        >>> samples["sum"].wall.size >= MIN_ROUNDS, failed
        (True, {})
    """
    order, failed = random.Random(seed), {}
    counts = _warmed_up(calls, failed, clock)
    taken: dict[str, list[tuple[int, float, float]]] = {name: [] for name in counts}
    spent = dict.fromkeys(counts, 0.0)
    share, active = budget / max(len(counts), 1), list(counts)
    for round_index in range(_MOST_ROUNDS):
        order.shuffle(active)
        for name in active:
            try:
                wall, cpu = _sample(calls[name], counts[name], clock)
            except Exception as error:  # a program may fail at any call: out of memory, for one
                failed[name] = error
                continue
            spent[name] += wall
            taken[name].append((round_index, wall / counts[name], cpu / counts[name]))
        early = round_index + 1 < MIN_ROUNDS
        active = [n for n in active if n not in failed and (early or spent[n] < share)]
        if on_round:
            on_round(min(sum(spent.values()) / budget, 1.0))
        if not active:
            break
    return {n: _joined(rows, counts[n]) for n, rows in taken.items() if n not in failed}, failed


def _joined(rows: list[tuple[int, float, float]], calls: int) -> Samples:
    rounds, wall, cpu = map(np.array, zip(*rows, strict=True))
    return Samples(rounds=rounds, wall=wall, cpu=cpu, calls=calls)


def _warmed_up(
    calls: Mapping[str, Call], failed: dict[str, Exception], clock: Clock
) -> dict[str, int]:
    """Warm every program up, and find how often a sample must call it."""
    counts = {}
    for name, call in calls.items():
        try:
            jax.block_until_ready(call())
            count = 1
            # The quicker of two: one interruption must not make a sample of a single short call.
            while (taken := min(_sample(call, count, clock)[0] for _ in range(2))) < SAMPLE_SECONDS:
                count = max(2 * count, int(1.2 * count * SAMPLE_SECONDS / max(taken, 1e-9)))
            counts[name] = count
        except Exception as error:
            failed[name] = error
    return counts


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
