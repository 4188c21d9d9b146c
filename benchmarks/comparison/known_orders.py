"""Functions of which everybody knows which mode is faster: what an answer can be tried on.

A function of many inputs and one output is for reverse mode, one of one input and many outputs for
forward mode, and the other mode needs as many passes as there are numbers.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

#: How many inputs, or outputs, each function has.
_MANY = 192

_Body = Callable[[jax.Array], jax.Array]


class KnownOrder(NamedTuple):
    """A function at a point, and the mode that takes its derivative faster."""

    name: str
    fn: Callable[[jax.Array], jax.Array]
    x: jax.Array
    faster: str


def known_orders() -> list[KnownOrder]:
    """Return forty functions: twenty bodies from vector to vector, each narrowed at either end.

    Example:
        >>> cases = known_orders()
        >>> len(cases), sorted({case.faster for case in cases})
        (40, ['forward', 'reverse'])
    """
    point, cases = jnp.linspace(0.1, 1.0, _MANY), []
    for name, body in _bodies().items():

        def summed(x: jax.Array, body: _Body = body) -> jax.Array:
            values = body(x)
            return jnp.sum(values * jnp.cos(jnp.arange(values.size)))  # a softmax's sum is constant

        def of_one_number(x: jax.Array, body: _Body = body) -> jax.Array:
            return body(x * point)

        cases.append(KnownOrder(f"{name}, summed", summed, point, "reverse"))
        cases.append(KnownOrder(f"{name} of one number", of_one_number, point[0], "forward"))
    return cases


def _bodies() -> dict[str, _Body]:
    """Return functions of a vector that are smooth at the points of `known_orders`."""
    keys = jax.random.split(jax.random.key(0), 3)
    matrix, other = (jax.random.normal(key, (_MANY, _MANY)) / 14 for key in keys[:2])
    kernel = jax.random.normal(keys[2], (9,))
    square = lambda x: x[:144].reshape(12, 12)  # noqa: E731
    return {
        "tanh": jnp.tanh,
        "polynomial": lambda x: jnp.polyval(jnp.arange(1.0, 9.0), x),
        "exponentials": lambda x: jnp.exp(-x) * jnp.log1p(x) + jnp.sqrt(x),
        "softmax": jax.nn.softmax,
        "normalization": lambda x: (x - x.mean()) / jnp.sqrt(x.var() + 1e-5),
        "linear map": lambda x: matrix @ x,
        "layer": lambda x: jnp.tanh(matrix @ x),
        "network": lambda x: other @ jnp.tanh(matrix @ jnp.tanh(other @ x)),
        "bilinear form": lambda x: (matrix @ x) * (other @ x),
        "convolution": lambda x: jnp.convolve(x, kernel, mode="same"),
        "stencil": lambda x: jnp.roll(x, 1) - 2 * x + jnp.roll(x, -1) + x**3,
        "Fourier transform": lambda x: jnp.abs(jnp.fft.rfft(jnp.sin(x)) + 1),
        "sorted": lambda x: jnp.sort(jnp.sin(3 * x)) * x,
        "cumulated": lambda x: jnp.cumsum(jnp.sin(x)),
        "distances": lambda x: jnp.sum(jnp.log1p((x[:, None] - x) ** 2), axis=1),
        "quadratic forms": lambda x: jnp.einsum("i,ij,j->j", x, matrix, x),
        "Cholesky": lambda x: jnp.linalg.cholesky(square(x) @ square(x).T + jnp.eye(12)).ravel(),
        "scan": lambda x: jax.lax.scan(lambda c, v: (jnp.sin(c + v), c * v), x[0], x)[1],
        "loop": lambda x: jax.lax.fori_loop(0, 20, lambda _, y: jnp.cos(y) + x, x),
        "descent": lambda x: jax.lax.fori_loop(0, 9, lambda _, y: y - matrix.T @ (matrix @ y), x),
    }
