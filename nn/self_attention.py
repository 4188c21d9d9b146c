"""Attention: each step of a sequence takes a weighted mean over the others."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer

from ._checks import check_sequence, hide, real_entries
from ._options import check_switch, positive_int
from ._spread import join_features, split_features
from .layer import Layer, masked
from .linear import LECUN_NORMAL, Dense, affine, dense


class Attention(NamedTuple):
    """Parameters of `attention`: four affine maps, each `[features, features]`.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> params, _ = nn.attention(8, heads=2).init(jax.random.key(0))
        >>> params.query.weight.shape, params.output.bias.shape
        ((8, 8), (8,))
    """

    query: Dense  # weight [features, features], bias [features] or None
    key: Dense  # likewise
    value: Dense  # likewise
    output: Dense  # likewise


def attention(
    features: int,
    *,
    heads: int,
    causal: bool = False,
    bias: bool = True,
    weight_init: Initializer = LECUN_NORMAL,
) -> Layer[Attention, tuple[()]]:
    """Return multi-head self-attention, `[batch, time, features]` to the same shape.

    For each head, `softmax(Q K^T / sqrt(d)) V` with `d = features / heads` and `Q`, `K`, `V` affine
    maps of the input; the heads' results side by side go through a last affine map. It is computed
    by `jax.nn.dot_product_attention`, with the softmax in float32, and in float64 for inputs that
    are. The order of the steps counts only if the input tells it: see `sinusoidal_positions` and
    `learned_positions`.

    A step that the mask hides is attended to by none, with a weight of exactly 0, and its own
    output is 0; so is that of every step of a row without a real one, and each gradient.

    Vaswani et al., "Attention Is All You Need" (2017).

    Args:
        features: Size of the last axis, a multiple of `heads`.
        heads: Number of heads.
        causal: Whether a step attends to itself and the steps before it alone.
        bias: Whether the four maps are affine; otherwise they are linear.
        weight_init: Draws each of the four weights; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, `features` is not a multiple of `heads`, or the input is
            not `[batch, time, features]`.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        A causal layer knows nothing of the steps to come:

        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.attention(8, heads=2, causal=True)
        >>> params, state = layer.init(jax.random.key(0))
        >>> x = jax.random.normal(jax.random.key(1), (3, 5, 8))
        >>> y, _ = layer.apply(params, state, x)
        >>> other, _ = layer.apply(params, state, x.at[:, 3:].set(7.0))
        >>> bool(jnp.allclose(y[:, :3], other[:, :3])), bool(jnp.allclose(y, other))
        (True, False)
    """
    who = f"attention({features}, heads={heads})"
    features, heads = positive_int(who, "features", features), positive_int(who, "heads", heads)
    if features % heads:
        raise ValueError(f"{who} expected features to be a multiple of heads")
    check_switch(who, "causal", causal)
    check_switch(who, "bias", bias)
    linear = dense(features, features, bias=bias, weight_init=weight_init)

    def init(key: jax.Array) -> Attention:
        return Attention(*(linear.init(k)[0] for k in jax.random.split(key, 4)))

    def fn(params: Attention, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        check_sequence(who, x, features)
        x = hide(who, x, mask)

        def split(part: Dense) -> jax.Array:
            return split_features(affine(part, x), heads)

        # [batch, heads, queries, keys]; hidden queries see the real keys, and are hidden below.
        visible = None if mask is None else real_entries(who, x, mask).reshape(len(x), 1, 1, -1)
        q, k, v = split(params.query), split(params.key), split(params.value)
        y = join_features(_attend(q, k, v, visible, causal))
        return hide(who, affine(params.output, y), mask)

    return masked(who, init, fn, Attention)


def _attend(
    q: jax.Array, k: jax.Array, v: jax.Array, visible: jax.Array | None, causal: bool
) -> jax.Array:
    """Return `softmax(Q K^T / sqrt(d)) V` of each head, all `[batch, time, heads, d]`.

    JAX's function takes the softmax of float64 numbers in float32, of which a derivative in
    float64 would keep half its digits.
    """
    if q.dtype != jnp.float64:
        return jax.nn.dot_product_attention(q, k, v, mask=visible, is_causal=causal)
    logits = jnp.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
    seen = jnp.ones((1, 1, 1, 1), bool) if visible is None else visible
    seen = seen & jnp.tri(q.shape[1], dtype=bool)[None, None] if causal else seen
    weights = jax.nn.softmax(jnp.where(seen, logits, jnp.finfo(q.dtype).min / 2), axis=-1)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, v)
