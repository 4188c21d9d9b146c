"""Wrappers: a layer with frozen parameters, in mixed precision, with a mask, or beside others."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from ._anatomy import made_of, scope
from ._checks import NO_INPUT, check_given
from ._options import check_float_type
from ._parts import check_entries, check_layer, check_layers, init_of_each
from ._spread import rows_alone
from .layer import Layer, Params, State

Tree = TypeVar("Tree")


def frozen(layer: Layer[Params, State]) -> Layer[Params, State]:
    """Return `layer` with parameters and statistics that training leaves as they are.

    The gradient of the parameters is exactly 0, and that of the input is passed on. `train=True`
    does not reach the layer: batch norm uses its running statistics and returns them unchanged.
    Randomness follows the key alone, as everywhere: dropout inside goes on if a key is given.

    A gradient of 0 keeps plain gradient descent from moving the parameters. Weight decay moves them
    nevertheless: `train.freeze` keeps an optimizer from it, and from moments for them.

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
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        del train
        return layer.apply(lax.stop_gradient(params), state, x, key=key, mask=mask)

    return made_of(Layer(layer.init, apply), layer, rebuild=frozen, word="frozen", plain=True)


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
    the loss needs no scaling; float16 has not, and needs `train.loss_scaling(optimizer)`.

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
    check_float_type("mixed_precision", "compute", compute)
    if output is not None:
        check_float_type("mixed_precision", "output", output)

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
        y, state = layer.apply(
            *(_floats_to(compute, params), state, _floats_to(compute, x)),
            **{"key": key, "train": train, "mask": mask},
        )
        return _floats_to(_type_of_floats(x) if output is None else output, y), state

    def rebuild(inner: Layer) -> Layer:
        return mixed_precision(inner, compute=compute, output=output)

    word = jnp.dtype(compute).name
    return made_of(Layer(layer.init, apply), layer, rebuild=rebuild, word=word, plain=True)


def _type_of_floats(x: object) -> DTypeLike:
    """Return the type of the real floating-point numbers of an input, float32 if it has none."""
    types = [jnp.result_type(leaf) for leaf in jax.tree.leaves(x)]
    floats = [given for given in types if jnp.issubdtype(given, jnp.floating)]
    return jnp.result_type(*floats) if floats else jnp.float32


def _floats_to(dtype: DTypeLike, tree: Tree) -> Tree:
    """Return the tree with its arrays of real floating-point numbers converted to `dtype`."""

    def convert(leaf: jax.Array) -> jax.Array:
        real = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
        return jnp.asarray(leaf).astype(dtype) if real else leaf

    return jax.tree.map(convert, tree)


def with_mask(
    layer: Layer[Params, State], real: Callable[[jax.Array], jax.Array]
) -> Layer[Params, State]:
    """Return `layer` under the mask `real(x)`, which it reads off its own input.

    A mask that is given as well, such as that of the rows of a batch, hides what it hides.

    Args:
        layer: The layer or the model, over sequences or rows.
        real: Maps the input to a bool mask, `[batch]` or `[batch, time]`, True for what is real.

    Raises:
        TypeError: If `layer` is not a layer, or `real` is not a function.
        ValueError: If a mask that is given has another number of rows, or of steps.

    Example:
        Texts of different lengths, padded with the id 0:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> reader = nn.serial(nn.embedding(100, 8), nn.gru(8, 4, every_step=False))
        >>> model = nn.with_mask(reader, lambda ids: ids != 0)
        >>> params, state = model.init(jax.random.key(0))
        >>> short, _ = model.apply(params, state, jnp.array([[5, 7]]))
        >>> padded, _ = model.apply(params, state, jnp.array([[5, 7, 0, 0]]))
        >>> bool((short == padded).all())
        True
    """
    check_layer("with_mask", layer)
    if not callable(real) or isinstance(real, Layer):
        raise TypeError(f"with_mask expected a function of the input, got {real!r}")

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
        check_given("with_mask", x)
        both = real(x) if mask is None else _either_hides(real(x), mask)
        return layer.apply(params, state, x, key=key, train=train, mask=both)

    def rebuild(inner: Layer) -> Layer:
        return with_mask(inner, real)

    return made_of(Layer(layer.init, apply), layer, rebuild=rebuild, plain=True)


def _either_hides(own: jax.Array, given: jax.Array) -> jax.Array:
    """Return the mask that hides what either of two masks hides, `[batch]` or `[batch, time]`.

    Raises:
        ValueError: If one of them has other rows or steps than the other.
    """
    axes = min(jnp.ndim(own), jnp.ndim(given))
    if jnp.shape(own)[:axes] != jnp.shape(given)[:axes]:
        raise ValueError(
            f"with_mask expected the mask that is given to fit its own of shape {jnp.shape(own)}, "
            f"got shape {jnp.shape(given)}"
        )
    most = max(jnp.ndim(own), jnp.ndim(given))
    own, given = (m.reshape(m.shape + (1,) * (most - m.ndim)) for m in (own, given))
    return own & given


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
        x: jax.Array = NO_INPUT,
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
            with scope(layer, i):
                results.append(layer.apply(p, s, x, key=layer_key, train=train, mask=mask))
        ys, states = zip(*results, strict=True)
        if len({y.shape[:-1] for y in ys}) > 1:
            shapes = ", ".join(str(y.shape) for y in ys)
            raise ValueError(f"concatenate expected outputs that differ in size last, got {shapes}")
        return jnp.concatenate([rows_alone(y) for y in ys], axis=-1), tuple(states)

    joined = Layer(init_of_each(layers), apply)
    return made_of(joined, *layers, rebuild=concatenate, indexed=True)
