"""Leading-order operation counts of dense linear algebra.

Golub and Van Loan, Matrix Computations, 4th ed. (2013): Cholesky 4.2, LU 3.2 and 3.4, Householder
QR 5.2, SVD figure 8.6.1, symmetric eigenvalues 8.3, unsymmetric eigenvalues 7.4 and 7.5.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from jax.extend.core import JaxprEqn

from .jaxpr import shape


def _matrices(eqn: JaxprEqn, operand: int = 0) -> tuple[int, int, int]:
    """How many matrices there are, and their rows and columns."""
    *batch, rows, columns = shape(eqn.invars[operand])
    return math.prod(batch), rows, columns


def _cubic(coefficient: Fraction) -> Callable[[JaxprEqn], int]:
    """A count of `coefficient n^3` for each matrix `[n, n]`."""

    def count(eqn: JaxprEqn) -> int:
        batch, n, _ = _matrices(eqn)
        return batch * round(coefficient * n**3)

    return count


def _lu(eqn: JaxprEqn) -> int:
    batch, m, n = _matrices(eqn)
    k = min(m, n)
    return batch * round(2 * (m * n * k - Fraction((m + n) * k**2, 2) + Fraction(k**3, 3)))


def _householder(m: int, n: int) -> Fraction:
    """The factorisation alone: `2 k^2 (l - k / 3)`, k the short and l the long side."""
    short, long = min(m, n), max(m, n)
    return 2 * short**2 * (long - Fraction(short, 3))


def _form_q(m: int, columns: int, reflectors: int) -> Fraction:
    """`columns` columns of Q `[m, m]` from its reflectors."""
    k = reflectors
    return 4 * m * columns * k - 2 * (m + columns) * k**2 + Fraction(4 * k**3, 3)


def _qr(eqn: JaxprEqn) -> int:
    batch, m, n = _matrices(eqn)
    columns = m if eqn.params["full_matrices"] else min(m, n)
    return batch * round(_householder(m, n) + _form_q(m, columns, min(m, n)))


def _reflectors_alone(eqn: JaxprEqn) -> int:
    batch, m, n = _matrices(eqn)
    return batch * round(_householder(m, n))


def _householder_product(eqn: JaxprEqn) -> int:
    batch, m, n = _matrices(eqn)
    return batch * round(_form_q(m, n, shape(eqn.invars[1])[-1]))


def _triangular_solve(eqn: JaxprEqn) -> int:
    """n^2 for each right-hand side."""
    batch, n, _ = _matrices(eqn)
    _, rows, columns = _matrices(eqn, 1)
    return batch * n**2 * (columns if eqn.params["left_side"] else rows)


def _svd(eqn: JaxprEqn) -> int:
    """Golub and Reinsch's algorithm."""
    batch, m, n = _matrices(eqn)
    m, n = max(m, n), min(m, n)
    if not eqn.params["compute_uv"]:
        return batch * round(4 * m * n**2 - Fraction(4 * n**3, 3))
    if eqn.params["full_matrices"]:
        return batch * (4 * m**2 * n + 8 * m * n**2 + 9 * n**3)
    return batch * (14 * m * n**2 + 8 * n**3)


def _tridiagonal_solve(eqn: JaxprEqn) -> int:
    """Thomas's algorithm: 3 n to eliminate, 5 n for each right-hand side."""
    batch, n, columns = _matrices(eqn, 3)
    return batch * n * (3 + 5 * columns)


LIBRARY: dict[str, Callable[[JaxprEqn], int]] = {
    "cholesky": _cubic(Fraction(1, 3)),
    "eig": _cubic(Fraction(25)),
    "eigh": _cubic(Fraction(9)),
    "geqp3": _reflectors_alone,
    "geqrf": _reflectors_alone,
    "hessenberg": _cubic(Fraction(10, 3)),
    "householder_product": _householder_product,
    "lu": _lu,
    "qr": _qr,
    "schur": _cubic(Fraction(25)),
    "svd": _svd,
    "triangular_solve": _triangular_solve,
    "tridiagonal": _cubic(Fraction(4, 3)),
    "tridiagonal_solve": _tridiagonal_solve,
}
