"""The known half: functions of the kinds that the cost model of `gradwise.jacobian` was made with.

Its constants were settled on functions like these, so that its choices here are no evidence of how
it does elsewhere; `held_out` is.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .case import Case, normal

_GAUSSIANS = 16


def _stencil(x: jax.Array) -> jax.Array:
    return x[2:] - 2 * x[1:-1] ** 2 + jnp.sin(x[:-2])


def _laplacian(u: jax.Array) -> jax.Array:
    return sum((jnp.roll(u, step, axis) for step in (1, -1) for axis in (0, 1)), -4 * u)


def _brusselator(u: jax.Array, v: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _laplacian(u) + u * u * v - 3 * u, _laplacian(v) + u - u * u * v


def _arrow(x: jax.Array) -> jax.Array:
    return jnp.concatenate([jnp.sum(x**2)[None], x[1:] ** 2 * x[0]])


def _heat(u: jax.Array) -> jax.Array:
    p = jnp.pad(u, 1)
    return p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u + u**3


def _rosenbrock(x: jax.Array) -> jax.Array:
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def _energy(u: jax.Array) -> jax.Array:
    slopes = jnp.diff(u, axis=0)[:, :-1] ** 2 + jnp.diff(u, axis=1)[:-1] ** 2
    return jnp.sum(jnp.sqrt(1 + slopes)) + jnp.sum(u**4)


def _reprojection(
    cameras: jax.Array, points: jax.Array, camera: jax.Array, point: jax.Array
) -> jax.Array:
    """Project points by Rodrigues' rotation, a shift and a focal length, `[observations, 2]`."""

    def one(pose: jax.Array, x: jax.Array) -> jax.Array:
        square = jnp.sum(pose[:3] ** 2) + 1e-6
        angle = jnp.sqrt(square)
        axis = pose[:3] / angle
        turned = x * jnp.cos(angle) + jnp.cross(axis, x) * jnp.sin(angle)
        turned += axis * (axis @ x) * (1 - jnp.cos(angle)) + pose[3:6]
        flat = turned[:2] / (8 + turned[2])
        return pose[6] * (1 + pose[7] * jnp.sum(flat**2)) * flat

    return jax.vmap(one)(cameras[camera], points[point])


def _scene(random: np.random.Generator, size: int) -> tuple:
    cameras, points = random.standard_normal((8, 8)), random.standard_normal((size, 3))
    seen = [random.integers(0, count, 4 * size).astype(np.int32) for count in (8, size)]
    return (cameras, points, *seen)


def _pendulum(state: jax.Array) -> jax.Array:
    return jnp.stack([state[..., 1], -jnp.sin(state[..., 0]) - 0.1 * state[..., 1]], -1)


def _collocation(x: jax.Array) -> jax.Array:
    """Return the defects of the trapezoidal rule along a pendulum's path, `[steps - 1, 2]`."""
    slopes = _pendulum(x)
    return x[1:] - x[:-1] - 0.05 * (slopes[1:] + slopes[:-1])


def _shooting(starts: jax.Array) -> jax.Array:
    """Return by how much each shot misses the start of the next, `[shots - 1, 2]`."""

    def shoot(state: jax.Array) -> jax.Array:
        step = lambda state, _: (state + 0.02 * _pendulum(state), None)  # noqa: E731
        return jax.lax.scan(step, state, None, length=20)[0]

    return jax.vmap(shoot)(starts[:-1]) - starts[1:]


def _layer_norm(x: jax.Array) -> jax.Array:
    return (x - jnp.mean(x)) / jnp.sqrt(jnp.var(x) + 1e-5)


def _autoencoder(x: jax.Array, encoder: jax.Array, decoder: jax.Array) -> jax.Array:
    return jnp.sin(jnp.tanh(x @ encoder) @ decoder)


def _networks(first: jax.Array, second: jax.Array, x: jax.Array) -> jax.Array:
    """Return a network's output for each example, `[examples]`, to be taken by its parameters."""
    return (jnp.tanh(x @ first) @ second)[:, 0]


def _mixture(means: jax.Array, scales: jax.Array, x: jax.Array) -> jax.Array:
    apart = (x[:, None] - means) * jnp.exp(scales)
    return jnp.sum(jax.nn.logsumexp(jnp.sum(scales, -1) - 0.5 * jnp.sum(apart**2, -1), axis=1))


def _gaussian_process(logs: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    scaled = x * jnp.exp(logs[:-1])
    square = jnp.sum((scaled[:, None] - scaled[None]) ** 2, -1)
    kernel = jnp.exp(-0.5 * square) + (0.1 + jnp.exp(logs[-1])) * jnp.eye(len(x))
    factor = jnp.linalg.cholesky(kernel)
    half = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
    return 0.5 * half @ half + jnp.sum(jnp.log(jnp.diagonal(factor)))


def _logistic(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(jnp.logaddexp(0, -jnp.sign(y) * (x @ w)))


CASES = {
    "stencil": Case(
        _stencil, normal((-1,)), (32, 1024, 4096), "Three neighbours make an output: 3 colours."
    ),
    "brusselator": Case(
        _brusselator,
        normal((-1, -1), (-1, -1)),
        (4, 32, 64),
        "Two fields on a periodic grid: columns of both share colours.",
    ),
    "arrow": Case(
        _arrow, normal((-1,)), (12, 600, 2000), "One full row and one full column: both modes."
    ),
    "bundle_adjustment": Case(
        _reprojection,
        _scene,
        (6, 64, 256),
        "Blocks of a camera and a point: the fewest colours are as many as a block is wide.",
    ),
    "collocation": Case(
        _collocation, normal((-1, 2)), (8, 128, 512), "A path that is an unknown: a narrow band."
    ),
    "multiple_shooting": Case(
        _shooting, normal((-1, 2)), (6, 64, 256), "Integrators side by side: what costs is a pass."
    ),
    "rosenbrock_hessian": Case(
        _rosenbrock, normal((-1,)), (12, 512, 2048), "A tridiagonal Hessian.", order=2
    ),
    "energy_hessian": Case(
        _energy, normal((-1, -1)), (5, 24, 48), "A Hessian on a grid with seven diagonals.", order=2
    ),
    "heat": Case(
        _heat, normal((-1, -1)), (5, 32, 64), "A padded stencil, whose reverse mode XLA fuses well."
    ),
    "layer_norm": Case(
        _layer_norm, normal((-1,)), (20, 1024, 4096), "Dense by a mean and a variance: a split."
    ),
    "softmax_linear": Case(
        lambda x, w: jax.nn.softmax(w * x + 1),
        normal((-1,), (-1,)),
        (20, 1024, 4096),
        "Dense by a sum of exponentials: a split.",
        argnums=(0,),
    ),
    "softmax_layer": Case(
        lambda x, w: jax.nn.softmax(w @ x),
        normal((-1,), (32, -1)),
        (20, 512, 2048),
        "The weights of a dense layer are its Jacobian: a split of what comes after it.",
        argnums=(0,),
    ),
    "layers": Case(
        lambda x, a, b, c: jnp.tanh(c @ jnp.tanh(b @ jnp.tanh(a @ x))),
        normal((-1,), (48, -1), (40, 48), (32, 40)),
        (40, 512, 2048),
        "Several dense layers: a product of their weights, in the cheapest order.",
        argnums=(0,),
    ),
    "layer_norms": Case(
        jax.vmap(_layer_norm),
        normal((-1, 256)),
        (4, 16, 64),
        "Examples that share nothing, each a layer norm: the passes of one.",
    ),
    "diagonal_rank_one": Case(
        lambda x, u: jnp.sin(x) + u * (u @ x) ** 2,
        normal((-1,), (-1,)),
        (20, 800, 3000),
        "A diagonal and an outer product.",
        argnums=(0,),
    ),
    "autoencoder": Case(
        _autoencoder,
        normal((-1,), (-1, 4), (4, -1)),
        (32, 512, 2048),
        "All goes through four numbers: a cut.",
        argnums=(0,),
    ),
    "networks": Case(
        _networks,
        lambda random, size: normal((8, 16), (16, 1), (size, 8))(random, size),
        (8, 256, 1024),
        "Shared parameters make it dense, and colours are blind: examples one by one.",
        argnums=(0, 1),
    ),
    "batch_of_inputs": Case(
        lambda x, w: jnp.tanh(x @ w) ** 2,
        normal((-1, 8), (8, 8)),
        (6, 128, 512),
        "A block for each example.",
        argnums=(0,),
    ),
    "fft": Case(
        lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2,
        normal((-1,)),
        (16, 256, 1024),
        "Dense, and nothing to gain.",
    ),
    "sort": Case(
        jnp.sort, normal((-1,)), (16, 256, 1024), "Sparse at each point, dense for all of them."
    ),
    "cumsum": Case(
        lambda x: jnp.cumsum(x) ** 2, normal((-1,)), (16, 512, 2048), "A full triangle."
    ),
    "tall": Case(
        lambda x, w: jnp.sin(w @ x),
        normal((8,), (-1, 8)),
        (30, 1024, 4096),
        "Few inputs: forward mode.",
        argnums=(0,),
    ),
    "wide": Case(
        lambda x, w: jnp.sin(w @ x),
        normal((-1,), (8, -1)),
        (30, 1024, 4096),
        "Few outputs: reverse mode.",
        argnums=(0,),
    ),
    "gaussian_mixture": Case(
        _mixture,
        normal((_GAUSSIANS, 8), (_GAUSSIANS, 8), (-1, 8)),
        (10, 256, 1024),
        "One output of many parameters: a gradient.",
        argnums=(0, 1),
    ),
    "gaussian_process": Case(
        _gaussian_process,
        normal((6,), (-1, 5), (-1,)),
        (8, 64, 256),
        "A gradient through a Cholesky factor, by few inputs.",
        argnums=(0,),
    ),
    "logistic_regression": Case(
        _logistic,
        normal((64,), (-1, 64), (-1,)),
        (10, 512, 2048),
        "A gradient of a sum over examples.",
        argnums=(0,),
    ),
}
