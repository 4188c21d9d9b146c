"""What a reader needs to know of an operation beside its name, in short."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.extend.core import JaxprEqn

from ...program.custom_rules import RULES
from ...program.jaxpr import called, dtype, kind, opened, shape

#: The parameters that are told as they are, where they say something.
_TOLD = (
    "axes",
    "axis",
    "dimension",
    "dimensions",
    "direction",
    "exponent",
    "index_dtype",
    "k",
    "length",
    "limit_indices",
    "lower",
    "new_sizes",
    "num_keys",
    "padding",
    "padding_config",
    "permutation",
    "reverse",
    "slice_sizes",
    "start_indices",
    "strides",
    "window_dimensions",
    "window_strides",
    "y",
)


def operation_of(eqn: JaxprEqn) -> str:
    """Return what an operation is called: a custom rule by its function, else the primitive.

    Example:
        >>> import jax
        >>> operation_of(jax.make_jaxpr(jax.nn.relu)(1.0).jaxpr.eqns[0])
        'relu'
    """
    name = kind(eqn)
    call = called(eqn) if name in RULES else None
    if call is None:
        return name
    info = getattr(opened(call[0]), "debug_info", None)
    function = str(getattr(info, "func_src_info", None) or "").split(" at ")[0]
    function = function.split(".")[-1]
    return function if function.isidentifier() else name.removesuffix("_call")


def params_of(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    """Return the parameters that a reader needs, in short.

    Example:
        >>> import jax
        >>> params_of(jax.make_jaxpr(lambda x: x**2)(1.0).jaxpr.eqns[0])
        (('y', 2),)
    """
    special = _SPECIAL.get(kind(eqn))
    if special is not None:
        return special(eqn)
    pairs = [(name, _plain(eqn.params[name])) for name in _TOLD if name in eqn.params]
    return tuple(pair for pair in pairs if pair[1] is not None)


def _plain(value: object) -> object:
    """Return a parameter as numbers, texts and tuples of them; `None` where it says nothing."""
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    return None if value is None else str(value)


def _dot(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    """Say over which axes a product sums, and along which it is done one by one."""
    (left, right), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    contracted = (tuple(left), tuple(right))
    batch = (tuple(left_batch), tuple(right_batch))
    return (("contracted", contracted), *((("batch", batch),) if left_batch else ()))


def _conv(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    params = eqn.params
    numbers = params["dimension_numbers"]
    window = tuple(shape(eqn.invars[1])[axis] for axis in numbers.rhs_spec[2:])
    pairs: list[tuple[str, object]] = [("window", window)]
    plain = {"window_strides": 1, "rhs_dilation": 1, "lhs_dilation": 1}
    pairs += [(k, tuple(params[k])) for k, one in plain.items() if set(params[k]) != {one}]
    groups = params["feature_group_count"]
    return (*pairs, *((("groups", groups),) if groups != 1 else ()))


def _cast(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    return (("new_dtype", dtype(eqn.outvars[0]).name),)


def _scan(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    backwards = (("reverse", True),) if eqn.params["reverse"] else ()
    return (("length", eqn.params["length"]), *backwards)


def _shape(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    return (("shape", shape(eqn.outvars[0])),)


def _gather(eqn: JaxprEqn) -> tuple[tuple[str, object], ...]:
    return (("slice_sizes", tuple(eqn.params["slice_sizes"])),)


def _nothing(_: JaxprEqn) -> tuple[tuple[str, object], ...]:
    return ()


#: The operations of which something else is told.
_SPECIAL: dict[str, Callable[[JaxprEqn], Any]] = {
    "dot_general": _dot,
    "conv_general_dilated": _conv,
    "convert_element_type": _cast,
    "scan": _scan,
    "while": _nothing,
    "cond": _nothing,
    "reshape": _shape,
    "broadcast_in_dim": _shape,
    "gather": _gather,
}


def note_of(eqn: JaxprEqn) -> str:
    """Say in a few words what a change of shape does; `""` where no reader need know.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> note_of(jax.make_jaxpr(lambda x: x.T)(jnp.ones((2, 3))).jaxpr.eqns[0])
        'transpose'
        >>> note_of(jax.make_jaxpr(lambda x: x.astype(int))(1.5).jaxpr.eqns[0])
        'cast to int32'
    """
    name = kind(eqn)
    before, after = dtype(eqn.invars[0]), dtype(eqn.outvars[0])
    if name == "convert_element_type":  # also where Python's number becomes an array's
        return "" if before == after else f"cast to {after.name}"
    if name in ("reshape", "squeeze", "expand_dims"):
        return "reshape" if shape(eqn.invars[0]) != shape(eqn.outvars[0]) else ""
    return _NOTES.get(name, "")


_NOTES = {
    "broadcast_in_dim": "broadcast",
    "reduce_precision": "round",
    "stop_gradient": "stop_gradient",
    "transpose": "transpose",
}


def word_for(steps: list[JaxprEqn]) -> str:
    """Say in a word what a constant is, from the operations that made it, the last one first.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> program = jax.make_jaxpr(lambda y: y[:, None] == jnp.arange(3))(jnp.ones(4, int))
        >>> word_for(program.jaxpr.eqns[::-1])
        'one-hot'
    """
    if not steps:
        return "constant"
    kinds = {kind(eqn) for eqn in steps}
    last = steps[0]
    if dtype(last.outvars[0]).name == "bool":
        return "one-hot" if kind(last) == "eq" and "iota" in kinds else "mask"
    if kind(last) == "iota":
        return "range"
    if kinds & {"random_bits", "random_wrap", "threefry2x32"}:
        return "key" if not _numbers(last) else "noise"
    if kind(last) == "gather":
        return "rows"
    return "constant"


def _numbers(eqn: JaxprEqn) -> bool:
    return not str(dtype(eqn.outvars[0])).startswith("key<")
