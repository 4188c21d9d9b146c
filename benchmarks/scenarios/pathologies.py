"""Functions on which a mode goes wrong, each beside a cure: the same function written otherwise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .scenario import Cases, Scenario

_LENGTH = {"small": 6, "medium": 100_000, "large": 1_000_000}
_STEPS = {"small": 4, "medium": 200, "large": 1000}
_ROOTS = {"small": 5, "medium": 1000, "large": 100_000}
_MATRIX = {"small": 3, "medium": 128, "large": 512}
_SINES = 16
#: One direction: a dense Jacobian of these would only take longer to say the same.
_PRODUCTS = ("value", "jvp", "linearize", "vjp")


def cases(size: str) -> Cases:
    """Every pathology and its cures at a size.

    Example:
        >>> list(cases("small"))[:3]
        ['pathologies/sines', 'pathologies/sines_barrier', 'pathologies/sines_scan']
    """
    return {
        f"pathologies/{name}": partial(build, f"pathologies/{name}", fn, why, size)
        for name, (build, fn, why) in _TABLE.items()
    }


def sines(x: jax.Array) -> jax.Array:
    """The sum of sin(sin(... sin(x))), 16 deep: `[]`.

    Example:
        >>> sines(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    for _ in range(_SINES):
        x = jnp.sin(x)
    return jnp.sum(x)


def sines_barrier(x: jax.Array) -> jax.Array:
    """The same, with a barrier after each sine over which nothing is fused.

    Example:
        >>> sines_barrier(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    for _ in range(_SINES):
        x = jax.lax.optimization_barrier(jnp.sin(x))
    return jnp.sum(x)


def sines_scan(x: jax.Array) -> jax.Array:
    """The same as a scan, whose steps are not fused either.

    Example:
        >>> sines_scan(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    return jnp.sum(jax.lax.scan(lambda x, _: (jnp.sin(x), None), x, length=_SINES)[0])


def rewrite(x: jax.Array, reads: jax.Array, writes: jax.Array) -> jax.Array:
    """Step by step x[writes[t]] <- sin(x[reads[t]]): a gather and a scatter in a loop, `[n]`.

    Example:
        >>> rewrite(jnp.ones(3), jnp.array([0]), jnp.array([2])).round(2)
        Array([1.  , 1.  , 0.84], dtype=float32)
    """

    def step(x: jax.Array, where: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        read, write = where
        return x.at[write].set(jnp.sin(x[read])), None

    return jax.lax.scan(step, x, (reads, writes))[0]


def rewrite_barrier(x: jax.Array, reads: jax.Array, writes: jax.Array) -> jax.Array:
    """The same, where a step has read before it writes, so that it can write in place.

    Example:
        >>> rewrite_barrier(jnp.ones(3), jnp.array([0]), jnp.array([2])).round(2)
        Array([1.  , 1.  , 0.84], dtype=float32)
    """

    def step(x: jax.Array, where: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        read, write = where
        value = jax.lax.optimization_barrier(x[read])
        return x.at[write].set(jnp.sin(value), unique_indices=True), None

    return jax.lax.scan(step, x, (reads, writes))[0]


def cubic_root(a: jax.Array) -> jax.Array:
    """The real y with y^3 + y = a, by Newton's method until no step is larger than 1e-10: `[n]`.

    Example:
        >>> with jax.enable_x64(True):
        ...     cubic_root(jnp.array([0.0, 2.0, 10.0]))
        Array([0., 1., 2.], dtype=float64)
    """

    def is_moving(state: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.max(jnp.abs(state[1])) > 1e-10

    def step(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        after = _newton(state[0], a)
        return after, after - state[0]

    return jax.lax.while_loop(is_moving, step, (a, jnp.ones_like(a)))[0]


def cubic_root_scan(a: jax.Array) -> jax.Array:
    """The same in 16 steps, enough for |a| < 100: a scan has a reverse mode.

    Example:
        >>> cubic_root_scan(jnp.array([0.0, 2.0, 10.0]))
        Array([0., 1., 2.], dtype=float32)
    """
    return jax.lax.scan(lambda y, _: (_newton(y, a), None), a, length=16)[0]


def log_determinant(a: jax.Array) -> jax.Array:
    """The log-determinant of a positive definite matrix, through LAPACK's Cholesky factor: `[]`.

    Example:
        >>> log_determinant(jnp.eye(3))
        Array(0., dtype=float32)
    """
    return 2 * jnp.sum(jnp.log(jnp.diagonal(_cholesky(a))))


@jax.custom_jvp
def log_determinant_rule(a: jax.Array) -> jax.Array:
    """The same with the rule d log det A = tr(A^-1 dA), which reuses the factor.

    Example:
        >>> log_determinant_rule(jnp.eye(3))
        Array(0., dtype=float32)
    """
    return log_determinant(a)


@log_determinant_rule.defjvp
def _log_determinant_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    ((a,), (tangent,)) = primals, tangents
    factor = _cholesky(a)
    inverse = jax.scipy.linalg.cho_solve((factor, True), jnp.eye(len(a), dtype=a.dtype))
    return 2 * jnp.sum(jnp.log(jnp.diagonal(factor))), jnp.vdot(inverse, tangent)


@jax.custom_vjp
def softplus_vjp(x: jax.Array) -> jax.Array:
    """log(1 + e^x) with a rule of its own for reverse mode: forward mode is gone, `[n]`.

    Example:
        >>> softplus_vjp(jnp.zeros(1)).round(4)
        Array([0.6931], dtype=float32)
    """
    return jnp.logaddexp(x, 0.0)


softplus_vjp.defvjp(
    lambda x: (softplus_vjp(x), x), lambda x, cotangent: (cotangent * jax.nn.sigmoid(x),)
)


@jax.custom_jvp
def softplus_jvp(x: jax.Array) -> jax.Array:
    """The same with its rule given for forward mode, from which reverse mode follows.

    Example:
        >>> softplus_jvp(jnp.zeros(1)).round(4)
        Array([0.6931], dtype=float32)
    """
    return jnp.logaddexp(x, 0.0)


softplus_jvp.defjvps(lambda tangent, value, x: tangent * jax.nn.sigmoid(x))


def _newton(y: jax.Array, a: jax.Array) -> jax.Array:
    return y - (y**3 + y - a) / (3 * y**2 + 1)


def _cholesky(a: jax.Array) -> jax.Array:
    return jnp.linalg.cholesky((a + a.T) / 2)


def _sines(name: str, fn: Callable, why: str, size: str) -> Scenario:
    def oracle(x: np.ndarray) -> np.floating:
        for _ in range(_SINES):
            x = np.sin(x)
        return np.sum(x)

    methods = (*_PRODUCTS, "value_and_grad")
    return Scenario(name, fn, _normal(_LENGTH[size]), why, methods=methods, oracle=oracle)


def _rewrite(name: str, fn: Callable, why: str, size: str) -> Scenario:
    random, length, steps = np.random.default_rng(1), _LENGTH[size], _STEPS[size]
    reads, writes = (jnp.asarray(random.integers(0, length, steps, np.int32)) for _ in range(2))

    def oracle(x: np.ndarray, reads: np.ndarray, writes: np.ndarray) -> np.ndarray:
        x = x.copy()
        for read, write in zip(reads, writes, strict=True):
            x[write] = np.sin(x[read])
        return x

    inputs = (*_normal(length), reads, writes)
    return Scenario(name, fn, inputs, why, methods=_PRODUCTS, oracle=oracle)


def _root(name: str, fn: Callable, why: str, size: str) -> Scenario:
    def oracle(a: np.ndarray) -> np.ndarray:  # Viète's, for y^3 + y = a
        return 2 / np.sqrt(3) * np.sinh(np.arcsinh(1.5 * np.sqrt(3) * a) / 3)

    a = jnp.asarray(np.random.default_rng(2).uniform(-10, 10, _ROOTS[size]))
    return Scenario(name, fn, (a,), why, methods=_PRODUCTS, oracle=oracle, dtype="float64")


def _determinant(name: str, fn: Callable, why: str, size: str) -> Scenario:
    n = _MATRIX[size]
    half = np.random.default_rng(3).standard_normal((n, n), np.float32)
    matrix = half @ half.T / n + np.eye(n, dtype=np.float32)

    def oracle(a: np.ndarray) -> np.floating:
        return np.linalg.slogdet((a + a.T) / 2)[1]

    methods = (*_PRODUCTS, "value_and_grad")
    return Scenario(name, fn, (jnp.asarray(matrix),), why, methods=methods, oracle=oracle)


def _softplus(name: str, fn: Callable, why: str, size: str) -> Scenario:
    def oracle(x: np.ndarray) -> np.ndarray:
        return np.log1p(np.exp(x))

    return Scenario(name, fn, _normal(_LENGTH[size]), why, methods=_PRODUCTS, oracle=oracle)


def _normal(length: int) -> tuple[jax.Array]:
    return (jnp.asarray(np.random.default_rng(4).standard_normal(length, np.float32)),)


#: What builds each case, its function, and why it is there; a cure follows what it cures.
_TABLE: dict[str, tuple[Callable[..., Scenario], Callable[..., Any], str]] = {
    "sines": (_sines, sines, "XLA's fusion computes inner sines again for every outer cosine."),
    "sines_barrier": (_sines, sines_barrier, "Cure: barriers, so that each sine is kept once."),
    "sines_scan": (_sines, sines_scan, "Cure: a scan, which keeps each step's sine as well."),
    "rewrite": (
        _rewrite,
        rewrite,
        "A loop that reads and writes an array: its derivative copies the array at every step.",
    ),
    "rewrite_barrier": (
        _rewrite,
        rewrite_barrier,
        "Cure for forward mode: reading is over before writing starts, so nothing is copied.",
    ),
    "while_loop": (_root, cubic_root, "A loop of unknown length has no reverse mode."),
    "while_loop_scan": (_root, cubic_root_scan, "Cure: a scan of enough steps has both modes."),
    "lapack": (
        _determinant,
        log_determinant,
        "XLA counts no operations inside LAPACK, so its ratio of operations misleads.",
    ),
    "lapack_rule": (
        _determinant,
        log_determinant_rule,
        "Cure: a closed-form derivative, of operations that are known.",
    ),
    "custom_vjp": (
        _softplus,
        softplus_vjp,
        "A rule for reverse mode shuts forward mode out.",
    ),
    "custom_jvp": (_softplus, softplus_jvp, "Cure: the rule as a custom_jvp serves both modes."),
}
