"""Which units of a network have stopped learning."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_number
from ._watch import Reading, Watch
from .layer import Layer


class LayerSaturation(NamedTuple):
    """One activation layer of a `Saturation` report."""

    layer: str  # where its state is in the model's: "1" or "2.0"; "[3]" for the fourth of `repeat`
    activation: str
    units: int
    saturated: float  # share of the units, over all rows, whose derivative is below the threshold
    dead: float  # share of the units whose derivative is 0 on every row


class Saturation(NamedTuple):
    """The activation layers of a model in order; `str` gives the table."""

    layers: tuple[LayerSaturation, ...]
    threshold: float

    def __str__(self) -> str:
        """The report as a table."""
        head = ("layer", "activation", "units", f"|f'| < {self.threshold:g}", "dead")
        rows = [
            (r.layer, r.activation, str(r.units), f"{r.saturated:.1%}", f"{r.dead:.1%}")
            for r in self.layers
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = []
        for row in (head, *rows):
            left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
            right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
            lines.append("  ".join(left + right))
        return "\n".join(lines)


def saturation(
    model: Layer,
    params: Any,
    state: Any,
    x: jax.Array,
    *,
    threshold: float = 0.01,
    mask: jax.Array | None = None,
) -> Saturation:
    """Report which units of the activation layers pass no gradient on, for a batch `[batch, ...]`.

    The network runs as in inference. A unit is saturated on a row if the derivative of the
    activation at its input is smaller than `threshold` in size, and dead if it is 0 on every row:
    a saturated sigmoid, or a ReLU that never fires. An activation that mixes its units, such as
    softmax, has no such derivative: its shares are nan.

    It sees the layers made by `activation` and `prelu`, through every combinator that passes a
    layer's state in and hands out what came back, your own included. A combinator that carries
    the state through `lax.scan` instead of stacking it fails, for the readings are new in it.

    Args:
        model: The network.
        params: Its parameters.
        state: Its state.
        x: Inputs `[batch, ...]`.
        threshold: The size below which a derivative counts as saturated.
        mask: `[batch]` bool, the rows that are real; all of them by default.

    Raises:
        ValueError: A threshold that is not positive, or no row that is real.
        TypeError: A threshold that is no number.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.serial(nn.activation(nn.sigmoid), nn.activation(nn.relu))
        >>> params, state = model.init(jax.random.key(0))
        >>> x = jnp.array([[-9.0, 0.0, 9.0, 1.0], [9.0, -1.0, 9.0, 0.0]])
        >>> print(nn.saturation(model, params, state, x))
        layer  activation  units  |f'| < 0.01  dead
        0      sigmoid         4        50.0%  0.0%
        1      relu            4         0.0%  0.0%
    """
    check_number("saturation", "threshold", threshold, "positive", lambda value: value > 0)
    if not (jnp.shape(x)[0] if mask is None else jnp.sum(mask)):
        raise ValueError(f"saturation expected at least one real row, got shape {jnp.shape(x)}")
    watching = jax.tree.map(
        lambda s: Watch(threshold) if _is_empty(s) else s, state, is_leaf=_is_empty
    )
    _, watched = model.apply(params, watching, x, mask=mask)
    found = jax.tree_util.tree_leaves_with_path(watched, is_leaf=lambda s: isinstance(s, Reading))
    rows = [
        row
        for path, reading in found
        if isinstance(reading, Reading)
        for row in _rows(path, reading)
    ]
    return Saturation(tuple(rows), threshold)


def _is_empty(state: Any) -> bool:
    return isinstance(state, tuple) and not state


def _rows(path: tuple, reading: Reading) -> Iterator[LayerSaturation]:
    """One row for each copy of a layer that a combinator stacked."""
    *where, _, _ = path  # the last two are inside the Watch: readings, and which of them
    layer = jax.tree_util.keystr(tuple(where), simple=True, separator=".")
    dead = np.asarray(reading.dead)
    for copy, saturated in np.ndenumerate(np.asarray(reading.saturated)):
        name = layer + "".join(f"[{i}]" for i in copy)
        yield LayerSaturation(
            name, reading.name, reading.units, float(saturated), float(dead[copy])
        )
