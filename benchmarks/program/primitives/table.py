"""What is known of each of JAX's primitives: one line each, and nothing else lists them.

A primitive that is missing here counts as unknown: its operations are not counted, a complex step
does not pass through it, it has no symbolic form, and anything may depend on anything. A test
compares the table with the primitives of the installed JAX, so that a new version shows as a list
of names.
"""

import math
from fractions import Fraction
from typing import Final, NamedTuple

from . import cost, linalg, reading
from .cost import CostRule, each, elementary, free, in_library
from .reading import Reader, cumulative, identity, reduced, same

#: How an element of a result depends on the elements of the operands that hold floats.
#: Not at all: its derivative is 0.
NOTHING: Final = "nothing"
#: On those at the same place; a scalar stands at every place.
PLACE: Final = "place"
#: On one of them, which it is: data are moved.
MOVED: Final = "moved"
#: On those along some axes that agree with it in all others.
AXES: Final = "axes"
#: On any of them.
MIXED: Final = "mixed"

#: Whether the step along the imaginary axis passes through it: it is analytic, or it picks numbers
#: by a comparison, which JAX makes by the real parts first.
STEP: Final = True
NO: Final = False


class Primitive(NamedTuple):
    """What is known of a primitive.

    Attributes:
        cost: Counts its operations.
        depends: On what an element of its result depends.
        complex_step: Whether a complex step passes through it.
        read: Reads it as a formula; `None` where it has none. Where data are moved, the primitive
            itself is run on the nodes' numbers if its indices are known, and only else it is read.
        indices: The operands that say where to: from a place on, or at it alone.
    """

    cost: CostRule
    depends: str
    complex_step: bool
    read: Reader | None = None
    indices: slice = slice(0, 0)


def _cubic(numerator: int, denominator: int = 1) -> CostRule:
    return in_library(linalg.cubic(Fraction(numerator, denominator)))


def _lapack(rule: CostRule) -> Primitive:
    """Describe a library call through which no complex step passes."""
    return Primitive(rule, MIXED, NO)


# fmt: off
#   name                            cost              depends  complex  read as
PRIMITIVES: dict[str, Primitive] = {
    "CheckpointName":     Primitive(free,             PLACE,   STEP, identity),
    "CheckpointNameFwd":  Primitive(free,             PLACE,   NO),
    "Frexp":              Primitive(each,             PLACE,   NO),
    "Ldexp":              Primitive(each,             PLACE,   NO),
    "Nonzero":            Primitive(cost.each_operand, NOTHING, NO),
    "SearchSorted":       Primitive(cost.search,      NOTHING, NO),
    "abs":                Primitive(each,             PLACE,   NO,   same("abs")),
    "acos":               Primitive(elementary,       PLACE,   STEP, same("acos")),
    "acosh":              Primitive(elementary,       PLACE,   STEP, same("acosh")),
    "add":                Primitive(each,             PLACE,   STEP, same("add")),
    "add_any":            Primitive(each,             PLACE,   STEP, same("add")),
    "and":                Primitive(each,             NOTHING, NO,   same("and")),
    "approx_top_k":       Primitive(cost.reduction,   AXES,    NO),
    "argmax":             Primitive(cost.reduction,   NOTHING, NO),
    "argmin":             Primitive(cost.reduction,   NOTHING, NO),
    "asin":               Primitive(elementary,       PLACE,   STEP, same("asin")),
    "asinh":              Primitive(elementary,       PLACE,   STEP, same("asinh")),
    "atan":               Primitive(elementary,       PLACE,   STEP, same("atan")),
    "atan2":              Primitive(elementary,       PLACE,   NO,   same("atan2")),
    "atanh":              Primitive(elementary,       PLACE,   STEP, same("atanh")),
    "bessel_i0e":         Primitive(elementary,       PLACE,   NO),
    "bessel_i1e":         Primitive(elementary,       PLACE,   NO),
    "bitcast_convert_type": Primitive(free,           NOTHING, NO),
    "broadcast_in_dim":   Primitive(free,             MOVED,   STEP),
    "cbrt":               Primitive(elementary,       PLACE,   NO,   same("cbrt")),
    "ceil":               Primitive(each,             NOTHING, NO,   same("ceil")),
    "cholesky":           _lapack(_cubic(1, 3)),
    "clamp":              Primitive(each,             PLACE,   NO,   reading.clamp),
    "clz":                Primitive(each,             NOTHING, NO),
    "complex":            Primitive(each,             PLACE,   NO),
    "concatenate":        Primitive(free,             MOVED,   STEP),
    "conj":               Primitive(each,             PLACE,   NO),
    "conv_general_dilated": Primitive(cost.conv,      MIXED,   NO),
    "convert_element_type": Primitive(each,           PLACE,   STEP, reading.cast),
    "copy":               Primitive(free,             PLACE,   STEP, identity),
    "cos":                Primitive(elementary,       PLACE,   STEP, same("cos")),
    "cosh":               Primitive(elementary,       PLACE,   STEP, same("cosh")),
    "cumlogsumexp":       Primitive(cost.cumlogsumexp, AXES,   NO),
    "cummax":             Primitive(cost.cumulative,  AXES,    STEP, cumulative("max")),
    "cummin":             Primitive(cost.cumulative,  AXES,    STEP, cumulative("min")),
    "cumprod":            Primitive(cost.cumulative,  AXES,    STEP, cumulative("mul")),
    "cumsum":             Primitive(cost.cumulative,  AXES,    STEP, cumulative("add")),
    "custom_lin":         Primitive(free,             MIXED,   NO),
    "device_put":         Primitive(free,             PLACE,   STEP),
    "digamma":            Primitive(elementary,       PLACE,   NO,   same("digamma")),
    "div":                Primitive(each,             PLACE,   STEP, same("div")),
    "dot_general":        Primitive(cost.dot_general, MIXED,   STEP, reading.dot_general),
    "dynamic_slice":      Primitive(free,             MOVED,   STEP, indices=slice(1, None)),
    "dynamic_update_slice": Primitive(free,           MOVED,   STEP, indices=slice(2, None)),
    "eig":                _lapack(_cubic(25)),
    "eigh":               _lapack(_cubic(9)),
    "eq":                 Primitive(each,             NOTHING, NO,   same("eq")),
    "eq_to":              Primitive(each,             NOTHING, NO),
    "erf":                Primitive(elementary,       PLACE,   NO,   same("erf")),
    "erf_inv":            Primitive(elementary,       PLACE,   NO,   same("erf_inv")),
    "erfc":               Primitive(elementary,       PLACE,   NO,   same("erfc")),
    "exp":                Primitive(elementary,       PLACE,   STEP, same("exp")),
    "exp2":               Primitive(elementary,       PLACE,   STEP, same("exp2")),
    "expm1":              Primitive(elementary,       PLACE,   STEP, same("expm1")),
    "fft":                Primitive(cost.fft,         MIXED,   STEP),
    "floor":              Primitive(each,             NOTHING, NO,   same("floor")),
    "gather":             Primitive(free,             MOVED,   STEP, indices=slice(1, 2)),
    "ge":                 Primitive(each,             NOTHING, NO,   same("le", swapped=True)),
    "geqp3":              _lapack(in_library(linalg.reflectors)),
    "geqrf":              _lapack(in_library(linalg.reflectors)),
    "gt":                 Primitive(each,             NOTHING, NO,   same("lt", swapped=True)),
    "hessenberg":         _lapack(_cubic(10, 3)),
    "householder_product": _lapack(in_library(linalg.householder_product)),
    "igamma":             Primitive(elementary,       PLACE,   NO),
    "igamma_grad_a":      Primitive(elementary,       PLACE,   NO),
    "igammac":            Primitive(elementary,       PLACE,   NO),
    "imag":               Primitive(each,             PLACE,   NO),
    "integer_pow":        Primitive(cost.integer_pow, PLACE,   STEP, reading.integer_pow),
    "iota":               Primitive(free,             NOTHING, NO),
    "is_finite":          Primitive(each,             NOTHING, NO,   reading.is_finite),
    "le":                 Primitive(each,             NOTHING, NO,   same("le")),
    "le_to":              Primitive(each,             NOTHING, NO),
    "lgamma":             Primitive(elementary,       PLACE,   NO,   same("lgamma")),
    "log":                Primitive(elementary,       PLACE,   STEP, same("log")),
    "log1p":              Primitive(elementary,       PLACE,   STEP, same("log1p")),
    "log2":               Primitive(elementary,       PLACE,   STEP, same("log2")),
    "logistic":           Primitive(elementary,       PLACE,   STEP, reading.logistic),
    "lt":                 Primitive(each,             NOTHING, NO,   same("lt")),
    "lt_to":              Primitive(each,             NOTHING, NO),
    "lu":                 Primitive(in_library(linalg.lu), MIXED, STEP),
    "lu_pivots_to_permutation": Primitive(free,       NOTHING, NO),
    "max":                Primitive(each,             PLACE,   STEP, same("max")),
    "min":                Primitive(each,             PLACE,   STEP, same("min")),
    "mul":                Primitive(each,             PLACE,   STEP, same("mul")),
    "mulhi":              Primitive(each,             NOTHING, NO),
    "name":               Primitive(free,             PLACE,   STEP, identity),
    "ne":                 Primitive(each,             NOTHING, NO,   same("ne")),
    "neg":                Primitive(each,             PLACE,   STEP, same("neg")),
    "nextafter":          Primitive(each,             NOTHING, NO),
    "not":                Primitive(each,             NOTHING, NO,   same("not")),
    "one_minus_square":   Primitive(cost.one_minus_square, PLACE, STEP, reading.one_minus_square),
    "optimization_barrier": Primitive(free,           PLACE,   STEP, reading.identities),
    "or":                 Primitive(each,             NOTHING, NO,   same("or")),
    "pad":                Primitive(free,             MOVED,   STEP),
    "polygamma":          Primitive(elementary,       PLACE,   NO,   same("polygamma")),
    "polynomial":         Primitive(cost.polynomial,  PLACE,   STEP, reading.polynomial),
    "population_count":   Primitive(each,             NOTHING, NO),
    "pow":                Primitive(elementary,       PLACE,   STEP, same("pow")),
    "qr":                 _lapack(in_library(linalg.qr)),
    "real":               Primitive(each,             PLACE,   NO),
    "reduce_and":         Primitive(cost.reduction,   NOTHING, NO,   reduced("and", True)),
    "reduce_max":         Primitive(cost.reduction,   AXES,    STEP, reduced("max", -math.inf)),
    "reduce_min":         Primitive(cost.reduction,   AXES,    STEP, reduced("min", math.inf)),
    "reduce_or":          Primitive(cost.reduction,   NOTHING, NO,   reduced("or", False)),
    "reduce_precision":   Primitive(each,             PLACE,   STEP, identity),
    "reduce_prod":        Primitive(cost.reduction,   AXES,    STEP, reduced("mul", 1.0)),
    "reduce_sum":         Primitive(cost.reduction,   AXES,    STEP, reduced("add", 0.0)),
    "reduce_window_max":  Primitive(cost.windows,     MIXED,   STEP),
    "reduce_window_min":  Primitive(cost.windows,     MIXED,   STEP),
    "reduce_window_sum":  Primitive(cost.windows,     MIXED,   STEP),
    "reduce_xor":         Primitive(cost.reduction,   NOTHING, NO),
    "regularized_incomplete_beta": Primitive(elementary, PLACE, NO),
    "rem":                Primitive(each,             PLACE,   NO),
    "reshape":            Primitive(free,             MOVED,   STEP),
    "rev":                Primitive(free,             MOVED,   STEP),
    "round":              Primitive(each,             NOTHING, NO),
    "rsqrt":              Primitive(elementary,       PLACE,   STEP, reading.rsqrt),
    "scatter":            Primitive(free,             MOVED,   STEP, indices=slice(1, 2)),
    "scatter-add":        Primitive(cost.updates,     MIXED,   STEP, indices=slice(1, 2)),
    "scatter-max":        Primitive(cost.updates,     MIXED,   NO,   indices=slice(1, 2)),
    "scatter-min":        Primitive(cost.updates,     MIXED,   NO,   indices=slice(1, 2)),
    "scatter-mul":        Primitive(cost.updates,     MIXED,   STEP, indices=slice(1, 2)),
    "scatter-sub":        Primitive(cost.updates,     MIXED,   STEP, indices=slice(1, 2)),
    "schur":              _lapack(_cubic(25)),
    "select_and_gather_add": Primitive(cost.windows,  MIXED,   NO),
    "select_and_scatter_add": Primitive(cost.scattered_windows, MIXED, NO),
    "select_n":           Primitive(each,             MOVED,   STEP, reading.choice, slice(0, 1)),
    "shift_left":         Primitive(each,             NOTHING, NO),
    "shift_right_arithmetic": Primitive(each,         NOTHING, NO),
    "shift_right_logical": Primitive(each,            NOTHING, NO),
    "sign":               Primitive(each,             NOTHING, NO,   same("sign")),
    "sin":                Primitive(elementary,       PLACE,   STEP, same("sin")),
    "sinh":               Primitive(elementary,       PLACE,   STEP, same("sinh")),
    "slice":              Primitive(free,             MOVED,   STEP),
    "sort":               Primitive(cost.sort,        AXES,    STEP),
    "split":              Primitive(free,             MOVED,   STEP),
    "sqrt":               Primitive(elementary,       PLACE,   STEP, same("sqrt")),
    "square":             Primitive(each,             PLACE,   STEP, same("square")),
    "squeeze":            Primitive(free,             MOVED,   STEP),
    "stack":              Primitive(free,             MOVED,   STEP),
    "stop_gradient":      Primitive(free,             NOTHING, NO,   same("stop")),
    "sub":                Primitive(each,             PLACE,   STEP, same("sub")),
    "svd":                _lapack(in_library(linalg.svd)),
    "tan":                Primitive(elementary,       PLACE,   STEP, same("tan")),
    "tanh":               Primitive(elementary,       PLACE,   STEP, same("tanh")),
    "threefry2x32":       Primitive(cost.threefry,    NOTHING, NO),
    "tile":               Primitive(free,             MOVED,   STEP),
    "top_k":              Primitive(cost.top_k,       AXES,    NO),
    "transpose":          Primitive(free,             MOVED,   STEP),
    "triangular_solve":   Primitive(in_library(linalg.triangular_solve), MIXED, STEP),
    "tridiagonal":        _lapack(_cubic(4, 3)),
    "tridiagonal_solve":  Primitive(in_library(linalg.tridiagonal_solve), MIXED, STEP),
    "unstack":            Primitive(free,             MOVED,   STEP),
    "xor":                Primitive(each,             NOTHING, NO),
    "zeta":               Primitive(elementary,       PLACE,   NO),
    # Where data lie, or on how many devices.
    "all_gather":         Primitive(free,             MIXED,   NO),
    "all_gather_invariant": Primitive(free,           MIXED,   NO),
    "all_to_all":         Primitive(free,             MIXED,   NO),
    "axis_index":         Primitive(free,             NOTHING, NO),
    "broadcast_to":       Primitive(free,             MOVED,   STEP),
    "layout_constraint":  Primitive(free,             PLACE,   NO),
    "pbroadcast":         Primitive(free,             PLACE,   NO),
    "pin":                Primitive(free,             PLACE,   NO),
    "platform_index":     Primitive(free,             NOTHING, NO),
    "pmax":               Primitive(cost.each_operand, MIXED,   NO),
    "pmin":               Primitive(cost.each_operand, MIXED,   NO),
    "ppermute":           Primitive(free,             MIXED,   NO),
    "psum":               Primitive(cost.each_operand, MIXED,   NO),
    "psum_invariant":     Primitive(cost.each_operand, MIXED,   NO),
    "pvary":              Primitive(free,             PLACE,   NO),
    "reduce_scatter":     Primitive(cost.reduction,   MIXED,   NO),
    "reshard":            Primitive(free,             PLACE,   NO),
    "shard_alike":        Primitive(free,             PLACE,   STEP, reading.identities),
    "sharding_constraint": Primitive(free,            PLACE,   STEP),
    "tie":                Primitive(free,             PLACE,   NO),
    "unpin":              Primitive(free,             PLACE,   NO),
    "with_memory_space_constraint": Primitive(free,   PLACE,   NO),
    "xla_metadata_value": Primitive(free,             PLACE,   STEP, identity),
    # Keys, tokens, and memory without a content.
    "after_all":          Primitive(free,             NOTHING, NO),
    "create_token":       Primitive(free,             NOTHING, NO),
    "debug_callback":     Primitive(free,             NOTHING, NO),
    "debug_print":        Primitive(free,             NOTHING, NO),
    "empty":              Primitive(free,             NOTHING, NO),
    "empty2":             Primitive(free,             NOTHING, NO),
    "random_bits":        Primitive(cost.random_words, NOTHING, NO),
    "random_clone":       Primitive(free,             NOTHING, NO),
    "random_fold_in":     Primitive(cost.random_words, NOTHING, NO),
    "random_seed":        Primitive(free,             NOTHING, NO),
    "random_split":       Primitive(cost.random_words, NOTHING, NO),
    "random_unwrap":      Primitive(free,             NOTHING, NO),
    "random_wrap":        Primitive(free,             NOTHING, NO),
    "zeros_like":         Primitive(free,             NOTHING, NO),
}
# fmt: on
