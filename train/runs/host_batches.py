"""Training on batches that the host brings, for data that does not fit the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from .._checks import check_alike, check_set
from ..metrics import Mean
from ..steps.evaluation import measure, totals
from ..steps.objectives import check_targets
from ..steps.state import Batch, TrainState
from .carry import Carry, Plan, close_epoch, make_advance

_LAG = 16  # steps after which one is surely over, and still few to have made in vain

Source = Iterable[Any] | Callable[[int], Iterable[Any]]


def make_stream(
    plan: Plan, key: jax.Array, train_data: Source, validation: Any | None, *, prefetch: int
) -> Callable[[Carry], tuple[Carry, dict[str, jax.Array]]]:
    """One epoch over host batches: `epoch(carry) -> (carry, curves)`.

    A source is an iterable that can be read once per epoch, or a function from the epoch's number
    to an iterable. Batches are pairs `(x, y)` of at most `batch_size` rows; shorter ones are padded
    and masked, so that the step is traced once. The host is `prefetch` batches ahead of the device.
    """
    advance = jax.jit(make_advance(plan), donate_argnums=1)
    close = jax.jit(partial(close_epoch, plan), donate_argnums=0)
    measured = jax.jit(partial(measure, plan.objective))
    measured_whole = jax.jit(partial(totals, plan.objective, batch_size=plan.batch_size))

    def held_out(train_state: TrainState, number: int) -> dict[str, Mean] | None:
        if validation is None or isinstance(validation, tuple):
            return None if validation is None else measured_whole(train_state, validation)
        batches = _batches(plan, validation, number, train_state, "validation data", None)
        return _sum(measured(train_state, batch) for batch in ahead(batches, prefetch))

    def epoch(carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        number = int(carry.watch.done)

        def steps() -> Iterator[dict[str, Mean]]:
            nonlocal carry
            whole = validation if isinstance(validation, tuple) else None
            batches = _batches(plan, train_data, number, carry.train_state, "train data", whole)
            for batch in ahead(batches, prefetch):
                carry, metrics = advance(key, carry, batch)
                yield metrics

        sums = _sum(steps() if plan.on_nonfinite == "skip" else _until_failed(steps()))
        carry, row = close(carry, sums, held_out(carry.train_state, number))
        return carry, {name: value[None] for name, value in row.items()}

    return epoch


def ahead(batches: Iterable[Any], count: int) -> Iterator[Any]:
    """Puts batches on the device `count` ahead of their use, so that copying overlaps with work.

    Example:
        >>> list(ahead([1, 2, 3], 2)) == [1, 2, 3]
        True
    """
    waiting: deque[Any] = deque()
    for batch in batches:
        waiting.append(jax.device_put(batch))
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def pad(x: Any, y: Any, batch_size: int) -> Batch:
    """A batch of `batch_size` rows on the host, the missing ones zero and masked.

    Raises:
        ValueError: when there are more rows than that, or none.

    Example:
        >>> pad(np.ones((2, 3)), np.ones(2), 4).mask
        array([ True,  True, False, False])
    """
    rows = len(jax.tree.leaves(x)[0])
    if not rows:
        raise ValueError("the source gave a batch without rows: leave it out, it would be a step")
    if rows > batch_size:
        raise ValueError(f"batch_size={batch_size}, but the source gave a batch of {rows} rows")

    def longer(leaf: np.ndarray) -> np.ndarray:
        return np.pad(leaf, [(0, batch_size - rows)] + [(0, 0)] * (leaf.ndim - 1))

    mask: Any = np.arange(batch_size) < rows
    return Batch(jax.tree.map(longer, x), jax.tree.map(longer, y), mask)


def _batches(
    plan: Plan,
    source: Source,
    number: int,
    train_state: TrainState,
    name: str,
    held_out: tuple[Any, Any] | None,
) -> Iterator[Batch]:
    """The batches of an epoch; the first is checked, and what is `held_out` against it."""
    made = -1
    for made, pair in enumerate(source(number) if callable(source) else source):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"the {name} must come in pairs (x, y), got {type(pair).__name__}")
        x, y = jax.tree.map(np.asarray, tuple(pair))
        if made == 0:
            check_set(f"a batch of the {name}", (x, y))
            if held_out is not None:
                check_alike((x, y), held_out)
            check_targets(plan.objective, train_state, (x, y), held_out)
        yield pad(x, y, plan.batch_size)
    if made < 0:
        raise ValueError(
            f"the {name} gave no batch in epoch {number + 1}; a generator can be read only once: "
            "pass a function of the epoch that makes one"
        )


def _until_failed(steps: Iterable[dict[str, Mean]]) -> Iterator[dict[str, Mean]]:
    """The steps until one fails, which is asked some steps later: it is over, nothing waits."""
    running: deque[jax.Array] = deque()
    for metrics in steps:
        yield metrics
        running.append(metrics["skipped"].total)
        if len(running) > _LAG and running.popleft():
            return


@jax.jit
def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jax.numpy.add, a, b)


def _sum(metrics: Iterable[dict[str, Mean]]) -> dict[str, Mean]:
    sums = None
    for new in metrics:
        sums = new if sums is None else _add(sums, new)
    assert sums is not None  # a source without batches has raised
    return sums
