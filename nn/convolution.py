"""Convolution over one to three spatial axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import Initializer, zeros

from ._checks import check_features
from ._options import check_initializers, check_switch, drawn, positive_int
from ._spread import beside, explicit_mesh, out_of_rows, rows_alone, spec_of, spread
from ._window import Padding, check_fits, check_padding, check_rank, check_window, per_axis
from .layer import Layer, hiding
from .linear import LECUN_NORMAL


class Conv(NamedTuple):
    """Parameters of `conv`.

    Example:
        The difference of neighbours along one axis:

        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.Conv(weight=jnp.array([-1.0, 1.0]).reshape(2, 1, 1), bias=None)
        >>> layer = nn.conv(1, 1, (2,), padding="VALID", bias=False)
        >>> layer.apply(params, (), jnp.array([1.0, 4.0, 9.0]).reshape(1, 3, 1))[0].ravel()
        Array([3., 5.], dtype=float32)
    """

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
    """Return a convolution, `[batch, *spatial, in_channels]` to `[batch, *spatial', out_channels]`.

    `y[n, p, o] = sum over k, i of x[n, p stride + k dilation, i] W[k, i, o] + b[o]`, the
    cross-correlation that the field calls a convolution. A step that the mask hides counts as
    padding, which is 0. If the layer changes the number of steps, a mask over them does not fit
    what comes out, and the next layer raises an error.

    LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    Args:
        in_channels: Size of the input's last axis.
        out_channels: Size of the output's last axis.
        window: Extent of the kernel along each of the one to three spatial axes.
        strides: Step between windows, one for all axes or one for each.
        padding: `"SAME"`, `"VALID"`, or a pair `(before, after)` for each spatial axis.
        dilation: Step between the entries of a window, one for all axes or one for each.
        groups: Number of groups that the channels are split into; an output channel sees only the
            input channels of its own group.
        bias: Whether to add `b`. Leave it out before `batch_norm`, which would subtract it again.
        weight_init: Draws `W`; one of `jax.nn.initializers`.
        bias_init: Draws `b`; one of `jax.nn.initializers`.

    Raises:
        ValueError: If sizes do not fit each other, or the input has another rank or channel count.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> layer = nn.conv(3, 8, (3, 3), strides=2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> images = jax.ShapeDtypeStruct((5, 28, 28, 3), "float32")
        >>> jax.eval_shape(layer.apply, params, state, images)[0].shape
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
    check_switch(who, "bias", bias)
    check_initializers(who, {"weight_init": weight_init, "bias_init": bias_init})
    axes = "DHW"[-len(window) :]

    def init(key: jax.Array) -> Conv:
        weight_key, bias_key = jax.random.split(key)
        shape = (*window, in_channels // groups, out_channels)
        weight = drawn(who, "weight_init", weight_init, weight_key, shape)
        shift = drawn(who, "bias_init", bias_init, bias_key, (out_channels,)) if bias else None
        return Conv(weight, shift)

    def convolve(params: Conv, x: jax.Array) -> jax.Array:
        check_rank(who, x, window)
        check_features(who, x, in_channels)
        dtype = jnp.result_type(x, params.weight)
        x, weight = rows_alone(x), out_of_rows(x, params.weight)
        y = lax.conv_general_dilated(
            x.astype(dtype),
            weight.astype(dtype),
            window_strides=strides,
            padding=padding,
            rhs_dilation=dilation,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            feature_group_count=groups,
            **_out_sharding(x),
        )
        check_fits(who, x, y)
        return y if params.bias is None else y + beside(y, params.bias)

    return hiding(who, init, convolve, Conv)


def _out_sharding(x: jax.Array) -> dict[str, Any]:
    """Return the option that explicit axes ask for: rows stay spread, and channels are gathered."""
    mesh = explicit_mesh(x)
    if mesh is None:
        return {}
    return {"out_sharding": spread(mesh, (spec_of(x)[0], *((),) * (x.ndim - 1)))}
