"""Where a loss that is not finite comes from: the data, an id, or a place in the forward pass.

All of this is only said, so none of it may fail: what cannot be told is left out.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from .._text import excerpt
from .._types import Tree
from ..steps import Batch, Objective, TrainState
from ..steps.evaluation import measure
from ..steps.optional import check_targets
from ..steps.state import real_rows
from .forward_place import in_forward_pass

_NAMED = 3  # rows, in a message
_GUESSES = (0.5, -1.0, 2.0)  # a probability, a logarithm of one, and neither
_SECONDS = 30.0  # that the search for an operation may take


class Why(NamedTuple):
    """Why something is not finite."""

    text: str  # a sentence, or nothing
    of_data: bool  # whether it comes from some of the data, and not from the parameters
    cured: bool = False  # whether the sentence says what to write instead
    overflow: bool = False  # whether a number grew out of range, as by too long steps


def explain(
    objective: Objective,
    train_state: TrainState,
    batch: Batch,
    place: str,
    rows: np.ndarray,
    forward: Callable[[TrainState, Batch], object],
) -> Why:
    """Say in a sentence where what is not finite in a batch comes from, if that can be told.

    Args:
        objective: What was computed.
        train_state: The state that it was computed at.
        batch: The examples.
        place: What they are called, such as "batch 3".
        rows: The number of each row there, `[batch]`.
        forward: Computes the value of the batch again, at a state.
    """
    for cause in (_nonfinite_data, _unknown_label, _lossless_target, _in_some_rows):
        with contextlib.suppress(Exception):
            found = cause(objective, train_state, batch, place, rows)
            if isinstance(found, Why):
                return found
            if found:
                return Why(found, of_data=True)
    with contextlib.suppress(Exception):
        return _in_a_pass(train_state, batch, forward)
    return Why("", of_data=False)


def _nonfinite_data(
    objective: Objective, train_state: TrainState, batch: Batch, place: str, rows: np.ndarray
) -> str:
    real = np.asarray(real_rows(batch))
    for part, tree in (("x", batch.x), ("y", batch.y)):
        for path, leaf in jax.tree.leaves_with_path(tree):
            leaf = np.asarray(leaf)
            if not jax.numpy.issubdtype(leaf.dtype, jax.numpy.inexact):
                continue
            finite = np.isfinite(leaf.astype(np.complex128)).reshape(len(leaf), -1).all(axis=1)
            suspects = real & ~finite
            if part == "y" and suspects.any():  # a missing target may be hidden by a weight of 0
                suspects &= nonfinite_rows(objective, train_state, batch)
            if suspects.any():
                found = _rows_text(rows[suspects])
                name = f"{part}{jax.tree_util.keystr(path)}"
                return f"{name} of {place} holds NaN or infinity in {found}."
    return ""


def _unknown_label(
    objective: Objective, train_state: TrainState, batch: Batch, place: str, rows: np.ndarray
) -> str:
    del rows
    real = np.asarray(real_rows(batch))
    pair = jax.tree.map(lambda leaf: np.asarray(leaf)[real], (batch.x, batch.y))
    try:
        check_targets(objective, train_state, pair)
    except ValueError as error:
        return f"In {place}, {error}."
    return ""


def _lossless_target(
    objective: Objective, train_state: TrainState, batch: Batch, place: str, rows: np.ndarray
) -> str:
    """Say which target has no loss whatever is predicted, such as -1 where 0 or 1 is to be."""
    del train_state
    loss, y = getattr(objective, "loss", None), np.asarray(batch.y)
    if not callable(loss) or not np.isfinite(y).all():
        return ""

    def undefined(y: np.ndarray) -> np.ndarray:
        rows = np.ones(len(y), bool)
        for guess in _GUESSES:  # one may be outside of a loss's domain, such as 0 of a logarithm
            # As arrays of JAX: a loss may raise an error for NumPy's targets.
            given = jax.numpy.full(y.shape, guess, np.float32), jax.numpy.asarray(y)
            rows &= np.isnan(np.asarray(loss(*given))).reshape(len(y), -1).any(axis=1)
        return rows

    bad = undefined(y) & np.asarray(real_rows(batch))
    # A loss that has none for 0 or 1 either, such as the root of a prediction, blames no target.
    if not bad.any() or all(undefined(np.full_like(y, target)).any() for target in (0, 1)):
        return ""
    return (
        f"The loss of {_rows_text(rows[bad])} of {place} is NaN whatever is predicted: y holds "
        f"{excerpt(str(y[bad][0].tolist()))}. For two classes labels are from 0 to 1, and counts "
        "are 0 or more."
    )


def _in_some_rows(
    objective: Objective, train_state: TrainState, batch: Batch, place: str, rows: np.ndarray
) -> str | Why:
    """Say which rows have a loss that is not finite, where others have a finite one."""
    bad = nonfinite_rows(objective, train_state, batch)
    if not bad.any():
        return ""
    if sentence := _unknown_id(train_state, batch, place, rows, bad):
        return sentence
    if bad.sum() == np.asarray(real_rows(batch)).sum():
        return ""
    first = int(np.argmax(bad))
    alone = jax.tree.map(lambda leaf: leaf[first : first + 1], batch)
    why = _in_a_pass(train_state, alone, partial(measure, objective))
    text = f"The loss of {_rows_text(rows[bad])} of {place} is not finite. {why.text}".rstrip()
    return why._replace(text=text, of_data=not why.overflow)


def nonfinite_rows(objective: Objective, train_state: TrainState, batch: Batch) -> np.ndarray:
    """Return for each row whether it alone, without training, has a loss that is not finite.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from ..steps import init
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     return (params / batch.x).sum(), (state, {})
        >>> train_state = init(jnp.ones(()), (), optax.sgd(0.1))
        >>> nonfinite_rows(objective, train_state, Batch(jnp.array([1.0, 0.0]), jnp.ones(2)))
        array([False,  True])
    """
    batch = batch._replace(mask=real_rows(batch))

    @jax.jit
    def losses(train_state: TrainState, batch: Batch) -> jax.Array:
        singles = jax.tree.map(lambda leaf: leaf[:, None], batch)

        def total(single: Batch) -> jax.Array:
            sums = jax.tree.leaves(measure(objective, train_state, single)["loss"])
            return jax.numpy.stack([leaf.sum() for leaf in sums]).sum()  # of all outputs, weights

        return jax.lax.map(total, singles)

    values = np.asarray(losses(train_state, batch), np.float64)
    return np.asarray(batch.mask) & ~np.isfinite(values)


def _unknown_id(
    train_state: TrainState, batch: Batch, place: str, rows: np.ndarray, bad: np.ndarray
) -> str:
    """Say which id is outside the vocabulary: of some table, in the bad rows and in no other."""
    real = np.asarray(real_rows(batch))
    tables = [
        (jax.tree_util.keystr(path), len(leaf))
        for path, leaf in jax.tree.leaves_with_path(train_state.params)
        if np.ndim(leaf) >= 2
    ]
    for path, leaf in jax.tree.leaves_with_path(batch.x):
        ids = np.asarray(leaf)
        if ids.dtype.kind not in "iu":
            continue
        ids = ids.reshape(len(ids), -1)
        for name, size in tables:
            outside = (ids < 0) | (ids >= size)
            if np.array_equal(outside.any(axis=1) & real, bad):
                row = int(np.argmax(bad))
                column = int(np.argmax(outside[row]))
                return (
                    f"x{jax.tree_util.keystr(path)} of {place} holds the id {ids[row, column]} in "
                    f"row {rows[row]}, outside the vocabulary: {name} of the parameters has "
                    f"{size} rows, for ids 0 .. {size - 1}."
                )
    return ""


def _rows_text(rows: np.ndarray) -> str:
    named = ", ".join(map(str, rows[:_NAMED].tolist()))
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return f"row{'s' if len(rows) > 1 else ''} {named}{more}"


def _in_a_pass(
    train_state: TrainState, batch: Batch, forward: Callable[[TrainState, Batch], object]
) -> Why:
    """Say where in the forward pass, else in the backward pass, and by which operation."""
    place = in_forward_pass(train_state, lambda: forward(train_state, batch))

    def compute(params: Tree) -> object:
        return forward(train_state._replace(params=params), batch)

    operation = Why("", of_data=False)
    with contextlib.suppress(Exception):
        operation = _operation(compute, train_state.params, "value" if place else "reverse")
    if not place and operation.text:
        place = "The forward pass is finite, the backward pass is not."
    return operation._replace(text=f"{place} {operation.text}".strip())


def _operation(compute: Callable[[Tree], object], params: Tree, mode: str) -> Why:
    """Say which operation of which layer goes first, the numbers that went in, and the cure.

    What overflows may have grown by too long steps, which no wider type mends: it has no cure here.

    What tells that is `gradwise.explain_nonfinite`, which is asked for here alone: nothing else in
    this package knows of the instrument.
    """
    explain_nonfinite = importlib.import_module("gradwise").explain_nonfinite
    found = explain_nonfinite(compute, params, mode=mode, time_limit=_SECONDS)
    overflow = found.what == "overflow"
    text = f"First is {found.sentence if overflow else found.advice}." if found.what else ""
    cured = bool(found.cure) and not overflow
    return Why(text, of_data=False, cured=cured, overflow=overflow)
