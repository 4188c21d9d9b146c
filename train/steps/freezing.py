"""Leave some parameters as they are while an optimizer trains the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._paths import Select, plain_path
from .._text import excerpt
from .._types import Params, Tree
from .optimizers import check_optimizer, update_of


def freeze(
    optimizer: optax.GradientTransformation, *, select: Select
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer that leaves the selected parameters as they are, to the last bit.

    Neither weight decay nor momentum moves them, they have no part in a clipped norm, and the
    optimizer's state holds moments of the other parameters only. Their gradient is still computed,
    for a step has to know that it is finite.

    What layers remember, such as the running statistics of batch norm, is no parameter, and goes
    on with the training; `nn.frozen(layer)` freezes a layer's statistics. A pretrained layer often
    needs both.

    Args:
        optimizer: Any optax transformation.
        select: `select(path, leaf) -> bool`, which leaves are frozen. `path` is a tuple of plain
            names, as in `losses.l2`: the weight of the third layer of `nn.serial` is at
            `(2, "weight")`.

    Raises:
        ValueError: If no parameter is selected, or if all are, from `init`.
        TypeError: If the optimizer is none, or `select` no function; from `init`, if that returns
            anything else than True or False.

    Example:
        The first layer stays as it was trained elsewhere:

        >>> import jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> params = [{"weight": jnp.ones(3)}, {"weight": jnp.ones(2)}]
        >>> optimizer = train.freeze(
        ...     optax.adamw(0.1, weight_decay=0.5), select=lambda path, leaf: path[0] == 0
        ... )
        >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
        >>> params = optax.apply_updates(params, updates)
        >>> [round(float(layer["weight"][0]), 3) for layer in params]
        [1.0, 0.85]
    """
    check_optimizer("the optimizer of freeze", optimizer)
    if not callable(select):
        raise TypeError(
            "freeze needs select=, a function such as lambda path, leaf: path[0] == 0, got "
            f"{select!r}"
        )

    def labels(params: Params) -> Tree:
        chosen = [
            _is_frozen(select, path, leaf) for path, leaf in jax.tree.leaves_with_path(params)
        ]
        if all(chosen) or not any(chosen):
            raise ValueError(
                f"freeze selects {'every' if all(chosen) else 'no'} parameter of "
                f"{excerpt(_paths_of(params), most=400)}: select=lambda path, leaf: ... chooses "
                "some of them"
            )
        names = ["frozen" if is_frozen else "trained" for is_frozen in chosen]
        return jax.tree.unflatten(jax.tree.structure(params), names)

    trained = optax.GradientTransformationExtraArgs(optimizer.init, update_of(optimizer))
    parts = optax.partition(
        {"trained": trained, "frozen": _unchanged()}, labels, mask_compatible_extra_args=True
    )

    def update(
        updates: Params, state: Tree, params: Params | None = None, **extra: Any
    ) -> tuple[Params, Tree]:
        for name in ("value_fn", "obj_fn", "grad_fn"):  # which know the trained parameters alone
            if name in extra:
                extra[name] = _of_trained(extra[name], params)
        return parts.update(updates, state, params, **extra)

    return optax.GradientTransformationExtraArgs(parts.init, update)


def _is_frozen(select: Select, path: tuple[Any, ...], leaf: jax.Array) -> bool:
    path = plain_path(path)
    chosen = select(path, leaf)
    if not isinstance(chosen, bool | np.bool_):
        raise TypeError(
            f"select must return True or False, got {excerpt(repr(chosen))} for {path}: decide by "
            "the path, or by the leaf's shape or dtype"
        )
    return bool(chosen)


def _paths_of(params: Params) -> list[tuple[str | int, ...]]:
    return [plain_path(path) for path, _ in jax.tree.leaves_with_path(params)]


def _unchanged() -> optax.GradientTransformation:
    """Return the transformation whose updates change no bit.

    `x + -0.0` is `x` for every `x`, while `x + 0.0` would turn -0.0 to 0.0.
    """

    def update(updates: Params, state: Tree, params: Params | None = None) -> tuple[Params, Tree]:
        del params
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, -0.0), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _of_trained(fn: Callable[..., Tree], params: Params) -> Callable[..., Tree]:
    """Return a function of all parameters as one of those that are trained."""

    def of_trained(trained: Params, *others: Any) -> Tree:
        result = fn(_completed(trained, params), *others)
        if jax.tree.structure(result) != jax.tree.structure(params):  # a value
            return result
        return jax.tree.map(
            lambda leaf, entry: leaf if isinstance(leaf, optax.MaskedNode) else entry,
            trained,
            result,
            is_leaf=lambda leaf: isinstance(leaf, optax.MaskedNode),
        )

    return of_trained


def _completed(trained: Params, params: Params) -> Params:
    """Return the trained parameters, with those of `params` in the places of the frozen ones."""
    return jax.tree.map(
        lambda leaf, original: original if isinstance(leaf, optax.MaskedNode) else leaf,
        trained,
        params,
        is_leaf=lambda leaf: isinstance(leaf, optax.MaskedNode),
    )
