"""Combinators: layers made of layers."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import positive_int
from .activations import relu
from .dense import dense
from .dropout import dropout as dropout_layer
from .dropout import is_zero
from .layer import Layer
from .layer import activation as activation_layer
from .norm import batch_norm as batch_norm_layer


def serial(*layers: Layer) -> Layer[tuple, tuple]:
    """Apply layers one after the other; parameters and state are tuples, one entry a layer.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.serial(nn.dense(3, 4), nn.activation(nn.tanh), nn.dense(4, 2))
        >>> params, state = model.init(jax.random.key(0))
        >>> model.apply(params, state, jnp.ones((5, 3)))[0].shape
        (5, 2)
    """

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
        new_state = []
        for i, layer in enumerate(layers):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            x, s = layer.apply(params[i], state[i], x, key=layer_key, train=train, mask=mask)
            new_state.append(s)
        return x, tuple(new_state)

    return Layer(init, apply)


def residual(layer: Layer) -> Layer:
    """Add a layer's output to its input: `y = x + layer(x)`.

    He et al., "Deep Residual Learning for Image Recognition" (2016).

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> block = nn.residual(nn.activation(nn.relu))
        >>> params, state = block.init(jax.random.key(0))
        >>> block.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([-1.,  4.], dtype=float32)
    """

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
    """Apply `n` copies of a layer in one `lax.scan`, so that compile time does not grow with `n`.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> deep = nn.repeat(nn.residual(nn.dense(3, 3)), 24)
        >>> params, state = deep.init(jax.random.key(0))
        >>> params.weight.shape
        (24, 3, 3)
        >>> deep.apply(params, state, jnp.ones((5, 3)))[0].shape
        (5, 3)
    """
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
        def block(x: jax.Array, copy: tuple) -> tuple[jax.Array, Any]:
            i, params, state = copy
            block_key = None if key is None else jax.random.fold_in(key, i)
            y, state = layer.apply(params, state, x, key=block_key, train=train, mask=mask)
            if (y.shape, y.dtype) != (x.shape, x.dtype):
                raise ValueError(
                    f"repeat expected its layer to keep the shape {x.shape} and {x.dtype}, "
                    f"got {y.shape} and {y.dtype}"
                )
            return y, state

        return lax.scan(block, x, (jnp.arange(n), params, state))

    return Layer(init, apply)


def mlp(
    sizes: Sequence[int],
    *,
    activation: Callable[[jax.Array], jax.Array] | Layer = relu,
    batch_norm: bool = False,
    dropout: float | jax.Array = 0.0,
) -> Layer[tuple, tuple]:
    """A multilayer perceptron, `[..., sizes[0]]` to `[..., sizes[-1]]`.

    Every hidden layer is dense, batch norm, activation, dropout, in that order; the last is dense.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> model = nn.mlp((64, 32, 10), batch_norm=True, dropout=0.1)
        >>> params, state = model.init(jax.random.key(0))
        >>> model.apply(params, state, jnp.ones((5, 64)))[0].shape
        (5, 10)
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp expected at least 2 sizes, input and output, got {sizes!r}")
    act = activation if isinstance(activation, Layer) else activation_layer(activation)
    layers: list[Layer] = []
    for in_dim, out_dim in pairwise(sizes[:-1]):
        layers.append(dense(in_dim, out_dim, bias=not batch_norm))
        if batch_norm:
            layers.append(batch_norm_layer(out_dim))
        layers.append(act)
        if not is_zero(dropout):
            layers.append(dropout_layer(dropout))
    return serial(*layers, dense(sizes[-2], sizes[-1]))
