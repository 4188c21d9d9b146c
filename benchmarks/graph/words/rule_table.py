"""How a teacher writes each of JAX's primitives and its derivative: one line each.

A rule of numbers is written as Python, in the operands `a`, `b`, `c`, the result `y` and the
primitive's parameters, so that a test computes it and compares it with `jax.grad`. A rule of arrays
is written in words and symbols, with `{a}`, `{b}`, `{c}` for the operands, `{ȧ}` for a tangent, and
`{all}` for all of the operands.
"""

from typing import Final, NamedTuple

#: What an operand is handed back that no derivative goes to.
NOTHING: Final = "nothing"


class Rule(NamedTuple):
    """How an operation and its derivative are written.

    Attributes:
        value: The operation.
        back: For each operand what it is handed back: of numbers the derivative by it, of arrays
            all of it, where `ḡ` is the adjoint of the result. The last one stands for all further
            operands.
        forward: The tangent of the result, of arrays whose rule is not `value` of the tangents.
        numbers: Whether it is a rule of numbers, the same at each place.
        sign: What stands in its box; `""` where it is `value` without the operands.
        factors: How many of the first operands the result is linear in, each by itself: its tangent
            is the sum of the operation with one of them replaced by its tangent.
    """

    value: str
    back: tuple[str, ...] = ()
    forward: str = ""
    numbers: bool = False
    sign: str = ""
    factors: int = 0


def _numbers(value: str, *derivatives: str, sign: str = "") -> Rule:
    return Rule(value, derivatives, numbers=True, sign=sign)


def _linear(value: str, *back: str) -> Rule:
    """Describe an operation that is linear in all of its operands together."""
    return Rule(value, back)


def _bilinear(value: str, *back: str) -> Rule:
    return Rule(value, back, factors=2)


def _flat(value: str) -> Rule:
    """Describe an operation that has no derivative, or 0."""
    return Rule(value, (NOTHING,), NOTHING)


def _of_numbers_without(value: str) -> Rule:
    return Rule(value, ("0", "0", "0"), numbers=True)


_SAME = _numbers("a", "1")


def _library(value: str) -> Rule:
    """Describe a factorization of a matrix."""
    return Rule(value, ("ḡ through the equation of its factors",), "its factors' equation for {ȧ}")


# fmt: off
RULES: Final[dict[str, Rule]] = {
    # Of numbers: the value, and its derivative by each operand.
    "CheckpointName":    _SAME,
    "CheckpointNameFwd": _SAME,
    "Ldexp":             _numbers("a * 2**b", "2**b", "0"),
    "abs":               _numbers("abs(a)", "sign(a)"),
    "acos":              _numbers("arccos(a)", "-1 / sqrt(1 - a**2)"),
    "acosh":             _numbers("arccosh(a)", "1 / sqrt(a**2 - 1)"),
    "add":               _numbers("a + b", "1", "1"),
    "add_any":           _numbers("a + b", "1", "1"),
    "asin":              _numbers("arcsin(a)", "1 / sqrt(1 - a**2)"),
    "asinh":             _numbers("arcsinh(a)", "1 / sqrt(a**2 + 1)"),
    "atan":              _numbers("arctan(a)", "1 / (1 + a**2)"),
    "atan2":             _numbers("arctan2(a, b)", "b / (a**2 + b**2)", "-a / (a**2 + b**2)"),
    "atanh":             _numbers("arctanh(a)", "1 / (1 - a**2)"),
    "bessel_i0e":        _numbers("i0e(a)", "i1e(a) - sign(a) * y"),
    "bessel_i1e":        _numbers("i1e(a)", "i0e(a) - y * (sign(a) + 1 / a)"),
    "cbrt":              _numbers("cbrt(a)", "y / (3 * a)"),
    "ceil":              _of_numbers_without("ceil(a)"),
    "clamp":             _numbers("clip(b, a, c)", "smaller(b, a)", "between(a, b, c)",
                                  "larger(b, c)"),
    "convert_element_type": _numbers("a", "1", sign="cast"),
    "copy":              _numbers("a", "1", sign="copy"),
    "cos":               _numbers("cos(a)", "-sin(a)"),
    "cosh":              _numbers("cosh(a)", "sinh(a)"),
    "device_put":        _SAME,
    "digamma":           _numbers("digamma(a)", "polygamma(1, a)"),
    "div":               _numbers("a / b", "1 / b", "-y / b"),
    "erf":               _numbers("erf(a)", "2 / sqrt(π) * exp(-a**2)"),
    "erf_inv":           _numbers("erfinv(a)", "sqrt(π) / 2 * exp(y**2)"),
    "erfc":              _numbers("erfc(a)", "-2 / sqrt(π) * exp(-a**2)"),
    "exp":               _numbers("exp(a)", "y"),
    "exp2":              _numbers("2**a", "y * log(2)"),
    "expm1":             _numbers("exp(a) - 1", "y + 1", sign="exp(·) − 1"),
    "floor":             _of_numbers_without("floor(a)"),
    "igamma":            _numbers("gammainc(a, b)", "igamma_by_a(a, b)",
                                  "exp((a - 1) * log(b) - b - lgamma(a))"),
    "igammac":           _numbers("gammaincc(a, b)", "-igamma_by_a(a, b)",
                                  "-exp((a - 1) * log(b) - b - lgamma(a))"),
    "integer_pow":       _numbers("a**n", "n * a**(n - 1)"),
    "layout_constraint": _SAME,
    "lgamma":            _numbers("lgamma(a)", "digamma(a)"),
    "log":               _numbers("log(a)", "1 / a"),
    "log1p":             _numbers("log(1 + a)", "1 / (1 + a)", sign="log(1 + ·)"),
    "log2":              _numbers("log2(a)", "1 / (a * log(2))"),
    "logistic":          _numbers("σ(a)", "y * (1 - y)"),
    "max":               _numbers("max(a, b)", "larger(a, b)", "larger(b, a)"),
    "min":               _numbers("min(a, b)", "smaller(a, b)", "smaller(b, a)"),
    "mul":               _numbers("a * b", "b", "a"),
    "name":              _SAME,
    "neg":               _numbers("-a", "-1"),
    "one_minus_square":  _numbers("1 - a**2", "-2 * a"),
    "optimization_barrier": _SAME,
    "pin":               _SAME,
    "polygamma":         _numbers("polygamma(a, b)", NOTHING, "polygamma(a + 1, b)"),
    "pow":               _numbers("a**b", "b * a**(b - 1)", "y * log(a)"),
    "reduce_precision":  _SAME,
    "regularized_incomplete_beta": _numbers(
        "betainc(a, b, c)", NOTHING, NOTHING,
        "exp((a - 1) * log(c) + (b - 1) * log(1 - c) - log_beta(a, b))"),
    "rem":               _numbers("rem(a, b)", "1", "-trunc(a / b)"),
    "reshard":           _SAME,
    "round":             _of_numbers_without("round(a)"),
    "rsqrt":             _numbers("1 / sqrt(a)", "-y / (2 * a)"),
    "select_n":          _numbers("where(a, c, b)", NOTHING, "not a", "bool(a)"),
    "shard_alike":       _SAME,
    "sharding_constraint": _SAME,
    "sign":              _of_numbers_without("sign(a)"),
    "sin":               _numbers("sin(a)", "cos(a)"),
    "sinh":              _numbers("sinh(a)", "cosh(a)"),
    "sqrt":              _numbers("sqrt(a)", "1 / (2 * y)"),
    "square":            _numbers("a**2", "2 * a"),
    "sub":               _numbers("a - b", "1", "-1"),
    "tan":               _numbers("tan(a)", "1 + y**2"),
    "tanh":              _numbers("tanh(a)", "1 - y**2"),
    "tie":               _SAME,
    "unpin":             _SAME,
    "with_memory_space_constraint": _SAME,
    "xla_metadata_value": _SAME,
    "zeta":              _flat("zeta {a}, {b}"),
    # Sums, products and other reductions.
    "approx_top_k":      Rule("top k {a}", ("ḡ to the chosen",), "{ȧ} of the chosen"),
    "cumlogsumexp":      Rule("log cumsum exp {a}", ("the exps' shares of ḡ, summed backwards",),
                              "the exps' shares of {ȧ}, summed so far"),
    "cummax":            Rule("cummax {a}", ("ḡ to the largest so far",),
                              "{ȧ} of the largest so far"),
    "cummin":            Rule("cummin {a}", ("ḡ to the smallest so far",),
                              "{ȧ} of the smallest so far"),
    "cumprod":           Rule("cumprod {a}", ("ḡ · y summed backwards, / {a}",),
                              "y · cumsum of {ȧ} / {a}"),
    "cumsum":            _linear("cumsum {a}", "ḡ summed backwards"),
    "reduce_max":        Rule("max {a}", ("ḡ to the largest",), "{ȧ} of the largest"),
    "reduce_min":        Rule("min {a}", ("ḡ to the smallest",), "{ȧ} of the smallest"),
    "reduce_prod":       Rule("Π {a}", ("ḡ · y / {a}",), "y · Σ {ȧ} / {a}"),
    "reduce_sum":        _linear("Σ {a}", "ḡ to all"),
    "reduce_window_max": Rule("max pool{window} {a}", ("ḡ to the largest of each window",),
                              "{ȧ} of each window's largest"),
    "reduce_window_min": Rule("min pool{window} {a}", ("ḡ to the smallest of each window",),
                              "{ȧ} of each window's smallest"),
    "reduce_window_sum": _linear("Σ pool{window} {a}", "ḡ to all of each window"),
    "select_and_gather_add": Rule("pick{window} {a}", ("ḡ to the picked of each window",),
                                  "{ȧ} of each window's picked"),
    "select_and_scatter_add": _linear("unpool{window} {a}", "ḡ of the picked of each window"),
    "sort":              Rule("sort {a}", ("ḡ back in the old order",), "{ȧ} in the new order"),
    "top_k":             Rule("top k {a}", ("ḡ to the chosen",), "{ȧ} of the chosen"),
    # Products of arrays.
    "conv_general_dilated": _bilinear("{a} conv{window} {b}", "ḡ conv flipped {b}", "{a} conv ḡ"),
    "dot_general":       _bilinear("{a} @ {b}", "ḡ {b}ᵀ", "{a}ᵀ ḡ"),
    "fft":               _linear("fft {a}", "fft of ḡ"),
    # Data that are moved.
    "all_gather":        _linear("gather {a} of all devices", "Σ ḡ over devices, its own part"),
    "all_gather_invariant": _linear("gather {a} of all devices", "its own part of ḡ"),
    "all_to_all":        _linear("exchange {a}", "ḡ exchanged back"),
    "broadcast_in_dim":  _linear("broadcast {a}", "Σ ḡ over its copies"),
    "broadcast_to":      _linear("broadcast {a}", "Σ ḡ over its copies"),
    "complex":           _linear("complex {a}, {b}", "Re ḡ", "Im ḡ"),
    "concatenate":       _linear("join {all}", "its own part of ḡ"),
    "conj":              _linear("conj {a}", "conj ḡ"),
    "dynamic_slice":     _linear("slice {a}", "ḡ in its place among zeros", NOTHING),
    "dynamic_update_slice": _linear("put {b} into {a}", "ḡ, 0 where {b} is put",
                                    "ḡ of its place", NOTHING),
    "gather":            Rule("{a}[{b}]", ("ḡ added up at the indices", NOTHING), sign="[ ]"),
    "imag":              _linear("Im {a}", "i ḡ"),
    "pad":               _linear("pad {a}", "ḡ without the padding", "Σ ḡ over the padding"),
    "pbroadcast":        _linear("{a} to all devices", "Σ ḡ over devices"),
    "pmax":              Rule("max {a} over devices", ("ḡ to the largest",), "{ȧ} of the largest"),
    "pmin":              Rule("min {a} over devices", ("ḡ to the smallest",),
                              "{ȧ} of the smallest"),
    "ppermute":          _linear("pass {a} on", "ḡ passed back"),
    "psum":              _linear("Σ {a} over devices", "Σ ḡ over devices"),
    "psum_invariant":    _linear("Σ {a} over devices", "ḡ to all devices"),
    "pvary":             _linear("{a} on each device", "Σ ḡ over devices"),
    "real":              _linear("Re {a}", "ḡ"),
    "reduce_scatter":    _linear("Σ {a} over devices, a part each", "ḡ gathered of all devices"),
    "reshape":           _linear("reshape {a}", "ḡ reshaped back"),
    "rev":               _linear("reverse {a}", "ḡ reversed"),
    "scatter":           _linear("put {c} into {a}", "ḡ, 0 where {c} is put", NOTHING,
                                 "ḡ at the indices"),
    "scatter-add":       _linear("add {c} into {a}", "ḡ", NOTHING, "ḡ at the indices"),
    "scatter-max":       Rule("max {c} into {a}", ("ḡ where {a} is larger", NOTHING,
                              "ḡ at the indices where {c} is larger"), "the larger one's tangent"),
    "scatter-min":       Rule("min {c} into {a}", ("ḡ where {a} is smaller", NOTHING,
                              "ḡ at the indices where {c} is smaller"),
                              "the smaller one's tangent"),
    "scatter-mul":       Rule("multiply {c} into {a}", ("ḡ · {c} at the indices", NOTHING,
                              "ḡ · {a} at the indices"), "{ȧ} · {c} + {a} · {ċ} at the indices"),
    "scatter-sub":       _linear("subtract {c} from {a}", "ḡ", NOTHING, "−ḡ at the indices"),
    "slice":             _linear("slice {a}", "ḡ in its place among zeros"),
    "split":             _linear("split {a}", "ḡ of all parts, joined"),
    "squeeze":           _linear("reshape {a}", "ḡ reshaped back"),
    "stack":             _linear("stack {all}", "its own slice of ḡ"),
    "tile":              _linear("repeat {a}", "Σ ḡ over its copies"),
    "transpose":         _linear("transpose {a}", "ḡᵀ"),
    "unstack":           _linear("unstack {a}", "ḡ of all slices, stacked"),
    # Factorizations and systems of equations.
    "cholesky":          _library("cholesky {a}"),
    "eig":               _library("eig {a}"),
    "eigh":              _library("eigh {a}"),
    "geqp3":             _library("pivoted qr {a}"),
    "geqrf":             _library("qr reflectors {a}"),
    "hessenberg":        _library("hessenberg {a}"),
    "householder_product": _library("Q of reflectors {a}"),
    "lu":                _library("lu {a}"),
    "qr":                _library("qr {a}"),
    "schur":             _library("schur {a}"),
    "svd":               _library("svd {a}"),
    "tridiagonal":       _library("tridiagonal {a}"),
    "triangular_solve":  Rule("solve {a}, {b}", ("−({a}⁻ᵀ ḡ) yᵀ", "{a}⁻ᵀ ḡ"),
                              "{a}⁻¹ ({ḃ} − {ȧ} y)"),
    "tridiagonal_solve": Rule("solve tridiagonal", ("−(the solution for ḡ) · y",
                              "the transposed system solved for ḡ"),
                              "the system solved for the tangent"),
    "custom_lin":        _linear("linear {a}", "transposed, of ḡ"),
    "custom_linear_solve": Rule("solve {all}", ("the transposed system solved for ḡ",),
                                "the system solved for the tangent"),
    # Loops and branches.
    "scan":              Rule("scan{turns}", ("ḡ back through the turns, the last first",),
                              "the tangent of each turn, the first first"),
    "while":             Rule("while{turns}", (NOTHING,),
                              "the tangent of each turn, the first first"),
    "cond":              Rule("cond", ("ḡ back through the side that was taken",),
                              "the tangent of the side that was taken"),
    # No derivative.
    "Frexp":             Rule("mantissa, exponent {a}", ("ḡ / 2^exponent",), "{ȧ} / 2^exponent"),
    "Nonzero":           _flat("≠ 0 where {a}"),
    "SearchSorted":      _flat("place of {b}, in {a}"),
    "after_all":         _flat("after all"),
    "and":               _flat("{a} and {b}"),
    "argmax":            _flat("argmax {a}"),
    "argmin":            _flat("argmin {a}"),
    "axis_index":        _flat("number of the device"),
    "bitcast_convert_type": _flat("bits {a}"),
    "clz":               _flat("leading zeros of {a}"),
    "create_token":      _flat("token"),
    "debug_callback":    _flat("callback"),
    "debug_print":       _flat("print"),
    "empty":             _flat("empty"),
    "empty2":            _flat("empty"),
    "eq":                _flat("{a} = {b}"),
    "eq_to":             _flat("{a} = {b}"),
    "ge":                _flat("{a} ≥ {b}"),
    "gt":                _flat("{a} > {b}"),
    "igamma_grad_a":     _flat("∂igamma/∂a {a}, {b}"),
    "iota":              _flat("0, 1, 2 …"),
    "is_finite":         _flat("finite {a}"),
    "le":                _flat("{a} ≤ {b}"),
    "le_to":             _flat("{a} ≤ {b}"),
    "lt":                _flat("{a} < {b}"),
    "lt_to":             _flat("{a} < {b}"),
    "lu_pivots_to_permutation": _flat("permutation of pivots {a}"),
    "mulhi":             _flat("high bits of {a} × {b}"),
    "ne":                _flat("{a} ≠ {b}"),
    "nextafter":         _flat("next after {a}"),
    "not":               _flat("not {a}"),
    "or":                _flat("{a} or {b}"),
    "platform_index":    _flat("number of the platform"),
    "population_count":  _flat("ones {a}"),
    "random_bits":       _flat("random bits"),
    "random_clone":      _flat("key"),
    "random_fold_in":    _flat("fold into key"),
    "random_seed":       _flat("key"),
    "random_split":      _flat("split key"),
    "random_unwrap":     _flat("bits of key"),
    "random_wrap":       _flat("key"),
    "reduce_and":        _flat("all {a}"),
    "reduce_or":         _flat("any {a}"),
    "reduce_xor":        _flat("parity {a}"),
    "shift_left":        _flat("{a} << {b}"),
    "shift_right_arithmetic": _flat("{a} >> {b}"),
    "shift_right_logical": _flat("{a} >>> {b}"),
    "stop_gradient":     _flat("stop {a}"),
    "threefry2x32":      _flat("random bits"),
    "xor":               _flat("{a} xor {b}"),
    "zeros_like":        _flat("zeros"),
    "polynomial":        Rule("polynomial {a}", ("ḡ · its derivative by {a}", "ḡ · power of {a}"),
                              "its derivative by {a} · {ȧ}"),
}

#: Well-known custom rules, by the names of their functions. A user's function may have the name of
#: one: its rule is told only where the numbers of the graph agree with it.
CUSTOM: Final[dict[str, Rule]] = {
    "log1mexp":     _numbers("log(1 - exp(-a))", "1 / (exp(a) - 1)", sign="log1mexp"),
    "logaddexp":    _numbers("log(exp(a) + exp(b))", "exp(a - y)", "exp(b - y)", sign="logaddexp"),
    "relu":         _numbers("relu(a)", "a > 0"),
    "relu6":        _numbers("relu6(a)", "between(0, a, 6)"),
    "sigmoid":      _numbers("σ(a)", "y * (1 - y)"),
    "silu":         _numbers("silu(a)", "σ(a) + y * (1 - σ(a))"),
    "softplus":     _numbers("softplus(a)", "σ(a)"),
    "tanh":         _numbers("tanh(a)", "1 - y**2"),
}
# fmt: on
