"""Wrappers: a layer with frozen parameters, in mixed precision, or beside others."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from ._anatomy import made_of
from ._parts import check_entries, check_layer, check_layers, init_of_each
from .layer import Layer, Params, State

Tree = TypeVar("Tree")


def frozen(layer: Layer[Params, State]) -> Layer[Params, State]:
    """Return `layer` with parameters and statistics that training leaves as they are.

    The gradient of the parameters is exactly 0, and that of the input is passed on. `train=True`
    does not reach the layer: batch norm uses its running statistics and returns them unchanged.
    Randomness follows the key alone, as everywhere: dropout inside goes on if a key is given.

    A gradient of 0 keeps plain gradient descent from moving the parameters. An optimizer with
    weight decay moves them nevertheless, unless it leaves them out too.

    Args:
        layer: The layer, such as a part of a model that was trained on other data.

    Raises:
        TypeError: If `layer` is not a layer.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.serial(nn.frozen(nn.dense(3, 4)), nn.dense(4, 2))
        >>> params, state = model.init(jax.random.key(0))
        >>> def loss(params):
        ...     return model.apply(params, state, jnp.ones((5, 3)), train=True)[0].sum()
        >>> grads = jax.grad(loss)(params)
        >>> [bool((layer.weight == 0).all()) for layer in grads]
        [True, False]
    """
    check_layer("frozen", layer)

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        del train
        return layer.apply(lax.stop_gradient(params), state, x, key=key, mask=mask)

    return made_of(Layer(layer.init, apply), layer, rebuild=frozen, word="frozen")


def mixed_precision(
    layer: Layer[Params, State],
    *,
    compute: DTypeLike = jnp.bfloat16,
    output: DTypeLike | None = None,
) -> Layer[Params, State]:
    """Return `layer` computed in a shorter type, with parameters that keep theirs.

    Parameters and inputs of real numbers are converted to `compute` on the way in; integers, such
    as ids, are not. So the parameters, their gradients and an optimizer's moments stay in float32,
    and what is kept for the backward pass takes half the memory. The state is not converted, and
    the norms of this library compute their statistics in float32, so these stay exact as well.

    Micikevicius et al., "Mixed Precision Training" (2018). bfloat16 has the range of float32, so
    the loss needs no scaling; float16 has not.

    Args:
        layer: The layer or the model.
        compute: The type to compute in.
        output: The type of the output; by default that of the input, so that `residual` and
            `repeat` can hold the layer, and float32 if the input holds integers.

    Raises:
        TypeError: If `layer` is not a layer, or a type is not one of real floating-point numbers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> model = nn.mixed_precision(nn.mlp((3, 8, 2)))
        >>> params, state = model.init(jax.random.key(0))
        >>> y, _ = model.apply(params, state, jnp.ones((5, 3)))
        >>> y.dtype, params[0].weight.dtype, bool((y == y.astype(jnp.bfloat16)).all())
        (dtype('float32'), dtype('float32'), True)
    """
    check_layer("mixed_precision", layer)
    for name, dtype in {"compute": compute, "output": output}.items():
        if dtype is not None and not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"mixed_precision expected {name} to be a floating-point type")

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        y, state = layer.apply(
            *(_floats_to(compute, params), state, _floats_to(compute, x)),
            **{"key": key, "train": train, "mask": mask},
        )
        given = jnp.result_type(x)
        of_input = given if jnp.issubdtype(given, jnp.floating) else jnp.float32
        return _floats_to(of_input if output is None else output, y), state

    def rebuild(inner: Layer) -> Layer:
        return mixed_precision(inner, compute=compute, output=output)

    word = jnp.dtype(compute).name
    return made_of(Layer(layer.init, apply), layer, rebuild=rebuild, word=word)


def _floats_to(dtype: DTypeLike, tree: Tree) -> Tree:
    """Return the tree with its arrays of real floating-point numbers converted to `dtype`."""

    def convert(leaf: jax.Array) -> jax.Array:
        real = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
        return jnp.asarray(leaf).astype(dtype) if real else leaf

    return jax.tree.map(convert, tree)


def concatenate(*layers: Layer) -> Layer[tuple, tuple]:
    """Return the layer that applies `layers` to one input and joins their outputs' last axes.

    Parameters and state are tuples with one entry for each layer. Layer `i` gets
    `jax.random.fold_in(key, i)`, in `init` and in `apply`.

    Raises:
        ValueError: If no layer is given, or the outputs differ in more than their last axes.
        TypeError: If an argument is not a layer.

    Example:
        The maximum and the mean of each feature over time:

        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.concatenate(nn.global_max_pool(), nn.global_avg_pool())
        >>> layer.apply(((), ()), ((), ()), jnp.array([[[1.0], [2.0], [6.0]]]))[0]
        Array([[6., 3.]], dtype=float32)
    """
    check_layers("concatenate", layers)

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
        check_entries("concatenate", layers, params, state)
        results = []
        for i, (layer, p, s) in enumerate(zip(layers, params, state, strict=True)):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            results.append(layer.apply(p, s, x, key=layer_key, train=train, mask=mask))
        ys, states = zip(*results, strict=True)
        if len({y.shape[:-1] for y in ys}) > 1:
            shapes = ", ".join(str(y.shape) for y in ys)
            raise ValueError(f"concatenate expected outputs that differ in size last, got {shapes}")
        return jnp.concatenate(ys, axis=-1), tuple(states)

    joined = Layer(init_of_each(layers), apply)
    return made_of(joined, *layers, rebuild=concatenate, indexed=True)
