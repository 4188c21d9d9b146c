"""Functions on which a mode goes wrong; their cures compute the same in another way."""

import jax
import jax.numpy as jnp

#: How many sines are nested.
SINES = 16


def sines(x: jax.Array) -> jax.Array:
    """Compute the sum of sin(sin(... sin(x))), 16 deep: `[]`.

    Example:
        >>> jax.jit(sines)(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    for _ in range(SINES):
        x = jnp.sin(x)
    return jnp.sum(x)


def sines_barrier(x: jax.Array) -> jax.Array:
    """Compute `sines` with a barrier after each sine, across which XLA fuses nothing.

    Example:
        >>> jax.jit(sines_barrier)(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    for _ in range(SINES):
        x = jax.lax.optimization_barrier(jnp.sin(x))
    return jnp.sum(x)


def sines_scan(x: jax.Array) -> jax.Array:
    """Compute `sines` as a scan, across whose steps XLA fuses nothing either.

    Example:
        >>> sines_scan(jnp.zeros(3))
        Array(0., dtype=float32)
    """
    return jnp.sum(jax.lax.scan(lambda x, _: (jnp.sin(x), None), x, length=SINES)[0])


def rewrite(x: jax.Array, reads: jax.Array, writes: jax.Array) -> jax.Array:
    """Compute x[writes[t]] <- sin(x[reads[t]]) for each t in turn: `[n]`.

    Example:
        >>> jax.jit(rewrite)(jnp.ones(3), jnp.array([0]), jnp.array([2])).round(2)
        Array([1.  , 1.  , 0.84], dtype=float32)
    """

    def step(x: jax.Array, where: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        read, write = where
        return x.at[write].set(jnp.sin(x[read])), None

    return jax.lax.scan(step, x, (reads, writes))[0]


def rewrite_barrier(x: jax.Array, reads: jax.Array, writes: jax.Array) -> jax.Array:
    """Compute `rewrite` with a barrier between reading and writing, so that it writes in place.

    Example:
        >>> jax.jit(rewrite_barrier)(jnp.ones(3), jnp.array([0]), jnp.array([2])).round(2)
        Array([1.  , 1.  , 0.84], dtype=float32)
    """

    def step(x: jax.Array, where: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        read, write = where
        value = jax.lax.optimization_barrier(x[read])
        return x.at[write].set(jnp.sin(value), unique_indices=True), None

    return jax.lax.scan(step, x, (reads, writes))[0]


def cubic_root(a: jax.Array) -> jax.Array:
    """Solve y^3 + y = a for y by Newton's method until no step is larger than 1e-10: `[n]`.

    Example:
        >>> with jax.enable_x64(True):
        ...     jax.jit(cubic_root)(jnp.array([0.0, 2.0, 10.0]))
        Array([0., 1., 2.], dtype=float64)
    """

    def is_moving(state: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.max(jnp.abs(state[1])) > 1e-10

    def step(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        after = _newton(state[0], a)
        return after, after - state[0]

    return jax.lax.while_loop(is_moving, step, (a, jnp.ones_like(a)))[0]


def cubic_root_scan(a: jax.Array) -> jax.Array:
    """Solve y^3 + y = a in a scan of 16 steps, enough for |a| < 100; a scan has a reverse mode.

    Example:
        >>> jax.jit(cubic_root_scan)(jnp.array([0.0, 2.0, 10.0]))
        Array([0., 1., 2.], dtype=float32)
    """
    return jax.lax.scan(lambda y, _: (_newton(y, a), None), a, length=16)[0]


def log_determinant(a: jax.Array) -> jax.Array:
    """Compute the log-determinant of a positive definite matrix by LAPACK's Cholesky factor: `[]`.

    Example:
        >>> jax.jit(log_determinant)(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
        Array(0., dtype=float32)
    """
    return 2 * jnp.sum(jnp.log(jnp.diagonal(_cholesky(a))))


@jax.custom_jvp
def log_determinant_rule(a: jax.Array) -> jax.Array:
    """Compute `log_determinant`, with the rule d log det A = tr(A^-1 dA), which reuses the factor.

    Example:
        >>> jax.jit(log_determinant_rule)(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
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
    """Compute log(1 + e^x) `[n]` with a `custom_vjp`, which takes forward mode away.

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
    """Compute `softplus_vjp` with a `custom_jvp`, from which JAX derives reverse mode.

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
