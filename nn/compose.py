"""Combinators: layers made of layers."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from . import activations
from ._checks import positive_int
from .batch_normalization import batch_norm as batch_norm_layer
from .layer import Layer
from .layer import activation as activation_layer
from .linear import dense
from .regularization import check_rate, is_zero
from .regularization import dropout as dropout_layer


def serial(*layers: Layer) -> Layer[tuple, tuple]:
    """Apply layers one after the other; parameters and state are tuples, one entry a layer.

    Layer `i` gets `fold_in(key, i)`, for its first parameters as for its masks: layers that are
    appended change neither.

    Raises:
        ValueError: No layer, or as many parameters or states as do not match the layers.
        TypeError: An argument that is no layer.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.serial(nn.dense(3, 4), nn.activation(nn.tanh), nn.dense(4, 2))
        >>> params, state = model.init(jax.random.key(0))
        >>> model.apply(params, state, jnp.ones((5, 3)))[0].shape
        (5, 2)
    """
    if not layers:
        raise ValueError("serial expected at least one layer, got none")
    for layer in layers:
        _check_layer("serial", layer)

    def init(key: jax.Array, /) -> tuple[tuple, tuple]:
        pairs = [layer.init(jax.random.fold_in(key, i)) for i, layer in enumerate(layers)]
        return tuple(params for params, _ in pairs), tuple(state for _, state in pairs)

    def apply(
        params: tuple,
        state: tuple,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple]:
        if not len(layers) == len(params) == len(state):
            raise ValueError(
                f"serial expected params and state of {len(layers)} layers, "
                f"got {len(params)} and {len(state)}"
            )
        states = []
        for i, (layer, p, s) in enumerate(zip(layers, params, state, strict=True)):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            x, s = layer.apply(p, s, x, key=layer_key, train=train, mask=mask)
            states.append(s)
        return x, tuple(states)

    return Layer(init, apply)


def residual(layer: Layer) -> Layer:
    """Add a layer's output to its input: `y = x + layer(x)`; params and state are the layer's.

    He et al., "Deep Residual Learning for Image Recognition" (2016).

    Raises:
        ValueError: If the layer changes the shape.
        TypeError: If it is no layer.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> block = nn.residual(nn.activation(nn.relu))
        >>> params, state = block.init(jax.random.key(0))
        >>> block.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([-1.,  4.], dtype=float32)
    """
    _check_layer("residual", layer)

    def apply(
        params: Any,
        state: Any,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, Any]:
        y, state = layer.apply(params, state, x, key=key, train=train, mask=mask)
        if y.shape != x.shape:
            raise ValueError(
                f"residual expected its layer to keep the shape {x.shape}, got {y.shape}"
            )
        return x + y, state

    return Layer(layer.init, apply)


def repeat(layer: Layer, n: int) -> Layer:
    """Apply `n` copies of a layer, each with parameters, state and randomness of its own.

    Every leaf of params and state has a leading axis of `n`. The copies are one `lax.scan`, so
    the time to compile does not depend on `n`.

    Raises:
        ValueError: `n` below 1, or a layer that changes the shape.
        TypeError: `n` is no int, `layer` is no layer, or it changes the dtype.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> deep = nn.repeat(nn.residual(nn.dense(3, 3)), 24)
        >>> params, state = deep.init(jax.random.key(0))
        >>> params.weight.shape
        (24, 3, 3)
        >>> deep.apply(params, state, jnp.ones((5, 3)))[0].shape
        (5, 3)
    """
    _check_layer("repeat", layer)
    n = positive_int("repeat", "n", n)

    def init(key: jax.Array, /) -> tuple[Any, Any]:
        return jax.vmap(lambda i: layer.init(jax.random.fold_in(key, i)))(jnp.arange(n))

    def apply(
        params: Any,
        state: Any,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, Any]:
        def one_copy(x: jax.Array, copy: tuple[jax.Array, Any, Any]) -> tuple[jax.Array, Any]:
            i, params, state = copy
            copy_key = None if key is None else jax.random.fold_in(key, i)
            y, state = layer.apply(params, state, x, key=copy_key, train=train, mask=mask)
            if y.shape != x.shape:
                raise ValueError(
                    f"repeat expected its layer to keep the shape {x.shape}, got {y.shape}"
                )
            if y.dtype != x.dtype:
                raise TypeError(f"repeat expected its layer to keep {x.dtype}, got {y.dtype}")
            return y, state

        return lax.scan(one_copy, x, (jnp.arange(n), params, state))

    return Layer(init, apply)


def mlp(
    sizes: Sequence[int],
    *,
    activation: Callable[[jax.Array], jax.Array] | Layer = activations.relu,
    batch_norm: bool = False,
    dropout: float | jax.Array = 0.0,
) -> Layer[tuple, tuple]:
    """A multilayer perceptron, `[..., sizes[0]]` to `[..., sizes[-1]]`.

    Each hidden layer is dense, batch norm, activation, dropout, in that order, with what is not
    asked for left out; the last layer is dense alone. With batch norm the dense layers before it
    have no bias, for it would take the mean away again.

    Args:
        sizes: The inputs, the hidden layers and the outputs.
        activation: A function such as `nn.relu`, or a layer that each hidden layer gets a copy
            of: `nn.prelu()` learns one slope for each hidden layer, `nn.prelu(32)` one for each
            unit where every hidden layer has 32.
        batch_norm: Whether the hidden layers are normalised.
        dropout: The share of hidden units to drop; it may be traced.

    Raises:
        ValueError: Fewer than two sizes, a size below 1, or a rate outside `[0, 1]`.
        TypeError: A size that is no int, or an activation that is neither function nor layer.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.mlp((64, 32, 10), batch_norm=True, dropout=0.1)
        >>> params, state = model.init(jax.random.key(0))
        >>> model.apply(params, state, jnp.ones((5, 64)))[0].shape
        (5, 10)
    """
    sizes = [positive_int("mlp", "every size", size) for size in sizes]
    if len(sizes) < 2:
        raise ValueError(f"mlp expected at least 2 sizes, inputs and outputs, got {sizes}")
    check_rate(dropout)
    nonlinear = activation if isinstance(activation, Layer) else activation_layer(activation)
    layers: list[Layer] = []
    for in_dim, out_dim in pairwise(sizes[:-1]):
        layers.append(dense(in_dim, out_dim, bias=not batch_norm))
        if batch_norm:
            layers.append(batch_norm_layer(out_dim))
        layers.append(nonlinear)
        if not is_zero(dropout):
            layers.append(dropout_layer(dropout))
    return serial(*layers, dense(sizes[-2], sizes[-1]))


def _check_layer(who: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(
            f"{who} expected a Layer, got {layer!r}; wrap a function as nn.activation(function)"
        )
