"""Which cure an exponential, a logarithm or a difference needs that leaves no digits."""

from ..program.jaxpr import names
from . import cure_codes_digits as digits
from .case import Case
from .cure_codes import Cure
from .forms import (
    is_square,
    made_within,
    of_two,
    one_less_of,
    over_sum,
    plus_one,
    sigmoid,
)
from .uses import Given, Use

_BY_ENTRY = names("abs add div exp integer_pow max min mul neg select_n square sub sqrt tanh")
_SUMS = names("reduce_sum cumsum add dot_general")
#: What overflows for large numbers, however wide the type.
EXPONENTIALS = names("exp sinh cosh")
_LOGARITHMS = {"exp": digits.LOG_EXP, "sinh": digits.LOG_SINH, "cosh": digits.LOG_COSH}


def of_exponential(case: Case) -> Cure | None:
    """Return the function that stands for an exponential and what becomes of it."""
    use = case.use
    too_large = case.fault in ("overflow", "infinity")  # the latter is too large for float64 too
    if use is None or not too_large or case.derived or case.operation not in EXPONENTIALS:
        return None
    if case.within("gamma factorial beta comb"):
        return digits.GAMMALN
    for one in use.after(lambda one: one.kind in _BY_ENTRY | _SUMS):
        if one.kind == "log":
            return _of_logarithm_of(one, use)
        if one.kind == "div":
            return _of_fraction(use, one)
    return None


def of_logarithm(case: Case) -> Cure | None:
    """Return what stands for the logarithm of a probability that underflows, or is rounded to 0."""
    if case.use is None or case.operation != "log" or case.fault == "cancellation":
        return None
    given = case.use.source(0)
    if made_within(given, "ndtr _ndtr ndtri"):
        return digits.LOG_NORMAL
    one_less = one_less_of(given)
    if one_less is not None:
        return _of_one_less(one_less)
    if given.kind == "logistic" or (given.maker and given.kind == "div" and sigmoid(given.maker)):
        return digits.LOG_SIGMOID
    if given.maker and given.kind == "div" and over_sum(given.maker):
        return digits.LOG_SOFTMAX
    summed = given.maker if given.kind == "reduce_sum" else None
    return digits.LOGSUMEXP if summed and summed.source(0).kind == "exp" else None


def _of_one_less(given: Given) -> Cure | None:
    """Return what stands for the logarithm of 1 less this."""
    if is_square(given) and given.maker and given.maker.source(0).kind == "tanh":
        return digits.LOG_ONE_LESS_TANH_SQUARED
    known = {"logistic": digits.LOG_ONE_LESS_SIGMOID, "exp": digits.LOG_ONE_LESS_EXP}
    return known.get(given.kind)


def _of_fraction(exp: Use, quotient: Use) -> Cure | None:
    if over_sum(quotient):
        return digits.SOFTMAX
    above, below = quotient.sources
    if {above.kind, below.kind} == {"sinh", "cosh"} or (
        of_two(above, "exp", "sub") and of_two(below, "exp", "add")
    ):
        return digits.TANH if above.kind in ("sinh", "sub") else None
    known = sigmoid(quotient) or above.maker is exp
    if known and of_two(below, "exp", "add"):
        return digits.PROBABILITY_OF_TWO
    return digits.SIGMOID if known and plus_one(below) else None


def _of_logarithm_of(log: Use, exponential: Use) -> Cure | None:
    given = log.source(0)
    if given.kind in EXPONENTIALS:
        return _LOGARITHMS[given.kind]
    if plus_one(given):
        return digits.SOFTPLUS
    if of_two(given, "exp", "add"):
        return digits.LOGADDEXP
    if made_within(Given(exponential), "i0 i0_impl"):
        return digits.LOG_BESSEL
    between = exponential.after(lambda one: one.kind in _BY_ENTRY | _SUMS and one is not log)
    summed = any(one.kind in _SUMS - {"add"} for one in between)
    return digits.LOGSUMEXP if summed else None


def of_rounding(case: Case) -> Cure | None:
    """Return what stands for a difference whose terms cancel, or a logarithm of such."""
    use = case.use
    if use is None:
        return None
    if case.operation == "log" and use.source(0).kind in ("add", "sub"):
        maker = use.source(0).maker
        one = maker is not None and any(given.is_number(1) for given in maker.sources)
        return digits.LOG1P if one else None
    if case.operation not in ("sub", "add") or len(use.sources) != 2:
        return None
    first, second = use.sources
    ones = [given.is_number(1) or given.is_number(-1) for given in (first, second)]
    if any(ones):
        return _against_one(second if ones[0] else first)
    if not (is_square(second) and first.maker is not None):
        return None
    return digits.VARIANCE if first.kind in ("div", "mul") else _squares(first)


def _against_one(given: Given) -> Cure | None:
    if is_square(given) and given.maker and given.maker.source(0).kind == "tanh":
        return digits.ONE_LESS_TANH_SQUARED
    if made_within(given, "ndtr _ndtr"):
        return digits.OTHER_NORMAL
    return _AGAINST_ONE.get(given.kind)


def _squares(first: Given) -> Cure | None:
    return digits.SQUARES if is_square(first) else None


#: What to take for a function less 1, or 1 less it.
_AGAINST_ONE = {
    "cos": digits.HALF_ANGLE,
    "erf": digits.ERFC,
    "exp": digits.EXPM1,
    "logistic": digits.OTHER_SIGMOID,
    "tanh": digits.ONE_LESS_TANH,
    "sqrt": digits.ROOT_MINUS_ONE,
}
