"""Which cure an operation needs at a point: by what it is, what went wrong, and what stands by."""

import math
from collections.abc import Iterator

from ..program.primitives import PLACE, PRIMITIVES
from . import cure_codes as codes
from . import cure_codes_digits as digits
from . import cure_codes_matrices as matrices
from .case import Case
from .cure_codes import Cure
from .cures_of_digits import EXPONENTIALS, of_exponential, of_logarithm, of_rounding
from .forms import (
    along_axes,
    eigenvalues_used,
    exp_less_one,
    exponential_of_sum,
    is_of,
    is_over_length,
    is_square,
    is_sum_of_squares,
    length_of,
    made_by,
    one_less_cosine,
    operand_of,
    reduced_in,
    squared_again,
    sum_in,
    times_itself,
    under_root,
)

_ROUNDED = ("cancellation", "rounding", "underflow")


def cure_of(case: Case) -> Cure | None:
    """Return the cure for a case, `None` if there is none that is known."""
    cure = next((cure for cure in _cures(case) if cure is not None), None)
    if cure and case.dtype == "float16":  # which has no 1e30
        return cure._replace(code=cure.code.replace("1e30", "3e4"))
    return codes.of_complex(cure) if cure and case.dtype.startswith("complex") else cure


def _cures(case: Case) -> Iterator[Cure | None]:
    """Yield the cures that there may be, those that know most first."""
    yield codes.WITH_INFINITY if case.fault == "NaN" and math.inf in case.numbers else None
    yield codes.ENTROPY if case.rule == "xlogx" and case.within("entr") else None
    yield codes.RULES.get(case.rule) if case.derived else None
    rules = (_of_minus_infinity, _of_linear_algebra, _of_root, _of_quotient)
    for rule in (*rules, of_exponential, of_logarithm):
        yield rule(case)
    yield of_rounding(case) if case.fault in _ROUNDED else None
    yield _of_edge(case)
    if case.fault in ("overflow", *_ROUNDED):
        yield codes.FROM_HALF if _single_is_enough(case) else codes.WIDER
    yield codes.OUT_OF_BOUNDS if case.operation in ("gather", "dynamic_slice") else None
    yield codes.WITH_INFINITY if case.fault == "NaN" and case.infinite else None
    if case.operation in EXPONENTIALS:  # there is no point to leave out, there are all large ones
        return
    by_entry = case.operation in PRIMITIVES and PRIMITIVES[case.operation].depends == PLACE
    yield codes.ANY if case.pole and (case.rule or by_entry) else None


def _single_is_enough(case: Case) -> bool:
    """Whether float32 cures a half-precision type; bfloat16 overflows where float32 does."""
    digits = case.fault in ("cancellation", "rounding")
    return case.dtype == "float16" or (case.dtype == "bfloat16" and digits)


def _of_minus_infinity(case: Case) -> Cure | None:
    if not case.pole or case.operation == "exp":
        return None
    reduced = reduced_in(case.use)
    if case.within("logsumexp logmeanexp logaddexp"):
        return along_axes(codes.LOGSUMEXP_OF_NOTHING, reduced)
    if case.within("log_softmax"):
        return along_axes(codes.LOG_SOFTMAX_OF_NOTHING, reduced)
    if case.within("softmax _softmax dot_product_attention"):
        return along_axes(codes.SOFTMAX_OF_NOTHING, reduced)
    use = case.use
    if case.operation == "log" and use and use.source(0).kind == "reduce_sum":
        summed = use.source(0).maker
        if summed and made_by(summed, "exp"):
            return along_axes(codes.LOGSUMEXP_OF_NOTHING, reduced)
    return None


def _of_linear_algebra(case: Case) -> Cure | None:
    if case.operation == "eigh" and case.derived:
        values_used = case.use is None or eigenvalues_used(case.use)
        return matrices.MATRIX_FUNCTION if values_used else matrices.EIGENVECTORS
    if case.within("slogdet") and case.pole:
        return matrices.SINGULAR_DETERMINANT
    if case.operation == "svd" and case.derived:
        return matrices.SINGULAR_VECTORS
    if case.operation == "cholesky":
        return matrices.JITTER
    solves = case.operation in ("triangular_solve", "lu", "custom_linear_solve", "lu_solve")
    return matrices.SINGULAR if solves or case.within("solve inv") else None


def _of_root(case: Case) -> Cure | None:
    if case.operation not in ("sqrt", "pow", "rsqrt") or not case.pole:
        return None
    if case.within("_std std nanstd"):
        return along_axes(codes.SPREAD, sum_in(case.use.source(0)) if case.use else None)
    if case.operation == "sqrt" and case.use and is_square(case.use.source(0)):
        return codes.ABS
    summed = case.use and is_sum_of_squares(case.use.source(0))
    if case.operation == "sqrt" and (summed or case.within("norm")):
        squared = case.use and squared_again(case.use)
        cure = codes.SQUARED_NORM if squared else codes.NORM
        cure = along_axes(cure, case.use.source(0) if case.use else None)
        return cure if summed or case.use is None else codes.of_complex_squares(cure)
    return None


def _of_quotient(case: Case) -> Cure | None:
    if case.operation != "div" or not case.pole or case.use is None:
        return codes.DIVISION if case.operation == "div" and case.pole else None
    above, below = case.use.sources
    if above.is_number(0.5) and below.maker and below.kind == "sqrt":
        # The rule of a root in a derivative that the function itself takes.
        summed = below.maker.source(0)
        return along_axes(codes.NORM, summed) if is_sum_of_squares(summed) else codes.EDGES["sqrt"]
    length = length_of(below)
    if is_of(operand_of(above, "sin"), below):
        return along_axes(digits.SINC_OF_LENGTH, length) if length else digits.SINC
    if is_square(below) and below.maker and is_of(one_less_cosine(above), below.maker.source(0)):
        return along_axes(digits.SINC_SQUARED_OF_LENGTH, length) if length else digits.SINC_SQUARED
    if is_of(exp_less_one(above), below):
        return digits.EXPM1_OVER_X
    if is_of(operand_of(above, "log1p"), below):
        return digits.LOG1P_OVER_X
    if length and is_over_length(above, length):
        return along_axes(codes.NORMALISE, length)
    return codes.OVER_ROOT if under_root(below) is not None else codes.DIVISION


def _of_edge(case: Case) -> Cure | None:
    if not case.pole:
        return codes.NEAR_EDGES.get(case.operation) if case.derived else None
    if case.operation == "log" and case.use and times_itself(case.use):
        return codes.X_LOG_X
    summed = exponential_of_sum(case.use) if case.operation == "log" and case.use else None
    if summed is not None:
        return along_axes(digits.PRODUCT, summed)
    if case.operation == "polygamma":
        return codes.pole_of_polygamma(case.numbers[0] if case.numbers else None)
    if case.operation == "pow":
        return _of_power(case)
    if case.operation == "integer_pow":
        # Of any other number it is too large for every type.
        return None if case.numbers and case.numbers[0] else codes.RECIPROCAL_POWER
    if case.operation == "atan2":
        return codes.ATAN2
    if case.operation == "select_n":
        return codes.CONSTANT
    if case.operation == "rem":
        return codes.REMAINDER
    if case.operation == "log" and case.within("logit"):
        return codes.EDGES["logit"]
    return codes.EDGES.get(case.operation) or codes.POLES.get(case.operation)


def _of_power(case: Case) -> Cure:
    base = case.numbers[0] if case.numbers else None
    if base is None or base >= 0:
        return codes.POWER
    return codes.FIXED_EXPONENT if case.derived else codes.NEGATIVE_BASE
