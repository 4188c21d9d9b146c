"""What to type where a number is not finite or has no digits: each runs as it stands.

The operand is `x`, a second one is `y`, and the result is `z`.
"""

from typing import NamedTuple


class Cure(NamedTuple):
    """A cure.

    Attributes:
        text: What to do, in words that follow "use".
        code: What to type; `""` where there is nothing to type.
    """

    text: str
    code: str = ""


def double_where(name: str, inside: str, stand_in: str, call: str, outside: str = "0.0") -> Cure:
    """Return the cure by two `where`s: one keeps the operand sound, one chooses the result.

    Args:
        name: What the truth value is called.
        inside: Where the operation has a value and a finite derivative.
        stand_in: What the operand is elsewhere.
        call: The operation, its operand written `{}`.
        outside: Its value elsewhere.
    """
    safe = f"{name} = {inside}\nsafe = jnp.where({name}, x, {stand_in})\n"
    code = f"{safe}z = jnp.where({name}, {call.format('safe')}, {outside})"
    return Cure("two jnp.where, around the operand and around the result", code)


def of_complex(cure: Cure) -> Cure:
    """Return the same for complex numbers, which are not above or below 0."""
    code = cure.code.replace("v.T", "v.conj().T").replace("tangents[0].T", "tangents[0].conj().T")
    code = code.replace("jnp.diagonal(moved)", "jnp.diagonal(moved).real")
    for inside in ("(x > 0) | (y >= 1)", "x > 0"):
        code = code.replace(inside, "x != 0")
    return cure._replace(code=code.replace("positive", "nonzero"))


def of_complex_squares(cure: Cure) -> Cure:
    """Return the same for the squares of what is complex, which add up to a real number."""
    return cure._replace(code=cure.code.replace("x**2", "jnp.real(x * jnp.conj(x))"))


#: Operations of one operand at the edge of where they have a finite derivative.
EDGES = {
    "sqrt": double_where("positive", "x > 0", "1.0", "jnp.sqrt({})"),
    "rsqrt": double_where("positive", "x > 0", "1.0", "jax.lax.rsqrt({})"),
    "cbrt": double_where("nonzero", "x != 0", "1.0", "jnp.cbrt({})"),
    "log": double_where("positive", "x > 0", "1.0", "jnp.log({})"),
    "log1p": double_where("inside", "x > -1", "0.0", "jnp.log1p({})"),
    "acos": double_where("inside", "jnp.abs(x) < 1", "0.0", "jnp.arccos({})", "jnp.pi * (x < 0)"),
    "asin": double_where(
        "inside", "jnp.abs(x) < 1", "0.0", "jnp.arcsin({})", "jnp.sign(x) * jnp.pi / 2"
    ),
    "acosh": double_where("inside", "x > 1", "2.0", "jnp.arccosh({})"),
    "atanh": Cure(
        "an operand that is kept inside of (-1, 1)",
        "edge = 1 - jnp.finfo(x.dtype).eps\nz = jnp.arctanh(jnp.clip(x, -edge, edge))",
    ),
    "erf_inv": Cure(
        "an operand that is kept inside of (-1, 1)",
        "edge = 1 - jnp.finfo(x.dtype).eps\nz = jax.scipy.special.erfinv(jnp.clip(x, -edge, edge))",
    ),
    "logit": Cure(
        "an operand that is kept inside of (0, 1)",
        "eps = jnp.finfo(x.dtype).eps\nz = jax.scipy.special.logit(jnp.clip(x, eps, 1 - eps))",
    ),
}
EDGES["exp"] = Cure(
    "an operand that is kept from where the exponential overflows",
    "most = jnp.log(jnp.finfo(x.dtype).max) - 1\nz = jnp.exp(jnp.minimum(x, most))",
)
#: Functions that have poles at 0 and at whole negative numbers.
POLES = {
    name: Cure(
        "two jnp.where: at 0, -1, -2 and so on there is a pole",
        "pole = (x <= 0) & (x == jnp.floor(x))\nsafe = jnp.where(pole, 1.0, x)\n"
        f"z = jnp.where(pole, 0.0, jax.scipy.special.{call})",
    )
    for name, call in (
        ("lgamma", "gammaln(safe)"),
        ("digamma", "digamma(safe)"),
        ("polygamma", "polygamma(1, safe)"),
    )
}


def pole_of_polygamma(order: float | None) -> Cure:
    """Return the cure of a pole of the polygamma function of an order; `None` for any."""
    cure = POLES["polygamma"]
    return cure._replace(code=cure.code.replace("(1,", "(y," if order is None else f"({order:g},"))


#: Functions of JAX with a rule of their own, which nobody gets into.
RULES = {
    "xlogy": Cure(
        "two jnp.where, around the operand of the logarithm and around the result",
        "positive = y > 0\nsafe = jnp.where(positive, y, 1.0)\n"
        "z = jnp.where(positive, jax.scipy.special.xlogy(x, safe), 0.0)",
    ),
    "xlog1py": Cure(
        "two jnp.where, around the operand of the logarithm and around the result",
        "inside = y > -1\nsafe = jnp.where(inside, y, 0.0)\n"
        "z = jnp.where(inside, jax.scipy.special.xlog1py(x, safe), 0.0)",
    ),
}
ANY = Cure("two jnp.where, around the operand and around the result")
#: The same where rounding decides on which side of the edge the operand is.
NEAR_EDGES = {
    name: double_where("inside", "jnp.abs(x) < 1 - 4 * jnp.finfo(x.dtype).eps", "0.0", *rest)
    for name, *rest in (
        ("acos", "jnp.arccos({})", "jnp.pi * (x < 0)"),
        ("asin", "jnp.arcsin({})", "jnp.sign(x) * jnp.pi / 2"),
    )
}
POWER = double_where("sound", "(x > 0) | (y >= 1)", "1.0", "{} ** y", "1.0 * (y == 0)")
NEGATIVE_BASE = Cure(
    "two jnp.where: a negative number has no real power but whole ones",
    POWER.code.replace("(y >= 1)", "((y >= 1) & (y == jnp.floor(y)))"),
)
FIXED_EXPONENT = Cure(
    "an exponent that is held fixed: by it a power of a negative number has no derivative",
    "z = x ** jax.lax.stop_gradient(y)",
)
RECIPROCAL_POWER = double_where("nonzero", "x != 0", "1.0", "{} ** y")
DIVISION = Cure(
    "two jnp.where: one around the denominator, one around the quotient",
    "nonzero = y != 0\nsafe = jnp.where(nonzero, y, 1.0)\nz = jnp.where(nonzero, x / safe, 0.0)",
)
OVER_ROOT = Cure(
    "two jnp.where, the first under the root: y is what the denominator is the root of",
    "positive = y > 0\nsafe = jnp.where(positive, y, 1.0)\n"
    "z = jnp.where(positive, x / jnp.sqrt(safe), 0.0)",
)
REMAINDER = Cure(
    "two jnp.where: one around the divisor, one around the remainder",
    "nonzero = y != 0\nsafe = jnp.where(nonzero, y, 1.0)\nz = jnp.where(nonzero, x % safe, 0.0)",
)
ATAN2 = Cure(
    "two jnp.where: at (0, 0) there is no angle",
    "somewhere = (x != 0) | (y != 0)\n"
    "safe = jnp.where(somewhere, y, 1.0)\n"
    "z = jnp.where(somewhere, jnp.arctan2(x, safe), 0.0)",
)
X_LOG_X = Cure(
    "two jnp.where: x log x tends to 0",
    "positive = x > 0\nsafe = jnp.where(positive, x, 1.0)\n"
    "z = jnp.where(positive, x * jnp.log(safe), 0.0)",
)
ENTROPY = Cure(
    "two jnp.where: -x log x tends to 0", X_LOG_X.code.replace("x * jnp.log", "-x * jnp.log")
)
ABS = Cure("jnp.abs(x) for sqrt(x^2)", "z = jnp.abs(x)")
SQUARED_NORM = Cure("the sum of squares, without a root that is squared again", "z = jnp.sum(x**2)")
RULES["xlogx"] = X_LOG_X
NORM = Cure(
    "two jnp.where around the root of the sum of squares",
    "squared = jnp.sum(x**2)\npositive = squared > 0\n"
    "safe = jnp.where(positive, squared, 1.0)\n"
    "z = jnp.where(positive, jnp.sqrt(safe), 0.0)",
)
NORMALISE = Cure(
    "two jnp.where: a vector of length 0 has no direction",
    "squared = jnp.sum(x**2, axis=-1, keepdims=True)\npositive = squared > 0\n"
    "safe = jnp.where(positive, squared, 1.0)\n"
    "z = jnp.where(positive, x / jnp.sqrt(safe), 0.0)",
)
SPREAD = Cure(
    "two jnp.where around the root of the variance: that of equal entries is 0",
    "variance = jnp.var(x)\nspread = variance > 0\n"
    "safe = jnp.where(spread, variance, 1.0)\n"
    "z = jnp.where(spread, jnp.sqrt(safe), 0.0)",
)
ALL_MINUS_INFINITY = "a large negative number for -inf: where all are -inf there is no largest"
LOGSUMEXP_OF_NOTHING = Cure(
    ALL_MINUS_INFINITY, "some = jnp.maximum(x, -1e30)\nz = jax.nn.logsumexp(some, axis=-1)"
)
SOFTMAX_OF_NOTHING = Cure(
    ALL_MINUS_INFINITY, "some = jnp.maximum(x, -1e30)\nz = jax.nn.softmax(some, axis=-1)"
)
LOG_SOFTMAX_OF_NOTHING = Cure(
    ALL_MINUS_INFINITY, "some = jnp.maximum(x, -1e30)\nz = jax.nn.log_softmax(some, axis=-1)"
)

# Types and inputs.
WIDER = Cure("a wider type", 'jax.config.update("jax_enable_x64", True)\nx = x.astype("float64")')
FROM_HALF = Cure("a wider type", "x = x.astype(jnp.float32)")
INPUT = Cure(
    "a finite number there, by a jnp.where around the input itself: left out later, it still makes "
    "NaN of a derivative, as 0 times it",
    "x = jnp.where(jnp.isfinite(x), x, 0.0)",
)
CONSTANT = Cure(
    "a large finite number for infinity, or a jnp.where around what becomes of it",
    "z = jnp.clip(x, -1e30, 1e30)",
)
OUT_OF_BOUNDS = Cure(
    'an index inside of the array: beyond its end there is NaN, or mode="clip"',
    'z = x.at[y].get(mode="clip")',
)
WITH_INFINITY = Cure(
    "a large finite number for infinity: 0 times infinity and infinity less infinity are NaN",
    "z = jnp.clip(x, -1e30, 1e30)",
)
