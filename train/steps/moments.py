"""What an optimizer remembers of parameters in half precision: in float32, and never unawares."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from .._types import Params, Tree
from .optimizers import check_optimizer, update_of


def wide_moments(
    optimizer: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer that works in float32 on parameters of bfloat16 or float16.

    optax makes moments of the type of the parameters. In bfloat16 `0.999 m + 0.001 g` is `m` for
    most `g`, so that the second moment of Adam stands still. This one computes and remembers in
    float32; the sum of a parameter and its update is made in float32 and rounded at the end.

    `nn.mixed_precision` is the better way where there is memory for it: parameters in float32,
    too, of which steps below the rounding of bfloat16 add up.

    Args:
        optimizer: Any optax transformation.

    Raises:
        TypeError: If the optimizer is none.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> optimizer = train.wide_moments(optax.adam(1e-3))
        >>> moments = jax.tree.leaves(optimizer.init(jnp.ones(3, jnp.bfloat16)))
        >>> [leaf.dtype.name for leaf in moments]
        ['int32', 'float32', 'float32']
    """
    check_optimizer("the optimizer of wide_moments", optimizer)
    inner_update = update_of(optimizer)

    def update(
        updates: Params, state: Tree, params: Params | None = None, **extra: Any
    ) -> tuple[Params, Tree]:
        if "grad" in extra:
            extra["grad"] = _wide(extra["grad"])
        if "grad_fn" in extra:
            grad_fn = extra["grad_fn"]
            extra["grad_fn"] = lambda *given: _wide(grad_fn(*given))
        return inner_update(_wide(updates), state, _wide(params), **extra)

    return optax.GradientTransformationExtraArgs(
        lambda params: optimizer.init(_wide(params)), update
    )


def check_moments(params: Params, opt_state: Tree) -> None:
    """Raise a ValueError where an optimizer remembers parameters in half precision as they are.

    A type that the optimizer was told to use, such as `mu_dtype` of Adam for parameters in float32,
    is no accident.

    Example:
        >>> params = jnp.ones(3, jnp.bfloat16)
        >>> check_moments(params, optax.sgd(0.1).init(params))  # which remembers nothing
    """
    narrow = {
        (leaf.shape, leaf.dtype): jax.tree_util.keystr(path)
        for path, leaf in jax.tree.leaves_with_path(params)
        if _is_narrow(leaf)
    }
    for leaf in jax.tree.leaves(opt_state):
        if _is_narrow(leaf) and (leaf.shape, leaf.dtype) in narrow:
            raise ValueError(
                f"init: the optimizer would keep its moments in {leaf.dtype.name}, the type of the "
                f"parameters such as params{narrow[leaf.shape, leaf.dtype]}, and lose most of what "
                "is added to them: keep the parameters in float32 and compute in a shorter type by "
                "nn.mixed_precision(model), or keep the moments alone in float32 by "
                "train.wide_moments(optimizer)"
            )


def _is_narrow(leaf: object) -> bool:
    """Whether an array holds floats shorter than float32."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4


def _wide(tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if _is_narrow(leaf) else leaf, tree)
