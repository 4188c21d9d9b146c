"""The half that is held out: the cost model of `gradwise.jacobian` has never seen these.

They were written before any of them was run, and after the model's constants were settled on other
functions. Nothing may be tuned on them: a model that is changed is judged here once, and what
this half says of it is told beside what the known one says. Other functions than these are looked
for, and added, once somebody has tuned on them after all.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .case import Case, normal


def _banded_solve(main: jax.Array, side: jax.Array, right: jax.Array) -> jax.Array:
    sides = 0.3 * jnp.tanh(side)
    return jax.lax.linalg.tridiagonal_solve(
        sides.at[0].set(0), 2 + jnp.tanh(main), sides[::-1].at[-1].set(0), right[:, None]
    )[:, 0]


def _convolution(image: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.tanh(jax.scipy.signal.convolve(image, kernel, mode="same"))


def _attention(x: jax.Array, query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
    scores = (x @ query) @ (x @ key).T / np.sqrt(query.shape[1])
    return jax.nn.softmax(scores, axis=-1) @ (x @ value)


def _edges(random: np.random.Generator, size: int) -> tuple:
    """Draw a number for each node, and the two ends of twice as many edges."""
    ends = [random.integers(0, size, 2 * size).astype(np.int32) for _ in range(2)]
    return (random.standard_normal(size), *ends)


def _graph_laplacian(x: jax.Array, start: jax.Array, end: jax.Array) -> jax.Array:
    flow = jnp.tanh(x[end] - x[start])
    out = jax.ops.segment_sum(flow, start, num_segments=x.size)
    return out - jax.ops.segment_sum(flow, end, num_segments=x.size)


def _power_flow(
    angles: jax.Array, volts: jax.Array, start: jax.Array, end: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the active and the reactive power at each bus of a network."""
    high = 1 + 0.1 * jnp.tanh(volts)
    turn, product = angles[start] - angles[end], high[start] * high[end]
    active = jax.ops.segment_sum(product * jnp.sin(turn), start, num_segments=angles.size)
    reactive = high[start] ** 2 - product * jnp.cos(turn)
    return active, jax.ops.segment_sum(reactive, start, num_segments=angles.size)


def _grid_of_buses(random: np.random.Generator, size: int) -> tuple:
    volts, *ends = _edges(random, size)
    return (random.standard_normal(size), volts, *ends)


def _recurrence(x: jax.Array) -> jax.Array:
    def step(state: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = jnp.tanh(0.9 * state + value)
        return state, state

    return jax.lax.scan(step, jnp.zeros(()), x)[1]


def _window(x: jax.Array) -> jax.Array:
    """Return products of three numbers in a row, by a scan that carries the last two."""

    def step(carry: tuple, value: jax.Array) -> tuple[tuple, jax.Array]:
        before, last = carry
        return (last, value), jnp.sin(before) * last + value**2

    return jax.lax.scan(step, (x[0], x[0]), x)[1]


@jax.custom_jvp
def _rounded(x: jax.Array) -> jax.Array:
    return jnp.round(x)


_rounded.defjvp(lambda x, t: (jnp.round(x[0]), t[0]))


@jax.custom_vjp
def _clipped(x: jax.Array) -> jax.Array:
    return x * jnp.abs(x)


_clipped.defvjp(
    lambda x: (x * jnp.abs(x), x), lambda x, g: (jnp.clip(2 * jnp.abs(x), 0.1, 10) * g,)
)


def _max_pool(image: jax.Array) -> jax.Array:
    return jax.lax.reduce_window(image**2, -jnp.inf, jax.lax.max, (2, 2), (2, 2), "VALID")


def _burgers(u: jax.Array) -> jax.Array:
    left = jnp.roll(u, 1)
    flux = jnp.where(0.5 * (u + left) > 0, left**2, u**2) / 2
    return flux - jnp.roll(flux, -1) + 0.1 * (jnp.roll(u, -1) - 2 * u + left)


def _chain(x: jax.Array) -> jax.Array:
    lengths = jnp.sqrt(jnp.sum(jnp.diff(x, axis=0) ** 2, axis=1) + 1e-3)
    return jnp.sum((lengths - 1) ** 2) + jnp.sum(x[:, 2])


def _bodies(x: jax.Array) -> jax.Array:
    apart = x[None] - x[:, None]
    square = jnp.sum(apart**2, -1, keepdims=True) + 0.1
    return jnp.sum(apart * square**-1.5, axis=1)


def _transcription(states: jax.Array, controls: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the defects of a cart with a pole, and how far the ends are off."""
    x, speed, angle, turn = states.T
    force = 5 * jnp.tanh(controls) + 0.2 * jnp.sin(angle) * turn**2
    push = force / (1 + 0.2 * jnp.sin(angle) ** 2)
    slopes = jnp.stack([speed, push, turn, -push * jnp.cos(angle) - jnp.sin(angle)], -1)
    middle = 0.5 * (slopes[1:] + slopes[:-1])
    del x
    return states[1:] - states[:-1] - 0.05 * middle, states[jnp.array([0, -1])]


def _lorenz(x: jax.Array) -> jax.Array:
    return (jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x + 8


def _batch_norm(x: jax.Array) -> jax.Array:
    return jnp.tanh((x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5))


def _rms_norm(x: jax.Array) -> jax.Array:
    positive = jax.nn.relu(x)
    return positive / jnp.sqrt(jnp.mean(positive**2) + 1e-3)


def _kinematics(angles: jax.Array) -> jax.Array:
    headings = jnp.cumsum(angles)
    return jnp.cumsum(jnp.stack([jnp.cos(headings), jnp.sin(headings)], -1), axis=0)


def _embedding(table: jax.Array, words: jax.Array) -> jax.Array:
    return jnp.tanh(table[words] + jnp.roll(table[words], 1, axis=0))


def _text(random: np.random.Generator, size: int) -> tuple:
    return random.standard_normal((size, 4)), random.integers(0, size, size).astype(np.int32)


def _moments(x: jax.Array, y: jax.Array) -> jax.Array:
    mean, spread = jnp.mean(x), jnp.sqrt(jnp.var(x) + 1e-3)
    third = jnp.mean((x - mean) ** 3)
    return jnp.exp(-(((y - mean) / spread) ** 2)) * (1 + third * y)


def _total_variation(u: jax.Array, noisy: jax.Array) -> jax.Array:
    slopes = jnp.diff(u, axis=0)[:, :-1] ** 2 + jnp.diff(u, axis=1)[:-1] ** 2
    return jnp.sum((u - noisy) ** 2) + jnp.sum(jnp.sqrt(slopes + 0.01))


def _gated(x: jax.Array, value: jax.Array, gate: jax.Array) -> jax.Array:
    return jnp.tanh(value @ x) * jax.nn.sigmoid(gate @ x)


def _residual(x: jax.Array, down: jax.Array, up: jax.Array) -> jax.Array:
    return x + up @ jax.nn.gelu(down @ x)


def _group_norm(x: jax.Array, gain: jax.Array) -> jax.Array:
    """Return each group of features over its own spread, `[examples, features]`."""
    groups = x.reshape(x.shape[0], 4, -1)
    centred = groups - groups.mean(-1, keepdims=True)
    return (centred / jnp.sqrt(groups.var(-1, keepdims=True) + 1e-5)).reshape(x.shape) * gain


def _interpolation(values: jax.Array, places: jax.Array) -> jax.Array:
    low = jnp.floor(places).astype(jnp.int32)
    return values[low] * (1 - places + low) + values[low + 1] * (places - low)


def _measured(random: np.random.Generator, size: int) -> tuple:
    return random.standard_normal(size), random.uniform(0, size - 1.01, 2 * size)


CASES = {
    "banded_solve": Case(
        _banded_solve,
        normal((-1,), (-1,), (-1,)),
        (8, 128, 512),
        "A solution depends on every number, though the matrix is a band.",
    ),
    "convolution": Case(
        _convolution,
        normal((-1, -1), (3, 3)),
        (5, 24, 48),
        "Nine neighbours, and the full columns of a kernel.",
    ),
    "attention": Case(
        _attention,
        normal((-1, 8), (8, 4), (8, 4), (8, 8)),
        (5, 32, 64),
        "Every token depends on every other one.",
        argnums=(0,),
    ),
    "graph_laplacian": Case(
        _graph_laplacian, _edges, (12, 512, 2048), "Neighbours by whole numbers that are given."
    ),
    "power_flow": Case(
        _power_flow, _grid_of_buses, (10, 256, 1024), "A network without any order, twice over."
    ),
    "recurrence": Case(
        _recurrence, normal((-1,)), (8, 256, 512), "A triangle by a loop, which costs a long pass."
    ),
    "window": Case(_window, normal((-1,)), (8, 512, 2048), "A band, though a loop carries values."),
    "straight_through": Case(
        lambda x: _rounded(2 * x)[1:] * x[:-1],
        normal((-1,)),
        (8, 800, 3200),
        "A custom rule for forward mode, inside of a band.",
    ),
    "clipped_gradient": Case(
        lambda x: _clipped(x)[1:] - x[:-1],
        normal((-1,)),
        (8, 800, 3200),
        "A custom rule for reverse mode alone.",
    ),
    "max_pool": Case(_max_pool, normal((-1, -1)), (6, 48, 96), "Four inputs to an output, once."),
    "burgers": Case(_burgers, normal((-1,)), (8, 1000, 4000), "A flux that goes by the sign."),
    "chain_hessian": Case(
        _chain, normal((-1, 3)), (5, 150, 600), "A Hessian of blocks of three by three.", order=2
    ),
    "bodies": Case(_bodies, normal((-1, 2)), (5, 64, 128), "All pairs, and nothing to gain."),
    "transcription": Case(
        _transcription,
        normal((-1, 4), (-1,)),
        (6, 120, 480),
        "States and controls, and ends that are outputs by themselves.",
    ),
    "lorenz": Case(_lorenz, normal((-1,)), (10, 601, 2401), "A periodic band of odd length."),
    "batch_norm": Case(
        _batch_norm, normal((-1, 12)), (6, 64, 256), "Features that mix examples, not one another."
    ),
    "rms_norm": Case(
        _rms_norm, normal((-1,)), (20, 700, 2800), "Zeros that move, and one number for all."
    ),
    "kinematics": Case(
        _kinematics, normal((-1,)), (6, 200, 800), "Sums of sums: a triangle of pairs."
    ),
    "embedding": Case(
        _embedding, _text, (6, 150, 600), "Rows of a table, picked by words.", argnums=(0,)
    ),
    "moments": Case(
        _moments,
        normal((-1,), (-1,)),
        (20, 500, 2000),
        "Three moments on the way from one input, and another one beside them.",
    ),
    "poisson_hessian": Case(
        lambda x, y: jnp.sum(jnp.exp(x) - y * x),
        normal((-1,), (-1,)),
        (10, 1000, 4000),
        "A Hessian that is a diagonal.",
        argnums=(0,),
        order=2,
    ),
    "total_variation_hessian": Case(
        _total_variation,
        normal((-1, -1), (-1, -1)),
        (5, 20, 40),
        "A Hessian on a grid, by one argument of two.",
        argnums=(0,),
        order=2,
    ),
    "interpolation": Case(
        _interpolation,
        _measured,
        (8, 300, 1200),
        "Two entries a row, at places that floats decide.",
        argnums=(0,),
    ),
    "gated_layer": Case(
        _gated,
        normal((-1,), (48, -1), (48, -1)),
        (40, 256, 1024),
        "Two dense layers side by side, multiplied number by number.",
        argnums=(0,),
    ),
    "residual_block": Case(
        _residual,
        normal((-1,), (8, -1), (-1, 8)),
        (40, 400, 1600),
        "A diagonal, and beside it a layer through eight numbers.",
        argnums=(0,),
    ),
    "group_norm": Case(
        _group_norm,
        normal((-1, 96), (96,)),
        (4, 16, 64),
        "Four norms in each example, and a gain that all examples share.",
        argnums=(0,),
    ),
}
