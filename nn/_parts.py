"""What the combinators share that hold several layers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ._checks import check_key
from .layer import Layer, check_called


def check_layer(
    who: str, layer: object, *, of_several: str = "make it one, nn.serial(*layers)"
) -> None:
    """Check that `layer` is a layer.

    Args:
        who: Who takes it.
        layer: What it was given.
        of_several: What to do with a list of them.

    Raises:
        TypeError: If it is not.
    """
    if isinstance(layer, Layer):
        return
    if isinstance(layer, list | tuple):
        raise TypeError(
            f"{who} expected a Layer, got a {type(layer).__name__} of {len(layer)}: {of_several}"
        )
    check_called(who, "a Layer", layer)
    raise TypeError(
        f"{who} expected a Layer, got {layer!r}; wrap a function as nn.activation(function)"
    )


def check_layers(who: str, layers: Sequence[object]) -> None:
    """Check that there is a layer, and nothing else.

    Raises:
        ValueError: If there is none.
        TypeError: If an entry is not a layer.
    """
    if not layers:
        raise ValueError(f"{who} expected at least one layer, got none")
    for layer in layers:
        check_layer(who, layer, of_several=f"take it apart, {who}(*layers)")


def check_entries(who: str, layers: Sequence[Layer], params: tuple, state: tuple) -> None:
    """Check that there are parameters and a state for each layer.

    Raises:
        ValueError: If there are more or fewer.
        TypeError: If either is no tuple, as where two arguments of `apply` are swapped.
    """
    for name, entries in {"params": params, "state": state}.items():
        if not isinstance(entries, tuple | list):
            shape = f" of shape {entries.shape}" if hasattr(entries, "shape") else ""
            raise TypeError(
                f"{who} expected {name} to be a tuple with an entry for each of {len(layers)} "
                f"layers, got {type(entries).__name__}{shape}: params, state = model.init(key), "
                "then model.apply(params, state, x)"
            )
    if not len(layers) == len(params) == len(state):
        raise ValueError(
            f"{who} expected params and state of {len(layers)} layers, "
            f"got {len(params)} and {len(state)}: params, state = model.init(key)"
        )


def check_stacked(n: int, trees: Mapping[str, Any]) -> None:
    """Check that each leaf has an entry for each copy, so that none is swapped or of one layer.

    Raises:
        ValueError: If a leaf has not.
    """
    for name, tree in trees.items():
        for path, leaf in jax.tree.leaves_with_path(tree):
            if jnp.shape(leaf)[:1] != (n,):
                raise ValueError(
                    f"repeat expected a first axis of {n}, one entry a copy, in {name}"
                    f"{jax.tree_util.keystr(path)}, got shape {jnp.shape(leaf)}: params, state = "
                    "model.init(key), then model.apply(params, state, x)"
                )


def init_of_each(layers: Sequence[Layer]) -> Callable[[jax.Array], tuple[tuple, tuple]]:
    """Return the `init` that gives layer `i` the key `fold_in(key, i)`."""

    def init(key: jax.Array, /) -> tuple[tuple, tuple]:
        check_key("init", key)
        pairs = [layer.init(jax.random.fold_in(key, i)) for i, layer in enumerate(layers)]
        return tuple(params for params, _ in pairs), tuple(state for _, state in pairs)

    return init
