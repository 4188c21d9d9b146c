"""Penalties on the size of parameters: `l1`, `l2` and their mixture `elastic_net`.

A penalty or a mask applies to the leaves for which `select(path, leaf)` is true. `path` is a tuple
of plain names: a field or a key of a dictionary is a string, a position in a sequence an int. The
weight of the third layer of `nn.serial` is at `(2, "weight")`.
"""

from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._selection import (
    Path,
    PyTree,
    Select,
    check_select,
    leaves_with_path,
    nothing_selected,
    plain_path,
    selected_leaves,
)
from ._values import absolute

# What a layer's weight is called here and in equinox; in flax; in haiku; in equinox's cells.
_WEIGHTS = frozenset({"weight", "kernel", "w", "weight_ih", "weight_hh"})


def is_weight(path: Path, leaf: jax.Array) -> bool:
    """Return whether a leaf is named as a weight, or is the whole pytree; the default of `select`.

    The names are `weight`, flax's `kernel`, haiku's `w` and equinox's `weight_ih` and `weight_hh`.
    Biases, the scales of norms and the slopes of PReLU have other names here, in flax and in haiku,
    and do not count: a network is not simpler if they are small. Equinox names the scales `weight`;
    where a model has them, add `and leaf.ndim > 1`. The table of an embedding is a `weight` here
    and in equinox, and counts, but has other names in flax and haiku.

    Args:
        path: Plain names and positions, as every `select` gets them, or a key path of JAX, as
            `jax.tree_util.tree_map_with_path` gives it.
        leaf: The leaf there, which does not matter.

    Raises:
        TypeError: If the path is one string, of which the last name is not known.

    Example:
        Every weight but that of the third layer:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import losses
        >>> params = [{"weight": jnp.ones(2), "bias": jnp.ones(2)}, (), {"weight": jnp.ones(3)}]
        >>> def select(path, leaf):
        ...     return losses.is_weight(path, leaf) and path[0] != 2
        >>> float(losses.l2(params)), float(losses.l2(params, select=select))
        (5.0, 2.0)
        >>> jax.tree_util.tree_map_with_path(losses.is_weight, params[0])
        {'bias': False, 'weight': True}
    """
    del leaf
    if isinstance(path, str):
        raise TypeError(f"is_weight: a path must be a tuple of names, got the string {path!r}")
    names = plain_path(path)
    if len(names) > 1 and names[-1] == "value":  # flax's nnx wraps each parameter
        names = names[:-1]
    return not names or names[-1] in _WEIGHTS


def weight_mask(params: PyTree, *, select: Select = is_weight) -> PyTree:
    """Return a tree of bools like the parameters, True where `select(path, leaf)` is.

    It is a mask for optax, which takes the function or its result: weight decay then applies to
    what the penalties apply to, and not to biases and norms. I. Loshchilov and F. Hutter, Decoupled
    Weight Decay Regularization, 2019.

    Args:
        params: A pytree of arrays, or one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default the weights.

    Raises:
        ValueError: If no leaf is selected.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import losses
        >>> params = {"weight": jnp.ones(2), "bias": jnp.ones(2)}
        >>> losses.weight_mask(params)
        {'bias': False, 'weight': True}
        >>> optimizer = optax.adamw(0.1, weight_decay=0.5, mask=losses.weight_mask)
        >>> zeros = jax.tree.map(jnp.zeros_like, params)
        >>> updates, _ = optimizer.update(zeros, optimizer.init(params), params)
        >>> print(updates["weight"], updates["bias"])
        [-0.05 -0.05] [-0. -0.]
    """
    check_select("weight_mask", select)
    leaves = list(leaves_with_path(params))
    mask = [bool(select(path, leaf)) for path, leaf in leaves]
    if not any(mask):
        raise nothing_selected("weight_mask", [path for path, _ in leaves])
    return jax.tree.unflatten(jax.tree.structure(params), mask)


def l1(params: PyTree, *, select: Select = is_weight) -> jax.Array:
    """Return the sum of the absolute values of the selected leaves, a scalar.

    `sum |w|`; the derivative at 0 is 0. R. Tibshirani, Regression Shrinkage and Selection via the
    Lasso, 1996.

    Args:
        params: A pytree of arrays, or one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default `is_weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf does not hold real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> float(losses.l1(jnp.array([1.0, 0.0, 0.0, 0.0]))), float(losses.l1(jnp.full(4, 0.25)))
        (1.0, 1.0)
    """
    return _total("l1", absolute, params, select)


def l2(params: PyTree, *, select: Select = is_weight) -> jax.Array:
    """Return the sum of the squares of the selected leaves, a scalar.

    `sum w^2` (no half, no root), so the gradient is `2 w`. A. E. Hoerl and R. W. Kennard, Ridge
    Regression, 1970.

    Args:
        params: A pytree of arrays, or one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default `is_weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf does not hold real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> float(losses.l2(jnp.array([1.0, 0.0, 0.0, 0.0]))), float(losses.l2(jnp.full(4, 0.25)))
        (1.0, 0.25)
    """
    return _total("l2", jnp.square, params, select)


def elastic_net(
    params: PyTree, *, l1_ratio: float | jax.Array = 0.5, select: Select = is_weight
) -> jax.Array:
    """Return a mixture of `l1` and `l2` of the selected leaves, a scalar.

    `r sum |w| + (1 - r) sum w^2`. H. Zou and T. Hastie, Regularization and Variable Selection via
    the Elastic Net, 2005.

    Args:
        params: A pytree of arrays, or one array.
        l1_ratio: r in [0, 1]: 1 is `l1` and 0 is `l2`.
        select: `select(path, leaf) -> bool`, which leaves count; by default `is_weight`.

    Raises:
        ValueError: If no leaf is selected or `l1_ratio` is not in [0, 1].
        TypeError: If a selected leaf does not hold real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> float(losses.elastic_net(jnp.array([2.0, 0.0]), l1_ratio=0.75))
        2.5
    """
    check_number("elastic_net", "l1_ratio", l1_ratio, "in [0, 1]", lambda r: (r >= 0) & (r <= 1))

    def mixture(leaf):
        return l1_ratio * absolute(leaf) + (1 - l1_ratio) * leaf**2

    return _total("elastic_net", mixture, params, select)


def _total(
    who: str, size: Callable[[jax.Array], jax.Array], params: PyTree, select: Select
) -> jax.Array:
    """Return the sum of `size(leaf)` over all entries of the selected leaves."""
    leaves = selected_leaves(who, params, select)
    return reduce(jnp.add, [jnp.sum(size(leaf)) for _, leaf in leaves])
