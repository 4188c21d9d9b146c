"""Which cure an exponential, a logarithm or a difference needs that leaves no digits."""

from ..program.jaxpr import names
from . import cure_codes_digits as digits
from .case import Case
from .cure_codes import Cure
from .forms import (
    along_axes,
    is_square,
    is_sum_of_squares,
    is_tanh,
    made_by,
    made_within,
    of_less,
    of_two,
    one_less_of,
    one_plus_exp,
    over_sum,
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
        if one.kind == "div" and (cure := _of_fraction(one)):
            return cure
    return None


def of_logarithm(case: Case) -> Cure | None:
    """Return what stands for the logarithm of a probability that underflows, or is rounded to 0."""
    if case.use is None or case.operation != "log" or case.fault == "cancellation":
        return None
    given = case.use.source(0)
    if made_within(given, "ndtr _ndtr"):
        return digits.LOG_NORMAL
    one_less = one_less_of(given)
    if one_less is not None:
        return _of_one_less(one_less)
    if given.kind == "logistic":
        return digits.LOG_SIGMOID
    exp = sigmoid(given.maker) if given.maker and given.kind == "div" else None
    if exp is not None:
        return digits.LOG_SIGMOID if of_less(exp) else digits.LOG_SIGMOID_OF_LESS
    summed = over_sum(given.maker) if given.maker and given.kind == "div" else None
    if summed is not None:
        return along_axes(digits.LOG_SOFTMAX, summed)
    return along_axes(digits.LOGSUMEXP, given) if _sums_exp(given) else None


def _of_one_less(given: Given) -> Cure | None:
    """Return what stands for the logarithm of 1 less this."""
    if is_square(given) and given.maker and given.maker.source(0).kind == "tanh":
        return digits.LOG_ONE_LESS_TANH_SQUARED
    known = {"logistic": digits.LOG_ONE_LESS_SIGMOID, "exp": digits.LOG_ONE_LESS_EXP}
    return known.get(given.kind)


def _of_fraction(quotient: Use) -> Cure | None:
    summed = over_sum(quotient)
    if summed is not None:
        return along_axes(digits.SOFTMAX, summed)
    above, below = quotient.sources
    if is_tanh(above, below):
        return digits.TANH
    if below.maker and of_two(below, "exp", "add"):
        one_of_them = any(above.same(source) for source in below.maker.sources)
        return digits.PROBABILITY_OF_TWO if one_of_them else None
    exp = one_plus_exp(below)
    if exp is None or not (above.is_number(1) or above.same(exp)):
        return None
    # 1 / (1 + exp(-x)) is exp(x) / (1 + exp(x)).
    return digits.SIGMOID if of_less(exp) == above.is_number(1) else digits.SIGMOID_OF_LESS


def _of_logarithm_of(log: Use, exponential: Use) -> Cure | None:
    given = log.source(0)
    if given.kind in EXPONENTIALS:
        return _LOGARITHMS[given.kind]
    exp = one_plus_exp(given)
    if exp is not None:
        return digits.SOFTPLUS_OF_LESS if of_less(exp) else digits.SOFTPLUS
    if of_two(given, "exp", "add"):
        return digits.LOGADDEXP
    if made_within(Given(exponential), "i0 i0_impl"):
        return digits.LOG_BESSEL
    if _sums_exp(given):
        return along_axes(digits.LOGSUMEXP, given)
    above = given.maker.source(0) if given.maker and given.kind == "div" else None
    if above is not None and _sums_exp(above) and given.maker and not given.maker.source(1).maker:
        mean = along_axes(digits.LOGMEANEXP, above)
        return mean if mean.code == digits.LOGMEANEXP.code else mean._replace(code="")
    between = exponential.after(lambda one: one.kind in _BY_ENTRY | _SUMS and one is not log)
    summed = any(one.kind in _SUMS - {"add"} for one in between)
    return digits.LOG_OF_SUM if summed else None


def _sums_exp(given: Given) -> bool:
    """Whether something is a sum of exponentials."""
    return given.maker is not None and given.kind == "reduce_sum" and made_by(given.maker, "exp")


def of_rounding(case: Case) -> Cure | None:
    """Return what stands for a difference whose terms cancel, or a logarithm of such."""
    use = case.use
    if use is None:
        return None
    if case.operation == "log" and use.source(0).kind in ("add", "sub"):
        if one_less_of(use.source(0)) is not None:
            return digits.LOG1P_OF_LESS
        maker = use.source(0).maker if use.source(0).kind == "add" else None
        one = maker is not None and any(given.is_number(1) for given in maker.sources)
        return digits.LOG1P if one else None
    if case.operation not in ("sub", "add") or len(use.sources) != 2:
        return None
    first, second = use.sources
    sign = -1 if case.operation == "sub" else 1
    for one in (1, -1):
        if first.is_number(one):
            return _against_one(second, sign, one)
        if second.is_number(one):
            return _against_one(first, 1, sign * one)
    if sign > 0 or first.maker is None or not is_square(second):
        return None
    if first.kind in ("div", "mul"):
        squares = next(filter(is_sum_of_squares, first.maker.sources), None)
        return along_axes(digits.VARIANCE, squares) if squares is not None else None
    return digits.SQUARES if is_square(first) else None


def _against_one(given: Given, sign: int, one: int) -> Cure | None:
    """Return what stands for a function times `sign`, plus `one`; each is 1 or -1."""
    if sign == one:
        cure, as_it_is = _ONE_PLUS.get(given.kind), one > 0
    elif given.kind in _LESS_ONE:
        cure, as_it_is = _LESS_ONE[given.kind], one < 0
    else:
        cure, as_it_is = _one_less(given), one > 0
    return cure if cure is None or as_it_is else digits.with_other_sign(cure)


def _one_less(given: Given) -> Cure | None:
    if is_square(given) and given.maker and given.maker.source(0).kind == "tanh":
        return digits.ONE_LESS_TANH_SQUARED
    if made_within(given, "ndtr _ndtr"):
        return digits.OTHER_NORMAL
    return _ONE_LESS.get(given.kind)


#: What to take for 1 less a function, for a function less 1, and for 1 plus a function.
_ONE_LESS = {
    "cos": digits.HALF_ANGLE,
    "erf": digits.ERFC,
    "logistic": digits.OTHER_SIGMOID,
    "tanh": digits.ONE_LESS_TANH,
}
_LESS_ONE = {"exp": digits.EXPM1, "sqrt": digits.ROOT_MINUS_ONE}
_ONE_PLUS = {
    "cos": digits.HALF_ANGLE_OF_SUM,
    "erf": digits.ERFC_OF_LESS,
    "tanh": digits.ONE_PLUS_TANH,
}
