"""`summary`: what a model is made of, before anything is computed."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._anatomy import anatomy, name_of
from ._parts import check_layer
from ._products import flops_of_products
from .layer import Layer
from .summary_report import LayerSummary, Summary

Rows = dict[tuple[int, ...], LayerSummary]  # by place


def summary(model: Layer, x: Any, *, params: Any = None, state: Any = None) -> Summary:
    """Return a table of a model's layers: outputs, parameters, state and FLOPs for one batch.

    Nothing is computed and no parameter is drawn, so a model that fits no memory has a summary too.
    The model is traced as in inference. Combinators of this library are looked into; a combinator
    of another kind is one row. Layers inside of a `repeat` count with all their copies.

    FLOPs are those of matrix products and convolutions, two for each multiplication and addition;
    the rest, such as activations, is not counted. `gradwise.flops` counts everything.

    Args:
        model: The model.
        x: Inputs `[batch, ...]`: an array, or a `jax.ShapeDtypeStruct`.
        params: The parameters, if they are not of the types that `init` draws.
        state: The state, likewise.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> model = nn.mlp((784, 512, 10), batch_norm=True)
        >>> print(nn.summary(model, jax.ShapeDtypeStruct((256, 784), "float32")))
        layer  kind             output            parameters  state  FLOPs
        0      dense(784, 512)  float32[256,512]     401,408      0  206 M
        1      batch_norm(512)  float32[256,512]       1,024  1,025      0
        2      relu             float32[256,512]           0      0      0
        3      dense(512, 10)   float32[256,10]        5,130      0  2.62 M
        total                                        407,562  1,025  208 M
        1.63 MB of parameters and state; FLOPs of products, for float32[256,784]
    """
    check_layer("summary", model)
    drawn = jax.eval_shape(model.init, jax.random.key(0))
    params, state = (
        _shapes(first if given is None else given)
        for given, first in zip((params, state), drawn, strict=True)
    )
    rows: Rows = {}
    jax.eval_shape(_observed(model, rows.__setitem__).apply, params, state, _shapes(x))
    return Summary(
        layers=tuple(rows.values()),
        input=", ".join(f"{x.dtype}[{','.join(map(str, x.shape))}]" for x in _leaves(x)),
        bytes=sum(leaf.size * leaf.dtype.itemsize for leaf in _leaves((params, state))),
    )


def _observed(
    layer: Layer,
    record: Callable[[tuple[int, ...], LayerSummary], None],
    place: tuple[int, ...] = (),
    words: tuple[str, ...] = (),
    copies: int = 1,
) -> Layer:
    """Return the layer, made again so that each layer inside of it records its row when traced."""
    note = anatomy(layer)
    if note is not None:
        words, copies = (*words, *filter(None, [note.word])), copies * note.copies
        places = [(*place, i) if note.indexed else place for i in range(len(note.parts))]
        inside = zip(note.parts, places, strict=True)
        return note.rebuild(*(_observed(part, record, at, words, copies) for part, at in inside))

    def apply(
        params: Any,
        state: Any,
        x: Any,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[Any, Any]:
        del key, train, mask  # a summary gives none of them
        shapes = _shapes((params, state, x))
        traced, (y, _) = jax.make_jaxpr(layer.apply, return_shape=True)(*shapes)
        output = _leaves(y)
        row = LayerSummary(
            layer=".".join(map(str, place)),
            kind=" ".join((*words, name_of(layer))),
            shape=output[0].shape if output else (),
            dtype=str(output[0].dtype) if output else "",
            parameters=copies * _count(params),
            state=copies * _count(state),
            flops=copies * flops_of_products(traced.jaxpr),
        )
        record(place, row)
        return layer.apply(params, state, x)

    return Layer(layer.init, apply)


def _shapes(tree: Any) -> Any:
    """Return the tree with shapes and types in place of arrays and numbers."""

    def shape(leaf: Any) -> jax.ShapeDtypeStruct:
        dtype = leaf.dtype if hasattr(leaf, "dtype") else jnp.result_type(leaf)
        return jax.ShapeDtypeStruct(jnp.shape(leaf), dtype)

    return jax.tree.map(shape, tree)


def _leaves(tree: Any) -> list[jax.ShapeDtypeStruct]:
    return jax.tree.leaves(_shapes(tree))


def _count(tree: Any) -> int:
    """Return how many numbers a tree holds."""
    return sum(math.prod(leaf.shape) for leaf in _leaves(tree))
