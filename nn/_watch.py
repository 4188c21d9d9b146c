"""How `saturation` observes the activation layers of a model: through the model's state.

`saturation` replaces each empty state `()` by a `Watch`. A layer without state returns it
unchanged; an activation layer adds a `Reading` of its inputs. Combinators pass states through, so
the readings come back with the state, also out of `jit`, `scan` and `vmap`, and neither global
variables nor another form of layer are needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import real_entries


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Reading:
    """Shares of one activation layer on one batch; `repeat` stacks those of its copies."""

    saturated: jax.Array  # []
    dead: jax.Array  # []
    name: str = field(metadata={"static": True})
    units: int = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Watch:
    """Takes the place of an empty state; holds one reading for each call of the layer."""

    threshold: float = field(metadata={"static": True})
    readings: tuple[Reading, ...] = ()


def read(
    watch: Watch,
    name: str,
    fn: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    mask: jax.Array | None,
) -> Watch:
    """Return `watch` with a reading of the activation `fn` at its inputs `x` `[batch, ...]`.

    A step that no sequence has, such as the last one where all are shorter, has no units. Where an
    input is NaN the slope is unknown, whatever `fn` says of it: that of a ReLU would be 0.
    """
    slope = jnp.where(jnp.isnan(x), jnp.nan, _local_derivative(fn, x))
    real = jnp.ones((1,) * x.ndim, bool) if mask is None else real_entries(name, x, mask)
    saturated = jnp.mean(jnp.abs(slope) < watch.threshold, where=real)
    dead = jnp.mean(jnp.all(slope == 0, axis=0, where=real), where=jnp.any(real, axis=0))
    unknown = jnp.any(jnp.isnan(slope), where=real)
    reading = Reading(
        saturated=jnp.where(unknown, jnp.nan, saturated),
        dead=jnp.where(unknown, jnp.nan, dead),
        name=name,
        units=x[0].size,
    )
    return replace(watch, readings=(*watch.readings, reading))


def _local_derivative(fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Return the derivative of each output by the input at its place, NaN where `fn` mixes inputs.

    The Jacobian `J` of an elementwise function is diagonal, so `J (s v) = s (J v)` for any signs
    `s`. The two sides are compared for one pattern of signs, in which neighbours differ along every
    axis; where they are not equal, `J` is not diagonal.
    """
    signs = jnp.ones_like(x)
    for axis in range(x.ndim):
        odd = lax.broadcasted_iota(jnp.int8, x.shape, axis) % 2
        signs *= (1 - 2 * odd).astype(x.dtype)
    plain = jax.jvp(fn, (x,), (jnp.ones_like(x),))[1]
    with_signs = jax.jvp(fn, (x,), (signs,))[1] * signs
    return jnp.where(plain == with_signs, plain, jnp.nan)
