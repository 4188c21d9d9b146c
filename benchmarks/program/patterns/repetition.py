"""The same operations written out again and again: what takes long is to compile them.

Each operation is a number that says what it is and what types it takes. A repetition of period p is
a stretch in which the numbers equal those p places on.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..advice import Advice
from ..jaxpr import Program
from .scope import Scope, Step, Value

#: What is repeated less often, or is less in all, compiles in no time.
_FEW_RUNS, _FEW_STEPS = 8, 96
#: Longer programs, and longer periods, are not searched.
_MOST_STEPS, _LONGEST = 40_000, 2_000
#: What was made more runs ago is not followed.
MOST_RUNS_AGO = 3
#: Where a constant slice begins may differ from run to run.
PLACES = ("start_indices", "limit_indices")


#: How many runs ago, at which place in a run, and as which result an operand is made; `None` for
#: one that no run makes.
Link = tuple[int, int, int] | None


class Repetition(NamedTuple):
    """A stretch of a scope's steps that is one run again and again.

    Attributes:
        scope: The scope.
        start: The place of its first step.
        period: How many steps a run has.
        runs: How many runs there are.
        chained: Whether a run takes what the run before it has made.
    """

    scope: Scope
    start: int
    period: int
    runs: int
    chained: bool

    def steps(self, run: int) -> Sequence[Step]:
        """Return the steps of a run."""
        first = self.start + run * self.period
        return self.scope.steps[first : first + self.period]


def find_repetition(program: Scope) -> Iterator[Advice]:
    """Find operations that are written out at least eight times.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def deep(x):
        ...     for _ in range(50):
        ...         x = jnp.sin(x) * x + 1.0
        ...     return x
        >>> traced = jax.make_jaxpr(deep)(1.0)
        >>> [advice.what for advice in find_repetition(read_scopes(traced, [True]))]
        ['50 runs of 3 equal operations are written out']
    """
    for scope in program.every():
        found = repetition_of(scope)
        if found is not None:
            yield _advice(found)


def repetition_of(scope: Scope) -> Repetition | None:
    """Return the longest repetition among the steps of a scope, of the shortest period."""
    if not _FEW_STEPS <= len(scope.steps) <= _MOST_STEPS:
        return None
    numbers = _numbered(scope.steps)
    best: tuple[int, int, int] | None = None  # the steps in all, the period, the start
    for period in range(1, min(len(numbers) // _FEW_RUNS, _LONGEST) + 1):
        start, length = _longest_run(numbers[period:] == numbers[:-period])
        runs = (length + period) // period
        covered = runs * period
        if runs >= _FEW_RUNS and covered >= _FEW_STEPS and covered > 1.1 * (best or (0,))[0]:
            best = covered, period, start
    if best is None:
        return None
    covered, period, start = best
    return _linked(Repetition(scope, start, period, covered // period, chained=False))


def _longest_run(equal: np.ndarray) -> tuple[int, int]:
    """Return where the longest stretch of truths starts, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    if not edges.size:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])


def _numbered(steps: Sequence[Step]) -> np.ndarray:
    """Number steps so that those of one operation on one kind of operands are equal."""
    known: dict[tuple, int] = {}
    texts: dict[int, str] = {}
    return np.array([known.setdefault(_kind(step, texts), len(known)) for step in steps])


def _kind(step: Step, texts: dict[int, str]) -> tuple:
    params = [
        (name, _text(value, texts))
        for name, value in sorted(step.eqn.params.items())
        if name not in PLACES
    ]
    return step.name, tuple(params), *map(_types, (step.inputs, step.outputs))


def _types(values: Sequence[Value]) -> tuple:
    return tuple((value.shape, value.dtype.name) for value in values)


def _text(value: object, texts: dict[int, str]) -> str:
    if isinstance(value, Program):
        if id(value) not in texts:
            texts[id(value)] = str(value)
        return texts[id(value)]
    return repr(value)


def links_of(found: Repetition) -> list[list[Link]] | None:
    """Return of each run where its operands are made, one after the other.

    It is `None` if a run takes something of one that is long ago.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> chain = read_scopes(jax.make_jaxpr(lambda x: jnp.sin(jnp.sin(x)))(1.0), [True])
        >>> links_of(Repetition(chain, 0, 1, 2, chained=True))
        [[None], [(1, 0, 0)]]
    """
    places: dict[int, tuple[int, int, int]] = {}
    found_links: list[list[Link]] = []
    for run in range(found.runs):
        for offset, step in enumerate(found.steps(run)):
            for number, value in enumerate(step.outputs):
                places[id(value)] = run, offset, number
        operands = [value for step in found.steps(run) for value in step.inputs]
        made = [places.get(id(value)) for value in operands]
        if any(place is not None and run - place[0] > MOST_RUNS_AGO for place in made):
            return None
        found_links.append([place and (run - place[0], *place[1:]) for place in made])
    return found_links


def _linked(found: Repetition) -> Repetition | None:
    """Say whether runs are chained; `None` if they take one another's results in no regular way."""
    links = links_of(found)
    if links is None or any(each != links[-1] for each in links[MOST_RUNS_AGO:]):
        return None
    return found._replace(chained=any(link is not None and link[0] > 0 for link in links[-1]))


def _advice(found: Repetition) -> Advice:
    first = next((step for step in found.steps(0) if step.line), found.steps(0)[0])
    return Advice(
        pattern="repetition",
        what=f"{found.runs:,} runs of {found.period:,} equal operations are written out",
        line=first.line,
        cure=f"write one of them, in jax.{'lax.scan' if found.chained else 'vmap'}",
        code=_CODE_OF_CHAIN if found.chained else _CODE_OF_BATCH,
        saves=f"{found.runs - 1:,} of {found.runs:,} parts of the program, to trace and to compile",
        factor=float(found.runs) ** 0.5,
    )


_CODE_OF_CHAIN = """\
def step(x, w):              # one of them; w is what differs
    ...
    return x, None
ws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *ws)
x, _ = jax.lax.scan(step, x, ws)"""
_CODE_OF_BATCH = """\
xs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *xs)
ys = jax.vmap(step)(xs)      # step is one of them"""
