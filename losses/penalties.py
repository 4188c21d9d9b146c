"""Penalties on the size of parameters, and what they are applied to.

A penalty looks at the leaves that `select(path, leaf)` chooses. `path` is a tuple of plain names:
a field's or a dictionary's key as a string, a position in a sequence as an int. The weight of the
third layer of `nn.serial` is at `(2, "weight")`.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import absolute

Path = tuple[str | int, ...]
Select = Callable[[Path, jax.Array], bool]


class Share(NamedTuple):
    """A penalised leaf: where it is, its size, its penalty and the share of the whole.

    Example:
        >>> import losses
        >>> losses.Share("0.weight", (3, 4), 0.5, 1.0).path
        '0.weight'
    """

    path: str
    shape: tuple[int, ...]
    value: float
    share: float


def is_weight(path: Path, leaf: jax.Array) -> bool:
    """Whether a leaf is named `weight`, the default of `select=`; a bare array is its own weight.

    Biases, the gamma and beta of batch norm and slopes are not: shrinking them does not make a
    function simpler.

    Example:
        Every weight but that of the third layer:

        >>> import jax.numpy as jnp
        >>> import losses
        >>> params = [{"weight": jnp.ones(2), "bias": jnp.ones(2)}, (), {"weight": jnp.ones(3)}]
        >>> def select(path, leaf):
        ...     return losses.is_weight(path, leaf) and path[0] != 2
        >>> float(losses.l2(params)), float(losses.l2(params, select=select))
        (5.0, 2.0)
    """
    del leaf
    return not path or path[-1] == "weight"


def l1(params: Any, *, select: Select = is_weight) -> jax.Array:
    """The sum of the absolute values of the selected leaves, a scalar.

    sum |w|; the derivative at 0 is 0. R. Tibshirani, Regression Shrinkage and Selection via the
    Lasso, 1996.

    Args:
        params: A pytree of arrays, or one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default those named `weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf is not of real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> float(losses.l1(jnp.array([1.0, 0.0, 0.0, 0.0]))), float(losses.l1(jnp.full(4, 0.25)))
        (1.0, 1.0)
    """
    return _total("l1", absolute, params, select)


def l2(params: Any, *, select: Select = is_weight) -> jax.Array:
    """The sum of the squares of the selected leaves, a scalar.

    sum w^2 (no half, no root), so the gradient is 2 w. A. E. Hoerl and R. W. Kennard, Ridge
    Regression, 1970.

    Args:
        params: A pytree of arrays, or one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default those named `weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf is not of real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> float(losses.l2(jnp.array([1.0, 0.0, 0.0, 0.0]))), float(losses.l2(jnp.full(4, 0.25)))
        (1.0, 0.25)
    """
    return _total("l2", jnp.square, params, select)


def elastic_net(
    params: Any, *, l1_ratio: float | jax.Array = 0.5, select: Select = is_weight
) -> jax.Array:
    """A mixture of `l1` and `l2` of the selected leaves, a scalar.

    r sum |w| + (1 - r) sum w^2. H. Zou and T. Hastie, Regularization and Variable Selection via
    the Elastic Net, 2005.

    Args:
        params: A pytree of arrays, or one array.
        l1_ratio: r in [0, 1].
        select: `select(path, leaf) -> bool`, which leaves count; by default those named `weight`.

    Raises:
        ValueError: If no leaf is selected or `l1_ratio` is not in [0, 1].
        TypeError: If a selected leaf is not of real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> float(losses.elastic_net(jnp.array([2.0, 0.0]), l1_ratio=0.75))
        2.5
    """
    check_number("elastic_net", "l1_ratio", l1_ratio, "in [0, 1]", lambda r: (r >= 0) & (r <= 1))

    def mixture(leaf):
        return l1_ratio * absolute(leaf) + (1 - l1_ratio) * leaf**2

    return _total("elastic_net", mixture, params, select)


def penalized(
    params: Any,
    *,
    penalty: Callable[[jax.Array], jax.Array] = l2,
    select: Select = is_weight,
) -> tuple[Share, ...]:
    """Lists the leaves that a penalty applies to, each with its share of the whole.

    Args:
        params: A pytree of arrays, or one array; not traced.
        penalty: `l1`, `l2` or any other scalar function of one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default those named `weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf is not of real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> import losses
        >>> params = ({"weight": jnp.ones((2, 3)), "bias": jnp.ones(3)}, {"weight": jnp.ones(2)})
        >>> for leaf in losses.penalized(params):
        ...     print(leaf.path, leaf.shape, leaf.value, leaf.share)
        0.weight (2, 3) 6.0 0.75
        1.weight (2,) 2.0 0.25
    """
    leaves = _selected("penalized", params, select)
    values = [float(penalty(leaf)) for _, leaf in leaves]
    whole = sum(values) or 1.0
    return tuple(
        Share(".".join(map(str, path)), leaf.shape, value, value / whole)
        for (path, leaf), value in zip(leaves, values, strict=True)
    )


def _total(
    name: str, size: Callable[[jax.Array], jax.Array], params: Any, select: Select
) -> jax.Array:
    """The sum of the sizes of all entries of the selected leaves."""
    return reduce(jnp.add, [jnp.sum(size(leaf)) for _, leaf in _selected(name, params, select)])


def _selected(name: str, params: Any, select: Select) -> list[tuple[Path, jax.Array]]:
    """The selected leaves with their paths, in float32 or better."""
    leaves = [
        (tuple(map(_plain, path)), jnp.asarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    ]
    chosen = [(path, leaf) for path, leaf in leaves if select(path, leaf)]
    if not chosen:
        raise ValueError(
            f"{name}: no leaf is selected; by default those named 'weight' are, and the "
            f"parameters have {[path for path, _ in leaves]}; say which with "
            "select=lambda path, leaf: ..."
        )
    for path, leaf in chosen:
        if not jnp.issubdtype(leaf.dtype, jnp.number) or jnp.iscomplexobj(leaf):
            raise TypeError(f"{name}: {path} must hold real numbers, got {leaf.dtype}")
    return [
        (path, leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))) for path, leaf in chosen
    ]


def _plain(entry: Any) -> str | int:
    """A key of JAX's path as the name or the position that it stands for."""
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)
