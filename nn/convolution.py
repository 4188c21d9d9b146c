"""Convolution over one to three spatial axes."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import Initializer, zeros

from ._checks import check_features, positive_int
from ._window import Padding, check_fits, check_padding, check_rank, check_window, per_axis
from .layer import Layer, stateless
from .linear import LECUN_NORMAL


class Conv(NamedTuple):
    """Parameters of `conv`."""

    weight: jax.Array  # [*window, in_channels / groups, out_channels]
    bias: jax.Array | None  # [out_channels], None without a bias


def conv(
    in_channels: int,
    out_channels: int,
    window: Sequence[int],
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: bool = True,
    weight_init: Initializer = LECUN_NORMAL,
    bias_init: Initializer = zeros,
) -> Layer[Conv, tuple[()]]:
    """Convolution, `[batch, *spatial, in_channels]` to `[batch, *spatial', out_channels]`.

    `y[n, p, o] = sum over k, i of x[n, p stride + k dilation, i] W[k, i, o] + b[o]`, the
    cross-correlation that the field calls a convolution.

    LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    Args:
        in_channels: Size of the input's last axis.
        out_channels: Size of the output's last axis.
        window: The kernel's extent along each spatial axis; one to three of them.
        strides: Step between windows, one for all axes or one for each.
        padding: `"SAME"`, `"VALID"`, or a pair `(before, after)` for each spatial axis.
        dilation: Step within a window, one for all axes or one for each.
        groups: Channels are split in this many groups, which do not see one another.
        bias: Whether `b` is added; leave it out before `batch_norm`.
        weight_init: Draws the weight; one of `jax.nn.initializers`.
        bias_init: Draws the bias; likewise.

    Raises:
        ValueError: Sizes that do not fit together, or an input of another rank or channel count.
        TypeError: A size that is no int, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.conv(3, 8, (3, 3), strides=2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((5, 28, 28, 3)))[0].shape
        (5, 14, 14, 8)
    """
    who = f"conv({in_channels}, {out_channels}, {window})"
    in_channels = positive_int(who, "in_channels", in_channels)
    out_channels = positive_int(who, "out_channels", out_channels)
    groups = positive_int(who, "groups", groups)
    window = check_window(who, window)
    strides = per_axis(who, "strides", strides, window)
    dilation = per_axis(who, "dilation", dilation, window)
    padding = check_padding(who, padding, window)
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{who} expected channels that are multiples of groups={groups}")
    axes = "DHW"[-len(window) :]

    def init(key: jax.Array) -> Conv:
        weight_key, bias_key = jax.random.split(key)
        weight = weight_init(weight_key, (*window, in_channels // groups, out_channels))
        return Conv(weight, bias_init(bias_key, (out_channels,)) if bias else None)

    def convolve(params: Conv, x: jax.Array) -> jax.Array:
        check_rank(who, x, window)
        check_features(who, x, in_channels)
        dtype = jnp.result_type(x, params.weight)
        y = lax.conv_general_dilated(
            x.astype(dtype),
            params.weight.astype(dtype),
            window_strides=strides,
            padding=padding,
            rhs_dilation=dilation,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            feature_group_count=groups,
        )
        check_fits(who, x, y)
        return y if params.bias is None else y + params.bias

    return stateless(init, convolve)
