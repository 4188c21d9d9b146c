"""What one equation costs, in arithmetic operations; loops, branches and calls apart."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn

from ..jaxpr import dtype, shape


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


#: `rule(eqn)` counts an equation; `None` where this one cannot be counted.
CostRule = Callable[[JaxprEqn], Cost | None]

# 20 rounds of add, rotate (two shifts and an or) and xor, and the key schedule, make two words
# (Salmon et al., 2011).
_THREEFRY_PER_WORD = 60


def free(eqn: JaxprEqn) -> Cost:
    """Count nothing: data are moved, viewed or made."""
    del eqn
    return Cost(0)


def each(eqn: JaxprEqn) -> Cost:
    """Count one operation for each element of the result, whatever its dtype, as XLA does."""
    return Cost(_out(eqn))


def elementary(eqn: JaxprEqn) -> Cost:
    """Count one elementary or special function for each element of the result."""
    return Cost(_out(eqn), transcendental=_out(eqn))


def counted(rule: Callable[[JaxprEqn], int]) -> CostRule:
    """Make a rule of a function that returns a number of operations."""
    return lambda eqn: Cost(rule(eqn))


def in_library(rule: Callable[[JaxprEqn], int]) -> CostRule:
    """Make a rule of a function that returns the operations of a library call."""

    def cost(eqn: JaxprEqn) -> Cost:
        operations = rule(eqn)
        return Cost(operations, library=operations)

    return cost


def _out(eqn: JaxprEqn) -> int:
    return math.prod(shape(eqn.outvars[0]))


def _in(eqn: JaxprEqn, operand: int = 0) -> int:
    return math.prod(shape(eqn.invars[operand]))


@counted
def dot_general(eqn: JaxprEqn) -> int:
    """Count a product and a sum for each pair of numbers that meet."""
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
    """Count the pairs (output, tap) of one axis that meet an element, not padding or a hole."""
    lhs_dilation, rhs_dilation = dilations
    taps = np.arange(out)[:, None] * stride + np.arange(kernel) * rhs_dilation - padding[0]
    inside = (taps >= 0) & (taps <= (size - 1) * lhs_dilation) & (taps % lhs_dilation == 0)
    return int(inside.sum())


@counted
def conv(eqn: JaxprEqn) -> int:
    """Count 2 operations for each product of a weight and an input element that exists."""
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


@counted
def reduction(eqn: JaxprEqn) -> int:
    """Count one operation less than there are elements, as XLA does."""
    return max(_in(eqn) - _out(eqn), 0)


def _cumulative(eqn: JaxprEqn) -> int:
    length = shape(eqn.invars[0])[eqn.params["axis"]]
    return _in(eqn) // max(length, 1) * max(length - 1, 0)


@counted
def cumulative(eqn: JaxprEqn) -> int:
    """Count the sequential algorithm, n - 1 along the axis; XLA's parallel ones do more."""
    return _cumulative(eqn)


def cumlogsumexp(eqn: JaxprEqn) -> Cost:
    """Count a step as a maximum, two differences, a sum, an exponential and a logarithm."""
    steps = _cumulative(eqn)
    return Cost(6 * steps, transcendental=2 * steps)


@counted
def integer_pow(eqn: JaxprEqn) -> int:
    """Count repeated squaring: a squaring a bit, a product a set bit, a division if negative."""
    y = abs(eqn.params["y"])
    products = max(y.bit_length() - 1, 0) + max(y.bit_count() - 1, 0)
    return _out(eqn) * (products + (eqn.params["y"] < 0))


@counted
def polynomial(eqn: JaxprEqn) -> int:
    """Count Horner's rule: a product and a sum for each coefficient but one."""
    return 2 * _out(eqn) * (len(eqn.invars) - 2)


@counted
def one_minus_square(eqn: JaxprEqn) -> int:
    """Count a square and a difference."""
    return 2 * _out(eqn)


def _window(eqn: JaxprEqn) -> int:
    return math.prod(eqn.params["window_dimensions"])


@counted
def windows(eqn: JaxprEqn) -> int:
    """Count one operation less than a window has elements, for each window."""
    return _out(eqn) * (_window(eqn) - 1)


@counted
def scattered_windows(eqn: JaxprEqn) -> int:
    """Count a comparison for each element of each window."""
    return _in(eqn) * _window(eqn)


@counted
def sort(eqn: JaxprEqn) -> int:
    """Count comparisons, n ceil(log2 n), as XLA does."""
    length = shape(eqn.invars[0])[eqn.params["dimension"]]
    return _in(eqn) * math.ceil(math.log2(max(length, 1)))


@counted
def top_k(eqn: JaxprEqn) -> int:
    """Count a heap of k elements, through which all elements pass."""
    return _in(eqn) * math.ceil(math.log2(max(eqn.params["k"], 2)))


@counted
def search(eqn: JaxprEqn) -> int:
    """Count bisection: ceil(log2(n + 1)) comparisons for each number that is looked up."""
    return _out(eqn) * math.ceil(math.log2(_in(eqn) + 1))


@counted
def fft(eqn: JaxprEqn) -> int:
    """Count 5 n log2 n for n complex points (Van Loan, 1992), half of it if one side is real."""
    lengths = eqn.params["fft_lengths"]
    real = dtype(eqn.invars[0]).kind == "f" or dtype(eqn.outvars[0]).kind == "f"
    points = max(_in(eqn), _out(eqn)) if real else _out(eqn)
    return round((2.5 if real else 5.0) * points * math.log2(max(math.prod(lengths), 1)))


@counted
def updates(eqn: JaxprEqn) -> int:
    """Count one operation for each number that is scattered."""
    return _in(eqn, 2)


@counted
def each_operand(eqn: JaxprEqn) -> int:
    """Count one operation for each number that comes in, whatever goes out."""
    return _in(eqn)


@counted
def threefry(eqn: JaxprEqn) -> int:
    """Count the rounds of the default generator, for two words each."""
    return 2 * _out(eqn) * _THREEFRY_PER_WORD


def random_words(eqn: JaxprEqn) -> Cost | None:
    """Count the words that are drawn; known for the default generator alone."""
    keys = [dtype(v).name for v in eqn.invars if dtype(v).name.startswith("key")]
    if not all("fry" in name for name in keys):
        return None
    words = 2 if dtype(eqn.outvars[0]).name.startswith("key") else 1
    return Cost(_out(eqn) * words * _THREEFRY_PER_WORD)
