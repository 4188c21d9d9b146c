"""What one equation of a jaxpr costs, in arithmetic operations; loops, branches and calls apart."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn

from .jaxpr import dtype, kind, names, shape
from .linalg import LIBRARY


class Cost(NamedTuple):
    """Operations of one equation.

    Attributes:
        operations: All of them.
        transcendental: How many are calls of an elementary or special function.
        library: How many happen inside a library call (LAPACK), where XLA does not look.
    """

    operations: int
    transcendental: int = 0
    library: int = 0


# Moves, views and makes data. A gather reads, a scatter that overwrites writes: no arithmetic.
_FREE = names(
    "CheckpointName CheckpointNameFwd after_all all_gather all_gather_invariant all_to_all "
    "axis_index bitcast_convert_type "
    "broadcast_in_dim broadcast_to concatenate copy copy_p create_token custom_lin debug_callback "
    "debug_print device_put "
    "dynamic_slice dynamic_update_slice empty empty2 gather iota layout_constraint "
    "lu_pivots_to_permutation name optimization_barrier pad pbroadcast pin platform_index ppermute "
    "pvary random_clone random_seed random_unwrap random_wrap reshape reshard rev scatter "
    "sharding_constraint slice split squeeze stack stop_gradient tie tile transpose unpin unstack "
    "with_memory_space_constraint zeros_like"
)

# One operation for each element of the result, whatever the dtype, as XLA counts.
_ELEMENTWISE = names(
    "abs add add_any and ceil clamp clz complex conj convert_element_type div eq eq_to floor ge gt "
    "imag is_finite le le_to lt lt_to max min mul mulhi ne neg nextafter not or population_count "
    "real reduce_precision rem round select_n shift_left shift_right_arithmetic "
    "shift_right_logical sign square sub xor"
)

_TRANSCENDENTAL = names(
    "acos acosh asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt cos cosh digamma erf "
    "erf_inv erfc exp exp2 expm1 igamma igamma_grad_a igammac lgamma log log1p log2 logistic "
    "polygamma pow regularized_incomplete_beta rsqrt sin sinh sqrt tan tanh zeta"
)

# 20 rounds of add, rotate (two shifts and an or) and xor, and the key schedule, make two words
# (Salmon et al. 2011).
_THREEFRY_PER_WORD = 60


def _out(eqn: JaxprEqn) -> int:
    return math.prod(shape(eqn.outvars[0]))


def _in(eqn: JaxprEqn, operand: int = 0) -> int:
    return math.prod(shape(eqn.invars[operand]))


def _dot_general(eqn: JaxprEqn) -> int:
    (contracted, _), _ = eqn.params["dimension_numbers"]
    lhs = shape(eqn.invars[0])
    return 2 * _out(eqn) * math.prod(lhs[axis] for axis in contracted)


def _conv_pairs(
    size: int,
    kernel: int,
    out: int,
    stride: int,
    padding: tuple[int, int],
    dilations: tuple[int, int],
) -> int:
    """Pairs (output, tap) of one axis that meet an input element, not padding or a hole."""
    lhs_dilation, rhs_dilation = dilations
    taps = np.arange(out)[:, None] * stride + np.arange(kernel) * rhs_dilation - padding[0]
    inside = (taps >= 0) & (taps <= (size - 1) * lhs_dilation) & (taps % lhs_dilation == 0)
    return int(inside.sum())


def _conv(eqn: JaxprEqn) -> int:
    """2 operations for each product of a weight and an input element that exists."""
    p, lhs, rhs = eqn.params, shape(eqn.invars[0]), shape(eqn.invars[1])
    out, numbers = shape(eqn.outvars[0]), p["dimension_numbers"]
    pairs = math.prod(
        _conv_pairs(lhs[i], rhs[k], out[o], stride, padding, dilations)
        for i, k, o, stride, padding, dilations in zip(
            numbers.lhs_spec[2:],
            numbers.rhs_spec[2:],
            numbers.out_spec[2:],
            p["window_strides"],
            p["padding"],
            zip(p["lhs_dilation"], p["rhs_dilation"], strict=True),
            strict=True,
        )
    )
    batch = lhs[numbers.lhs_spec[0]] // p["batch_group_count"]
    return 2 * batch * math.prod(rhs[axis] for axis in numbers.rhs_spec[:2]) * pairs


def _reduction(eqn: JaxprEqn) -> int:
    """One operation less than there are elements, as XLA counts."""
    return max(_in(eqn) - _out(eqn), 0)


def _cumulative(eqn: JaxprEqn) -> int:
    """The sequential algorithm, n - 1 along the axis; XLA's parallel ones do more."""
    length = shape(eqn.invars[0])[eqn.params["axis"]]
    return _in(eqn) // max(length, 1) * max(length - 1, 0)


def _integer_pow(eqn: JaxprEqn) -> int:
    """Repeated squaring: a squaring a bit, a product a set bit, a division for a negative one."""
    y = abs(eqn.params["y"])
    products = max(y.bit_length() - 1, 0) + max(y.bit_count() - 1, 0)
    return _out(eqn) * (products + (eqn.params["y"] < 0))


def _window(eqn: JaxprEqn) -> int:
    return math.prod(eqn.params["window_dimensions"])


def _sort(eqn: JaxprEqn) -> int:
    """Comparisons, n ceil(log2 n), as XLA counts."""
    length = shape(eqn.invars[0])[eqn.params["dimension"]]
    return _in(eqn) * math.ceil(math.log2(max(length, 1)))


def _fft(eqn: JaxprEqn) -> int:
    """5 n log2 n for n complex points (Van Loan 1992), half of it where one side is real."""
    lengths = eqn.params["fft_lengths"]
    real = dtype(eqn.invars[0]).kind == "f" or dtype(eqn.outvars[0]).kind == "f"
    points = max(_in(eqn), _out(eqn)) if real else _out(eqn)
    return round((2.5 if real else 5.0) * points * math.log2(max(math.prod(lengths), 1)))


def _random_words(eqn: JaxprEqn) -> int:
    words = 2 if dtype(eqn.outvars[0]).name.startswith("key") else 1
    return _out(eqn) * words * _THREEFRY_PER_WORD


def _search(eqn: JaxprEqn) -> int:
    """Bisection: ceil(log2(n + 1)) comparisons for each number that is looked up."""
    return _out(eqn) * math.ceil(math.log2(_in(eqn) + 1))


_ARITHMETIC: dict[str, Callable[[JaxprEqn], int]] = {
    "SearchSorted": _search,
    "approx_top_k": _reduction,
    "conv_general_dilated": _conv,
    "cummax": _cumulative,
    "cummin": _cumulative,
    "cumprod": _cumulative,
    "cumsum": _cumulative,
    "dot_general": _dot_general,
    "fft": _fft,
    "integer_pow": _integer_pow,
    "one_minus_square": lambda eqn: 2 * _out(eqn),
    "polynomial": lambda eqn: 2 * _out(eqn) * (len(eqn.invars) - 2),
    "random_bits": _random_words,
    "random_fold_in": _random_words,
    "random_split": _random_words,
    "reduce_window_max": lambda eqn: _out(eqn) * (_window(eqn) - 1),
    "reduce_window_min": lambda eqn: _out(eqn) * (_window(eqn) - 1),
    "reduce_window_sum": lambda eqn: _out(eqn) * (_window(eqn) - 1),
    "select_and_gather_add": lambda eqn: _out(eqn) * (_window(eqn) - 1),
    "select_and_scatter_add": lambda eqn: _in(eqn) * _window(eqn),
    "sort": _sort,
    "threefry2x32": lambda eqn: 2 * _out(eqn) * _THREEFRY_PER_WORD,
    # A heap of k elements.
    "top_k": lambda eqn: _in(eqn) * math.ceil(math.log2(max(eqn.params["k"], 2))),
}
_ARITHMETIC |= dict.fromkeys(
    names(
        "argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_scatter "
        "reduce_sum reduce_xor"
    ),
    _reduction,
)
_ARITHMETIC |= dict.fromkeys(
    names("scatter-add scatter-max scatter-min scatter-mul scatter-sub"),
    lambda eqn: _in(eqn, 2),
)
# Each device adds what it receives once.
_ARITHMETIC |= dict.fromkeys(names("pmax pmin psum psum_invariant"), _in)


def _countable(eqn: JaxprEqn) -> bool:
    """Whether the table's figure holds: random bits are known for Threefry alone."""
    keys = [dtype(v).name for v in eqn.invars if dtype(v).name.startswith("key")]
    return not kind(eqn).startswith("random_") or all("fry" in name for name in keys)


def cost(eqn: JaxprEqn) -> Cost | None:
    """What an equation without inner jaxprs costs, or `None` for a primitive that is not known."""
    name = kind(eqn)
    if name in _FREE:
        return Cost(0)
    if name in _ELEMENTWISE:
        return Cost(_out(eqn))
    if name in _TRANSCENDENTAL:
        return Cost(_out(eqn), transcendental=_out(eqn))
    if name == "cumlogsumexp":  # max, two differences, add, and an exp and a log, a step
        steps = _cumulative(eqn)
        return Cost(6 * steps, transcendental=2 * steps)
    if name in LIBRARY:
        operations = LIBRARY[name](eqn)
        return Cost(operations, library=operations)
    if name in _ARITHMETIC and _countable(eqn):
        return Cost(_ARITHMETIC[name](eqn))
    return None
