"""Batches that the host brings: checked, padded, and put on the device ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard, TypeVar

import jax
import numpy as np

from .._types import Data, Tree
<<<<<<< HEAD
from ..data.accepted import batch_of, check_alike, on_device
from ..metrics import Figure
from ..steps import Batch, Objective, TrainState
from ..steps.evaluation import make_totals, measure
from ..steps.objectives import check_targets
from .carry import Carry, measured
from .epoch import close_epoch, make_run_step, skipped_steps
=======
from ..data.accepted import batch_of, check_alike
from ..steps import Batch, TrainState
from ..steps.objectives import check_targets
>>>>>>> e59198c (A validation that is no number ends a training with what it comes from, a signal ends the script, host batches save and resume within an epoch, and a folder has one writer)
from .plan import Plan
from .sources import Source

T = TypeVar("T")
<<<<<<< HEAD
Source: TypeAlias = Iterable[Data] | Callable[[int], Iterable[Data]]
Validate: TypeAlias = Callable[[TrainState, int], Mapping[str, Figure] | None]

# Whether a step was finite is read this many steps later. The step has ended by then, so that
# reading waits for nothing; and only so many steps are wasted if it was not finite.
_LAG = 16


def make_stream(
    plan: Plan,
    key: jax.Array,
    train_data: Source,
    validation: Source | Data | None,
    *,
    prefetch: int,
) -> Callable[[Carry], tuple[Carry, dict[str, jax.Array]]]:
    """Make an epoch over host batches: `epoch(carry) -> (carry, curves)`.

    Shorter batches are padded and masked, so that the step is traced once.

    Args:
        plan: How to train.
        key: The key of the run.
        train_data: Pairs `(x, y)` of at most `batch_size` rows, from an iterable that can be read
            once for each epoch, or from a function of the epoch's number.
        validation: Such a source, or arrays `(x, y)`, or None.
        prefetch: How many batches are copied to the device ahead of their use.
    """
    run_step = at_first_call(make_run_step, plan, donate=1)
    close = at_first_call(_make_close, plan, donate=0)
    validate = _validator(plan, validation, prefetch)

    def epoch(carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        number = int(carry.watch.done)

        def steps() -> Iterator[dict[str, Figure]]:
            nonlocal carry
            whole = validation if is_arrays(validation) else None
            batches = _batches(plan, train_data, number, carry.train_state, "train data", whole)
            for i, batch in enumerate(ahead(batches, prefetch)):
                if i == 0 and plan.monitor is not None:
                    _check_monitor(plan, key, carry, batch, validated=validation is not None)
                carry, metrics = run_step(key, carry, batch)
                yield metrics

        sums = _sum(steps() if plan.on_nonfinite == "skip" else _until_failed(steps()))
        carry, row = close(carry, sums, validate(measured(carry), number))
        return carry, {name: value[None] for name, value in row.items()}

    return epoch


def _check_monitor(
    plan: Plan, key: jax.Array, carry: Carry, batch: Batch, *, validated: bool
) -> None:
    """Close an epoch of one batch without computing it, which raises if there is no such curve."""
    given, measured_on, held_out = (key, carry, batch), (carry.train_state, batch), None
    run_step = program(make_run_step, plan, arguments=given, donate=1)
    _, sums = jax.eval_shape(run_step, *given)
    if validated:  # whose metrics have the names and the shapes that those of any batch have
        measured_batch = program(_make_measure, plan.objective, arguments=measured_on)
        held_out = jax.eval_shape(measured_batch, *measured_on)
    jax.eval_shape(_make_close(plan), carry, sums, held_out)


def _make_close(plan: Plan) -> Callable[..., tuple[Carry, dict[str, jax.Array]]]:
    return partial(close_epoch, plan)


def _make_measure(objective: Objective) -> Callable[[TrainState, Batch], Mapping[str, Figure]]:
    return partial(measure, objective)
=======
>>>>>>> e59198c (A validation that is no number ends a training with what it comes from, a signal ends the script, host batches save and resume within an epoch, and a folder has one writer)


def is_arrays(data: Source | Data | None) -> TypeGuard[Data]:
    """Return whether data are arrays `(x, y)`, not a source of host batches.

    Example:
        >>> is_arrays((np.ones((2, 3)), np.ones(2))), is_arrays([(np.ones((2, 3)), np.ones(2))])
        (True, False)
    """
    return isinstance(data, tuple)


<<<<<<< HEAD
def _validator(plan: Plan, validation: Source | Data | None, prefetch: int) -> Validate:
    """Make `validate(train_state, number)`, which sums the validation metrics of an epoch."""
    if validation is None:
        return lambda train_state, number: None
    if is_arrays(validation):
        whole = at_first_call(make_totals, plan.objective, plan.batch_size)
        held_out = on_device(validation)
        return lambda train_state, number: whole(train_state, held_out)
    measured = at_first_call(_make_measure, plan.objective)

    def validate(train_state: TrainState, number: int) -> Mapping[str, Figure]:
        batches = _batches(plan, validation, number, train_state, "validation data", None)
        return _sum(measured(train_state, batch) for batch in ahead(batches, prefetch))

    return validate


def ahead(batches: Iterable[T], count: int) -> Iterator[T]:
=======
def ahead(batches: Iterable[tuple[T, Any]], count: int) -> Iterator[tuple[T, T, Any]]:
>>>>>>> e59198c (A validation that is no number ends a training with what it comes from, a signal ends the script, host batches save and resume within an epoch, and a folder has one writer)
    """Put batches on the device `count` ahead of their use, so that copying overlaps with work.

    Args:
        batches: Pairs of a batch and anything else.
        count: How many wait on the device at most.

    Yields:
        The batch on the host, the same on the device, and what came with it.

    Example:
        >>> [(host, int(batch), at) for host, batch, at in ahead([(1, "a"), (2, "b")], 2)]
        [(1, 1, 'a'), (2, 2, 'b')]
    """
    waiting: deque[tuple[T, T, Any]] = deque()
    for batch, other in batches:
        waiting.append((batch, jax.device_put(batch), other))
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def pad(x: Tree, y: Tree, batch_size: int) -> Batch:
    """Return a batch of `batch_size` rows on the host; rows that are missing are zero and masked.

    Raises:
        ValueError: If there are more rows than that.

    Example:
        >>> pad(np.ones((2, 3)), np.ones(2), 4).mask
        array([ True,  True, False, False])
    """
    rows = len(jax.tree.leaves(x)[0])
    if rows > batch_size:
        raise ValueError(f"batch_size={batch_size}, but the source gave a batch of {rows} rows")

    def longer(leaf: np.ndarray | jax.Array) -> np.ndarray:
        return np.pad(leaf, [(0, batch_size - rows)] + [(0, 0)] * (leaf.ndim - 1))

    mask: Tree = np.arange(batch_size) < rows  # NumPy's until it is copied to the device
    return Batch(jax.tree.map(longer, x), jax.tree.map(longer, y), mask)


def batches_of(
    plan: Plan,
    pairs: Iterable[Data],
    train_state: TrainState,
    name: str,
    validation: Data | None,
    *,
    number: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of epoch `number`, of which `start` have been read before.

    The first one is checked, and where there are validation arrays their rows against its rows.
    """
    made = start - 1
    for made, pair in enumerate(pairs, start):
        x, y = batch_of(f"the {name}", pair)
        if made == start:
            if validation is not None:
                check_alike((x, y), validation)
            check_targets(plan.objective, train_state, (x, y), validation)
        yield pad(x, y, plan.batch_size)
    if made < 0:
        raise ValueError(
            f"the {name} gave no batch in epoch {number + 1}; a generator can be read only once: "
            "pass a function of the epoch that makes one"
        )
<<<<<<< HEAD


def _until_failed(steps: Iterable[dict[str, Figure]]) -> Iterator[dict[str, Figure]]:
    """Yield the metrics of the steps until one has failed, which is read `_LAG` steps later."""
    running: deque[jax.Array] = deque()
    for metrics in steps:
        yield metrics
        running.append(skipped_steps(metrics))
        if len(running) > _LAG and running.popleft():
            return


@jax.jit
def _add(a: dict[str, Figure], b: dict[str, Figure]) -> dict[str, Figure]:
    return jax.tree.map(jax.numpy.add, a, b)


def _sum(metrics: Iterable[dict[str, Figure]]) -> dict[str, Figure]:
    sums = None
    for new in metrics:
        sums = new if sums is None else _add(sums, new)
    assert sums is not None  # a source without batches has raised
    return sums
=======
>>>>>>> e59198c (A validation that is no number ends a training with what it comes from, a signal ends the script, host batches save and resume within an epoch, and a folder has one writer)
