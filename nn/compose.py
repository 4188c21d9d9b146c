"""Combinators: layers made of layers."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer
from jax.nn.initializers import Initializer

from . import activations
from ._anatomy import made_of, scope
from ._checks import NO_INPUT, check_key
from ._options import check_switch, positive_int
from ._parts import check_entries, check_layer, check_layers, check_stacked, init_of_each
from ._spread import like
from .batch_normalization import batch_norm as batch_norm_layer
from .layer import Layer, Params, State, titled
from .layer import activation as activation_layer
from .linear import LECUN_NORMAL, dense
from .regularization import check_rate, is_zero
from .regularization import dropout as dropout_layer
from .row_normalization import layer_norm as layer_norm_layer


def serial(*layers: Layer) -> Layer[tuple, tuple]:
    """Return the layer that applies `layers` one after the other.

    Parameters and state are tuples with one entry for each layer. Layer `i` gets
    `jax.random.fold_in(key, i)`, in `init` and in `apply`, so appending a layer changes neither the
    parameters nor the masks of those before it.

    Raises:
        ValueError: If no layer is given, or the number of entries in the parameters or the state
            is not that of the layers.
        TypeError: If an argument is not a layer.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.serial(nn.dense(3, 4), nn.activation(nn.tanh), nn.dense(4, 2))
        >>> params, state = jax.jit(model.init)(jax.random.key(0))
        >>> jax.jit(model.apply)(params, state, jnp.ones((5, 3)))[0].shape
        (5, 2)
    """
    check_layers("serial", layers)

    def apply(
        params: tuple,
        state: tuple,
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple]:
        check_entries("serial", layers, params, state)
        check_key("apply", key)
        states = []
        for i, (layer, p, s) in enumerate(zip(layers, params, state, strict=True)):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            with scope(layer, i):
                x, s = layer.apply(p, s, x, key=layer_key, train=train, mask=mask)
            states.append(s)
        return x, tuple(states)

    model = Layer(init_of_each(layers), apply)
    return made_of(model, *layers, rebuild=serial, indexed=True)


def residual(layer: Layer[Params, State]) -> Layer[Params, State]:
    """Return the layer `y = x + layer(x)`, with the parameters and the state of `layer`.

    He et al., "Deep Residual Learning for Image Recognition" (2016).

    Raises:
        ValueError: If `layer` changes the shape.
        TypeError: If `layer` is not a layer.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> block = nn.residual(nn.activation(nn.relu))
        >>> params, state = block.init(jax.random.key(0))
        >>> block.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([-1.,  4.], dtype=float32)
    """
    check_layer("residual", layer)

    def apply(
        params: Params,
        state: State,
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        with scope(layer):
            y, state = layer.apply(params, state, x, key=key, train=train, mask=mask)
        if y.shape != x.shape:
            raise ValueError(
                f"residual expected its layer to keep the shape {x.shape}, got {y.shape}"
            )
        return x + y, state

    return made_of(Layer(layer.init, apply), layer, rebuild=residual)


def repeat(layer: Layer[Params, State], n: int) -> Layer[Params, State]:
    """Return the layer that applies `n` copies of `layer` one after the other.

    Each copy has its own parameters, state and randomness: every leaf of params and state has a
    leading axis of size `n`. The copies run in a `lax.scan`, so the time to compile does not grow
    with `n`.

    Raises:
        ValueError: If `n` is below 1, or `layer` changes the shape.
        TypeError: If `n` is not an int, `layer` is not a layer, or it changes the dtype.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> deep = nn.repeat(nn.residual(nn.dense(3, 3)), 24)
        >>> params, state = jax.jit(deep.init)(jax.random.key(0))
        >>> params.weight.shape
        (24, 3, 3)
        >>> jax.jit(deep.apply)(params, state, jnp.ones((5, 3)))[0].shape
        (5, 3)
    """
    check_layer("repeat", layer)
    n = positive_int("repeat", "n", n)

    def init(key: jax.Array, /) -> tuple[Params, State]:
        def init_copy(i: int | jax.Array) -> tuple[Params, State]:
            return layer.init(jax.random.fold_in(key, i))

        if isinstance(jax.random.fold_in(key, 0), Tracer):  # in a program: its text does not grow
            return lax.map(init_copy, jnp.arange(n))
        # Outside of one each operation is a program. Those of one layer serve all copies, while a
        # batch of copies would need programs of its own.
        copies = [init_copy(i) for i in range(n)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *copies)

    def apply(
        params: Params,
        state: State,
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        def one_copy(
            x: jax.Array, copy: tuple[jax.Array, Params, State]
        ) -> tuple[jax.Array, State]:
            i, params, state = copy
            copy_key = None if key is None else jax.random.fold_in(key, i)
            with scope(layer):
                y, state = layer.apply(params, state, x, key=copy_key, train=train, mask=mask)
            if y.shape != x.shape:
                raise ValueError(
                    f"repeat expected its layer to keep the shape {x.shape}, got {y.shape}"
                )
            if y.dtype != x.dtype:
                raise TypeError(
                    f"repeat expected its layer to keep {x.dtype}, got {y.dtype}: convert the "
                    f"input to {y.dtype}, or repeat nn.mixed_precision(layer), which keeps the type"
                )
            return like(x, y), state

        check_stacked(n, {"params": params, "state": state})
        return lax.scan(one_copy, x, (jnp.arange(n), params, state))

    def rebuild(part: Layer) -> Layer:
        return repeat(part, n)

    return made_of(Layer(init, apply), layer, rebuild=rebuild, copies=n, word=f"{n} x")


def mlp(
    sizes: Sequence[int],
    *,
    activation: Callable[[jax.Array], jax.Array] | Layer[Any, Any] = activations.relu,
    batch_norm: bool = False,
    layer_norm: bool = False,
    dropout: float | jax.Array = 0.0,
    weight_init: Initializer = LECUN_NORMAL,
) -> Layer[tuple[Any, ...], tuple[Any, ...]]:
    """Return a multilayer perceptron, `[..., sizes[0]]` to `[..., sizes[-1]]`.

    A hidden layer is dense, batch norm or layer norm (if asked for), activation, dropout (unless
    the rate is 0), in that order; the output layer is dense alone. Dense layers before batch norm
    have no bias, since batch norm would subtract it again.

    Args:
        sizes: Number of inputs, of units in each hidden layer, and of outputs.
        activation: A function such as `nn.relu`, or a layer of which each hidden layer gets a
            copy: `nn.prelu()` learns one slope for each hidden layer, and `nn.prelu(32)` one for
            each unit, if every hidden layer has 32.
        batch_norm: Whether to normalise each hidden unit over the batch.
        layer_norm: Whether to normalise each row over the units of a hidden layer.
        dropout: Probability that a hidden unit is set to 0; it may be traced.
        weight_init: Draws the weights of every dense layer; one of `jax.nn.initializers`, such as
            `he_normal()` for deep networks of ReLUs.

    Raises:
        ValueError: If there are fewer than two sizes, a size is below 1, the rate is outside
            `[0, 1]`, or both norms are asked for.
        TypeError: If a size is not an int, or the activation is neither a function nor a layer.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.mlp((64, 32, 10), batch_norm=True, dropout=0.1)
        >>> model
        mlp(64, 32, 10): 2,442 parameters
        >>> params, state = jax.jit(model.init)(jax.random.key(0))
        >>> [type(layer).__name__ for layer in params]
        ['Dense', 'BatchNorm', 'tuple', 'tuple', 'Dense']
        >>> jax.jit(model.apply)(params, state, jnp.ones((5, 64)))[0].shape
        (5, 10)
    """
    if isinstance(sizes, str) or not hasattr(sizes, "__len__"):
        raise TypeError(f"mlp expected sizes, such as (64, 32, 10), got {sizes!r}")
    sizes = [positive_int("mlp", "every size", size) for size in sizes]
    if len(sizes) < 2:
        raise ValueError(f"mlp expected at least 2 sizes, inputs and outputs, got {sizes}")
    check_switch("mlp", "batch_norm", batch_norm)
    check_switch("mlp", "layer_norm", layer_norm)
    if batch_norm and layer_norm:
        raise ValueError("mlp expected batch_norm or layer_norm, got both; leave one of them out")
    check_rate(dropout)
    nonlinear = activation if isinstance(activation, Layer) else activation_layer(activation)
    layers: list[Layer] = []
    for in_dim, out_dim in pairwise(sizes[:-1]):
        layers.append(dense(in_dim, out_dim, bias=not batch_norm, weight_init=weight_init))
        if batch_norm or layer_norm:
            layers.append(batch_norm_layer(out_dim) if batch_norm else layer_norm_layer(out_dim))
        layers.append(nonlinear)
        if not is_zero(dropout):
            layers.append(dropout_layer(dropout))
    model = serial(*layers, dense(sizes[-2], sizes[-1], weight_init=weight_init))
    return titled(model, f"mlp({', '.join(map(str, sizes))})")
