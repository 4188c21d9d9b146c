"""GMM: the log-likelihood of a Gaussian mixture under a prior."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp


class Wishart(NamedTuple):
    """A Wishart prior on the precision matrices.

    Attributes:
        gamma: Its scale.
        m: Its degrees of freedom beyond D + 1.

    Example:
        >>> STANDARD
        Wishart(gamma=1.0, m=0)
    """

    gamma: float = 1.0
    m: int = 0


#: The prior in all of ADBench's files.
STANDARD = Wishart()


def objective(
    alphas: jax.Array,
    means: jax.Array,
    icf: jax.Array,
    x: jax.Array,
    *,
    wishart: Wishart = STANDARD,
    prior_sign: int = 1,
) -> jax.Array:
    """Compute the log-likelihood of points `[N, D]` under `K` Gaussians and their prior: `[]`.

        inner[n, k] = alpha_k + sum(q_k) - |Q_k (x_n - mu_k)|^2 / 2
        F = -N D/2 log(2 pi) + sum_n logsumexp_k inner[n, k] - N logsumexp(alpha) +- prior

    From Srajer, Kukelova, Fitzgibbon, "A Benchmark of Selected Algorithmic Differentiation Tools on
    Some Problems in Computer Vision and Machine Learning" (2018).

    Args:
        alphas: `[K]` unnormalised log weights.
        means: `[K, D]` centres mu.
        icf: `[K, D + D(D-1)/2]` inverse covariance factors, see `factors`.
        x: `[N, D]` the points.
        wishart: The prior's parameters.
        prior_sign: +1 adds the prior, as ADBench does; -1 subtracts it, as GradBench does.

    Raises:
        ValueError: If `prior_sign` is neither 1 nor -1, or the columns of `icf` do not fit `D`.

    Example:
        >>> inputs = jnp.zeros(1), jnp.zeros((1, 2)), jnp.zeros((1, 3)), jnp.zeros((4, 2))
        >>> round(float(jax.jit(objective)(*inputs)), 4)  # -4 log(2 pi) + 1 + log(8 pi / 2)
        -3.8205
    """
    if prior_sign not in (1, -1):
        raise ValueError(f"prior_sign must be 1 (add the prior) or -1, got {prior_sign!r}")
    points, dim = x.shape
    q, factor = icf[:, :dim], factors(icf, dim)
    # Q x - Q mu for all points and components is one matrix product, of [Q, -Q mu] and [x, 1].
    affine = jnp.concatenate([factor, -jnp.einsum("kij,kj->ki", factor, means)[..., None]], axis=2)
    ones = jnp.ones((points, 1), x.dtype)
    whitened = jnp.einsum("kij,nj->kin", affine, jnp.concatenate([x, ones], axis=1))
    log_weights = alphas + jnp.sum(q, axis=1)
    inner = log_weights[:, None] - jnp.sum(whitened**2, axis=1) / 2
    likelihood = jnp.sum(logsumexp(inner, axis=0)) - points * logsumexp(alphas)
    constant = -points * dim / 2 * math.log(2 * math.pi)
    return constant + likelihood + prior_sign * log_prior(icf, dim, wishart)


def factors(icf: jax.Array, dim: int) -> jax.Array:
    """Build the lower triangular factors Q `[K, D, D]` of the inverse covariances.

    The first `D` entries of a row are the logarithms of the diagonal; the others stand below it,
    column by column.

    Raises:
        ValueError: If `icf` does not have D + D(D-1)/2 columns.

    Example:
        >>> icf = jnp.array([[0.0, 0.0, 0.0, 1.0, 2.0, 3.0]])
        >>> jax.jit(factors, static_argnums=1)(icf, 3)[0]
        Array([[1., 0., 0.],
               [1., 1., 0.],
               [2., 3., 1.]], dtype=float32)
    """
    if icf.shape[1] != dim * (dim + 1) // 2:
        raise ValueError(
            f"icf must have D + D(D-1)/2 = {dim * (dim + 1) // 2} columns for points of D = {dim} "
            f"coordinates, got {icf.shape[1]}"
        )
    columns, rows = np.triu_indices(dim, 1)
    diagonal = np.arange(dim)
    lower = jnp.zeros((len(icf), dim, dim), icf.dtype).at[:, rows, columns].set(icf[:, dim:])
    return lower.at[:, diagonal, diagonal].set(jnp.exp(icf[:, :dim]))


def log_prior(icf: jax.Array, dim: int, wishart: Wishart) -> jax.Array:
    """Compute the logarithm of the Wishart prior, with the sign that ADBench gives it: `[]`.

    sum_k gamma^2/2 (|exp(q_k)|^2 + |l_k|^2) - m sum(q_k)  -  K (n D log(gamma / sqrt 2)
    - log Gamma_D(n / 2)), with n = D + m + 1 and Gamma_D the multivariate gamma function.

    Example:
        >>> prior = jax.jit(lambda icf: log_prior(icf, 1, Wishart(gamma=2**0.5)))
        >>> round(float(prior(jnp.zeros((1, 1)))), 6)  # 1 + log 1
        1.0
    """
    gamma, m = wishart
    q, lower = icf[:, :dim], icf[:, dim:]
    freedom = dim + m + 1
    log_gamma = dim * (dim - 1) / 4 * math.log(math.pi) + sum(
        math.lgamma((freedom - i) / 2) for i in range(dim)
    )
    normaliser = freedom * dim * math.log(gamma / math.sqrt(2)) - log_gamma
    squares = jnp.sum(jnp.exp(2 * q)) + jnp.sum(lower**2)
    return gamma**2 / 2 * squares - m * jnp.sum(q) - len(icf) * normaliser
