"""Jacobians R^n -> R^m: where forward and reverse mode cross, and where the shape says nothing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import tridiagonal
from ._inputs import normal
from .scenario import Candidate, Scenario, Suite

#: Inputs and outputs of the networks: first with a constant product, then square.
_SHAPES = {
    "small": ((2, 18), (18, 2), (6, 6)),
    "medium": ((2, 2048), (16, 256), (64, 64), (256, 16), (2048, 2), (8, 8), (256, 256)),
    "large": ((2, 2048), (2048, 2), *((n, n) for n in (8, 16, 32, 64, 128, 256, 512, 1024))),
}
#: Points of the stencil (a multiple of 3), ends of the bottleneck, ends and copies of the rest.
_STENCIL = {"small": 12, "medium": 768, "large": 3072}
_ENDS = {"small": 5, "medium": 256, "large": 1024}
_WIDTHS = {"small": (4, 3), "medium": (256, 128), "large": (512, 128)}


def scenarios(size: str) -> Suite:
    """The networks, the stencil, the bottleneck and the elementwise function at a size.

    Example:
        >>> list(scenarios("small"))[2:]
        ['jacobian/6x6', 'jacobian/stencil', 'jacobian/bottleneck', 'jacobian/elementwise']
    """
    networks: Suite = {f"jacobian/{n}x{m}": partial(_network, n, m) for n, m in _SHAPES[size]}
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
    """R^n -> R -> R^n: a layer's mean, then waves of that frequency through another layer.

    Example:
        >>> bottleneck(jnp.zeros(2), jnp.eye(2), jnp.eye(2))
        Array([0., 0.], dtype=float32)
    """
    return _expand(_reduce(x, inner), outer)


def bottleneck_cut(x: jax.Array, inner: jax.Array, outer: jax.Array) -> tuple[jax.Array]:
    """Its Jacobian `[n, n]`: reverse mode down to the waist, forward mode from there.

    Example:
        >>> bottleneck_cut(jnp.zeros(2), jnp.eye(2), jnp.eye(2))
        (Array([[0.5, 0.5],
               [1. , 1. ]], dtype=float32),)
    """
    waist, row = jax.value_and_grad(_reduce)(x, inner)
    column = jax.jvp(partial(_expand, outer=outer), (waist,), (jnp.ones_like(waist),))[1]
    # The barrier has both computed once, and not in each of their products.
    row, column = jax.lax.optimization_barrier((row, column))
    return (column[:, None] * row,)


def elementwise(x: jax.Array, scale: jax.Array, mix: jax.Array) -> jax.Array:
    """R^n -> R^(n x k) -> R^n: each input bent in `k` ways, and a weighted sum of those.

    Example:
        >>> elementwise(jnp.zeros(2), jnp.ones((2, 3)), jnp.ones(3))
        Array([0., 0.], dtype=float32)
    """
    copies = scale * x[:, None]
    return (jnp.sin(copies) * jnp.exp(-(copies**2)) + jnp.tanh(copies)) @ mix


def _reduce(x: jax.Array, inner: jax.Array) -> jax.Array:
    return jnp.mean(jnp.tanh(inner @ x))


def _expand(waist: jax.Array, outer: jax.Array) -> jax.Array:
    return jnp.tanh(outer @ jnp.sin(waist * jnp.arange(1, len(outer) + 1)))


def _network(inputs: int, outputs: int) -> Scenario:
    random, hidden = np.random.default_rng(0), max(8, round((inputs * outputs) ** 0.5))

    def oracle(x: np.ndarray, weights: tuple[np.ndarray, ...]) -> np.ndarray:
        first, second = weights
        return np.tanh(np.tanh(x @ first.T) @ second.T)

    return Scenario(
        name=f"jacobian/{inputs}x{outputs}",
        fn=tanh_network,
        inputs=(
            normal(random, inputs),
            (
                normal(random, hidden, inputs) / inputs**0.5,
                normal(random, outputs, hidden) / hidden**0.5,
            ),
        ),
        purpose=f"A dense network, {inputs} inputs to {outputs} outputs: its shape tells the mode.",
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
        name="jacobian/stencil",
        fn=stencil,
        inputs=(normal(np.random.default_rng(1), points),),
        purpose="Square, and almost all zeros: three directions do the work of n.",
        candidates=(
            Candidate(
                name="compressed", mode="forward", derivative=derivative, product=tridiagonal.apply
            ),
        ),
        oracle=oracle,
    )


def _bottleneck(ends: int) -> Scenario:
    random = np.random.default_rng(2)

    def oracle(x: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        waist = sum(np.tanh(row @ x) for row in inner) / ends
        return np.tanh(sum(outer[:, k] * np.sin(waist * (k + 1)) for k in range(ends)))

    layers = (normal(random, ends, ends) / ends**0.5 for _ in range(2))
    return Scenario(
        name="jacobian/bottleneck",
        fn=bottleneck,
        inputs=(normal(random, ends), *layers),
        purpose="Square, with a waist of one number: neither mode is good, the two in turn are.",
        argnums=(0,),
        candidates=(Candidate(name="cut", mode="mixed", derivative=bottleneck_cut),),
        oracle=oracle,
    )


def _elementwise(ends: int, copies: int) -> Scenario:
    random = np.random.default_rng(3)

    def oracle(x: np.ndarray, scale: np.ndarray, mix: np.ndarray) -> np.ndarray:
        total = np.zeros(ends)
        for factor, weight in zip(scale.T, mix, strict=True):
            z = factor * x
            total += weight * (np.sin(z) / np.exp(z * z) + np.tanh(z))
        return total

    return Scenario(
        name="jacobian/elementwise",
        fn=elementwise,
        inputs=(normal(random, ends), normal(random, ends, copies), normal(random, copies)),
        purpose="Square, cheap and wide inside: fusion decides, and memory tells the modes apart.",
        argnums=(0,),
        oracle=oracle,
    )
