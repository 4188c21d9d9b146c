"""`saturation`: which units of a network pass no gradient on, and so do not learn."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_array
from ._options import check_number
from ._parts import check_layer
from ._watch import Reading, Watch
from .layer import Layer, Params, State
from .saturation_report import LayerSaturation, Saturation


def saturation(
    model: Layer[Params, State],
    params: Params,
    state: State,
    x: jax.Array,
    *,
    threshold: float = 0.01,
    mask: jax.Array | None = None,
) -> Saturation:
    """Report which units of the activation layers pass no gradient on, for a batch `[batch, ...]`.

    The network runs as in inference. The slope of a unit is the derivative of the activation at
    the unit's input. A unit is saturated on a row if its slope is smaller than `threshold` in size,
    as in the flat ends of a sigmoid, and dead if its slope is 0 on every row, as for a ReLU whose
    inputs are all negative. An activation that mixes its units, such as softmax, has no such
    slope, and none is known where its inputs are NaN; the shares are NaN then.

    The report has a row for each layer made by `activation` or `prelu`, inside every combinator
    that hands each layer its state and returns what came back, user-written ones included. A
    combinator that carries the state through `lax.scan` raises an error, since the observed state
    has another structure than the one that went in; `repeat` stacks the states instead.

    Args:
        model: The network.
        params: Its parameters.
        state: Its state.
        x: Inputs `[batch, ...]`.
        threshold: The slope below which a unit counts as saturated.
        mask: `[batch]` bool, True for the rows that are real; by default all are.

    Raises:
        ValueError: If the threshold is not positive, or no row is real.
        TypeError: If the threshold is not a number.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.serial(nn.activation(nn.sigmoid), nn.activation(nn.relu))
        >>> params, state = model.init(jax.random.key(0))
        >>> x = jnp.array([[-9.0, 0.0, 9.0, 1.0], [9.0, -1.0, 9.0, 0.0]])
        >>> print(nn.saturation(model, params, state, x))
        layer  activation  units  |slope| < 0.01  dead
        0      sigmoid         4           50.0%  0.0%
        1      relu            4            0.0%  0.0%
    """
    check_layer("saturation", model)
    check_number("saturation", "threshold", threshold, "positive", lambda value: value > 0)
    threshold = float(threshold)
    check_array("saturation", x)
    rows = (jnp.shape(x) or (0,))[0] if mask is None else jnp.sum(jnp.asarray(mask))
    if not rows:
        raise ValueError(f"saturation expected at least one real row, got shape {jnp.shape(x)}")
    watching = jax.tree.map(
        lambda s: Watch(threshold) if _is_empty(s) else s, state, is_leaf=_is_empty
    )
    _, watched = model.apply(params, watching, x, mask=mask)
    leaves = jax.tree_util.tree_leaves_with_path(watched, is_leaf=lambda s: isinstance(s, Reading))
    rows = [
        row
        for path, reading in leaves
        if isinstance(reading, Reading)
        for row in _rows(path, reading)
    ]
    return Saturation(layers=tuple(rows), threshold=threshold)


def _is_empty(state: object) -> bool:
    return isinstance(state, tuple) and not state


def _rows(path: jax.tree_util.KeyPath, reading: Reading) -> Iterator[LayerSaturation]:
    """Yield a row for each copy of a layer that a combinator stacked; for one that is not, one."""
    *place, _, _ = path  # the last two entries lead from the Watch to one of its readings
    layer = jax.tree_util.keystr(tuple(place), simple=True, separator=".")
    dead = np.asarray(reading.dead)
    for copy, saturated in np.ndenumerate(np.asarray(reading.saturated)):
        yield LayerSaturation(
            layer=layer + "".join(f"[{i}]" for i in copy),
            activation=reading.name,
            units=reading.units,
            saturated=float(saturated),
            dead=float(dead[copy]),
        )
