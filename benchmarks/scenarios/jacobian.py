"""Jacobians R^n -> R^m: where forward and reverse mode cross, and where the shape says nothing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import tridiagonal
from .scenario import Candidate, Cases, Scenario

#: Inputs and outputs of the networks: first with a constant product, then square.
_SHAPES = {
    "small": ((2, 18), (18, 2), (6, 6)),
    "medium": ((2, 2048), (16, 256), (64, 64), (256, 16), (2048, 2), (8, 8), (256, 256)),
    "large": ((2, 2048), (2048, 2), *((n, n) for n in (8, 16, 32, 64, 128, 256, 512, 1024))),
}
#: Points of the stencil (a multiple of 3), ends of the bottleneck, and both widths of the rest.
_STENCIL = {"small": 12, "medium": 768, "large": 3072}
_ENDS = {"small": 5, "medium": 256, "large": 1024}
_WIDTHS = {"small": (4, 24), "medium": (64, 8192), "large": (512, 65_536)}


def cases(size: str) -> Cases:
    """The networks, the stencil, the bottleneck and the elementwise function at a size.

    Example:
        >>> list(cases("small"))[2:]
        ['jacobian/6x6', 'jacobian/stencil', 'jacobian/bottleneck', 'jacobian/elementwise']
    """
    networks: Cases = {f"jacobian/{n}x{m}": partial(_network, n, m) for n, m in _SHAPES[size]}
    return networks | {
        "jacobian/stencil": partial(_stencil, _STENCIL[size]),
        "jacobian/bottleneck": partial(_bottleneck, _ENDS[size]),
        "jacobian/elementwise": partial(_elementwise, *_WIDTHS[size]),
    }


def tanh_network(x: jax.Array, weights: tuple[jax.Array, ...]) -> jax.Array:
    """A network without biases, x <- tanh(W x) for each weight W: `[outputs]`.

    Example:
        >>> tanh_network(jnp.ones(2), (jnp.eye(2), jnp.zeros((3, 2))))
        Array([0., 0., 0.], dtype=float32)
    """
    for weight in weights:
        x = jnp.tanh(weight @ x)
    return x


def stencil(x: jax.Array) -> jax.Array:
    """A step of Burgers' equation on a ring, x_i (x_i-1 - x_i+1) + x_i-1 - 2 x_i + x_i+1: `[n]`.

    Example:
        >>> stencil(jnp.array([0.0, 1.0, 3.0]))
        Array([ 4., -2., -2.], dtype=float32)
    """
    left, right = jnp.roll(x, 1), jnp.roll(x, -1)
    return x * (left - right) + left - 2 * x + right


def bottleneck(x: jax.Array, inner: jax.Array, outer: jax.Array) -> jax.Array:
    """R^n -> R -> R^n: `expand(reduce(x))`, all that leaves is a function of one number.

    Example:
        >>> bottleneck(jnp.zeros(2), jnp.ones(2), jnp.ones(2))
        Array([0., 0.], dtype=float32)
    """
    return _expand(_reduce(x, inner), outer)


def bottleneck_cut(x: jax.Array, inner: jax.Array, outer: jax.Array) -> tuple[jax.Array]:
    """Its Jacobian `[n, n]`: reverse mode down to the waist, forward mode from there.

    Example:
        >>> bottleneck_cut(jnp.zeros(2), jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]))
        (Array([[3., 6.],
               [4., 8.]], dtype=float32),)
    """
    waist, row = jax.value_and_grad(_reduce)(x, inner)
    column = jax.jacfwd(_expand)(waist, outer)
    return (column[:, None] * row,)


def elementwise(x: jax.Array, scale: jax.Array) -> jax.Array:
    """R^n -> R^k -> R^n: copies of x, each bent in its own way, and sums of neighbouring ones.

    Example:
        >>> elementwise(jnp.zeros(2), jnp.ones(6))
        Array([0., 0.], dtype=float32)
    """
    copies = scale * jnp.tile(x, len(scale) // len(x))
    bent = jnp.sin(copies) * jnp.exp(-(copies**2)) + jnp.tanh(copies)
    return jnp.sum(bent.reshape(len(x), -1), axis=1)


def _reduce(x: jax.Array, inner: jax.Array) -> jax.Array:
    return jnp.sum(jnp.sin(inner * x))


def _expand(waist: jax.Array, outer: jax.Array) -> jax.Array:
    return jnp.sin(outer * waist)


def _network(inputs: int, outputs: int) -> Scenario:
    random, hidden = np.random.default_rng(0), max(8, round((inputs * outputs) ** 0.5))

    def oracle(x: np.ndarray, weights: tuple[np.ndarray, ...]) -> np.ndarray:
        first, second = weights
        return np.tanh(np.tanh(x @ first.T) @ second.T)

    return Scenario(
        f"jacobian/{inputs}x{outputs}",
        tanh_network,
        (
            _normal(random, inputs),
            (
                _normal(random, hidden, inputs) / inputs**0.5,
                _normal(random, outputs, hidden) / hidden**0.5,
            ),
        ),
        f"A dense network of {inputs} inputs and {outputs} outputs: here the shape tells the mode.",
        argnums=(0,),
        crossover=True,
        oracle=oracle,
    )


def _stencil(points: int) -> Scenario:
    def oracle(x: np.ndarray) -> np.ndarray:
        left, right = (x[np.arange(-1, points - 1)], x[np.arange(1, points + 1) % points])
        return x * (left - right) + left - 2 * x + right

    def derivative(x: jax.Array) -> jax.Array:
        return tridiagonal.compressed(lambda t: jax.jvp(stencil, (x,), (t,))[1], x)

    return Scenario(
        "jacobian/stencil",
        stencil,
        (_normal(np.random.default_rng(1), points),),
        "Square, and almost all zeros: three directions do the work of n.",
        candidates=(Candidate("compressed", "forward", derivative, tridiagonal.apply),),
        oracle=oracle,
    )


def _bottleneck(ends: int) -> Scenario:
    random = np.random.default_rng(2)

    def oracle(x: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        return np.sin(outer * sum(np.sin(a * value) for a, value in zip(inner, x, strict=True)))

    return Scenario(
        "jacobian/bottleneck",
        bottleneck,
        tuple(_normal(random, ends) for _ in range(3)),
        "Square, with a waist of one number: neither mode alone is good, the two in turn are.",
        argnums=(0,),
        candidates=(Candidate("cut", "mixed", bottleneck_cut),),
        oracle=oracle,
    )


def _elementwise(ends: int, middle: int) -> Scenario:
    random = np.random.default_rng(3)

    def oracle(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        copies = scale * np.concatenate([x] * (middle // ends))
        bent = np.sin(copies) / np.exp(copies**2) + np.tanh(copies)
        return np.array([np.sum(part) for part in np.split(bent, ends)])

    return Scenario(
        "jacobian/elementwise",
        elementwise,
        (_normal(random, ends), _normal(random, middle)),
        "Square, cheap and wide inside: the modes differ in memory, not in operations.",
        argnums=(0,),
        oracle=oracle,
    )


def _normal(random: np.random.Generator, *shape: int) -> jax.Array:
    return jnp.asarray(random.standard_normal(shape, np.float32))
