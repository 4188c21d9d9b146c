"""How `saturation` looks into a model: through the state, which every combinator hands on.

A layer without state is given a `Watch` where its `()` was and hands it back. Activation layers
leave a reading in it. So nothing is global, the contract of a layer stays as it is, and whatever
`jit`, `scan` or `vmap` stands between carries the readings out as it carries any state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import real_rows


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Reading:
    """Shares of one activation layer on one batch; combinators may stack them."""

    saturated: jax.Array  # []
    dead: jax.Array  # []
    name: str = field(metadata={"static": True})
    units: int = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Watch:
    """Stands in for an empty state; one reading for each time the layer was applied."""

    threshold: float = field(metadata={"static": True})
    readings: tuple[Reading, ...] = ()


def read(
    watch: Watch,
    name: str,
    fn: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    mask: jax.Array | None,
) -> Watch:
    """Add the reading of `fn` at its inputs `x` `[batch, ...]`."""
    slope = _local_derivative(fn, x)
    real = True if mask is None else real_rows(name, x, mask)
    saturated = jnp.mean(jnp.abs(slope) < watch.threshold, where=real)
    dead = jnp.mean(jnp.all(slope == 0, axis=0, where=real))
    unknown = jnp.any(jnp.isnan(slope), where=real)
    reading = Reading(
        saturated=jnp.where(unknown, jnp.nan, saturated),
        dead=jnp.where(unknown, jnp.nan, dead),
        name=name,
        units=x[0].size,
    )
    return replace(watch, readings=(*watch.readings, reading))


def _local_derivative(fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """The derivative of each output by its own input; nan where `fn` mixes the inputs.

    If it does not mix them, `J v = diag(J) v`: flipping signs in `v` flips them in the product.
    """
    signs = jnp.ones_like(x)  # neighbours differ along every axis
    for axis in range(x.ndim):
        signs *= 1 - 2 * (lax.broadcasted_iota(jnp.int8, x.shape, axis) % 2)
    together = jax.jvp(fn, (x,), (jnp.ones_like(x),))[1]
    apart = jax.jvp(fn, (x,), (signs,))[1] * signs
    return jnp.where(together == apart, together, jnp.nan)
