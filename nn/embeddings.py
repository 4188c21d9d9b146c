"""A vector for each id."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn.initializers import Initializer, normal
from jax.sharding import NamedSharding, PartitionSpec

from ._checks import positive_int
from .layer import Layer, stateless

STANDARD_NORMAL = normal(1.0)


class Embedding(NamedTuple):
    """Parameters of `embedding`."""

    weight: jax.Array  # [size, features]


def embedding(
    size: int, features: int, *, weight_init: Initializer = STANDARD_NORMAL
) -> Layer[Embedding, tuple[()]]:
    """A learned vector for each integer id, `[...]` to `[..., features]`: `y = weight[x]`.

    An id outside `[0, size)` gives NaN, and never the vector of another id.

    Bengio et al., "A Neural Probabilistic Language Model" (2003).

    Args:
        size: How many ids there are.
        features: Length of each vector.
        weight_init: Draws the vectors; one of `jax.nn.initializers`.

    Raises:
        ValueError: A size below 1.
        TypeError: A size that is no int, or an input that does not hold integers.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.embedding(10, 3)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([[1, 2, 3, 9]]))[0].shape
        (1, 4, 3)
    """
    who = f"embedding({size}, {features})"
    size, features = positive_int(who, "size", size), positive_int(who, "features", features)

    def fn(params: Embedding, x: jax.Array) -> jax.Array:
        x = x if isinstance(x, np.ndarray) else jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.integer):
            raise TypeError(f"{who} expected integer ids, got {x.dtype}")
        # Compared as they come, since a gather takes of a 64-bit id the lower half.
        ids = x.astype(np.int32) if x.dtype.itemsize < 4 else x
        place = jnp.where((ids >= 0) & (ids < size), ids, -1).astype(jnp.int32)
        return params.weight.at[place].get(
            mode="fill",
            fill_value=jnp.nan,
            wrap_negative_indices=False,
            out_sharding=_spread_as(place),
        )

    return stateless(lambda key: Embedding(weight_init(key, (size, features))), fn)


def _spread_as(ids: jax.Array) -> NamedSharding | None:
    """Where the vectors of `ids` lie, which a gather must be told on a mesh of explicit axes."""
    sharding = jax.typeof(ids).sharding
    if sharding.mesh.empty or not sharding.mesh.are_all_axes_explicit:
        return None
    return NamedSharding(sharding.mesh, PartitionSpec(*sharding.spec, None))
