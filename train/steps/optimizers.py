"""Optimizers of optax: what is one, how it is called, and whether a state is its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import optax

from .._text import excerpt
from .._types import Params, Tree

#: `update(updates, state, params, **extra) -> (updates, state)`.
Update: TypeAlias = Callable[..., tuple[Params, Tree]]


def check_optimizer(name: str, optimizer: object) -> None:
    """Check that an optimizer is a transformation of optax, not its learning rate or its name.

    Raises:
        TypeError: If it is none.

    Example:
        >>> check_optimizer("optimizer", 0.01)
        Traceback (most recent call last):
        TypeError: optimizer must be one of optax, such as optax.adam(1e-3), got 0.01
    """
    if all(callable(getattr(optimizer, part, None)) for part in ("init", "update")):
        return
    got = excerpt(repr(optimizer), most=60)
    if inspect.isfunction(optimizer) and optimizer.__module__.partition(".")[0] == "optax":
        called = f"{optimizer.__name__}(1e-3)"
        got = f"a function, {optimizer.__qualname__}"
        got += "" if "<locals>" in optimizer.__qualname__ else f": call it, optax.{called}"
    elif callable(getattr(optimizer, "zero_grad", None)):
        got = f"{type(optimizer).__name__} of PyTorch"
    raise TypeError(f"{name} must be one of optax, such as optax.adam(1e-3), got {got}")


def update_of(optimizer: optax.GradientTransformation) -> Update:
    """Return an optimizer's update, which is given those of the extra arguments that it takes.

    By optax's contract an update with extra arguments takes any. But line searches take none that
    they do not use, SAM takes `grad_fn` alone, and Sophia needs `obj_fn`. Their own error says so.

    Example:
        >>> import jax.numpy as jnp
        >>> optimizer = optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.5), reset_state=False)
        >>> state = optimizer.init(jnp.ones(2))
        >>> given = {"value": 1.0, "grad_fn": None}
        >>> update_of(optimizer)(jnp.ones(2), state, jnp.ones(2), **given)[0]  # it climbs first
        Array([0.5, 0.5], dtype=float32)
    """
    update = optax.with_extra_args_support(optimizer).update

    def update_with_own(
        updates: Params, state: Tree, params: Params | None = None, **extra: Any
    ) -> tuple[Params, Tree]:
        usual = {name: value for name, value in extra.items() if name not in _OF_FEW}
        try:
            return update(updates, state, params, **usual)
        except (TypeError, ValueError) as error:
            own = _asked_for(error, extra)
            if own is None:
                raise
        return update(updates, state, params, **own)

    return update_with_own


#: The gradient, and the value, at other parameters: not passed to optimizers that do without.
_OF_FEW = ("grad_fn", "obj_fn")


def _asked_for(error: Exception, extra: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the extra arguments that an update takes, as its error says; None: it does not."""
    text = str(error)
    if "unexpected keyword argument" in text and "grad_fn" in extra:
        return {"grad_fn": extra["grad_fn"]}
    if any(name in text and name in extra for name in _OF_FEW):
        return extra
    return None


def check_made_by(optimizer: optax.GradientTransformation, params: Params, state: Tree) -> None:
    """Check that an optimizer's state is its own: that of another may pass through unused.

    Raises:
        ValueError: If it has another structure.

    Example:
        >>> import jax.numpy as jnp
        >>> check_made_by(optax.adam(0.1), jnp.ones(2), optax.adam(0.2).init(jnp.ones(2)))
    """
    try:
        own = jax.tree.structure(jax.eval_shape(optimizer.init, params))
    except Exception:  # of an `init` that needs values: its first step says more
        return
    given = jax.tree.structure(state)
    if own != given:
        raise ValueError(
            "the train state was made with another optimizer, whose state is "
            f"{excerpt(str(given))}: make it with this one, train.init(params, state, optimizer)"
        )
