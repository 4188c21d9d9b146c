"""The error that ends a run in which a step, or a validation, was not finite."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import jax
import numpy as np

from .. import data as datasets
from .._global_arrays import local
from .._processes import agree, several, texts
from .._sharding import spread_of
from .._types import Data
from ..curves import History
from ..steps import Batch, TrainState
from ..steps.evaluation import measure
from ..steps.judging import leaf_names
from ..steps.transaction import make_forward
from .carry import Carry, measured
from .explanation import Why, explain
from .host_batches import is_arrays
from .placement import Placement
from .plan import Plan
from .sources import Source
from .stream import Recent


class NonFiniteError(ArithmeticError):
    """A loss, a gradient, a parameter or a statistic became NaN or infinite.

    The message says where it comes from if that can be told: which rows of the data, an id outside
    the vocabulary, or which operation of which layer, forwards or backwards, and its cure. Batches
    and rows are counted from 0.

    Attributes:
        epoch: The epoch in which it happened, counted from 1.
        step: The step, counted from 0 over the whole run: `train_state.step`.
        leaf: What went first: the loss, else the gradient nearest to the output, where the
            backward pass starts; or "validation loss".
        leaves: All that were not finite in that step.
        train_state: The state from before that step, finite; or from after the epoch whose
            validation loss was none.
        history: The curves up to there.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     return jnp.log(params - 1).sum(), (state, {})
        >>> optimizer = optax.sgd(0.1)
        >>> x = jnp.ones((4, 1))
        >>> try:
        ...     _ = train.fit(
        ...         jax.random.key(0), train.init(jnp.zeros(2), (), optimizer), objective,
        ...         optimizer, (x, x), epochs=1, batch_size=4,
        ...     )
        ... except train.NonFiniteError as error:
        ...     print(error.epoch, error.step, error.leaf, error.train_state.params)
        1 0 loss [0. 0.]
    """

    epoch: int
    step: int
    leaf: str
    leaves: list[str]
    train_state: TrainState
    history: History


def nonfinite_error(
    plan: Plan,
    key: jax.Array,
    carry: Carry,
    history: History,
    train_data: Data | Source,
    validation: Data | Source | None,
    recent: Recent,
) -> NonFiniteError:
    """Return the error for the carry of a run that a step or a validation has ended."""
    train_state, watch = carry
    if watch.bad.any():
        names = zip(leaf_names(train_state), watch.bad.tolist(), strict=True)
        leaves = [name for name, bad in names if bad]
        gradients = [name for name in leaves if name.startswith("gradient")]
        leaf = gradients[-1] if gradients and leaves[0] != "loss" else leaves[0]
        epoch, step = int(history.epochs) + 1, int(train_state.step)
        why = _of_any(_why_step(plan, key, local(train_state), train_data, recent))
        advice = (
            "A lower learning rate, optax.clip_by_global_norm, or features that "
            "train.data.standardize has scaled may help."
        )
        reason = why.text if why.of_data or why.cured else f"{why.text} {advice}".lstrip()
        text = (
            f"epoch {epoch}, step {step}: {leaf} is not finite ({len(leaves)} of {watch.bad.size} "
            f"checked are not). {reason} The state from before the step is error.train_state; "
            'on_nonfinite="skip" leaves such steps out.'
        )
    else:
        leaf, leaves = "validation loss", ["validation loss"]
        epoch, step = int(history.epochs), int(train_state.step)
        loss = history["validation_loss"][-1]
        always = "in every epoch, " if plan.on_nonfinite == "skip" else ""
        found = _why_validation(plan, local(measured(carry)), validation, epoch - 1)
        why = _of_any(Why(found, of_data=True)).text
        mend = "" if always else '; on_nonfinite="skip" goes on after such epochs'
        text = (
            f"epoch {epoch}: the validation loss is {loss}, {always}so that there is nothing to "
            f"compare. {why} The state after the epoch is error.train_state{mend}."
        )
    error = NonFiniteError(text.replace("  ", " "))
    error.epoch, error.step, error.leaf, error.leaves = epoch, step, leaf, leaves
    error.train_state, error.history = train_state, history
    return error


def _of_any(why: Why) -> Why:
    """Return why something is not finite as the first process found it that could tell."""
    if not several():
        return why
    found = list(zip(texts(why.text), agree(why.of_data)[:, 0], strict=True))
    if len({text for text, _ in found}) == 1:  # of data that all of them hold
        return why
    told = [
        Why(f"In the rows of process {number}: {text}", of_data=bool(of_data))
        for number, (text, of_data) in enumerate(found)
        if text
    ]
    return told[0] if told else why


def _why_step(
    plan: Plan,
    key: jax.Array,
    train_state: TrainState,
    train_data: Data | Source,
    recent: Recent,
) -> Why:
    """Say why the step after `train_state` is not finite, or return nothing."""
    if is_arrays(train_data):
        rows = datasets.length(train_data)
        steps = -(-rows // plan.batch_size)
        number, position = divmod(int(train_state.step), steps)
        order = datasets.shuffle(key, number, rows, plan.batch_size, devices=_blocks(plan))
        indices, mask = (np.asarray(part)[position] for part in order)
        x, y = local(datasets.take(train_data, indices))
        batch, place = Batch(x, y, mask), "the train data"
    else:
        steps = {step: (number, batch) for step, number, batch in recent}
        if int(train_state.step) not in steps:
            return Why("", of_data=False)
        number, batch = steps[int(train_state.step)]
        batch = local(batch)
        indices, place = np.arange(len(batch.mask)), f"batch {number}"
    forward = make_forward(plan.objective, accumulate=plan.accumulate, augment=plan.augment)
    compute = partial(forward, key)
    return explain(plan.objective, train_state, batch, place, indices, compute)


def _blocks(plan: Plan) -> int:
    """Return how many blocks of rows are shuffled each by itself."""
    spread = spread_of((), plan.sharding, ())
    return 1 if spread is None or plan.shuffle == "global" else spread.devices


def _why_validation(
    plan: Plan, train_state: TrainState, validation: Data | Source | None, number: int
) -> str:
    """Say which rows of the validation data have no loss, or return nothing."""
    for place, batch, rows in _validation_batches(plan, validation, number):
        compute = partial(measure, plan.objective)
        why = explain(plan.objective, train_state, batch, place, rows, compute)
        if why.text:
            return why.text
    return ""


def _validation_batches(
    plan: Plan, validation: Data | Source | None, number: int
) -> Iterator[tuple[str, Batch, np.ndarray]]:
    """Yield the batches of the validation data, as far as they can be read again."""
    if validation is None:
        return
    if is_arrays(validation):
        rows = datasets.length(validation)
        size = min(plan.batch_size, rows)
        for start in range(0, rows, size):
            indices = min(start, rows - size) + np.arange(size)
            x, y = local(datasets.take(validation, indices))
            batch = Batch(x, y, None)
            yield "the validation data", batch, indices
        return
    size = plan.batch_size
    placement = Placement(rows_sharding=None, batch_size=size, total=size, own=size)
    pairs = validation(number) if callable(validation) else validation
    for made, pair in enumerate(pairs):
        batch = placement.pad(*jax.tree.map(np.asarray, local(tuple(pair))))
        yield f"batch {made} of the validation data", batch, np.arange(plan.batch_size)
