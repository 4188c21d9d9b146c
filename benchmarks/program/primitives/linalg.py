"""Leading-order operation counts of dense linear algebra.

Golub and Van Loan, Matrix Computations, 4th ed. (2013): Cholesky 4.2, LU 3.2 and 3.4, Householder
QR 5.2, SVD figure 8.6.1, symmetric eigenvalues 8.3, unsymmetric eigenvalues 7.4 and 7.5.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from jax.extend.core import JaxprEqn

from ..jaxpr import shape


def _matrices(eqn: JaxprEqn, operand: int = 0) -> tuple[int, int, int]:
    """Return how many matrices there are, and their rows and columns."""
    *batch, rows, columns = shape(eqn.invars[operand])
    return math.prod(batch), rows, columns


def cubic(coefficient: Fraction) -> Callable[[JaxprEqn], int]:
    """Make a rule that counts `coefficient n^3` for each matrix `[n, n]`."""

    def count(eqn: JaxprEqn) -> int:
        batch, n, _ = _matrices(eqn)
        return batch * round(coefficient * n**3)

    return count


def lu(eqn: JaxprEqn) -> int:
    """Count Gaussian elimination with partial pivoting."""
    batch, m, n = _matrices(eqn)
    k = min(m, n)
    return batch * round(2 * (m * n * k - Fraction((m + n) * k**2, 2) + Fraction(k**3, 3)))


def _householder(m: int, n: int) -> Fraction:
    """Count the factorization alone: `2 k^2 (l - k / 3)`, k the short and l the long side."""
    short, long = min(m, n), max(m, n)
    return 2 * short**2 * (long - Fraction(short, 3))


def _form_q(m: int, columns: int, reflectors: int) -> Fraction:
    """Count the making of `columns` columns of Q `[m, m]` from its reflectors."""
    k = reflectors
    return 4 * m * columns * k - 2 * (m + columns) * k**2 + Fraction(4 * k**3, 3)


def qr(eqn: JaxprEqn) -> int:
    """Count the factorization and the making of Q."""
    batch, m, n = _matrices(eqn)
    columns = m if eqn.params["full_matrices"] else min(m, n)
    return batch * round(_householder(m, n) + _form_q(m, columns, min(m, n)))


def reflectors(eqn: JaxprEqn) -> int:
    """Count the factorization that leaves Q as its reflectors."""
    batch, m, n = _matrices(eqn)
    return batch * round(_householder(m, n))


def householder_product(eqn: JaxprEqn) -> int:
    """Count the making of Q from its reflectors."""
    batch, m, n = _matrices(eqn)
    return batch * round(_form_q(m, n, shape(eqn.invars[1])[-1]))


def triangular_solve(eqn: JaxprEqn) -> int:
    """Count n^2 for each right-hand side."""
    batch, n, _ = _matrices(eqn)
    _, rows, columns = _matrices(eqn, 1)
    return batch * n**2 * (columns if eqn.params["left_side"] else rows)


def svd(eqn: JaxprEqn) -> int:
    """Count Golub and Reinsch's algorithm."""
    batch, m, n = _matrices(eqn)
    m, n = max(m, n), min(m, n)
    if not eqn.params["compute_uv"]:
        return batch * round(4 * m * n**2 - Fraction(4 * n**3, 3))
    if eqn.params["full_matrices"]:
        return batch * (4 * m**2 * n + 8 * m * n**2 + 9 * n**3)
    return batch * (14 * m * n**2 + 8 * n**3)


def tridiagonal_solve(eqn: JaxprEqn) -> int:
    """Count Thomas's algorithm: 3 n to eliminate, 5 n for each right-hand side."""
    batch, n, columns = _matrices(eqn, 3)
    return batch * n * (3 + 5 * columns)
