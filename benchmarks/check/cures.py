"""Which cure an operation needs at a point: by what it is, what went wrong, and what stands by."""

from collections.abc import Iterator
from typing import NamedTuple

from ..program.jaxpr import names
from . import cure_codes as codes
from .cure_codes import Cure
from .forms import (
    eigenvalues_used,
    exp_less_one,
    is_square,
    is_sum_of_squares,
    made_by,
    one_less_cosine,
    over_sum,
    plus_one,
    sigmoid,
    squared_again,
    times_itself,
)
from .uses import Given, Use

_BY_ENTRY = names("abs add div exp integer_pow max min mul neg select_n square sub sqrt tanh")
_SUMS = names("reduce_sum cumsum add dot_general")
_ROUNDED = ("cancellation", "rounding", "underflow")


class Case(NamedTuple):
    """An operation of the user's function, and what is wrong with it or its rule.

    Attributes:
        operation: Its name, such as `"sqrt"`.
        fault: `"NaN"`, `"infinity"`, `"overflow"` and the like.
        derived: Whether it is its derivative.
        names: The functions of JAX that it is inside of, such as `"norm"`.
        use: The operation among those before and after it; `None` if unknown.
        numbers: What went into it at that entry, `None` for what is no single number.
        dtype: The type of its result.
    """

    operation: str
    fault: str
    derived: bool
    names: frozenset[str]
    use: Use | None
    numbers: tuple[float | None, ...]
    dtype: str

    @property
    def pole(self) -> bool:
        """Whether something is not finite that is so in every type."""
        return self.fault in ("NaN", "infinity")

    def within(self, text: str) -> bool:
        """Whether it is inside of one of these functions of JAX."""
        return not self.names.isdisjoint(names(text))


def cure_of(case: Case) -> Cure | None:
    """Return the cure for a case, `None` if there is none that is known."""
    return next((cure for cure in _cures(case) if cure is not None), None)


def _cures(case: Case) -> Iterator[Cure | None]:
    """Yield the cures that there may be, those that know most first."""
    for rule in (_of_minus_infinity, _of_linear_algebra, _of_root, _of_quotient, _of_exponential):
        yield rule(case)
    yield _of_rounding(case) if case.fault in _ROUNDED else None
    yield _of_edge(case)
    if case.fault in ("overflow", *_ROUNDED):
        yield codes.FROM_HALF if _single_is_enough(case) else codes.WIDER
    yield codes.OUT_OF_BOUNDS if case.operation in ("gather", "dynamic_slice") else None
    yield codes.WITH_INFINITY if case.fault == "NaN" else None


def _single_is_enough(case: Case) -> bool:
    """Whether float32 cures a half-precision type; bfloat16 overflows where float32 does."""
    digits = case.fault in ("cancellation", "rounding")
    return case.dtype == "float16" or (case.dtype == "bfloat16" and digits)


def _of_minus_infinity(case: Case) -> Cure | None:
    if not case.pole or case.operation == "exp":
        return None
    if case.within("logsumexp logmeanexp logaddexp"):
        return codes.LOGSUMEXP_OF_NOTHING
    if case.within("log_softmax"):
        return codes.LOG_SOFTMAX_OF_NOTHING
    if case.within("softmax _softmax dot_product_attention"):
        return codes.SOFTMAX_OF_NOTHING
    use = case.use
    if case.operation == "log" and use and use.source(0).kind == "reduce_sum":
        summed = use.source(0).maker
        return codes.LOGSUMEXP_OF_NOTHING if summed and made_by(summed, "exp") else None
    return None


def _of_linear_algebra(case: Case) -> Cure | None:
    if case.operation == "eigh" and case.derived:
        values_used = case.use is None or eigenvalues_used(case.use)
        return codes.MATRIX_FUNCTION if values_used else codes.EIGENVECTORS
    if case.operation == "svd" and case.derived:
        return codes.SINGULAR_VECTORS
    if case.operation == "cholesky":
        return codes.JITTER
    solves = case.operation in ("triangular_solve", "lu", "custom_linear_solve", "lu_solve")
    return codes.SINGULAR if solves or case.within("solve inv") else None


def _of_root(case: Case) -> Cure | None:
    if case.operation not in ("sqrt", "pow", "rsqrt") or not case.pole:
        return None
    if case.within("_std std nanstd"):
        return codes.SPREAD
    summed = case.use and is_sum_of_squares(case.use.source(0))
    if case.operation == "sqrt" and (summed or case.within("norm")):
        return codes.SQUARED_NORM if case.use and squared_again(case.use) else codes.NORM
    return None


def _of_quotient(case: Case) -> Cure | None:
    if case.operation != "div" or not case.pole or case.use is None:
        return codes.DIVISION if case.operation == "div" and case.pole else None
    above, below = case.use.sources
    if above.kind == "sin" and above.maker and above.maker.source(0).same(below):
        return codes.SINC
    if one_less_cosine(above) and is_square(below):
        return codes.SINC_SQUARED
    if above.kind == "expm1" or exp_less_one(above):
        return codes.EXPM1_OVER_X
    if above.kind == "log1p":
        return codes.LOG1P_OVER_X
    root = below.kind == "sqrt" and below.maker and is_sum_of_squares(below.maker.source(0))
    return codes.NORMALISE if root else codes.DIVISION


def _of_exponential(case: Case) -> Cure | None:
    """Return the function that stands for an exponential and what becomes of it."""
    use = case.use
    if use is None or case.fault not in ("overflow", "underflow", "NaN", "infinity"):
        return None
    if case.operation == "log":
        return _of_probability(use.source(0))
    if case.operation != "exp" or case.fault != "overflow":
        return None
    after = list(use.after(lambda one: one.kind in _BY_ENTRY | _SUMS))
    for one in after:
        if one.kind == "log":
            return _of_logarithm(one)
        if one.kind == "div":
            return _of_fraction(use, one)
    return None


def _of_probability(given: Given) -> Cure | None:
    """Return what is taken for the logarithm of a probability that underflows."""
    if given.kind == "logistic" or (given.maker and given.kind == "div" and sigmoid(given.maker)):
        return codes.LOG_SIGMOID
    softmax = given.maker is not None and given.kind == "div" and over_sum(given.maker)
    return codes.LOG_SOFTMAX if softmax else None


def _of_fraction(exp: Use, quotient: Use) -> Cure | None:
    if over_sum(quotient):
        return codes.SOFTMAX
    known = sigmoid(quotient) or quotient.source(0).maker is exp
    return codes.SIGMOID if known and plus_one(quotient.source(1)) else None


def _of_logarithm(log: Use) -> Cure:
    given = log.source(0)
    if given.kind == "exp":
        return codes.LOG_EXP
    return codes.SOFTPLUS if plus_one(given) else codes.LOGSUMEXP


def _of_rounding(case: Case) -> Cure | None:
    use = case.use
    if use is None:
        return None
    if case.operation == "log" and use.source(0).kind in ("add", "sub"):
        maker = use.source(0).maker
        one = maker is not None and any(given.is_number(1) for given in maker.sources)
        return codes.LOG1P if one else None
    if case.operation not in ("sub", "add") or len(use.sources) != 2:
        return None
    first, second = use.sources
    ones = [given.is_number(1) or given.is_number(-1) for given in (first, second)]
    if any(ones):
        return _AGAINST_ONE.get((second if ones[0] else first).kind)
    if not (is_square(second) and first.maker is not None):
        return None
    return codes.VARIANCE if first.kind in ("div", "mul") else _squares(first)


def _squares(first: Given) -> Cure | None:
    return codes.SQUARES if is_square(first) else None


#: What to take for a function less 1, or 1 less it.
_AGAINST_ONE = {
    "cos": codes.HALF_ANGLE,
    "erf": codes.ERFC,
    "exp": codes.EXPM1,
    "logistic": codes.OTHER_SIGMOID,
    "sqrt": codes.ROOT_MINUS_ONE,
}


def _of_edge(case: Case) -> Cure | None:
    if not case.pole:
        return codes.NEAR_EDGES.get(case.operation) if case.derived else None
    if case.operation == "log" and case.use and times_itself(case.use):
        return codes.X_LOG_X
    if case.operation == "pow":
        return codes.POWER
    if case.operation == "integer_pow":
        return codes.RECIPROCAL_POWER
    if case.operation == "atan2":
        return codes.ATAN2
    return codes.EDGES.get(case.operation)
