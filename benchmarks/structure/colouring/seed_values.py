"""What is known of the numbers along a seed: zero, the same all over, or not joined yet."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import kind, shape


class Zero(NamedTuple):
    """Zeros all over."""


class Same(NamedTuple):
    """One number all over, which is not zero."""

    value: Any


class Joined(NamedTuple):
    """Arrays side by side, or one upon the other, which nobody has joined yet.

    A result that is so joined is read off its parts: to write it, XLA computes all of them at each
    number's place.
    """

    eqn: JaxprEqn
    parts: list[Any]

    @property
    def axis(self) -> int:
        """The axis along which they are joined."""
        params = self.eqn.params
        return params["dimension"] if "dimension" in params else params["axis"]

    @property
    def form(self) -> tuple[Any, ...]:
        """What says which number is where."""
        return kind(self.eqn), self.axis, *map(shape, self.eqn.invars)


def known(value: np.ndarray) -> Any:
    """Return a value that is known as what it is all over, if it is.

    Example:
        >>> known(np.zeros(3)), known(np.full(3, 2.0))
        (Zero(), Same(value=np.float64(2.0)))
    """
    if not value.size or np.any(value != value.flat[0]):
        return value
    return Same(value.flat[0]) if value.flat[0] else Zero()


def is_known(value: Any) -> bool:
    """Whether a value is known while a program is traced.

    Example:
        >>> is_known(Zero()), is_known(jnp.ones(3))
        (True, False)
    """
    return isinstance(value, (Zero, Same, np.ndarray))


def array(value: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    """Return a value as an array.

    Example:
        >>> array(Same(2.0), (3,), np.float32).tolist()
        [2.0, 2.0, 2.0]
    """
    if isinstance(value, np.ndarray) or not is_known(value):
        return jnp.asarray(value, dtype)
    return jnp.full(size, value.value if isinstance(value, Same) else 0, dtype)


def moved(eqn: JaxprEqn, value: np.ndarray) -> np.ndarray:
    """Move numbers that are known.

    Example:
        >>> eqn = jax.make_jaxpr(lambda x: x.T)(np.ones((2, 3))).eqns[0]
        >>> moved(eqn, np.arange(6.0).reshape(2, 3)).tolist()
        [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    """
    params = eqn.params
    match kind(eqn):
        case "slice":
            ends = zip(params["start_indices"], params["limit_indices"], strict=True)
            steps = params["strides"] or (1,) * value.ndim
            return value[tuple(slice(*end, step) for end, step in zip(ends, steps, strict=True))]
        case "transpose":
            return value.transpose(params["permutation"])
        case "rev":
            return np.flip(value, params["dimensions"])
        case "broadcast_in_dim":
            wide = np.ones(len(params["shape"]), int)
            wide[list(params["broadcast_dimensions"])] = value.shape
            return np.broadcast_to(value.reshape(wide), params["shape"])
        case "copy":
            return value
    return value.reshape(shape(eqn.outvars[0]))


def split(joined: Joined, numbers: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of each part of an array that is joined.

    Example:
        >>> join = lambda x, y: jax.lax.concatenate([x, y], dimension=0)
        >>> eqn = jax.make_jaxpr(join)(np.ones(2), np.ones(3)).eqns[0]
        >>> [part.tolist() for part in split(Joined(eqn, []), np.arange(5))]
        [[0, 1], [2, 3, 4]]
    """
    if kind(joined.eqn) == "stack":
        return list(np.moveaxis(numbers, joined.axis, 0))
    ends = np.cumsum([shape(v)[joined.axis] for v in joined.eqn.invars])
    return np.split(numbers, ends[:-1], axis=joined.axis)
