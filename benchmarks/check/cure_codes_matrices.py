"""What to type where a matrix is singular or has equal eigenvalues: each runs as it stands.

The matrix is `x`, a second operand is `y`, and the result is `z`.
"""

from .cure_codes import Cure

JITTER = Cure(
    "a little of the identity: the matrix is not positive definite to its digits",
    "some = 1e-6 * jnp.eye(x.shape[-1], dtype=x.dtype)\nz = jnp.linalg.cholesky(x + some)",
)
SINGULAR = Cure(
    "a little of the identity, or jnp.linalg.lstsq: the matrix is singular to its digits",
    "some = 1e-6 * jnp.eye(x.shape[-1], dtype=x.dtype)\nz = jnp.linalg.solve(x + some, y)",
)
SINGULAR_DETERMINANT = Cure(
    "a little of the identity: the matrix is singular, and its determinant 0",
    "some = 1e-6 * jnp.eye(x.shape[-1], dtype=x.dtype)\nz = jnp.linalg.slogdet(x + some)[1]",
)
_MASKED = "1 / (li - lj) masked where two are equal"
EIGENVECTORS = Cure(
    f"a rule with {_MASKED}; right where vectors of equal eigenvalues enter alike",
    """\
@jax.custom_jvp
def eigh(a):
    return tuple(jnp.linalg.eigh(a))

@eigh.defjvp
def _(primals, tangents):
    w, v = eigh(*primals)
    moved = v.T @ (tangents[0] + tangents[0].T) @ v / 2
    gap = w - w[:, None]
    apart = jnp.abs(gap) > 1e-5 * jnp.max(jnp.abs(w))
    turn = jnp.where(apart, 1 / jnp.where(apart, gap, 1.0), 0.0)
    return (w, v), (jnp.diagonal(moved), v @ (turn * moved))

z = eigh(x)""",
)
MATRIX_FUNCTION = Cure(
    "a rule for the function of the matrix, with g' in place of divided differences between equal "
    f"eigenvalues (or, for the vectors alone, {_MASKED})",
    """\
from functools import partial

@partial(jax.custom_jvp, nondiff_argnums=(0,))
def of_matrix(g, a):  # v @ diag(g(w)) @ v.T
    w, v = jnp.linalg.eigh(a)
    return (v * g(w)) @ v.T

@of_matrix.defjvp
def _(g, primals, tangents):
    w, v = jnp.linalg.eigh(*primals)
    gap = w - w[:, None]
    apart = jnp.abs(gap) > 1e-5 * jnp.max(jnp.abs(w))
    middle = (w + w[:, None]) / 2
    slope = jax.vmap(jax.vmap(jax.grad(g)))(middle)
    rise, run = g(w) - g(w)[:, None], jnp.where(apart, gap, 1.0)
    ratio = jnp.where(apart, rise / run, slope)
    moved = v.T @ (tangents[0] + tangents[0].T) @ v / 2
    return of_matrix(g, *primals), v @ (ratio * moved) @ v.T

z = of_matrix(jnp.exp, x)""",
)
SINGULAR_VECTORS = Cure(
    "a rule with 1 / (si - sj) masked where two are equal; right where vectors of equal "
    "singular values enter alike",
    """\
@jax.custom_jvp
def svd(a):
    return tuple(jnp.linalg.svd(a, full_matrices=False))

@svd.defjvp
def _(primals, tangents):
    u, s, vt = svd(*primals)
    da, v = tangents[0], vt.T
    m = u.T @ da @ v
    gap, both = s - s[:, None], s + s[:, None]
    apart = jnp.abs(gap) > 1e-5 * jnp.max(s)
    inverse = (s > 0) / jnp.maximum(s, 1e-30)
    far = jnp.where(apart, gap, 1.0)
    turn = jnp.where(apart, m + m.T, 0.0) / far / 2
    twist = (m - m.T) / jnp.where(both > 0, both, 1.0) / 2
    du = u @ (turn + twist) + (da @ v - u @ m) * inverse
    dv = v @ (turn - twist) + (da.T @ u - v @ m.T) * inverse
    return (u, s, vt), (du, jnp.diagonal(m), dv.T)

z = svd(x)""",
)
