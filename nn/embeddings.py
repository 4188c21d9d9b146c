"""Embedding: a learned vector for each integer id."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn.initializers import Initializer, normal
from jax.sharding import NamedSharding

from ._checks import hide
from ._options import check_initializers, drawn, positive_int
from ._spread import explicit_mesh, out_of_rows, spec_of, spread
from .layer import Layer, masked

STANDARD_NORMAL = normal(1.0)


class Embedding(NamedTuple):
    """Parameters of `embedding`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.Embedding(weight=jnp.array([[1.0, 2.0], [3.0, 4.0]]))
        >>> nn.embedding(2, 2).apply(params, (), jnp.array([1, 0, 7]))[0].tolist()
        [[3.0, 4.0], [1.0, 2.0], [nan, nan]]
    """

    weight: jax.Array  # [size, features]


def embedding(
    size: int, features: int, *, weight_init: Initializer = STANDARD_NORMAL
) -> Layer[Embedding, tuple[()]]:
    """Return the layer `y = weight[x]`, integer ids `[...]` to vectors `[..., features]`.

    An id outside `[0, size)` gives a vector of NaN; negative ids do not count from the end. An id
    that the mask hides may be any integer, and gives a vector of 0.

    Bengio et al., "A Neural Probabilistic Language Model" (2003).

    Args:
        size: Number of ids.
        features: Length of each vector.
        weight_init: Draws the vectors; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1.
        TypeError: If a size is not an int, or the input does not hold integers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.embedding(10, 3)
        >>> params, state = layer.init(jax.random.key(0))
        >>> ids = jnp.array([[1, 2, 3, 9]])
        >>> jax.eval_shape(layer.apply, params, state, ids)[0].shape
        (1, 4, 3)
    """
    who = f"embedding({size}, {features})"
    size, features = positive_int(who, "size", size), positive_int(who, "features", features)
    check_initializers(who, {"weight_init": weight_init})

    def fn(params: Embedding, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        x = x if isinstance(x, np.ndarray) else jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.integer):
            raise TypeError(f"{who} expected integer ids, got {x.dtype}")
        # A gather takes int32 and would cut off the upper half of a 64-bit id, so the range is
        # checked before the conversion.
        ids = x.astype(np.int32) if x.dtype.itemsize < 4 else x
        place = jnp.where((ids >= 0) & (ids < size), ids, -1).astype(jnp.int32)
        weight = out_of_rows(place, params.weight, features=False)
        y = weight.at[place].get(
            mode="fill",
            fill_value=jnp.nan,
            wrap_negative_indices=False,
            out_sharding=_sharding_of_vectors(place, weight),
        )
        return hide(who, y, mask)

    def init(key: jax.Array) -> Embedding:
        return Embedding(drawn(who, "weight_init", weight_init, key, (size, features)))

    return masked(who, init, fn, Embedding)


def _sharding_of_vectors(ids: jax.Array, weight: jax.Array) -> NamedSharding | None:
    """Return the sharding of the gathered vectors: that of the ids, and of the table's features.

    On a mesh of explicit axes a gather raises an error unless it is told; elsewhere it is None.
    """
    mesh = explicit_mesh(ids, weight)
    return None if mesh is None else spread(mesh, (*spec_of(ids), spec_of(weight)[-1]))
