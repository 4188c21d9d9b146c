"""Functions whose Jacobians have a structure, small, with their inputs: what the tests look at."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_random = np.random.default_rng(0)


def normal(*shape):
    """Normal numbers in float64."""
    return _random.normal(size=shape)


def stencil(x):
    return x[2:] - 2 * x[1:-1] ** 2 + jnp.sin(x[:-2])


def laplacian(u):
    return sum(jnp.roll(u, step, axis) for step in (1, -1) for axis in (0, 1)) - 4 * u


def brusselator(u, v):
    return laplacian(u) + u * u * v - 3 * u, laplacian(v) + u - u * u * v


def arrow(x):
    return jnp.concatenate([jnp.sum(x**2)[None], x[1:] ** 2 * x[0]])


def heat(u):
    p = jnp.pad(u, 1)
    return p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u + u**3


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@jax.custom_vjp
def only_backwards(x):
    return x**2


only_backwards.defvjp(lambda x: (x**2, x), lambda x, g: (2 * x * g,))


@jax.custom_jvp
def straight_through(x):
    return jnp.round(x)


straight_through.defjvp(lambda x, t: (jnp.round(x[0]), t[0]))

_TWO = np.array([3, 1, 1])
_CROSS = np.array([[0, 1.0, 0], [1, -4, 1], [0, 1, 0]])
_DIAGONAL = np.diag([1.0, 2, 0, 4])


def _grouped(x, k):
    return lax.conv_general_dilated(
        x, k, (1, 1), [(0, 1), (1, 0)], (2, 1), (1, 2), feature_group_count=2
    )


def _carried(x):
    return lax.scan(lambda c, v: (c * v, c + v), x[0], x)[1]


#: A function, and its inputs.
EXACT = {
    "stencil": (stencil, normal(20)),
    "roll": (lambda x: jnp.roll(x, 1) * x, normal(20)),
    "layer": (lambda w, x: jnp.tanh(x @ w), normal(3, 4), normal(5, 3)),
    "softmax": (lambda x: jax.nn.softmax(x, -1), normal(3, 4)),
    "cumsum": (lambda x: jnp.cumsum(x, 0), normal(5, 3)),
    "cumsum backwards": (lambda x: lax.cumsum(x, 1, reverse=True), normal(5, 3)),
    "cumprod": (lambda x: jnp.cumprod(x, 0), normal(5, 3)),
    "gather": (lambda x: x[_TWO], normal(5, 2)),
    "scatter-add": (lambda x: jnp.zeros((6, 2)).at[_TWO].add(x), normal(3, 2)),
    "scatter": (lambda x: x.at[np.array([3, 1])].set(x[:2] * 2), normal(6, 2)),
    "laplace by a convolution": (
        lambda x: jax.scipy.signal.convolve(x, _CROSS, mode="same"),
        normal(6, 5),
    ),
    "average pool": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 2), "SAME"),
        normal(6, 4),
    ),
    "pad": (lambda x: lax.pad(x, 0.0, [(1, 2, 1), (-1, -1, 0)]), normal(6, 4)),
    "pad that cuts": (lambda x: lax.pad(x, 0.0, [(-1, 2, 1), (-2, -1, 2)]), normal(6, 4)),
    "scan": (_carried, normal(7)),
    "long scan": (_carried, normal(70)),
    "long scan backwards": (
        lambda x: lax.scan(lambda c, v: (v, c + v), x[0], x, reverse=True)[1],
        normal(70),
    ),
    "scan with an index": (
        lambda x: lax.scan(
            lambda c, i: (c.at[i].set(x[i] ** 2), None), jnp.zeros(7), jnp.arange(7)
        )[0],
        normal(7),
    ),
    "fori_loop": (
        lambda x: lax.fori_loop(0, 5, lambda i, c: c.at[i + 1].add(c[i]), x),
        normal(7),
    ),
    "relu": (lambda x: jax.nn.relu(x) * x[::-1], normal(6)),
    "cond": (lambda x: lax.cond(x[0] > 0, lambda x: x * 2, lambda x: x[::-1], x), normal(5)),
    "batched product": (
        lambda a, b: jnp.einsum("bij,bjk->bik", a, b),
        normal(2, 3, 2),
        normal(2, 2, 2),
    ),
    "outer product": (lambda a, b: jnp.einsum("i,jk->kij", a, b), normal(3), normal(2, 4)),
    "constant matrix": (lambda x: _DIAGONAL @ x, normal(4, 2)),
    "constant matrix on the right": (lambda x: x @ _DIAGONAL, normal(2, 4)),
    "solve": (
        lambda a, b: jnp.linalg.solve(a + 5 * jnp.eye(3), b),
        normal(2, 3, 3),
        normal(2, 3, 1),
    ),
    "fft": (lambda x: jnp.abs(jnp.fft.fft(x, axis=-1)), normal(2, 4)),
    "mask": (lambda x: x * np.array([1.0, 0, 1, 0]), normal(4)),
    "where": (lambda x: jnp.where(jnp.arange(4) > 1, x, x[::-1]), normal(4)),
    "logsumexp": (lambda x: jax.nn.logsumexp(x, 0), normal(4, 3)),
    "vmap": (lambda w, x: jax.vmap(lambda v: jnp.sin(w @ v))(x), normal(2, 3), normal(4, 3)),
    "gradient": (lambda x: jax.grad(rosenbrock)(x), normal(8)),
    "only backwards": (only_backwards, normal(5)),
    "straight through": (lambda x: straight_through(x)[1:] * x[:-1], normal(5)),
    "only backwards, inside": (lambda x: jax.jit(lambda x: only_backwards(x) + x)(x), normal(5)),
    "a held key": (
        lambda x: x * jax.random.bernoulli(jax.random.key(0), 0.5, (6,)),
        normal(6),
    ),
    "standard deviation": (lambda x: jnp.std(x, 1), normal(4, 3)),
    "brusselator": (brusselator, normal(5, 6), normal(5, 6)),
    "nothing": (lambda x: jnp.round(x), normal(3)),
}
#: Those of which a rule says more than there ever is.
WIDER = {
    "chosen indices": (lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1), normal(5, 3)),
    "sort": (lambda x: jnp.sort(x, 1), normal(5, 3)),
    "convolution": (
        lambda x, k: lax.conv_general_dilated(x, k, (2, 1), "SAME"),
        normal(2, 3, 6, 5),
        normal(4, 3, 3, 3),
    ),
    "grouped convolution": (_grouped, normal(2, 4, 6, 5), normal(4, 2, 3, 2)),
    "max pool": (
        lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (2, 2), "VALID"),
        normal(6, 4),
    ),
    "while": (
        lambda x: lax.while_loop(
            lambda c: c[0] < 3.0, lambda c: (c[0] + 1, jnp.roll(c[1], 1) * c[1]), (0.0, x)
        )[1],
        normal(5),
    ),
    "cholesky": (
        lambda a: jnp.linalg.cholesky(a @ a.swapaxes(-1, -2) + jnp.eye(3)),
        normal(2, 3, 3),
    ),
    "max": (lambda x: jnp.max(x, 0), normal(4, 3)),
    "slice at a chosen place": (
        lambda x: lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 0), (2, 3)),
        normal(5, 3),
    ),
    "update at a chosen place": (
        lambda x: lax.dynamic_update_slice(x, x[:1] * 2, (jnp.argmax(x[:, 0]), 0)),
        normal(5, 3),
    ),
    "update of constants at a chosen place": (
        lambda x: lax.dynamic_update_slice(jnp.zeros((5, 3)), x[:2] * 2, (jnp.argmax(x[:, 0]), 0)),
        normal(5, 3),
    ),
    "each row's update at a chosen place": (
        lambda x: jax.vmap(
            lambda r: lax.dynamic_update_slice(jnp.zeros(4), r[:2] ** 2, (jnp.argmax(r),))
        )(x),
        normal(3, 4),
    ),
    "set at chosen places": (
        lambda x: jnp.zeros(5).at[jnp.argsort(x)[:2]].set(x[:2] ** 2, unique_indices=True),
        normal(5),
    ),
    "several right sides": (
        lambda b: jax.scipy.linalg.solve_triangular(np.tri(3).T, b),
        normal(3, 2),
    ),
    "conjugate gradients": (
        lambda b: jax.scipy.sparse.linalg.cg(lambda v: 2 * v + jnp.roll(v, 1), b, maxiter=9)[0],
        normal(5),
    ),
    "scatter-add at chosen places": (
        lambda x: jnp.zeros(5).at[jnp.argsort(x)].add(x**2),
        normal(5),
    ),
    "top_k": (lambda x: lax.top_k(x, 2)[0], normal(5, 3)),
}


def assert_as_jax(problem, way):
    """A way gives JAX's Jacobian in float64, at the point and beside it; one program has both."""

    @jax.jit
    def both(x):
        ours = way.dense(problem, way.tables, x, problem.fixed)
        return jax.tree.leaves((ours, jax.jacrev(problem.fn)(x, problem.fixed)))

    for x in (problem.x, tuple(np.asarray(leaf) + 0.3 for leaf in problem.x)):
        leaves = list(map(np.asarray, both(x)))
        found, expected = leaves[: len(leaves) // 2], leaves[len(leaves) // 2 :]
        largest = max(np.max(np.abs(leaf)) for leaf in expected)
        for one, other in zip(found, expected, strict=True):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            assert np.max(np.abs(one - other)) <= 1e-12 * largest
