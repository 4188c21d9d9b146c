"""What the instrument can tell apart on this machine, and what it refuses to time."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..instrument.environment import environment
from ..instrument.intervals import CONFIDENCE, LEAST_ROUNDS, median_interval
from ..instrument.samples import Samples
from ..instrument.statistics import Ratio, ratio
from ..instrument.timing import interleave, run_once
from .compare import compare
from .fastest import Machine, fastest, machine_of
from .findings import Finding
from .known_orders import known_orders
from .row import Row

#: How often each is tried, and how often it may go otherwise.
_TIES, _NO_TIES = 40, 1
_SLOWER, _NOT_SLOWER = 15, 1
_DRAWS, _MISSED = 500, 0.02
_SLOWDOWN = 1.10
#: One call of the work that is timed, and how many of them a trial takes.
_TARGET_SECONDS, _CALLS = 2e-3, 80
#: The shares of functions of a known order that may be left open, quiet and under a load.
_UNTOLD, _UNTOLD_UNDER_LOAD = 0.05, 0.25
#: Processes that compete for each core while a load is planted, and races meanwhile.
_CROWD, _LOADED = 4, 5


class Check(NamedTuple):
    """One property of the instrument: what was tried, and how often it held."""

    what: str
    held: int
    trials: int
    needed: int

    @property
    def passed(self) -> bool:
        """Whether it held often enough."""
        return self.held >= self.needed

    def __str__(self) -> str:
        state = "passed" if self.passed else "FAILED"
        return f"{state}  {self.what}: {self.held} of {self.trials}, {self.needed} needed"


def selftest(
    *, seed: int = 0, ties: int = _TIES, slower: int = _SLOWER, long: bool = False
) -> Iterator[Check]:
    """Try the instrument on this machine, and tell each result as it is found.

    Within a minute on two cores it tries: whether intervals hold what they say, whether a function
    ties with itself, whether one that does a tenth more work is found to be slower, whether wrong
    derivatives are refused, and whether a busy machine is noticed (by planting a load, which ends
    with the check).

    Args:
        seed: Seed of the draws and of the order of the measurements.
        ties: How often a function is timed against itself.
        slower: How often a function is timed against one that does a tenth more.
        long: Whether to compare forty functions of which the faster mode is known too, first as the
            machine is and then under a planted load; that takes a few minutes.
    """
    for rounds in (LEAST_ROUNDS, 13, 30):
        held = _intervals_that_hold(rounds, seed)
        needed = round((CONFIDENCE - _MISSED) * _DRAWS)
        yield Check(f"an interval from {rounds} samples holds the median", held, _DRAWS, needed)
    wrong = _wrong_derivatives()
    yield Check("a wrong derivative is refused", sum(wrong), len(wrong), len(wrong))
    steps = _calibrated()
    found = sum(_race(steps, steps, seed + trial).tie for trial in range(ties))
    yield Check("a function against itself is a tie", found, ties, ties - _NO_TIES)
    more = round(steps * _SLOWDOWN)
    races = [_race(more, steps, seed + trial) for trial in range(slower)]
    found = sum(not race.tie and race.median > 1 for race in races)
    yield Check("a tenth more work is found to be slower", found, slower, slower - _NOT_SLOWER)
    right = _under_load(steps)
    yield Check("a planted load is noticed, or changes no answer", right, _LOADED, _LOADED)
    if long:
        yield from _known_orders("as the machine is", _UNTOLD)
        with _crowd(_CROWD * environment()["cores"]):
            yield from _known_orders("under a planted load", _UNTOLD_UNDER_LOAD)


def _intervals_that_hold(rounds: int, seed: int) -> int:
    """Count the intervals around the median, 1, of samples with a heavy tail that hold it."""
    random = np.random.default_rng(seed)
    count = 0
    for _ in range(_DRAWS):
        low, high = median_interval(np.exp(0.1 * random.standard_t(2, rounds)))
        count += low is not None and high is not None and low <= 1 <= high
    return count


def _calibrated() -> int:
    """Return how many steps of work take about `_TARGET_SECONDS`."""
    steps, seconds = 64, 0.0
    while seconds < _TARGET_SECONDS:
        steps *= 2
        seconds = min(run_once(_call(steps))[0] for _ in range(5))
    return round(steps * _TARGET_SECONDS / seconds)


def _call(steps: int) -> Callable[[], object]:
    x, count = jnp.ones(256), jnp.asarray(steps)
    return lambda: _work(x, count)


@jax.jit
def _work(x: jax.Array, steps: jax.Array) -> jax.Array:
    """Do work in proportion to `steps`, a number that the compiler does not know."""
    return jax.lax.fori_loop(0, steps, lambda _, x: jnp.tanh(x) + 0.1, x)


def _raced(steps: int, base: int, seed: int) -> dict[str, Samples]:
    """Time two amounts of work against each other."""
    calls = {"first": _call(steps), "second": _call(base)}
    return interleave(calls, budget=2 * _CALLS * _TARGET_SECONDS, seed=seed)[0]


def _race(steps: int, base: int, seed: int) -> Ratio:
    samples = _raced(steps, base, seed)
    return ratio(samples["first"], samples["second"])


def _wrong_derivatives() -> list[bool]:
    """Return of each planted mistake in a derivative whether it was refused, and not timed."""
    mistakes = {
        "one entry off by a hundredth": lambda x, t: jnp.cos(x) * t * jnp.ones(8).at[3].set(1.01),
        "another sign": lambda x, t: -jnp.cos(x) * t,
        "a term that is missing": lambda x, t: jnp.cos(x) * t - 0.01 * jnp.sum(t),
    }
    refused = []
    for mistake in mistakes.values():
        sine = jax.custom_jvp(jnp.sin)
        sine.defjvp(
            lambda primals, tangents, of=mistake: (jnp.sin(*primals), of(*primals, *tangents))
        )
        comparison = compare(
            lambda x, sine=sine: jnp.sum(sine(x)),
            jnp.linspace(0.1, 1.0, 8),
            methods=["forward", "reverse"],
            budget=0.1,
        )
        rows = [comparison.row("forward"), comparison.row("reverse")]
        refused.append(all(row.status == "wrong" and row.samples is None for row in rows))
    return refused


def _under_load(steps: int) -> int:
    """Count the races on a crowded machine that either say so or have the right answer."""
    here = environment()
    machine = machine_of(0.0, here)
    with _crowd(_CROWD * here["cores"]):
        findings = [_winner(_raced(2 * steps, steps, seed), machine) for seed in range(_LOADED)]
    return sum(found.doubt == "busy" or found.method == "second" for found in findings)


def _winner(samples: dict[str, Samples], machine: Machine) -> Finding:
    """Return the verdict on a race, whose two programs stand for the two modes."""
    rows = [
        Row(
            method=name,
            mode=mode,
            kind="jacobian",
            status="ok",
            seconds=samples[name].seconds,
            cpu_seconds=samples[name].cpu_seconds,
            samples=samples[name],
        )
        for name, mode in (("first", "forward"), ("second", "reverse"))
    ]
    return fastest(rows, rows, machine, n=1, m=1)


def _known_orders(when: str, untold: float) -> Iterator[Check]:
    """Compare functions whose faster mode is known; none may be told wrong, and few not at all."""
    right = wrong = 0
    cases = known_orders()
    for case in cases:
        comparison = compare(case.fn, case.x, methods=["forward", "reverse"], budget=0.5)
        told = comparison.verdict.time.method
        right += told == case.faster
        wrong += told not in (case.faster, "tie", None)
    count = len(cases)
    yield Check(f"no slower mode is named, {when}", count - wrong, count, count)
    yield Check(f"the faster mode is named, {when}", right, count, round((1 - untold) * count))


@contextlib.contextmanager
def _crowd(count: int) -> Iterator[list[subprocess.Popen]]:
    """Keep so many processes busy, and end them."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield busy
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
