"""Jacobians R^n -> R^m: where the modes cross, and where the shape does not tell the mode."""

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
#: Points of the stencil (a multiple of 3); inputs of the bottleneck; inputs and copies of the rest.
_STENCIL = {"small": 12, "medium": 768, "large": 3072}
_BOTTLENECK = {"small": 5, "medium": 256, "large": 1024}
_ELEMENTWISE = {"small": (4, 3), "medium": (256, 128), "large": (512, 128)}


def scenarios(size: str) -> Suite:
    """Return the networks, the stencil, the bottleneck and the elementwise function at a size.

    Example:
        >>> list(scenarios("small"))[2:]
        ['jacobian/6x6', 'jacobian/stencil', 'jacobian/bottleneck', 'jacobian/elementwise']
    """
    networks: Suite = {f"jacobian/{n}x{m}": partial(_network, n, m) for n, m in _SHAPES[size]}
    return networks | {
        "jacobian/stencil": partial(_stencil, _STENCIL[size]),
        "jacobian/bottleneck": partial(_bottleneck, _BOTTLENECK[size]),
        "jacobian/elementwise": partial(_elementwise, *_ELEMENTWISE[size]),
    }


def tanh_network(x: jax.Array, weights: tuple[jax.Array, ...]) -> jax.Array:
    """Compute a network without biases, x <- tanh(W x) for each weight W: `[outputs]`.

    Example:
        >>> tanh_network(jnp.ones(2), (jnp.eye(2), jnp.zeros((3, 2))))
        Array([0., 0., 0.], dtype=float32)
    """
    for weight in weights:
        x = jnp.tanh(weight @ x)
    return x


def stencil(x: jax.Array) -> jax.Array:
    """Compute a step of Burgers' equation on a ring of n points, `[n]`.

        y_i = x_i (x_i-1 - x_i+1) + x_i-1 - 2 x_i + x_i+1

    Example:
        >>> jax.jit(stencil)(jnp.array([0.0, 1.0, 3.0]))
        Array([ 4., -2., -2.], dtype=float32)
    """
    left, right = jnp.roll(x, 1), jnp.roll(x, -1)
    return x * (left - right) + left - 2 * x + right


def bottleneck(x: jax.Array, inner: jax.Array, outer: jax.Array) -> jax.Array:
    """Compute R^n -> R -> R^n: the mean of a layer, then sines of it through another layer.

    Example:
        >>> jax.jit(bottleneck)(jnp.zeros(2), np.eye(2), np.eye(2))
        Array([0., 0.], dtype=float32)
    """
    return _expand(_reduce(x, inner), outer)


def bottleneck_cut(x: jax.Array, inner: jax.Array, outer: jax.Array) -> tuple[jax.Array]:
    """Compute the Jacobian `[n, n]` of `bottleneck`: a row by reverse, a column by forward mode.

    The row is the gradient of the number in the middle, the column the derivative of the outputs by
    that number; the Jacobian is their product.

    Example:
        >>> jax.jit(bottleneck_cut)(jnp.zeros(2), np.eye(2), np.eye(2))
        (Array([[0.5, 0.5],
               [1. , 1. ]], dtype=float32),)
    """
    middle, row = jax.value_and_grad(_reduce)(x, inner)
    column = jax.jvp(partial(_expand, outer=outer), (middle,), (jnp.ones_like(middle),))[1]
    # Without a barrier, XLA would compute both anew for each entry of their product.
    row, column = jax.lax.optimization_barrier((row, column))
    return (column[:, None] * row,)


def elementwise(x: jax.Array, scale: jax.Array, mix: jax.Array) -> jax.Array:
    """Compute R^n -> R^(n x k) -> R^n: `k` elementary functions of each input, summed by weights.

    Example:
        >>> jax.jit(elementwise)(jnp.zeros(2), np.ones((2, 3)), np.ones(3))
        Array([0., 0.], dtype=float32)
    """
    copies = scale * x[:, None]
    return (jnp.sin(copies) * jnp.exp(-(copies**2)) + jnp.tanh(copies)) @ mix


def _reduce(x: jax.Array, inner: jax.Array) -> jax.Array:
    return jnp.mean(jnp.tanh(inner @ x))


def _expand(middle: jax.Array, outer: jax.Array) -> jax.Array:
    return jnp.tanh(outer @ jnp.sin(middle * jnp.arange(1, len(outer) + 1)))


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
        purpose="Square, and almost all zeros: three directions suffice instead of n.",
        candidates=(
            Candidate(
                name="compressed", mode="forward", derivative=derivative, product=tridiagonal.apply
            ),
        ),
        oracle=oracle,
    )


def _bottleneck(n: int) -> Scenario:
    random = np.random.default_rng(2)

    def oracle(x: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        middle = sum(np.tanh(row @ x) for row in inner) / n
        return np.tanh(sum(outer[:, k] * np.sin(middle * (k + 1)) for k in range(n)))

    layers = (normal(random, n, n) / n**0.5 for _ in range(2))
    return Scenario(
        name="jacobian/bottleneck",
        fn=bottleneck,
        inputs=(normal(random, n), *layers),
        purpose="Square, through a single number: neither mode is good alone, both together are.",
        argnums=(0,),
        candidates=(Candidate(name="cut", mode="mixed", derivative=bottleneck_cut),),
        oracle=oracle,
    )


def _elementwise(n: int, copies: int) -> Scenario:
    random = np.random.default_rng(3)

    def oracle(x: np.ndarray, scale: np.ndarray, mix: np.ndarray) -> np.ndarray:
        total = np.zeros(n)
        for factor, weight in zip(scale.T, mix, strict=True):
            z = factor * x
            total += weight * (np.sin(z) / np.exp(z * z) + np.tanh(z))
        return total

    return Scenario(
        name="jacobian/elementwise",
        fn=elementwise,
        inputs=(normal(random, n), normal(random, n, copies), normal(random, copies)),
        purpose="Square, cheap and wide inside: fusion decides, and memory tells the modes apart.",
        argnums=(0,),
        oracle=oracle,
    )
