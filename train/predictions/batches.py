"""The predictions of a model for all rows of a data set, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.sharding import NamedSharding

from .. import data as datasets
from .._checks import positive
from .._global_arrays import check_global
from .._places import Places, places_of, whole
from .._processes import check_same
from .._programs import program
from .._sample_moments import sample_moments
from .._sharding import placed
from .._spread import Rows
from .._text import excerpt
from .._types import Tree
from ..data.accepted import tree_of_rows
from ..steps import TrainState
from ..steps.contracts import Model
from ..steps.foreign import Form, call, form_of
from ..steps.state import check_train_state
from .uncertainty import check_kind, statistics_of, taken_apart


def predict(
    apply: Model,
    train_state: TrainState,
    data: Tree,
    *,
    batch_size: int,
    samples: int | None = None,
    key: jax.Array | None = None,
    outputs: Tree = "values",
    chunk: int = 8,
    sharding: NamedSharding | None = None,
) -> Tree:
    """Compute a model's predictions for all rows of a data set, `batch_size` rows at a time.

    It is a pure function; called outside of `jit` it compiles once for a model and the shapes of
    the data. The last batch is padded and masked, so that the model is traced once.

    With `samples`, each batch is computed under so many draws of the model's randomness, such as
    dropout masks, of which the mean is the prediction; a `Prediction` says how far they agree. The
    draws are added up `chunk` at a time, so that the memory depends neither on `samples` nor on the
    number of batches. Rows of one batch have masks of their own, and each batch has others.

    Args:
        apply: A model's `apply(params, state, x, *, key, train, mask) -> (predictions, state)`, or
            any that `supervised` takes.
        train_state: The parameters and what the layers remember.
        data: Features alone, a pytree of arrays `[rows, ...]` as `train.data` says.
        batch_size: How many rows are predicted at a time, on all devices together.
        samples: How many draws; None: one prediction without randomness.
        key: The randomness of the draws.
        outputs: What the model's outputs hold where there are `samples`: "values"; "gaussian",
            means and then log-variances `[rows, 2 * outputs]`, as `losses.gaussian_nll` takes them;
            "classes", logits `[rows, classes]`; or "binary", logits of any shape. For a model of
            several outputs, one for all or a tree of them, such as
            `{"price": "gaussian", "sold": "binary"}`.
        chunk: How many draws are held in memory at a time.
        sharding: How the rows are to be spread over a mesh; by default as they are, see `make_run`.

    Returns:
        JAX arrays `[rows, ...]`, in the structure of the model's predictions, spread as the rows
        are if the devices divide them; with `samples`, a
        `Prediction` in the place of each array.

    Raises:
        ValueError: If there is no row, if an option is out of its range, if of `samples` and `key`
            there is only one, or `outputs` without them, or if an output has not the shape of its
            kind.
        TypeError: If the data are not numbers, if `train_state` is none, or if the model can be
            called in several ways.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import nn, train
        >>> model = nn.serial(nn.dropout(0.5), nn.dense(3, 2))
        >>> train_state = train.init(*model.init(jax.random.key(0)), optax.sgd(0.1))
        >>> x = jnp.arange(15.0).reshape(5, 3)
        >>> train.predict(model.apply, train_state, x, batch_size=2).shape
        (5, 2)
        >>> train.predict(
        ...     model.apply, train_state, x, batch_size=2, samples=10, key=jax.random.key(1),
        ...     outputs="classes",
        ... )
        Prediction(mean (5, 2), entropy (5,))
    """
    size, chunk = positive("batch_size", batch_size), positive("chunk", chunk)
    samples = None if samples is None else positive("samples", samples)
    if (samples is None) != (key is None):
        raise ValueError("predict needs samples= and key= together: one draws by the other")
    if samples is None and outputs != "values":
        raise ValueError("outputs= says what the draws hold: pass samples= and key=, too")
    form = form_of("predict", apply)
    check_train_state("predict", train_state)
    kinds = tuple(jax.tree.leaves(outputs)), jax.tree.structure(outputs)
    for kind in kinds[0]:
        check_kind(kind)
    data = tree_of_rows("the data", data)
    check_global("the data", data)
    check_same({"train_state": train_state, "key": key})
    data, rows = placed("the data", data, datasets.length(data), sharding, train_state)
    given = key, train_state.params, train_state.state, data
    options = apply, form, size, samples, kinds, chunk, rows
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        return _make(*options)(*given)
    places = places_of(train_state[:2])
    return program(_make, *options, places, arguments=given)(*given)


def _make(
    apply: Model,
    form: Form,
    batch_size: int,
    samples: int | None,
    kinds: tuple[tuple[str, ...], Any],
    chunk: int,
    rows: Rows,
    places: Places = None,
) -> Callable[[jax.Array | None, Tree, Tree, Tree], Tree]:
    """Make `predict(key, params, state, x)` with these options."""
    outputs = kinds[1].unflatten(kinds[0])

    def predict(key: jax.Array | None, params: Tree, state: Tree, x: Tree) -> Tree:
        size = min(rows.share(batch_size), rows.block)
        params, state = whole(places, (params, state), rows.axes)

        def batch(number: jax.Array) -> Tree:
            places, mask = rows.window(number * size + jnp.arange(size), number * size)
            model = partial(_model, apply, form, params, state, rows.take(x, places), mask)
            if key is None or samples is None:
                return model(None)
            keys = jax.random.split(jax.random.fold_in(key, number), samples)
            return _drawn(model, keys, outputs, chunk)

        return rows.joined(jax.lax.map(batch, jnp.arange(-(-rows.block // size))))

    return predict


def _model(
    apply: Model,
    form: Form,
    params: Tree,
    state: Tree,
    x: Tree,
    mask: jax.Array,
    key: jax.Array | None,
) -> Tree:
    try:
        predictions, _ = call(form, apply, params, state, x, key=key, train=False, mask=mask)
    except Exception as error:
        shapes = excerpt(jax.tree.map(jax.typeof, x))
        error.add_note(f"this is the model's answer to a batch of {shapes}; pass features alone")
        raise
    return predictions


def _drawn(model: Callable[[jax.Array], Tree], keys: jax.Array, outputs: Tree, chunk: int) -> Tree:
    """Return the predictions of one batch over the draws of the model under the keys."""

    def draw(key: jax.Array) -> tuple[Tree, Tree]:
        predictions = model(key)
        kinds = _kinds_of(outputs, predictions)
        leaves, structure = jax.tree.flatten(predictions)
        pairs = map(statistics_of, jax.tree.leaves(kinds), leaves)
        means, own = zip(*pairs, strict=True)
        return structure.unflatten(means), structure.unflatten(own)

    (mean, own), (variance, _) = sample_moments(draw, keys, chunk=chunk)
    return jax.tree.map(taken_apart, _kinds_of(outputs, mean), mean, own, variance)


def _kinds_of(outputs: Tree, predictions: Tree) -> Tree:
    """Return the kind of each output, where one kind may stand for a whole tree of them."""
    try:
        return jax.tree.map(
            lambda kind, part: jax.tree.map(lambda _: kind, part), outputs, predictions
        )
    except ValueError as error:
        raise ValueError(
            f"outputs={outputs!r} must be a kind for all, or a tree like the predictions, "
            f"{excerpt(jax.tree.structure(predictions))}"
        ) from error
