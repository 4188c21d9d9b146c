"""Take a prediction's uncertainty apart: what is in the data, and what more data would end."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist
from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy

from .._equality import same_fields
from .._precision import at_least_float32

#: What an output holds, see `train.predict`.
Kind: TypeAlias = Literal["values", "gaussian", "classes", "binary"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """A prediction over draws of a random model, and the parts of its uncertainty.

    `total` is `aleatoric + epistemic`: the noise in the data that the model tells of, and what the
    draws do not agree on, which more data would end. It is a pytree, so that it comes out of `jit`.

    * Of variances it is the law of total variance: `aleatoric` is the mean of the variance that the
      model gives (0 where it gives none), `epistemic` the variance of its means. Kendall and Gal,
      "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?" (2017).
    * Of class probabilities they are entropies in nats: `total` is that of the mean probabilities,
      `aleatoric` the mean of the draws' own, `epistemic` the mutual information of class and draw.
      Gal and Ghahramani, "Dropout as a Bayesian Approximation" (2016); Depeweg et al.,
      "Decomposition of Uncertainty in Bayesian Deep Learning" (2018).

    Attributes:
        mean: The mean output `[rows, ...]`; of logits, the mean of the probabilities.
        total: The variance `[rows, ...]`, or the entropy: of classes `[rows]`, of binary outputs
            `[rows, ...]`.
        aleatoric: Its part that is noise, of the same shape.
        epistemic: Its part that is ignorance, of the same shape.
        measure: Which of the two the parts are, "variance" or "entropy".

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> prediction = train.Prediction(
        ...     mean=jnp.array([2.0]), total=jnp.array([4.0]), aleatoric=jnp.array([3.0]),
        ...     epistemic=jnp.array([1.0]), measure="variance",
        ... )
        >>> prediction, prediction.std
        (Prediction(mean (1,), variance (1,)), Array([2.], dtype=float32))
    """

    mean: jax.Array
    total: jax.Array
    aleatoric: jax.Array
    epistemic: jax.Array
    measure: Literal["variance", "entropy"] = dataclasses.field(metadata={"static": True})

    @property
    def std(self) -> jax.Array:
        """The standard deviation, the root of the total variance.

        Raises:
            ValueError: If the parts are entropies.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import train
            >>> four = jnp.array([4.0])
            >>> train.Prediction(
            ...     mean=four, total=four, aleatoric=four, epistemic=0 * four, measure="variance"
            ... ).std
            Array([2.], dtype=float32)
        """
        if self.measure != "variance":
            raise ValueError(
                "a prediction of class probabilities has entropies, and no standard deviation: "
                'read total, or draw the probabilities themselves as outputs="values"'
            )
        return jnp.sqrt(self.total)

    def interval(self, level: float = 0.9) -> tuple[jax.Array, jax.Array]:
        """Return the ends of the interval that holds a new observation with probability `level`.

        It is that of the normal distribution with this mean and this total variance, by which
        Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty
        Estimation using Deep Ensembles" (2017), approximate the mixture of the draws.

        Args:
            level: The probability, between 0 and 1.

        Raises:
            ValueError: If the level is not between 0 and 1, or if the parts are entropies.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import train
            >>> one = jnp.ones(1)
            >>> low, high = train.Prediction(
            ...     mean=0 * one, total=one, aleatoric=one, epistemic=0 * one, measure="variance"
            ... ).interval(0.95)
            >>> print(low, high)
            [-1.959964] [1.959964]
        """
        if not 0 < level < 1:
            raise ValueError(f"interval level must be between 0 and 1, got {level}")
        reach = NormalDist().inv_cdf((1 + level) / 2) * self.std
        return self.mean - reach, self.mean + reach

    def __eq__(self, other: object) -> bool:
        """Compare all numbers; NaN equals NaN."""
        return same_fields(self, other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (it holds arrays)

    def __repr__(self) -> str:
        """Return one line: what was measured, and the shapes."""
        shapes = (jnp.shape(self.mean), jnp.shape(self.total))
        return f"Prediction(mean {shapes[0]}, {self.measure} {shapes[1]})"


def statistics_of(kind: Kind, output: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return what is averaged over the draws: the mean of one draw, and its own uncertainty.

    Args:
        kind: What the output holds.
        output: One draw `[rows, ...]`.

    Raises:
        ValueError: If the output does not have the shape of its kind.

    Example:
        >>> mean, variance = statistics_of("gaussian", jnp.array([[3.0, jnp.log(4.0)]]))
        >>> print(mean, variance.round(3))
        [[3.]] [[4.]]
    """
    output = at_least_float32(output)
    if kind == "values":
        return output, jnp.zeros_like(output)
    if kind == "binary":
        mean = jax.nn.sigmoid(output)
        return mean, entropy_of(kind, mean)
    size = output.shape[-1] if output.ndim > 1 else 0
    if kind == "classes":
        if size < 2:
            raise ValueError(
                f'outputs="classes" needs logits [rows, classes], got {output.shape}: for one '
                'logit per row use "binary"'
            )
        mean = jax.nn.softmax(output)
        return mean, entropy_of(kind, mean)
    if size % 2 or not size:
        raise ValueError(
            'outputs="gaussian" needs means and then log-variances [rows, 2 * outputs], as '
            f"losses.gaussian_nll does, got {output.shape}"
        )
    mean, log_variance = jnp.split(output, 2, axis=-1)
    return mean, jnp.exp(log_variance)


def taken_apart(
    kind: Kind, mean: jax.Array, aleatoric: jax.Array, variance: jax.Array
) -> Prediction:
    """Return the prediction of the moments of `statistics_of` over the draws.

    Args:
        kind: What the output holds.
        mean: The mean of the draws' means.
        aleatoric: The mean of the draws' own uncertainty.
        variance: The variance of the draws' means.

    Example:
        >>> one = jnp.ones(1)
        >>> taken_apart("gaussian", one, 2 * one, 3 * one).total
        Array([5.], dtype=float32)
    """
    if kind in ("values", "gaussian"):
        return Prediction(
            mean=mean,
            total=aleatoric + variance,
            aleatoric=aleatoric,
            epistemic=variance,
            measure="variance",
        )
    total = entropy_of(kind, mean)
    # The difference is no entropy below 0, but for rounding; NaN stays NaN.
    epistemic = jnp.where(total < aleatoric, 0, total - aleatoric)
    return Prediction(
        mean=mean, total=total, aleatoric=aleatoric, epistemic=epistemic, measure="entropy"
    )


def entropy_of(kind: Kind, probabilities: jax.Array) -> jax.Array:
    """Return the entropy in nats: over the last axis of classes, or of each binary probability.

    Example:
        >>> [f"{nats:.3f}" for nats in entropy_of("binary", jnp.array([0.5, 0.25]))]
        ['0.693', '0.562']
    """
    surprise = -xlogy(probabilities, probabilities)
    if kind == "binary":
        return surprise - xlogy(1 - probabilities, 1 - probabilities)
    return surprise.sum(axis=-1)


def check_kind(kind: object) -> None:
    """Check that a text is a kind of output.

    Raises:
        ValueError: If it is none.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"outputs must be one of {get_args(Kind)}, got {kind!r}")
