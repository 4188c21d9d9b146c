"""What the instrument can tell apart on this machine, and what it refuses to time."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..instrument.compile import compile_for
from ..instrument.statistics import Ratio, ratio
from ..instrument.timing import interleave, run_once
from .compare import compare

#: What a function against itself, and one a tenth slower, are tried with.
_TIE_TRIALS, _TIE_WRONG = 100, 2
_SLOW_TRIALS, _SLOW_FOUND = 20, 18
_SLOWDOWN = 1.10
_TARGET_SECONDS = 5e-3


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
    *, seed: int = 0, tie_trials: int = _TIE_TRIALS, slow_trials: int = _SLOW_TRIALS
) -> Iterator[Check]:
    """Try the instrument on this machine, and tell each result as it is found.

    Args:
        seed: Seed of the order of the measurements.
        tie_trials: How often a function is timed against itself.
        slow_trials: How often a function is timed against one that does a tenth more.
    """
    steps, seconds = _calibrated()
    same = [_race(steps, steps, 100 * seconds, seed + trial) for trial in range(tie_trials)]
    ties = sum(race.tie for race in same)
    needed = tie_trials - round(tie_trials * _TIE_WRONG / _TIE_TRIALS)
    yield Check("a function against itself is a tie", ties, tie_trials, needed)
    slower = round(steps * _SLOWDOWN)
    races = [_race(slower, steps, 300 * seconds, seed + trial) for trial in range(slow_trials)]
    slower_found = sum(not race.tie and race.median > 1 for race in races)
    needed = round(slow_trials * _SLOW_FOUND / _SLOW_TRIALS)
    yield Check("a tenth more work is found to be slower", slower_found, slow_trials, needed)
    yield Check("a derivative wrong by 1 % in one entry is refused", _refused(), 1, 1)


def _calibrated() -> tuple[int, float]:
    """Return how many steps of work take about `_TARGET_SECONDS`, and the seconds they take."""
    steps, seconds = 64, 0.0
    while seconds < _TARGET_SECONDS:
        steps *= 2
        call = compile_for(_work, (jnp.ones(256), steps)).call
        seconds = min(run_once(call)[0] for _ in range(5))
    steps = round(steps * _TARGET_SECONDS / seconds)
    return steps, _TARGET_SECONDS


def _work(x: jax.Array, steps: int) -> jax.Array:
    """Do work in proportion to `steps`, a number that the compiler does not know."""
    return jax.lax.fori_loop(0, steps, lambda _, x: jnp.tanh(x) + 0.1, x)


def _race(steps: int, base: int, budget: float, seed: int) -> Ratio:
    """Time two amounts of work against each other, and return their ratio."""
    x = jnp.ones(256)
    calls = {
        "first": compile_for(_work, (x, steps)).call,
        "second": compile_for(_work, (x, base)).call,
    }
    samples, _ = interleave(calls, budget=budget, seed=seed)
    return ratio(samples["first"], samples["second"], seed=seed)


def _refused() -> int:
    """Return 1 if a rule that is wrong in one entry, by a hundredth, is not timed, else 0."""

    def rule(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
        (x,), (tangent,) = primals, tangents
        planted = jnp.ones_like(x).at[3].set(1.01)
        return jnp.sin(x), jnp.cos(x) * tangent * planted

    sine = jax.custom_jvp(jnp.sin)
    sine.defjvp(rule)

    comparison = compare(
        lambda x: jnp.sum(sine(x)),
        jnp.linspace(0.1, 1.0, 8),
        methods=["forward", "reverse"],
        budget=0.1,
    )
    rows = [comparison.row("forward"), comparison.row("reverse")]
    return int(all(row.status == "wrong" and row.seconds is None for row in rows))
